package dev.ioasid.iommu.vtd;

import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.SetAssociativeCache;
import dev.ioasid.iommu.vtd.VtdSteps.Structure;
import dev.ioasid.memory.PhysicalMemory;
import dev.ioasid.pagetable.PageWalk;
import dev.ioasid.pagetable.Steps;
import dev.ioasid.pagetable.StructureCaches;
import dev.ioasid.pagetable.TableFormat;
import dev.ioasid.pagetable.Walked;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The way of a request that the IOTLB does not answer: root, context, PASID directory and PASID table entry, and the page tables,
 * each from its cache or from memory, and into its cache if it is good. The first check that fails names the fault, in the order of
 * VT-d 5.10, section 7.1.3.
 *
 * <p>Holds nothing that changes but the caches; any thread may call, and nothing is allocated.
 */
final class VtdTranslation {
    /** In an outcome: the unit left the request alone, the address is the request's own. */
    static final long UNTRANSLATED = 1L << 60;

    private static final int PAGE_SHIFT = PhysicalMemory.PAGE_SHIFT;
    /** In the address of a PASID table entry, and in the PASID cache: FPD is set in the directory entry. */
    private static final long PROCESSING_DISABLED = 1;
    /** Addresses of a second stage are told apart by so many bits, and those of no table by so many as there are. */
    private static final int SECOND_STAGE_BITS = 57;

    private static final int HOST_BITS = 52;
    /** What of a request a walk asks for. */
    private static final int WALKED =
            PageWalk.READ | PageWalk.WRITE | PageWalk.PRIVILEGED | PageWalk.DRY | PageWalk.ANY_RIGHT;

    private static final long PRESENT = 1;
    private static final long FPD = 1 << 1;

    private final PhysicalMemory memory;
    private final VtdCapabilities capabilities;
    private final int hostAddressWidth;
    private final int pasidBits;
    private final VtdFormats formats;
    private final ReservedBits reserved;
    private final VtdCaches caches;
    private final StructureCaches structureCaches;
    private final boolean cachingMode;
    /** log2 of the largest page, which is what translation requests are told of pass-through. */
    private final int largestPage;

    VtdTranslation(
            PhysicalMemory memory,
            VtdCapabilities capabilities,
            VtdFormats formats,
            ReservedBits reserved,
            VtdCaches caches) {
        this.memory = memory;
        this.capabilities = capabilities;
        this.hostAddressWidth = capabilities.hostAddressWidth();
        this.pasidBits = (int) Ecap.PSS.get(capabilities.ecap()) + 1;
        this.formats = formats;
        this.reserved = reserved;
        this.caches = caches;
        this.structureCaches = caches.any() ? caches : StructureCaches.NONE;
        this.cachingMode = capabilities.hasCap(Cap.CM);
        int leaves = capabilities.secondStageLeaves();
        this.largestPage = (leaves & TableFormat.LEAF_1G) != 0 ? 30 : (leaves & TableFormat.LEAF_2M) != 0 ? 21 : 12;
    }

    /**
     * What becomes of a request.
     *
     * @param mode see {@link VtdRegisters#mode}
     * @param how the request, by {@link PageWalk}'s constants and those of {@link VtdHardware}
     * @return see {@link Walked}, with {@link #UNTRANSLATED}; or a {@link Refusal}
     */
    long of(long mode, int sourceId, int pasid, long iova, int how, VtdSteps steps) {
        boolean tagged = pasid != DmaRequest.NO_PASID;
        boolean ats = (how & VtdHardware.ATS) != 0;
        if ((mode & VtdRegisters.ENABLED) == 0) {
            return ats ? Refusal.of(VtdFault.UR_1) : UNTRANSLATED | Walked.untranslated(0, PAGE_SHIFT);
        }
        if (tagged && (how & VtdHardware.TRANSLATED) != 0) {
            return Refusal.of(VtdFault.UR_2);
        }
        if (!tagged && !ats && (how & PageWalk.WRITE) != 0 && PageWalk.isInterrupt(iova)) {
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

    // ---- legacy mode

    private long legacy(long mode, int sourceId, long iova, int how, VtdSteps steps) {
        boolean dry = (how & PageWalk.DRY) != 0;
        int since = caches.epoch();
        var cache = caches.context();
        long found = cache.find(VtdCaches.contextKey(sourceId), Rtaddr.LEGACY);
        if (found != SetAssociativeCache.MISS) {
            long c0 = cache.word(found, 0);
            long c1 = cache.word(found, 1);
            long refusal = cache.word(found, 2);
            if (cache.holds(found)) {
                countUnlessDry(cache, true, dry);
                if (Refusal.is(refusal)) {
                    steps.cachedRefusal(Structure.CONTEXT_ENTRY);
                    return refusal;
                }
                if (steps != VtdSteps.NOBODY) {
                    steps.cached(Structure.CONTEXT_ENTRY, ContextEntry.LAYOUT, c0, c1);
                }
                return legacyBy(c0, c1, since, sourceId, iova, how, steps);
            }
        }
        countUnlessDry(cache, false, dry);
        long root = Rtaddr.RTA.address(mode) + (long) (sourceId >>> 8) * RootEntry.SIZE;
        if (!memory.backs(root)) {
            steps.missing(Structure.ROOT_ENTRY, root);
            return Refusal.of(VtdFault.LRT_1);
        }
        steps.structure(Structure.ROOT_ENTRY, RootEntry.LAYOUT, root);
        long r0 = memory.acquire(root);
        if ((r0 & PRESENT) == 0) {
            return refusedContext(Refusal.of(VtdFault.LRT_2), Rtaddr.LEGACY, since, sourceId, dry);
        }
        if ((r0 & reserved.root() | memory.acquire(root + 8)) != 0) {
            return refusedContext(Refusal.of(VtdFault.LRT_3), Rtaddr.LEGACY, since, sourceId, dry);
        }
        long context = RootEntry.CTP.address(r0) + (sourceId & 0xffL) * ContextEntry.SIZE;
        if (!memory.backs(context)) {
            steps.missing(Structure.CONTEXT_ENTRY, context);
            return Refusal.of(VtdFault.LCT_1);
        }
        steps.structure(Structure.CONTEXT_ENTRY, ContextEntry.LAYOUT, context);
        long c0 = memory.acquire(context);
        long c1 = memory.acquire(context + 8);
        var refused = legacyContextRefusal(c0, c1);
        if (refused != null) {
            long refusal = Refusal.of(refused, (c0 & FPD) != 0);
            return refusedContext(refusal, Rtaddr.LEGACY, since, sourceId, dry);
        }
        if (!dry) {
            int domain = (int) ContextEntry.DID.get(c1);
            caches.keepContext(since, sourceId, Rtaddr.LEGACY, c0, c1, 0, domain);
        }
        return legacyBy(c0, c1, since, sourceId, iova, how, steps);
    }

    private static void countUnlessDry(SetAssociativeCache cache, boolean hit, boolean dry) {
        if (!dry) {
            cache.count(hit);
        }
    }

    /** What an entry that cannot be used means; in caching mode it is remembered. */
    private long refusedContext(long refusal, int translationMode, int since, int sourceId, boolean dry) {
        if (cachingMode && !dry) {
            caches.keepContext(since, sourceId, translationMode, 0, 0, refusal, 0);
        }
        return refusal;
    }

    private @Nullable VtdFault legacyContextRefusal(long c0, long c1) {
        if ((c0 & PRESENT) == 0) {
            return VtdFault.LCT_2;
        }
        int type = (int) ContextEntry.TT.get(c0);
        long reserved0 =
                type == ContextEntry.PASS_THROUGH ? ContextEntry.LAYOUT.reserved(0) : reserved.legacyContext0();
        if ((c0 & reserved0 | c1 & reserved.legacyContext1()) != 0) {
            return VtdFault.LCT_3;
        }
        if (formats.secondStage((int) ContextEntry.AW.get(c1), false) == null) {
            return VtdFault.LCT_4_1;
        }
        boolean supported = switch (type) {
            case ContextEntry.UNTRANSLATED_ONLY -> true;
            case ContextEntry.ALL_REQUESTS -> capabilities.has(Ecap.DT);
            case ContextEntry.PASS_THROUGH -> capabilities.has(Ecap.PT);
            default -> false;
        };
        return supported ? null : VtdFault.LCT_4_2;
    }

    private long legacyBy(long c0, long c1, int since, int sourceId, long iova, int how, VtdSteps steps) {
        boolean disabled = (c0 & FPD) != 0;
        boolean passThrough = ContextEntry.TT.get(c0) == ContextEntry.PASS_THROUGH;
        if ((how & VtdHardware.ATS) != 0 && ContextEntry.TT.get(c0) != ContextEntry.ALL_REQUESTS) {
            return Refusal.of(VtdFault.LCT_5, disabled);
        }
        boolean interrupt = PageWalk.isInterrupt(iova);
        if ((how & VtdHardware.TRANSLATED) != 0 || passThrough) {
            if (iova >>> hostAddressWidth != 0) {
                return Refusal.of(passThrough ? VtdFault.LGN_1_3 : VtdFault.LGN_1_2, disabled);
            }
            if (interrupt) {
                return Refusal.of(VtdFault.LGN_4, disabled);
            }
            return passThrough
                    ? kept(
                            Walked.untranslated(iova, PAGE_SHIFT) | Walked.MARKED,
                            since,
                            sourceId,
                            DmaRequest.NO_PASID,
                            how,
                            PasidTableEntry.PASS_THROUGH,
                            ContextEntry.DID.get(c1),
                            0,
                            HOST_BITS,
                            iova)
                    : Walked.untranslated(iova, PAGE_SHIFT);
        }
        var format = walkable(formats.secondStage((int) ContextEntry.AW.get(c1), false));
        if (iova >>> capabilities.secondStageBits(format.levels()) != 0) {
            return Refusal.of(VtdFault.LGN_1_1, disabled);
        }
        if (interrupt) {
            return (how & VtdHardware.TRANSLATION_REQUEST) != 0
                    ? UNTRANSLATED | Walked.interrupt(PAGE_SHIFT)
                    : Refusal.of(VtdFault.LGN_4, disabled);
        }
        long table = ContextEntry.SSPTPTR.address(c0);
        long domain = ContextEntry.DID.get(c1);
        int request = how & WALKED;
        long walked = PageWalk.walk(
                memory,
                format,
                table,
                iova,
                request,
                null,
                0,
                0,
                0,
                structureCaches,
                VtdCaches.whose(since, domain, 0),
                unseenIfNobody(steps));
        if (Walked.failed(walked)) {
            long refusal = Refusal.ofWalk(walked, true, (how & PageWalk.WRITE) != 0, disabled);
            return keptRefusal(
                    refusal,
                    walked,
                    since,
                    sourceId,
                    DmaRequest.NO_PASID,
                    how,
                    PasidTableEntry.SECOND_STAGE,
                    domain,
                    0,
                    iova);
        }
        if ((how & VtdHardware.TRANSLATION_REQUEST) != 0 && AtsAnswer.meetsInterrupts(walked)) {
            return Refusal.of(VtdFault.LGN_4, disabled);
        }
        return kept(
                walked,
                since,
                sourceId,
                DmaRequest.NO_PASID,
                how,
                PasidTableEntry.SECOND_STAGE,
                domain,
                0,
                SECOND_STAGE_BITS,
                iova);
    }

    // ---- scalable mode

    private long scalable(long mode, int sourceId, int pasid, long iova, int how, boolean execute, VtdSteps steps) {
        boolean dry = (how & PageWalk.DRY) != 0;
        int since = caches.epoch();
        var cache = caches.context();
        long found = cache.find(VtdCaches.contextKey(sourceId), Rtaddr.SCALABLE);
        if (found != SetAssociativeCache.MISS) {
            long c0 = cache.word(found, 0);
            long c1 = cache.word(found, 1);
            long refusal = cache.word(found, 2);
            if (cache.holds(found)) {
                countUnlessDry(cache, true, dry);
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
        countUnlessDry(cache, false, dry);
        long half = ScalableRootEntry.half(Rtaddr.RTA.address(mode), sourceId);
        if (!memory.backs(half)) {
            steps.missing(Structure.ROOT_ENTRY, half);
            return Refusal.of(VtdFault.SRT_1);
        }
        steps.structure(Structure.ROOT_ENTRY, ScalableRootEntry.HALF, half);
        long root = memory.acquire(half);
        if ((root & PRESENT) == 0) {
            return refusedContext(Refusal.of(VtdFault.SRT_2), Rtaddr.SCALABLE, since, sourceId, dry);
        }
        if ((root & reserved.root()) != 0) {
            return refusedContext(Refusal.of(VtdFault.SRT_3), Rtaddr.SCALABLE, since, sourceId, dry);
        }
        long context = ScalableContextEntry.address(ScalableRootEntry.CTP.address(root), sourceId);
        if (!memory.backs(context)) {
            steps.missing(Structure.CONTEXT_ENTRY, context);
            return Refusal.of(VtdFault.SCT_1);
        }
        steps.structure(Structure.CONTEXT_ENTRY, ScalableContextEntry.LAYOUT, context);
        long c0 = memory.acquire(context);
        long c1 = memory.folded(context + 8);
        var refused = contextRefusal(context, c0, c1);
        if (refused != null) {
            long refusal = Refusal.of(refused, (c0 & FPD) != 0);
            return refusedContext(refusal, Rtaddr.SCALABLE, since, sourceId, dry);
        }
        if (!dry) {
            caches.keepContext(since, sourceId, Rtaddr.SCALABLE, c0, c1, 0, 0);
        }
        return byContext(c0, c1, since, mode, sourceId, pasid, iova, how, execute, steps);
    }

    /** What is wrong with a context entry, whoever asks: 41 to 43. */
    private @Nullable VtdFault contextRefusal(long context, long c0, long c1) {
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
        long ridPasid = ScalableContextEntry.RID_PASID.get(c1);
        return ridPasid >>> ScalableContextEntry.pasidBits(c0) != 0 ? VtdFault.SCT_4_2 : null;
    }

    /** What a context entry has against a request: 44 to 48. */
    private @Nullable VtdFault requestRefusal(long c0, long c1, int pasid, int how) {
        if ((how & VtdHardware.ATS) != 0 && !ScalableContextEntry.DTE.isSet(c0)) {
            return VtdFault.SCT_5;
        }
        if (pasid == DmaRequest.NO_PASID) {
            return null;
        }
        if (!ScalableContextEntry.PASIDE.isSet(c0)) {
            return VtdFault.SCT_6;
        }
        if ((long) pasid >>> pasidBits != 0) {
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
        boolean disabled = (c0 & FPD) != 0;
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
                    : Walked.untranslated(iova, PAGE_SHIFT);
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
                countUnlessDry(cache, true, dry);
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
        countUnlessDry(cache, false, dry);
        long where = pasidTableEntry(ScalableContextEntry.PASIDDIRPTR.address(c0), chosen, disabled, steps);
        if (Refusal.is(where)) {
            return refusedPasid(where, since, sourceId, chosen, dry);
        }
        boolean disabledAbove = disabled || (where & PROCESSING_DISABLED) != 0;
        long at = where & ~PROCESSING_DISABLED;
        long w0 = memory.acquire(at);
        long w1 = memory.folded(at + 8);
        long w2 = memory.folded(at + 16);
        refused = entryRefusal(at, mode, w0, w1, w2);
        if (refused != null) {
            long refusal = Refusal.of(refused, disabledAbove || (w0 & FPD) != 0);
            return refusedPasid(refusal, since, sourceId, chosen, dry);
        }
        if (!dry) {
            caches.keepPasid(since, sourceId, chosen, w0, w1, w2, where & PROCESSING_DISABLED);
        }
        return byEntry(w0, w1, w2, disabledAbove, since, mode, sourceId, pasid, chosen, iova, request, execute, steps);
    }

    /** As {@link #refusedContext}, of a PASID; where nothing could be fetched, there is nothing to remember. */
    private long refusedPasid(long refusal, int since, int sourceId, int pasid, boolean dry) {
        var fault = Refusal.fault(refusal);
        if (cachingMode && !dry && fault != VtdFault.SPD_1 && fault != VtdFault.SPT_1) {
            caches.keepPasid(since, sourceId, pasid, 0, 0, 0, refusal);
        }
        return refusal;
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
        boolean disabled = (word & FPD) != 0;
        if ((word & PRESENT) == 0) {
            return Refusal.of(VtdFault.SPD_2, disabledAbove || disabled);
        }
        if ((word & reserved.directory()) != 0) {
            return Refusal.of(VtdFault.SPD_3, disabledAbove || disabled);
        }
        long entry = PasidTableEntry.address(PasidDirectoryEntry.SMPTBLPTR.address(word), pasid);
        if (!memory.backs(entry)) {
            steps.missing(Structure.PASID_TABLE_ENTRY, entry);
            return Refusal.of(VtdFault.SPT_1);
        }
        steps.structure(Structure.PASID_TABLE_ENTRY, PasidTableEntry.LAYOUT, entry);
        return entry | (disabled ? PROCESSING_DISABLED : 0);
    }

    /** What is wrong with a PASID table entry, whoever asks: 59 to 5B. */
    private @Nullable VtdFault entryRefusal(long at, long mode, long w0, long w1, long w2) {
        if ((w0 & PRESENT) == 0) {
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
        boolean disabled = disabledAbove || (w0 & FPD) != 0;
        boolean tagged = pasid != DmaRequest.NO_PASID;
        int type = (int) PasidTableEntry.PGTT.get(w0);
        var second = secondStage(mode, w0);
        int secondBits = secondBits(second);
        if (execute) {
            return Refusal.of(VtdFault.SPT_5, disabled);
        }
        if ((request & PageWalk.PRIVILEGED) != 0 && !PasidTableEntry.SRE.isSet(w2)) {
            return Refusal.of(VtdFault.SPT_6, disabled);
        }
        if (!tagged && (request & VtdHardware.TRANSLATION_REQUEST) != 0 && PageWalk.isInterrupt(iova)) {
            return UNTRANSLATED | Walked.interrupt(PAGE_SHIFT);
        }
        var refused = inputRefusal(type, secondBits, w2, iova, tagged);
        if (refused != null) {
            return Refusal.of(refused, disabled);
        }
        long domain = PasidTableEntry.DID.get(w1);
        boolean snoop = PasidTableEntry.PGSNP.isSet(w1);
        if (type == PasidTableEntry.PASS_THROUGH) {
            int shift = (request & VtdHardware.TRANSLATION_REQUEST) != 0 ? largestPage : PAGE_SHIFT;
            long found = Walked.untranslated(iova, shift) | Walked.MARKED | (snoop ? Walked.SNOOPED : 0);
            return kept(found, since, sourceId, pasid, request, type, domain, effectivePasid, HOST_BITS, iova);
        }
        int snooped = PasidTableEntry.PWSNP.isSet(w1) ? PageWalk.UPDATES_ALLOWED : 0;
        int secondHow = snooped | (PasidTableEntry.SSADE.isSet(w0) ? PageWalk.ACCESSED_DIRTY : 0);
        long secondRoot = PasidTableEntry.SSPTPTR.address(w0);
        var unseen = unseenIfNobody(steps);
        long whose = VtdCaches.whose(since, domain, effectivePasid);
        long walked;
        int bits = SECOND_STAGE_BITS;
        if (type == PasidTableEntry.SECOND_STAGE) {
            int how = request & WALKED & ~PageWalk.PRIVILEGED | secondHow;
            walked = PageWalk.walk(
                    memory, walkable(second), secondRoot, iova, how, null, 0, 0, 0, structureCaches, whose, unseen);
        } else {
            int how = request & WALKED
                    | snooped
                    | PageWalk.ACCESSED_DIRTY
                    | (PasidTableEntry.EAFE.isSet(w2) ? PageWalk.EXTENDED_ACCESSED : 0)
                    | (PasidTableEntry.WPE.isSet(w2) ? PageWalk.WRITE_PROTECTED : 0);
            var first = walkable(formats.firstStage((int) PasidTableEntry.FSPM.get(w2)));
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
                    structureCaches,
                    whose,
                    unseen);
            bits = first.inputBits();
        }
        if (Walked.failed(walked)) {
            long refusal = Refusal.ofWalk(walked, false, (request & PageWalk.WRITE) != 0, disabled);
            return keptRefusal(refusal, walked, since, sourceId, pasid, request, type, domain, effectivePasid, iova);
        }
        if ((request & VtdHardware.TRANSLATION_REQUEST) != 0 && AtsAnswer.meetsInterrupts(walked)) {
            return Refusal.of(VtdFault.SGN_8, disabled);
        }
        long found = snoop ? walked | Walked.SNOOPED : walked;
        return kept(found, since, sourceId, pasid, request, type, domain, effectivePasid, bits, iova);
    }

    /** Puts a translation into the IOTLB; returns it as the request is told. */
    private long kept(
            long found,
            int since,
            int sourceId,
            int pasid,
            int how,
            int type,
            long domain,
            int effectivePasid,
            int bits,
            long iova) {
        if ((how & PageWalk.DRY) == 0 && Walked.rights(found) != 0) {
            boolean privileged = pasid != DmaRequest.NO_PASID && (how & PageWalk.PRIVILEGED) != 0;
            long tag = VtdCaches.tag(type, domain, effectivePasid, bits);
            caches.keep(since, sourceId, pasid, privileged, tag, iova, found);
        }
        return found & ~Walked.MARKED;
    }

    /** Remembers, in caching mode, that the second stage has no page. */
    private long keptRefusal(
            long refusal,
            long failed,
            int since,
            int sourceId,
            int pasid,
            int how,
            int type,
            long domain,
            int effectivePasid,
            long iova) {
        boolean inSecondStage = Walked.stage(failed) == Walked.Stage.SECOND;
        boolean byEntry =
                Walked.failure(failed) == Walked.Failure.ABSENT || Walked.failure(failed) == Walked.Failure.RESERVED;
        if (cachingMode && inSecondStage && byEntry && (how & PageWalk.DRY) == 0) {
            boolean privileged = pasid != DmaRequest.NO_PASID && (how & PageWalk.PRIVILEGED) != 0;
            long tag = VtdCaches.tag(type, domain, effectivePasid, SECOND_STAGE_BITS);
            caches.keepRefusal(since, sourceId, pasid, privileged, tag, iova, refusal);
        }
        return refusal;
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
