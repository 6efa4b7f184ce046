package dev.ioasid.iommu.vtd;

import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.SetAssociativeCache;
import dev.ioasid.iommu.vtd.VtdSteps.Structure;
import dev.ioasid.memory.PhysicalMemory;
import dev.ioasid.pagetable.PageWalk;
import dev.ioasid.pagetable.TableFormat;
import dev.ioasid.pagetable.Walked;
import org.jspecify.annotations.Nullable;

/**
 * The way of a request in scalable mode: root entry, context entry, PASID directory and PASID table entry, first and second stage. VT-d
 * 5.10, sections 3.5 to 3.8.
 *
 * <p>Holds nothing that changes but the caches; any thread may call, and nothing is allocated.
 */
final class ScalableTranslation {
    /** In the address of a PASID table entry, and in the PASID cache: FPD is set in the directory entry. */
    private static final long PROCESSING_DISABLED = 1;

    private final PhysicalMemory memory;
    private final VtdCapabilities capabilities;
    private final int hostAddressWidth;
    private final int pasidBits;
    private final VtdFormats formats;
    private final ReservedBits reserved;
    private final VtdCaches caches;
    private final CacheFills fills;
    /** log2 of the largest page, which is what translation requests are told of pass-through. */
    private final int largestPage;

    ScalableTranslation(
            PhysicalMemory memory,
            VtdCapabilities capabilities,
            VtdFormats formats,
            ReservedBits reserved,
            CacheFills fills) {
        this.memory = memory;
        this.capabilities = capabilities;
        this.hostAddressWidth = capabilities.hostAddressWidth();
        this.pasidBits = (int) Ecap.PSS.get(capabilities.ecap()) + 1;
        this.formats = formats;
        this.reserved = reserved;
        this.caches = fills.caches();
        this.fills = fills;
        int leaves = capabilities.secondStageLeaves();
        this.largestPage = (leaves & TableFormat.LEAF_1G) != 0 ? 30 : (leaves & TableFormat.LEAF_2M) != 0 ? 21 : 12;
    }

    /**
     * As {@link VtdTranslation#of}.
     *
     * @param execute it has a PASID and asks for execution
     */
    long of(long mode, int sourceId, int pasid, long iova, int how, boolean execute, VtdSteps steps) {
        boolean dry = (how & PageWalk.DRY) != 0;
        int since = caches.epoch();
        var cache = caches.context();
        long found = cache.find(VtdCaches.contextKey(sourceId), Rtaddr.SCALABLE);
        if (found != SetAssociativeCache.MISS) {
            long c0 = cache.word(found, 0);
            long c1 = cache.word(found, 1);
            long refusal = cache.word(found, 2);
            if (cache.holds(found)) {
                CacheFills.countUnlessDry(cache, true, dry);
                if (Refusal.is(refusal)) {
                    steps.cachedRefusal(Structure.CONTEXT_ENTRY);
                    return refusal;
                }
                if (steps != VtdSteps.NOBODY) {
                    steps.cached(Structure.CONTEXT_ENTRY, ScalableContextEntry.LAYOUT, c0, c1, 0, 0);
                }
                return byContext(c0, c1, since, mode, sourceId, pasid, iova, how, execute, steps);
            }
        }
        CacheFills.countUnlessDry(cache, false, dry);
        long half = ScalableRootEntry.half(Rtaddr.RTA.address(mode), sourceId);
        if (!memory.fetches(half, Long.BYTES)) {
            steps.missing(Structure.ROOT_ENTRY, half);
            return Refusal.of(VtdFault.SRT_1);
        }
        steps.structure(Structure.ROOT_ENTRY, ScalableRootEntry.HALF, half);
        long root = memory.acquire(half);
        if ((root & VtdTranslation.PRESENT) == 0) {
            return fills.refusedContext(Refusal.of(VtdFault.SRT_2), Rtaddr.SCALABLE, since, sourceId, dry);
        }
        if ((root & reserved.root()) != 0) {
            return fills.refusedContext(Refusal.of(VtdFault.SRT_3), Rtaddr.SCALABLE, since, sourceId, dry);
        }
        long context = ScalableContextEntry.address(ScalableRootEntry.CTP.address(root), sourceId);
        if (!memory.fetches(context, ScalableContextEntry.SIZE)) {
            steps.missing(Structure.CONTEXT_ENTRY, context);
            return Refusal.of(VtdFault.SCT_1);
        }
        steps.structure(Structure.CONTEXT_ENTRY, ScalableContextEntry.LAYOUT, context);
        long c0 = memory.acquire(context);
        long c1 = memory.folded(context + 8);
        var refused = contextRefusal(context, c0, c1);
        if (refused != null) {
            long refusal = Refusal.of(refused, (c0 & VtdTranslation.FPD) != 0);
            return fills.refusedContext(refusal, Rtaddr.SCALABLE, since, sourceId, dry);
        }
        if (!dry) {
            caches.keepContext(since, sourceId, Rtaddr.SCALABLE, c0, c1, 0, 0);
        }
        return byContext(c0, c1, since, mode, sourceId, pasid, iova, how, execute, steps);
    }

    /** What is wrong with a context entry, whoever asks: 41 to 43. */
    private @Nullable VtdFault contextRefusal(long context, long c0, long c1) {
        if ((c0 & VtdTranslation.PRESENT) == 0) {
            return VtdFault.SCT_2;
        }
        long beyond = memory.folded(context + 16) | memory.folded(context + 24);
        if ((c0 & reserved.context0() | c1 & reserved.context1() | beyond) != 0) {
            return VtdFault.SCT_3;
        }
        if (ScalableContextEntry.PRE.isSet(c0) && !ScalableContextEntry.DTE.isSet(c0)) {
            return VtdFault.SCT_4_1;
        }
        long ridPasid = ScalableContextEntry.RID_PASID.get(c1);
        return ridPasid >>> ScalableContextEntry.pasidBits(c0) != 0 ? VtdFault.SCT_4_2 : null;
    }

    /** What a context entry has against a request: 44 to 48, and 89. */
    private @Nullable VtdFault requestRefusal(long c0, long c1, int pasid, int how) {
        if ((how & VtdHardware.ATS) != 0 && !ScalableContextEntry.DTE.isSet(c0)) {
            return VtdFault.SCT_5;
        }
        boolean pageRequest = (how & VtdHardware.PAGE_REQUEST) != 0;
        if (pageRequest && !ScalableContextEntry.PRE.isSet(c0)) {
            return VtdFault.SCT_8;
        }
        if (pasid == DmaRequest.NO_PASID) {
            return null;
        }
        if (!ScalableContextEntry.PASIDE.isSet(c0)) {
            return VtdFault.SCT_6;
        }
        if (!pageRequest && (long) pasid >>> pasidBits != 0) {
            return VtdFault.SGN_10;
        }
        if (pasid >>> ScalableContextEntry.pasidBits(c0) != 0) {
            return VtdFault.SCT_7;
        }
        return pasid == ScalableContextEntry.RID_PASID.get(c1) ? VtdFault.SCT_9 : null;
    }

    private long byContext(
            long c0,
            long c1,
            int since,
            long mode,
            int sourceId,
            int pasid,
            long iova,
            int how,
            boolean execute,
            VtdSteps steps) {
        boolean disabled = (c0 & VtdTranslation.FPD) != 0;
        var refused = requestRefusal(c0, c1, pasid, how);
        if (refused != null) {
            return Refusal.of(refused, disabled);
        }
        if ((how & VtdHardware.TRANSLATED) != 0) {
            if (iova >>> hostAddressWidth != 0) {
                return Refusal.of(VtdFault.SGN_4_1, disabled);
            }
            return PageWalk.isInterrupt(iova)
                    ? Refusal.of(VtdFault.SGN_8, disabled)
                    : Walked.untranslated(iova, VtdTranslation.PAGE_SHIFT);
        }
        boolean tagged = pasid != DmaRequest.NO_PASID;
        boolean dry = (how & PageWalk.DRY) != 0;
        int chosen = tagged ? pasid : (int) ScalableContextEntry.RID_PASID.get(c1);
        boolean privileged = tagged ? (how & PageWalk.PRIVILEGED) != 0 : ScalableContextEntry.RID_PRIV.isSet(c1);
        int request = how & ~PageWalk.PRIVILEGED | (privileged ? PageWalk.PRIVILEGED : 0);
        var cache = caches.pasid();
        long found = cache.find(VtdCaches.pasidKey(chosen), sourceId);
        if (found != SetAssociativeCache.MISS) {
            long w0 = cache.word(found, 0);
            long w1 = cache.word(found, 1);
            long w2 = cache.word(found, 2);
            long state = cache.word(found, 3);
            if (cache.holds(found)) {
                CacheFills.countUnlessDry(cache, true, dry);
                if (Refusal.is(state)) {
                    steps.cachedRefusal(Structure.PASID_TABLE_ENTRY);
                    return state;
                }
                if (steps != VtdSteps.NOBODY) {
                    steps.cached(Structure.PASID_TABLE_ENTRY, PasidTableEntry.LAYOUT, w0, w1, w2, 0, 0, 0, 0, 0);
                }
                return byEntry(
                        w0,
                        w1,
                        w2,
                        disabled || state != 0,
                        since,
                        mode,
                        sourceId,
                        pasid,
                        chosen,
                        iova,
                        request,
                        execute,
                        steps);
            }
        }
        CacheFills.countUnlessDry(cache, false, dry);
        long where = pasidTableEntry(ScalableContextEntry.PASIDDIRPTR.address(c0), chosen, disabled, steps);
        if (Refusal.is(where)) {
            return fills.refusedPasid(where, since, sourceId, chosen, dry);
        }
        boolean disabledAbove = disabled || (where & PROCESSING_DISABLED) != 0;
        long at = where & ~PROCESSING_DISABLED;
        long w0 = memory.acquire(at);
        long w1 = memory.folded(at + 8);
        long w2 = memory.folded(at + 16);
        refused = entryRefusal(at, mode, w0, w1, w2);
        if (refused != null) {
            long refusal = Refusal.of(refused, disabledAbove || (w0 & VtdTranslation.FPD) != 0);
            return fills.refusedPasid(refusal, since, sourceId, chosen, dry);
        }
        if (!dry) {
            caches.keepPasid(since, sourceId, chosen, w0, w1, w2, where & PROCESSING_DISABLED);
        }
        return byEntry(w0, w1, w2, disabledAbove, since, mode, sourceId, pasid, chosen, iova, request, execute, steps);
    }

    /** Where the PASID table entry is, with {@link #PROCESSING_DISABLED}; or a refusal. */
    private long pasidTableEntry(long directory, int pasid, boolean disabledAbove, VtdSteps steps) {
        long at = PasidDirectoryEntry.address(directory, pasid);
        if (!memory.fetches(at, PasidDirectoryEntry.SIZE)) {
            steps.missing(Structure.PASID_DIRECTORY_ENTRY, at);
            return Refusal.of(VtdFault.SPD_1);
        }
        steps.structure(Structure.PASID_DIRECTORY_ENTRY, PasidDirectoryEntry.LAYOUT, at);
        long word = memory.acquire(at);
        boolean disabled = (word & VtdTranslation.FPD) != 0;
        if ((word & VtdTranslation.PRESENT) == 0) {
            return Refusal.of(VtdFault.SPD_2, disabledAbove || disabled);
        }
        if ((word & reserved.directory()) != 0) {
            return Refusal.of(VtdFault.SPD_3, disabledAbove || disabled);
        }
        long entry = PasidTableEntry.address(PasidDirectoryEntry.SMPTBLPTR.address(word), pasid);
        if (!memory.fetches(entry, PasidTableEntry.SIZE)) {
            steps.missing(Structure.PASID_TABLE_ENTRY, entry);
            return Refusal.of(VtdFault.SPT_1);
        }
        steps.structure(Structure.PASID_TABLE_ENTRY, PasidTableEntry.LAYOUT, entry);
        return entry | (disabled ? PROCESSING_DISABLED : 0);
    }

    /** What is wrong with a PASID table entry, whoever asks: 59 to 5B. */
    private @Nullable VtdFault entryRefusal(long at, long mode, long w0, long w1, long w2) {
        if ((w0 & VtdTranslation.PRESENT) == 0) {
            return VtdFault.SPT_2;
        }
        long beyond = memory.folded(at + 24)
                | memory.folded(at + 32)
                | memory.folded(at + 40)
                | memory.folded(at + 48)
                | memory.folded(at + 56);
        if ((w0 & reserved.pasidEntry0() | w1 & reserved.pasidEntry1() | w2 & reserved.pasidEntry2() | beyond) != 0) {
            return VtdFault.SPT_3;
        }
        int type = (int) PasidTableEntry.PGTT.get(w0);
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
        var format = secondStage(mode, w0);
        if (second && format == null) {
            return VtdFault.SPT_4_1;
        }
        if (first && formats.firstStage((int) PasidTableEntry.FSPM.get(w2)) == null) {
            return VtdFault.SPT_4_3;
        }
        return first && second && PasidTableEntry.FSPTPTR.address(w2) >>> secondBits(format) != 0
                ? VtdFault.SPT_4_4
                : null;
    }

    private @Nullable TableFormat secondStage(long mode, long w0) {
        boolean irIw = Rtaddr.SSIRWE.isSet(mode) && capabilities.has(Ecap.SSIRWS);
        return formats.secondStage((int) PasidTableEntry.AW.get(w0), irIw);
    }

    private int secondBits(@Nullable TableFormat format) {
        return format == null ? 0 : capabilities.secondStageBits(format.levels());
    }

    private long byEntry(
            long w0,
            long w1,
            long w2,
            boolean disabledAbove,
            int since,
            long mode,
            int sourceId,
            int pasid,
            int effectivePasid,
            long iova,
            int request,
            boolean execute,
            VtdSteps steps) {
        boolean disabled = disabledAbove || (w0 & VtdTranslation.FPD) != 0;
        boolean tagged = pasid != DmaRequest.NO_PASID;
        int type = (int) PasidTableEntry.PGTT.get(w0);
        if ((request & VtdHardware.PAGE_REQUEST) != 0) {
            return PageRequests.admitted(type, PasidTableEntry.DID.get(w1), effectivePasid);
        }
        var second = secondStage(mode, w0);
        int secondBits = secondBits(second);
        if (execute) {
            return Refusal.of(VtdFault.SPT_5, disabled);
        }
        if ((request & PageWalk.PRIVILEGED) != 0 && !PasidTableEntry.SRE.isSet(w2)) {
            return Refusal.of(VtdFault.SPT_6, disabled);
        }
        if (!tagged && (request & VtdHardware.TRANSLATION_REQUEST) != 0 && PageWalk.isInterrupt(iova)) {
            return VtdTranslation.UNTRANSLATED | Walked.interrupt(VtdTranslation.PAGE_SHIFT);
        }
        var refused = inputRefusal(type, secondBits, w2, iova, tagged);
        if (refused != null) {
            return Refusal.of(refused, disabled);
        }
        long domain = PasidTableEntry.DID.get(w1);
        boolean snoop = PasidTableEntry.PGSNP.isSet(w1);
        if (type == PasidTableEntry.PASS_THROUGH) {
            long snooping = snoop ? Walked.SNOOPED : 0;
            if ((request & VtdHardware.TRANSLATION_REQUEST) != 0) { // told more than what other requests are kept by
                return Walked.untranslated(iova, largestPage) | snooping;
            }
            long found = Walked.untranslated(iova, VtdTranslation.PAGE_SHIFT) | Walked.MARKED | snooping;
            return fills.kept(
                    found, since, sourceId, pasid, request, type, domain, effectivePasid, CacheFills.HOST_BITS, iova);
        }
        int snooped = PasidTableEntry.PWSNP.isSet(w1) ? PageWalk.UPDATES_ALLOWED : 0;
        int secondHow = snooped | (PasidTableEntry.SSADE.isSet(w0) ? PageWalk.ACCESSED_DIRTY : 0);
        long secondRoot = PasidTableEntry.SSPTPTR.address(w0);
        var unseen = VtdTranslation.unseenIfNobody(steps);
        long whose = VtdCaches.whose(since, domain, effectivePasid);
        long walked;
        int bits = CacheFills.SECOND_STAGE_BITS;
        if (type == PasidTableEntry.SECOND_STAGE) {
            int how = request & VtdTranslation.WALKED & ~PageWalk.PRIVILEGED | secondHow;
            walked = PageWalk.walk(
                    memory,
                    VtdTranslation.walkable(second),
                    secondRoot,
                    iova,
                    how,
                    null,
                    0,
                    0,
                    0,
                    fills.structureCaches(),
                    whose,
                    unseen);
        } else {
            int how = request & VtdTranslation.WALKED
                    | snooped
                    | PageWalk.ACCESSED_DIRTY
                    | (PasidTableEntry.EAFE.isSet(w2) ? PageWalk.EXTENDED_ACCESSED : 0)
                    | (PasidTableEntry.WPE.isSet(w2) ? PageWalk.WRITE_PROTECTED : 0);
            var first = VtdTranslation.walkable(formats.firstStage((int) PasidTableEntry.FSPM.get(w2)));
            var parent = type == PasidTableEntry.NESTED ? second : null;
            long firstRoot = PasidTableEntry.FSPTPTR.address(w2);
            walked = PageWalk.walk(
                    memory,
                    first,
                    firstRoot,
                    iova,
                    how,
                    parent,
                    secondRoot,
                    secondBits,
                    secondHow,
                    fills.structureCaches(),
                    whose,
                    unseen);
            bits = first.inputBits();
        }
        if (Walked.failed(walked)) {
            long refusal = Refusal.ofWalk(walked, false, (request & PageWalk.WRITE) != 0, disabled);
            return fills.keptRefusal(
                    refusal, walked, since, sourceId, pasid, request, type, domain, effectivePasid, iova);
        }
        if ((request & VtdHardware.TRANSLATION_REQUEST) != 0 && AtsAnswer.meetsInterrupts(walked)) {
            return Refusal.of(VtdFault.SGN_8, disabled);
        }
        long found = snoop ? walked | Walked.SNOOPED : walked;
        return fills.kept(found, since, sourceId, pasid, request, type, domain, effectivePasid, bits, iova);
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
}
