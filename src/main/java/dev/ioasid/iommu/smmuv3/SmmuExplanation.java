package dev.ioasid.iommu.smmuv3;

import dev.ioasid.iommu.AtsCompletion;
import dev.ioasid.iommu.Stage;
import dev.ioasid.iommu.Step;
import dev.ioasid.iommu.Translation;
import dev.ioasid.memory.BitLayout;
import dev.ioasid.memory.PhysicalMemory;
import dev.ioasid.pagetable.TableFormat;
import dev.ioasid.pagetable.VmsaDescriptor;
import dev.ioasid.pagetable.Walked;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Writes down what the hardware reads for one transaction, with what follows from it. For one thread. */
final class SmmuExplanation implements SmmuSteps {
    private static final int LEVELS = 4;

    private final PhysicalMemory memory;
    private final List<Step> steps = new ArrayList<>();
    /** What the second stage is asked for next. */
    private @Nullable String asked;

    SmmuExplanation(PhysicalMemory memory, SmmuState state, long strtabBase, long strtabConfig) {
        this.memory = memory;
        steps.add(new Step(
                Structure.STRTAB_BASE.wire(),
                null,
                null,
                null,
                List.of(strtabBase, strtabConfig),
                Strtab.LAYOUT,
                state.enabled() ? table(state) : "translation is off (CR0.SMMUEN is 0)"));
    }

    private static String table(SmmuState state) {
        var shape = state.twoLevel() ? "two-level, %d bits of the second".formatted(state.split()) : "linear";
        return "stream table at %s, %s, StreamIDs of %d bits"
                .formatted(hex(state.strtabBase()), shape, state.streamBits());
    }

    @Override
    public void structure(Structure structure, BitLayout layout, long address) {
        var raw = new ArrayList<Long>();
        for (int word = 0; word < layout.words(); word++) {
            raw.add(memory.acquire(address + (long) word * Long.BYTES));
        }
        steps.add(new Step(structure.wire(), null, null, address, List.copyOf(raw), layout, decision(structure, raw)));
    }

    @Override
    public void cached(Structure structure, long... words) {
        var raw = Arrays.stream(words).boxed().toList();
        var layout = structure == Structure.STE ? Ste.LAYOUT : Cd.LAYOUT;
        var known = layout.fields().stream()
                .filter(field -> field.word() < words.length)
                .toList();
        steps.add(new Step(
                "configuration-cache",
                null,
                null,
                null,
                raw,
                new BitLayout(layout.name(), layout.section(), words.length, known),
                structure.wire() + ": " + decision(structure, raw)));
    }

    private static String decision(Structure structure, List<Long> raw) {
        long w0 = raw.getFirst();
        return switch (structure) {
            case STRTAB_BASE, VMS -> "";
            case STREAM_TABLE_DESCRIPTOR -> entries(w0) + " STEs at " + hex(StreamTableDescriptor.L2PTR.address(w0));
            case STE -> ste(raw);
            case L1_CD -> L1Cd.V.isSet(w0) ? "table of CDs at " + hex(L1Cd.L2PTR.address(w0)) : "not valid";
            case CD -> cd(raw);
        };
    }

    private static String entries(long descriptor) {
        long span = StreamTableDescriptor.SPAN.get(descriptor);
        return span == 0 || span > StreamTableDescriptor.LARGEST_SPAN ? "no" : Long.toString(1L << span - 1);
    }

    private static String ste(List<Long> raw) {
        long w0 = raw.getFirst();
        if (!Ste.V.isSet(w0)) {
            return "not valid";
        }
        return switch ((int) Ste.CONFIG.get(w0)) {
            case Ste.BYPASS -> "bypass";
            case Ste.STAGE_1 -> "stage 1, " + substreams(w0);
            case Ste.STAGE_2 -> "stage 2, " + secondStage(raw);
            case Ste.NESTED -> "stage 1, " + substreams(w0) + ", on stage 2, " + secondStage(raw);
            default -> "abort";
        };
    }

    private static String substreams(long w0) {
        return "CDs at %s, 2^%d of them".formatted(hex(Ste.S1CONTEXTPTR.address(w0)), Ste.S1CDMAX.get(w0));
    }

    private static String secondStage(List<Long> raw) {
        long w2 = raw.get(2);
        return "table at %s, %d bits, VMID %d"
                .formatted(hex(Ste.S2TTB.get(raw.get(3)) << 4), 64 - Ste.S2T0SZ.get(w2), Ste.S2VMID.get(w2));
    }

    private static String cd(List<Long> raw) {
        long w0 = raw.getFirst();
        if (!Cd.V.isSet(w0)) {
            return "not valid";
        }
        var halves = new ArrayList<String>();
        if (!Cd.EPD0.isSet(w0)) {
            halves.add("lower half at %s, %d bits".formatted(hex(Cd.TTB0.get(raw.get(1)) << 4), 64 - Cd.T0SZ.get(w0)));
        }
        if (!Cd.EPD1.isSet(w0)) {
            halves.add("upper half at %s, %d bits".formatted(hex(Cd.TTB1.get(raw.get(2)) << 4), 64 - Cd.T1SZ.get(w0)));
        }
        halves.add("ASID " + Cd.ASID.get(w0));
        return String.join(", ", halves);
    }

    @Override
    public void missing(Structure structure, long address) {
        steps.add(new Step(structure.wire(), null, null, address, List.of(), null, lacking(address)));
    }

    private String lacking(long address) {
        return (memory.backs(address) ? "poisoned memory at " : "no memory at ") + hex(address);
    }

    @Override
    public void knownByTlb(long found) {
        known("iotlb", found);
    }

    /** The device has the answer. */
    void knownByDevice(long found) {
        known("device-tlb", found);
    }

    private void known(String cache, long found) {
        var page = "holds a page of %s bytes at %s"
                .formatted(hex(1L << Walked.shift(found)), hex(Walked.address(found) & -1L << Walked.shift(found)));
        steps.add(new Step(cache, null, null, null, List.of(), null, page));
    }

    @Override
    public void through(long input, boolean table, boolean write) {
        asked = write && table ? "to be marked" : null;
    }

    @Override
    public void entry(TableFormat format, int level, long address, long entry) {
        boolean leaf = format.leaf(entry, level);
        var stage = stage(format);
        var layout = stage == Stage.FIRST
                ? leaf ? VmsaDescriptor.STAGE1_LEAF : VmsaDescriptor.STAGE1_TABLE
                : leaf ? VmsaDescriptor.STAGE2_LEAF : VmsaDescriptor.STAGE2_TABLE;
        steps.add(new Step(
                structure(format),
                LEVELS - level,
                stage,
                address,
                List.of(entry),
                layout,
                decision(format, level, entry, leaf)));
        asked = null;
    }

    private String decision(TableFormat format, int level, long entry, boolean leaf) {
        if (!format.present(entry, level)) {
            return "not valid";
        }
        if ((entry & format.mustBeZero(level, leaf)) != 0) {
            return "leads beyond 2^" + format.outputBits();
        }
        var target = leaf
                ? "page of %s bytes at %s".formatted(hex(1L << format.shift(level)), hex(format.page(entry, level)))
                : "table of level %d at %s".formatted(LEVELS - level + 1, hex(format.table(entry)));
        return asked == null ? target : target + ", " + asked;
    }

    @Override
    public void missing(TableFormat format, int level, long address) {
        steps.add(
                new Step(structure(format), LEVELS - level, stage(format), address, List.of(), null, lacking(address)));
    }

    private static String structure(TableFormat format) {
        return stage(format) == Stage.FIRST ? "stage-1-descriptor" : "stage-2-descriptor";
    }

    private static Stage stage(TableFormat format) {
        return switch (format.stage()) {
            case FIRST -> Stage.FIRST;
            case SECOND -> Stage.SECOND;
        };
    }

    /** All steps, the last of them saying how it ended. */
    List<Step> endingWith(Translation result) {
        var last = steps.removeLast();
        var end = switch (result) {
            case Translation.Translated page -> "; the transaction goes to " + hex(page.address());
            case Translation.Faulted(var fault) ->
                "; fault 0x%x %s: %s".formatted(fault.code(), fault.name(), fault.detail());
            case Translation.Stalled stalled ->
                "; stalled by 0x%x %s: %s"
                        .formatted(
                                stalled.fault().code(),
                                stalled.fault().name(),
                                stalled.fault().detail());
            case Translation.Completed completed ->
                switch (completed.status()) {
                    case SUCCESS -> "; the completion says " + AtsCompletion.describe(completed.word());
                    case UNSUPPORTED_REQUEST -> "; the completion is Unsupported Request";
                    case COMPLETER_ABORT -> "; the completion is Completer Abort";
                };
        };
        steps.add(new Step(
                last.structure(),
                last.level(),
                last.stage(),
                last.address(),
                last.raw(),
                last.layout(),
                last.decision() + end));
        return List.copyOf(steps);
    }

    private static String hex(long value) {
        return "0x" + Long.toHexString(value);
    }
}
