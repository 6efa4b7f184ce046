package dev.ioasid.iommu.vtd;

import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.vtd.VtdSteps.Structure;
import dev.ioasid.memory.PhysicalMemory;
import dev.ioasid.pagetable.PageWalk;
import dev.ioasid.pagetable.Steps;
import dev.ioasid.pagetable.TableFormat;
import dev.ioasid.pagetable.Walked;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The way of a request through the tables: root, context, PASID directory and PASID table entry, and the page tables. The
 * first check that fails names the fault, in the order of VT-d 5.10, section 7.1.3.
 *
 * <p>Holds nothing that changes; any thread may call, and nothing is allocated.
 */
final class VtdTranslation {
    /** In an outcome: the unit left the request alone, the address is the request's own. */
    static final long UNTRANSLATED = 1L << 60;

    private static final int PAGE_SHIFT = PhysicalMemory.PAGE_SHIFT;
    /** In the address of a PASID table entry on its way through this class: FPD was set above it. */
    private static final long PROCESSING_DISABLED = 1;

    private static final long PRESENT = 1;
    private static final long FPD = 1 << 1;

    private final PhysicalMemory memory;
    private final VtdCapabilities capabilities;
    private final int hostAddressWidth;
    private final int pasidBits;
    private final VtdFormats formats;
    private final ReservedBits reserved;

    VtdTranslation(PhysicalMemory memory, VtdCapabilities capabilities, VtdFormats formats, ReservedBits reserved) {
        this.memory = memory;
        this.capabilities = capabilities;
        this.hostAddressWidth = capabilities.hostAddressWidth();
        this.pasidBits = (int) Ecap.PSS.get(capabilities.ecap()) + 1;
        this.formats = formats;
        this.reserved = reserved;
    }

    /**
     * What becomes of a request.
     *
     * @param mode see {@link VtdRegisters#mode}
     * @param how the request, by {@link PageWalk}'s constants and {@link VtdHardware#EXECUTE}
     * @return see {@link Walked}, with {@link #UNTRANSLATED}; or a {@link Refusal}
     */
    long of(long mode, int sourceId, int pasid, long iova, int how, VtdSteps steps) {
        boolean tagged = pasid != DmaRequest.NO_PASID;
        if ((mode & VtdRegisters.ENABLED) == 0) {
            return UNTRANSLATED | Walked.untranslated(0, PAGE_SHIFT);
        }
        if (!tagged && (how & PageWalk.WRITE) != 0 && PageWalk.isInterrupt(iova)) {
            return UNTRANSLATED | Walked.interrupt(PAGE_SHIFT);
        }
        boolean execute = tagged && (how & VtdHardware.EXECUTE) != 0;
        return switch ((int) Rtaddr.TTM.get(mode)) {
            case Rtaddr.RESERVED -> Refusal.of(VtdFault.RTA_1_2);
            case Rtaddr.ABORT_DMA -> Refusal.of(capabilities.has(Ecap.ADMS) ? VtdFault.RTA_4 : VtdFault.RTA_1_1);
            case Rtaddr.LEGACY -> {
                if (Rtaddr.SSIRWE.isSet(mode)) {
                    yield Refusal.of(VtdFault.RTA_1_4);
                }
                yield tagged ? Refusal.of(VtdFault.RTA_2) : legacy(mode, sourceId, iova, how, steps);
            }
            default -> {
                if (!capabilities.scalable()) {
                    yield Refusal.of(VtdFault.RTA_1_3);
                }
                if (execute && capabilities.majorVersion() >= 8) {
                    yield Refusal.of(VtdFault.RTA_5);
                }
                yield scalable(mode, sourceId, pasid, iova, how, execute, steps);
            }
        };
    }

    private long legacy(long mode, int sourceId, long iova, int how, VtdSteps steps) {
        long root = Rtaddr.RTA.address(mode) + (long) (sourceId >>> 8) * RootEntry.SIZE;
        if (!memory.backs(root)) {
            steps.missing(Structure.ROOT_ENTRY, root);
            return Refusal.of(VtdFault.LRT_1);
        }
        steps.structure(Structure.ROOT_ENTRY, RootEntry.LAYOUT, root);
        long r0 = memory.acquire(root);
        if ((r0 & PRESENT) == 0) {
            return Refusal.of(VtdFault.LRT_2);
        }
        if ((r0 & reserved.root() | memory.acquire(root + 8)) != 0) {
            return Refusal.of(VtdFault.LRT_3);
        }
        long context = RootEntry.CTP.address(r0) + (sourceId & 0xffL) * ContextEntry.SIZE;
        if (!memory.backs(context)) {
            steps.missing(Structure.CONTEXT_ENTRY, context);
            return Refusal.of(VtdFault.LCT_1);
        }
        steps.structure(Structure.CONTEXT_ENTRY, ContextEntry.LAYOUT, context);
        long c0 = memory.acquire(context);
        long c1 = memory.acquire(context + 8);
        boolean disabled = (c0 & FPD) != 0;
        if ((c0 & PRESENT) == 0) {
            return Refusal.of(VtdFault.LCT_2, disabled);
        }
        int type = (int) ContextEntry.TT.get(c0);
        long reserved0 =
                type == ContextEntry.PASS_THROUGH ? ContextEntry.LAYOUT.reserved(0) : reserved.legacyContext0();
        if ((c0 & reserved0 | c1 & reserved.legacyContext1()) != 0) {
            return Refusal.of(VtdFault.LCT_3, disabled);
        }
        var format = formats.secondStage((int) ContextEntry.AW.get(c1), false);
        if (format == null) {
            return Refusal.of(VtdFault.LCT_4_1, disabled);
        }
        boolean supported = switch (type) {
            case ContextEntry.UNTRANSLATED_ONLY -> true;
            case ContextEntry.ALL_REQUESTS -> capabilities.has(Ecap.DT);
            case ContextEntry.PASS_THROUGH -> capabilities.has(Ecap.PT);
            default -> false;
        };
        if (!supported) {
            return Refusal.of(VtdFault.LCT_4_2, disabled);
        }
        if (type == ContextEntry.PASS_THROUGH) {
            if (iova >>> hostAddressWidth != 0) {
                return Refusal.of(VtdFault.LGN_1_3, disabled);
            }
            return PageWalk.isInterrupt(iova)
                    ? Refusal.of(VtdFault.LGN_4, disabled)
                    : Walked.untranslated(iova, PAGE_SHIFT);
        }
        if (iova >>> capabilities.secondStageBits(format.levels()) != 0) {
            return Refusal.of(VtdFault.LGN_1_1, disabled);
        }
        if (PageWalk.isInterrupt(iova)) {
            return Refusal.of(VtdFault.LGN_4, disabled);
        }
        long table = ContextEntry.SSPTPTR.address(c0);
        int request = how & (PageWalk.READ | PageWalk.WRITE | PageWalk.DRY);
        long walked = PageWalk.walk(memory, format, table, iova, request, unseenIfNobody(steps));
        return Walked.failed(walked) ? Refusal.ofWalk(walked, true, (how & PageWalk.WRITE) != 0, disabled) : walked;
    }

    private long scalable(long mode, int sourceId, int pasid, long iova, int how, boolean execute, VtdSteps steps) {
        long half = ScalableRootEntry.half(Rtaddr.RTA.address(mode), sourceId);
        if (!memory.backs(half)) {
            steps.missing(Structure.ROOT_ENTRY, half);
            return Refusal.of(VtdFault.SRT_1);
        }
        steps.structure(Structure.ROOT_ENTRY, ScalableRootEntry.HALF, half);
        long root = memory.acquire(half);
        if ((root & PRESENT) == 0) {
            return Refusal.of(VtdFault.SRT_2);
        }
        if ((root & reserved.root()) != 0) {
            return Refusal.of(VtdFault.SRT_3);
        }
        long context = ScalableContextEntry.address(ScalableRootEntry.CTP.address(root), sourceId);
        if (!memory.backs(context)) {
            steps.missing(Structure.CONTEXT_ENTRY, context);
            return Refusal.of(VtdFault.SCT_1);
        }
        steps.structure(Structure.CONTEXT_ENTRY, ScalableContextEntry.LAYOUT, context);
        long c0 = memory.acquire(context);
        long c1 = memory.folded(context + 8);
        boolean disabled = (c0 & FPD) != 0;
        boolean tagged = pasid != DmaRequest.NO_PASID;
        var refused = contextRefusal(context, c0, c1, pasid, tagged);
        if (refused != null) {
            return Refusal.of(refused, disabled);
        }
        int chosen = tagged ? pasid : (int) ScalableContextEntry.RID_PASID.get(c1);
        long entry = pasidTableEntry(ScalableContextEntry.PASIDDIRPTR.address(c0), chosen, disabled, steps);
        if (Refusal.is(entry)) {
            return entry;
        }
        boolean privileged = tagged ? (how & PageWalk.PRIVILEGED) != 0 : ScalableContextEntry.RID_PRIV.isSet(c1);
        int request = how & (PageWalk.READ | PageWalk.WRITE | PageWalk.DRY) | (privileged ? PageWalk.PRIVILEGED : 0);
        return byEntry(entry, mode, iova, request, tagged, execute, steps);
    }

    private @Nullable VtdFault contextRefusal(long context, long c0, long c1, int pasid, boolean tagged) {
        if ((c0 & PRESENT) == 0) {
            return VtdFault.SCT_2;
        }
        long beyond = memory.folded(context + 16) | memory.folded(context + 24);
        if ((c0 & reserved.context0() | c1 & reserved.context1() | beyond) != 0) {
            return VtdFault.SCT_3;
        }
        if (ScalableContextEntry.PRE.isSet(c0) && !ScalableContextEntry.DTE.isSet(c0)) {
            return VtdFault.SCT_4_1;
        }
        int reach = ScalableContextEntry.pasidBits(c0);
        long ridPasid = ScalableContextEntry.RID_PASID.get(c1);
        if (ridPasid >>> reach != 0) {
            return VtdFault.SCT_4_2;
        }
        if (!tagged) {
            return null;
        }
        if (!ScalableContextEntry.PASIDE.isSet(c0)) {
            return VtdFault.SCT_6;
        }
        if ((long) pasid >>> pasidBits != 0) {
            return VtdFault.SGN_10;
        }
        if (pasid >>> reach != 0) {
            return VtdFault.SCT_7;
        }
        return pasid == ridPasid ? VtdFault.SCT_9 : null;
    }

    /** Where the PASID table entry is, with {@link #PROCESSING_DISABLED}; or a refusal. */
    private long pasidTableEntry(long directory, int pasid, boolean disabledAbove, VtdSteps steps) {
        long at = PasidDirectoryEntry.address(directory, pasid);
        if (!memory.backs(at)) {
            steps.missing(Structure.PASID_DIRECTORY_ENTRY, at);
            return Refusal.of(VtdFault.SPD_1);
        }
        steps.structure(Structure.PASID_DIRECTORY_ENTRY, PasidDirectoryEntry.LAYOUT, at);
        long word = memory.acquire(at);
        boolean disabled = disabledAbove || (word & FPD) != 0;
        if ((word & PRESENT) == 0) {
            return Refusal.of(VtdFault.SPD_2, disabled);
        }
        if ((word & reserved.directory()) != 0) {
            return Refusal.of(VtdFault.SPD_3, disabled);
        }
        long entry = PasidTableEntry.address(PasidDirectoryEntry.SMPTBLPTR.address(word), pasid);
        if (!memory.backs(entry)) {
            steps.missing(Structure.PASID_TABLE_ENTRY, entry);
            return Refusal.of(VtdFault.SPT_1);
        }
        steps.structure(Structure.PASID_TABLE_ENTRY, PasidTableEntry.LAYOUT, entry);
        return entry | (disabled ? PROCESSING_DISABLED : 0);
    }

    private long byEntry(
            long where, long mode, long iova, int request, boolean tagged, boolean execute, VtdSteps steps) {
        long at = where & ~PROCESSING_DISABLED;
        long w0 = memory.acquire(at);
        boolean disabled = (where & PROCESSING_DISABLED) != 0 || (w0 & FPD) != 0;
        if ((w0 & PRESENT) == 0) {
            return Refusal.of(VtdFault.SPT_2, disabled);
        }
        long w1 = memory.folded(at + 8);
        long w2 = memory.folded(at + 16);
        long beyond = memory.folded(at + 24)
                | memory.folded(at + 32)
                | memory.folded(at + 40)
                | memory.folded(at + 48)
                | memory.folded(at + 56);
        if ((w0 & reserved.pasidEntry0() | w1 & reserved.pasidEntry1() | w2 & reserved.pasidEntry2() | beyond) != 0) {
            return Refusal.of(VtdFault.SPT_3, disabled);
        }
        int type = (int) PasidTableEntry.PGTT.get(w0);
        boolean irIw = Rtaddr.SSIRWE.isSet(mode) && capabilities.has(Ecap.SSIRWS);
        var second = formats.secondStage((int) PasidTableEntry.AW.get(w0), irIw);
        int secondBits = second == null ? 0 : capabilities.secondStageBits(second.levels());
        var first = formats.firstStage((int) PasidTableEntry.FSPM.get(w2));
        var refused = entryRefusal(type, second != null, secondBits, first != null, w2, request, execute);
        if (refused == null) {
            refused = inputRefusal(type, secondBits, w2, iova, tagged);
        }
        if (refused != null) {
            return Refusal.of(refused, disabled);
        }
        if (type == PasidTableEntry.PASS_THROUGH) {
            return Walked.untranslated(iova, PAGE_SHIFT);
        }
        int snooped = PasidTableEntry.PWSNP.isSet(w1) ? PageWalk.UPDATES_ALLOWED : 0;
        int secondHow = snooped | (PasidTableEntry.SSADE.isSet(w0) ? PageWalk.ACCESSED_DIRTY : 0);
        long secondRoot = PasidTableEntry.SSPTPTR.address(w0);
        var unseen = unseenIfNobody(steps);
        long walked;
        if (type == PasidTableEntry.SECOND_STAGE) {
            int how = request & ~PageWalk.PRIVILEGED | secondHow;
            walked = PageWalk.walk(memory, walkable(second), secondRoot, iova, how, unseen);
        } else {
            int how = request
                    | snooped
                    | PageWalk.ACCESSED_DIRTY
                    | (PasidTableEntry.EAFE.isSet(w2) ? PageWalk.EXTENDED_ACCESSED : 0)
                    | (PasidTableEntry.WPE.isSet(w2) ? PageWalk.WRITE_PROTECTED : 0);
            var parent = type == PasidTableEntry.NESTED ? second : null;
            long firstRoot = PasidTableEntry.FSPTPTR.address(w2);
            walked = PageWalk.walk(
                    memory, walkable(first), firstRoot, iova, how, parent, secondRoot, secondBits, secondHow, unseen);
        }
        return Walked.failed(walked)
                ? Refusal.ofWalk(walked, false, (request & PageWalk.WRITE) != 0, disabled)
                : walked;
    }

    /** What is wrong with a PASID table entry, or with the request for it: 5B to 5D. */
    private @Nullable VtdFault entryRefusal(
            int type, boolean secondWalks, int secondBits, boolean firstWalks, long w2, int request, boolean execute) {
        boolean second = type == PasidTableEntry.SECOND_STAGE || type == PasidTableEntry.NESTED;
        boolean first = type == PasidTableEntry.FIRST_STAGE || type == PasidTableEntry.NESTED;
        boolean supported = switch (type) {
            case PasidTableEntry.FIRST_STAGE -> capabilities.has(Ecap.FSTS);
            case PasidTableEntry.SECOND_STAGE -> capabilities.has(Ecap.SSTS);
            case PasidTableEntry.NESTED -> capabilities.has(Ecap.NEST);
            case PasidTableEntry.PASS_THROUGH -> capabilities.has(Ecap.PT);
            default -> false;
        };
        if (!supported) {
            return VtdFault.SPT_4_2;
        }
        if (second && !secondWalks) {
            return VtdFault.SPT_4_1;
        }
        if (first && !firstWalks) {
            return VtdFault.SPT_4_3;
        }
        if (first && second && PasidTableEntry.FSPTPTR.address(w2) >>> secondBits != 0) {
            return VtdFault.SPT_4_4;
        }
        if (execute) {
            return VtdFault.SPT_5;
        }
        boolean privileged = (request & PageWalk.PRIVILEGED) != 0;
        return privileged && !PasidTableEntry.SRE.isSet(w2) ? VtdFault.SPT_6 : null;
    }

    /** What is wrong with a request's address, before any walk: 80, 83, 84 and 87. */
    private @Nullable VtdFault inputRefusal(int type, int secondBits, long w2, long iova, boolean tagged) {
        boolean interrupt = PageWalk.isInterrupt(iova);
        return switch (type) {
            case PasidTableEntry.PASS_THROUGH ->
                iova >>> hostAddressWidth != 0 ? VtdFault.SGN_4_2 : interrupt ? VtdFault.SGN_8 : null;
            case PasidTableEntry.SECOND_STAGE ->
                iova >>> secondBits != 0 ? VtdFault.SGN_5 : interrupt && !tagged ? VtdFault.SGN_8 : null;
            default -> {
                int unused = PasidTableEntry.FSPM.get(w2) == PasidTableEntry.FOUR_LEVELS ? 16 : 7;
                yield iova << unused >> unused != iova ? VtdFault.SGN_1 : interrupt && !tagged ? VtdFault.SGN_8 : null;
            }
        };
    }

    /** A format that was found to be there. */
    private static TableFormat walkable(@Nullable TableFormat format) {
        return Objects.requireNonNull(format);
    }

    private static Steps unseenIfNobody(VtdSteps steps) {
        return steps == VtdSteps.NOBODY ? Steps.UNSEEN : steps;
    }
}
