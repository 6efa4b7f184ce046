package dev.ioasid.iommu.vtd;

import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.SetAssociativeCache;
import dev.ioasid.pagetable.PageWalk;
import dev.ioasid.pagetable.StructureCaches;
import dev.ioasid.pagetable.Walked;

/**
 * What is remembered of a request that went through the tables: nothing of one that is only explained, and refusals in caching mode only.
 *
 * <p>Holds nothing that changes but the caches; any thread may call, and nothing is allocated.
 */
final class CacheFills {
    /** Addresses of a second stage are told apart by so many bits, and those of no table by so many as there are. */
    static final int SECOND_STAGE_BITS = 57;

    static final int HOST_BITS = 52;

    private final VtdCaches caches;
    private final StructureCaches structureCaches;
    private final boolean cachingMode;

    CacheFills(VtdCaches caches, VtdCapabilities capabilities) {
        this.caches = caches;
        this.structureCaches = caches.any() ? caches : StructureCaches.NONE;
        this.cachingMode = capabilities.hasCap(Cap.CM);
    }

    VtdCaches caches() {
        return caches;
    }

    /** For walks. */
    StructureCaches structureCaches() {
        return structureCaches;
    }

    static void countUnlessDry(SetAssociativeCache cache, boolean hit, boolean dry) {
        if (!dry) {
            cache.count(hit);
        }
    }

    /** What an entry that cannot be used means; in caching mode it is remembered. */
    long refusedContext(long refusal, int translationMode, int since, int sourceId, boolean dry) {
        if (cachingMode && !dry) {
            caches.keepContext(since, sourceId, translationMode, 0, 0, refusal, 0);
        }
        return refusal;
    }

    /** As {@link #refusedContext}, of a PASID; where nothing could be fetched, there is nothing to remember. */
    long refusedPasid(long refusal, int since, int sourceId, int pasid, boolean dry) {
        var fault = Refusal.fault(refusal);
        if (cachingMode && !dry && fault != VtdFault.SPD_1 && fault != VtdFault.SPT_1) {
            caches.keepPasid(since, sourceId, pasid, 0, 0, 0, refusal);
        }
        return refusal;
    }

    /** Puts a translation into the IOTLB; returns it as the request is told. */
    long kept(
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
        // of a page in which some addresses are interrupts, each request is judged by its own
        boolean mixed = Walked.shift(found) > VtdTranslation.PAGE_SHIFT && AtsAnswer.meetsInterrupts(found);
        if ((how & PageWalk.DRY) == 0 && Walked.rights(found) != 0 && !mixed) {
            boolean privileged = pasid != DmaRequest.NO_PASID && (how & PageWalk.PRIVILEGED) != 0;
            long tag = VtdCaches.tag(type, domain, effectivePasid, bits);
            caches.keep(since, sourceId, pasid, privileged, tag, iova, found);
        }
        return found & ~Walked.MARKED;
    }

    /** Remembers, in caching mode, that the second stage has no page. */
    long keptRefusal(
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
}
