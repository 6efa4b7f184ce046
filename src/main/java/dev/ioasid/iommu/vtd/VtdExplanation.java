package dev.ioasid.iommu.vtd;

import dev.ioasid.iommu.AtsCompletion;
import dev.ioasid.iommu.Stage;
import dev.ioasid.iommu.Step;
import dev.ioasid.iommu.Translation;
import dev.ioasid.memory.BitLayout;
import dev.ioasid.memory.PhysicalMemory;
import dev.ioasid.pagetable.Levels512;
import dev.ioasid.pagetable.StructureCaches;
import dev.ioasid.pagetable.TableFormat;
import dev.ioasid.pagetable.Walked;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Writes down what the hardware reads for one request, with what follows from it. For one thread. */
final class VtdExplanation implements VtdSteps {
    private final PhysicalMemory memory;
    private final List<Step> steps = new ArrayList<>();
    private final Map<Long, Long> marks = new HashMap<>();

    VtdExplanation(PhysicalMemory memory, long mode) {
        this.memory = memory;
        long rtaddr = mode & ~VtdRegisters.ENABLED;
        boolean enabled = (mode & VtdRegisters.ENABLED) != 0;
        add(
                "rtaddr",
                0,
                null,
                null,
                List.of(rtaddr),
                Rtaddr.LAYOUT,
                enabled ? root(rtaddr) : "translation is off (GSTS.TES is 0)");
    }

    private static String root(long rtaddr) {
        var mode = switch ((int) Rtaddr.TTM.get(rtaddr)) {
            case Rtaddr.LEGACY -> "legacy mode";
            case Rtaddr.SCALABLE -> "scalable mode";
            case Rtaddr.ABORT_DMA -> "abort-DMA mode";
            default -> "reserved mode";
        };
        return mode + ", root table at " + hex(Rtaddr.RTA.address(rtaddr));
    }

    @Override
    public void structure(Structure structure, BitLayout layout, long address) {
        var raw = new ArrayList<Long>();
        for (int word = 0; word < layout.words(); word++) {
            raw.add(memory.acquire(address + (long) word * Long.BYTES));
        }
        add(structure.wire(), 0, null, address, raw, layout, decision(structure, layout, raw));
    }

    @Override
    public void cached(Structure structure, BitLayout layout, long... words) {
        var raw = Arrays.stream(words).boxed().toList();
        add(structure.cache(), 0, null, null, raw, layout, decision(structure, layout, raw));
    }

    @Override
    public void cachedRefusal(Structure structure) {
        add(structure.cache(), 0, null, null, List.of(), null, "holds that there is no entry to be used (CAP.CM)");
    }

    @Override
    public void copy(TableFormat format, long input, long copy) {
        int level = StructureCaches.level(copy);
        add(
                "paging-structure-cache",
                level + 1,
                stage(format),
                null,
                List.of(),
                null,
                "table of level %d at %s for %s"
                        .formatted(
                                level,
                                hex(StructureCaches.table(copy)),
                                hex(input & -1L << Levels512.shift(level + 1))));
    }

    /** The IOTLB knows the answer; {@code found} as in {@link Walked}, or a refusal. */
    void answeredByIotlb(long found, int domain) {
        answered("iotlb", found, ", domain " + domain);
    }

    /** The device knows the answer. */
    void answeredByDevice(long found) {
        answered("device-tlb", found, "");
    }

    private void answered(String cache, long found, String of) {
        add(
                cache,
                0,
                null,
                null,
                List.of(),
                null,
                Refusal.is(found)
                        ? "holds that there is no translation" + of
                        : "holds a page of %s bytes at %s%s"
                                .formatted(
                                        hex(1L << Walked.shift(found)),
                                        hex(Walked.address(found) & -1L << Walked.shift(found)),
                                        of));
    }

    private static String decision(Structure structure, BitLayout layout, List<Long> raw) {
        long w0 = raw.getFirst();
        return switch (structure) {
            case ROOT_ENTRY -> "context table at " + hex(ScalableRootEntry.CTP.address(w0));
            case CONTEXT_ENTRY -> {
                if (layout == ContextEntry.LAYOUT) {
                    yield ContextEntry.TT.get(w0) == ContextEntry.PASS_THROUGH
                            ? "pass-through"
                            : "second-stage table at %s, %d levels, domain %d"
                                    .formatted(
                                            hex(ContextEntry.SSPTPTR.address(w0)),
                                            ContextEntry.AW.get(raw.get(1)) + 2,
                                            ContextEntry.DID.get(raw.get(1)));
                }
                yield "PASID directory at %s for PASIDs of %d bits, RID_PASID %d"
                        .formatted(
                                hex(ScalableContextEntry.PASIDDIRPTR.address(w0)),
                                ScalableContextEntry.pasidBits(w0),
                                ScalableContextEntry.RID_PASID.get(raw.get(1)));
            }
            case PASID_DIRECTORY_ENTRY -> "PASID table at " + hex(PasidDirectoryEntry.SMPTBLPTR.address(w0));
            case PASID_TABLE_ENTRY -> {
                long did = PasidTableEntry.DID.get(raw.get(1));
                var second = "second-stage table at %s, %d levels"
                        .formatted(hex(PasidTableEntry.SSPTPTR.address(w0)), PasidTableEntry.AW.get(w0) + 2);
                var first = "first-stage table at %s, %d levels"
                        .formatted(
                                hex(PasidTableEntry.FSPTPTR.address(raw.get(2))),
                                PasidTableEntry.FSPM.get(raw.get(2)) + 4);
                yield switch ((int) PasidTableEntry.PGTT.get(w0)) {
                    case PasidTableEntry.FIRST_STAGE -> first + ", domain " + did;
                    case PasidTableEntry.SECOND_STAGE -> second + ", domain " + did;
                    case PasidTableEntry.NESTED -> first + ", nested on " + second + ", domain " + did;
                    case PasidTableEntry.PASS_THROUGH -> "pass-through, domain " + did;
                    default -> "no translation type";
                };
            }
        };
    }

    @Override
    public void missing(Structure structure, long address) {
        add(structure.wire(), 0, null, address, List.of(), null, lacking(address));
    }

    private String lacking(long address) {
        return memory.backs(address) ? "what is at this address is poisoned" : "there is no memory at this address";
    }

    @Override
    public void entry(TableFormat format, int level, long address, long entry) {
        boolean leaf = format.leaf(entry, level);
        add(
                name(format),
                level,
                stage(format),
                address,
                List.of(entry),
                layout(format, leaf),
                decision(format, level, entry));
    }

    private static String decision(TableFormat format, int level, long entry) {
        if (!format.present(entry, level)) {
            return "not present";
        }
        boolean leaf = format.leaf(entry, level);
        long reserved = entry & format.mustBeZero(level, leaf);
        if (reserved != 0) {
            return "reserved bits are set: " + hex(reserved);
        }
        return leaf
                ? "maps %s bytes at %s".formatted(hex(1L << Levels512.shift(level)), hex(format.page(entry, level)))
                : "table of level %d at %s".formatted(level - 1, hex(entry & TableFormat.ADDRESS));
    }

    @Override
    public void mark(long address, long set) {
        marks.merge(address, set, (before, more) -> before | more);
    }

    @Override
    public long marks(long address) {
        return marks.getOrDefault(address, 0L);
    }

    @Override
    public void missing(TableFormat format, int level, long address) {
        add(name(format), level, stage(format), address, List.of(), null, lacking(address));
    }

    private static String name(TableFormat format) {
        return stage(format) == Stage.FIRST ? "first-stage-entry" : "second-stage-entry";
    }

    private static Stage stage(TableFormat format) {
        return switch (format.stage()) {
            case FIRST -> Stage.FIRST;
            case SECOND -> Stage.SECOND;
        };
    }

    private static BitLayout layout(TableFormat format, boolean leaf) {
        return stage(format) == Stage.FIRST ? FirstStageEntry.layout(leaf) : SecondStageEntry.layout(leaf);
    }

    private void add(
            String structure,
            int level,
            @Nullable Stage stage,
            @Nullable Long address,
            List<Long> raw,
            @Nullable BitLayout layout,
            String decision) {
        steps.add(new Step(
                structure,
                level == 0 ? null : Integer.valueOf(level),
                stage,
                address,
                List.copyOf(raw),
                layout,
                decision));
    }

    /** All steps, the last of them saying how it ended. */
    List<Step> endingWith(Translation result) {
        var last = steps.removeLast();
        var end = switch (result) {
            case Translation.Translated translated ->
                last.decision() + "; the request goes to " + hex(translated.address());
            case Translation.Faulted faulted ->
                last.decision()
                        + "; fault 0x%x %s: %s"
                                .formatted(
                                        faulted.fault().code(),
                                        faulted.fault().name(),
                                        faulted.fault().detail());
            case Translation.Stalled stalled -> throw new IllegalStateException(stalled + " of a VT-d unit");
            case Translation.Completed completed -> last.decision() + "; " + completion(completed);
        };
        steps.add(
                new Step(last.structure(), last.level(), last.stage(), last.address(), last.raw(), last.layout(), end));
        return List.copyOf(steps);
    }

    private static String completion(Translation.Completed completed) {
        var fault = completed.fault();
        var why = fault == null ? "" : ", fault 0x%x %s: %s".formatted(fault.code(), fault.name(), fault.detail());
        return switch (completed.status()) {
            case SUCCESS ->
                "the completion says " + AtsCompletion.describe(completed.word()) + (fault == null ? "" : why);
            case UNSUPPORTED_REQUEST -> "the completion is Unsupported Request" + why;
            case COMPLETER_ABORT -> "the completion is Completer Abort" + why;
        };
    }

    private static String hex(long value) {
        return "0x" + Long.toHexString(value);
    }
}
