package dev.ioasid.iommu.vtd;

import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.SetAssociativeCache;
import dev.ioasid.iommu.vtd.VtdSteps.Structure;
import dev.ioasid.memory.PhysicalMemory;
import dev.ioasid.pagetable.PageWalk;
import dev.ioasid.pagetable.Walked;
import org.jspecify.annotations.Nullable;

/**
 * The way of a request in legacy mode: root entry, context entry, second stage. VT-d 5.10, section 3.4.
 *
 * <p>Holds nothing that changes but the caches; any thread may call, and nothing is allocated.
 */
final class LegacyTranslation {
    private final PhysicalMemory memory;
    private final VtdCapabilities capabilities;
    private final int hostAddressWidth;
    private final VtdFormats formats;
    private final ReservedBits reserved;
    private final VtdCaches caches;
    private final CacheFills fills;

    LegacyTranslation(
            PhysicalMemory memory,
            VtdCapabilities capabilities,
            VtdFormats formats,
            ReservedBits reserved,
            CacheFills fills) {
        this.memory = memory;
        this.capabilities = capabilities;
        this.hostAddressWidth = capabilities.hostAddressWidth();
        this.formats = formats;
        this.reserved = reserved;
        this.caches = fills.caches();
        this.fills = fills;
    }

    /** As {@link VtdTranslation#of}, of a request without PASID. */
    long of(long mode, int sourceId, long iova, int how, VtdSteps steps) {
        boolean dry = (how & PageWalk.DRY) != 0;
        int since = caches.epoch();
        var cache = caches.context();
        long found = cache.find(VtdCaches.contextKey(sourceId), Rtaddr.LEGACY);
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
                    steps.cached(Structure.CONTEXT_ENTRY, ContextEntry.LAYOUT, c0, c1);
                }
                return legacyBy(c0, c1, since, sourceId, iova, how, steps);
            }
        }
        CacheFills.countUnlessDry(cache, false, dry);
        long root = Rtaddr.RTA.address(mode) + (long) (sourceId >>> 8) * RootEntry.SIZE;
        if (!memory.fetches(root, RootEntry.SIZE)) {
            steps.missing(Structure.ROOT_ENTRY, root);
            return Refusal.of(VtdFault.LRT_1);
        }
        steps.structure(Structure.ROOT_ENTRY, RootEntry.LAYOUT, root);
        long r0 = memory.acquire(root);
        if ((r0 & VtdTranslation.PRESENT) == 0) {
            return fills.refusedContext(Refusal.of(VtdFault.LRT_2), Rtaddr.LEGACY, since, sourceId, dry);
        }
        if ((r0 & reserved.root() | memory.acquire(root + 8)) != 0) {
            return fills.refusedContext(Refusal.of(VtdFault.LRT_3), Rtaddr.LEGACY, since, sourceId, dry);
        }
        long context = RootEntry.CTP.address(r0) + (sourceId & 0xffL) * ContextEntry.SIZE;
        if (!memory.fetches(context, ContextEntry.SIZE)) {
            steps.missing(Structure.CONTEXT_ENTRY, context);
            return Refusal.of(VtdFault.LCT_1);
        }
        steps.structure(Structure.CONTEXT_ENTRY, ContextEntry.LAYOUT, context);
        long c0 = memory.acquire(context);
        long c1 = memory.acquire(context + 8);
        var refused = legacyContextRefusal(c0, c1);
        if (refused != null) {
            long refusal = Refusal.of(refused, (c0 & VtdTranslation.FPD) != 0);
            return fills.refusedContext(refusal, Rtaddr.LEGACY, since, sourceId, dry);
        }
        if (!dry) {
            int domain = (int) ContextEntry.DID.get(c1);
            caches.keepContext(since, sourceId, Rtaddr.LEGACY, c0, c1, 0, domain);
        }
        return legacyBy(c0, c1, since, sourceId, iova, how, steps);
    }

    private @Nullable VtdFault legacyContextRefusal(long c0, long c1) {
        if ((c0 & VtdTranslation.PRESENT) == 0) {
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
        boolean disabled = (c0 & VtdTranslation.FPD) != 0;
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
                    ? fills.kept(
                            Walked.untranslated(iova, VtdTranslation.PAGE_SHIFT) | Walked.MARKED,
                            since,
                            sourceId,
                            DmaRequest.NO_PASID,
                            how,
                            PasidTableEntry.PASS_THROUGH,
                            ContextEntry.DID.get(c1),
                            0,
                            CacheFills.HOST_BITS,
                            iova)
                    : Walked.untranslated(iova, VtdTranslation.PAGE_SHIFT);
        }
        var format = VtdTranslation.walkable(formats.secondStage((int) ContextEntry.AW.get(c1), false));
        if (iova >>> capabilities.secondStageBits(format.levels()) != 0) {
            return Refusal.of(VtdFault.LGN_1_1, disabled);
        }
        if (interrupt) {
            return (how & VtdHardware.TRANSLATION_REQUEST) != 0
                    ? VtdTranslation.UNTRANSLATED | Walked.interrupt(VtdTranslation.PAGE_SHIFT)
                    : Refusal.of(VtdFault.LGN_4, disabled);
        }
        long table = ContextEntry.SSPTPTR.address(c0);
        long domain = ContextEntry.DID.get(c1);
        int request = how & VtdTranslation.WALKED;
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
                fills.structureCaches(),
                VtdCaches.whose(since, domain, 0),
                VtdTranslation.unseenIfNobody(steps));
        if (Walked.failed(walked)) {
            long refusal = Refusal.ofWalk(walked, true, (how & PageWalk.WRITE) != 0, disabled);
            return fills.keptRefusal(
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
        return fills.kept(
                walked,
                since,
                sourceId,
                DmaRequest.NO_PASID,
                how,
                PasidTableEntry.SECOND_STAGE,
                domain,
                0,
                CacheFills.SECOND_STAGE_BITS,
                iova);
    }
}
