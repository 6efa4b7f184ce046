package dev.ioasid.iommu;

import dev.ioasid.pagetable.Walked;
import java.util.ArrayList;
import java.util.List;

/**
 * The translations that a device has asked for and keeps (its ATC). It answers the device's own requests, until the unit asks it to
 * forget; a device may be told not to answer that.
 *
 * <p>Any thread may call, see {@link SetAssociativeCache}.
 */
public final class DeviceTlb {
    /** Addresses are compared by so many bits. */
    private static final int ALL = Long.SIZE;

    private final Rid rid;
    private final CacheEpoch epoch = new CacheEpoch();
    private final Iotlb pages;
    private volatile boolean answering = true;

    /**
     * @param rid whose it is
     * @param shifts log2 of the page sizes, ascending
     */
    public DeviceTlb(Rid rid, CacheGeometry geometry, int... shifts) {
        this.rid = rid;
        this.pages = new Iotlb(geometry, epoch, shifts);
    }

    private static long who(int pasid, boolean privileged) {
        return (long) (pasid + 1) << 1 | (privileged ? 1 : 0);
    }

    /** What an invalidation in between has to be noticed by. */
    public int epoch() {
        return epoch.now();
    }

    /** What is known of an address, see {@link Walked}; or 0. */
    public long find(int pasid, boolean privileged, long address, long need) {
        return pages.find(who(pasid, privileged), address, need);
    }

    public void count(boolean hit) {
        pages.count(hit);
    }

    /** Keeps what a translation request was answered. */
    public void keep(int since, int pasid, boolean privileged, long address, long walked) {
        pages.keep(since, who(pasid, privileged), pasid, address, walked | Walked.MARKED);
    }

    /** Whether it answers invalidations. */
    public boolean isAnswering() {
        return answering;
    }

    public void setAnswering(boolean answers) {
        this.answering = answers;
    }

    /**
     * Forgets the pages that meet {@code first..last} of one PASID, or of requests without one. False: it does not answer, and has
     * forgotten nothing.
     */
    public boolean invalidate(int pasid, long first, long last) {
        return invalidate((who, tag, page, shift) -> tag == pasid && Iotlb.meets(page, shift, first, last, ALL));
    }

    /** Forgets the pages that meet {@code first..last} of every PASID, but not those of requests without one. */
    public boolean invalidateEveryPasid(long first, long last) {
        return invalidate(
                (who, tag, page, shift) -> tag != DmaRequest.NO_PASID && Iotlb.meets(page, shift, first, last, ALL));
    }

    /** Forgets everything: what a device does that is reset, or taken from its ATS. */
    public void reset() {
        epoch.turn();
        pages.invalidate((who, tag, page, shift) -> true);
    }

    private boolean invalidate(Iotlb.Doomed doomed) {
        if (answering) {
            epoch.turn();
            pages.invalidate(doomed);
        }
        return answering;
    }

    public CacheSummary summary(String name) {
        return pages.summary(name);
    }

    public List<CachedEntry> contents() {
        var entries = new ArrayList<CachedEntry>();
        pages.forEach((set, way, who, tag, page, shift, word) -> entries.add(new CachedEntry(
                set,
                way,
                rid,
                tag == DmaRequest.NO_PASID ? null : Integer.valueOf((int) tag),
                null,
                page,
                1L << shift,
                null,
                Iotlb.target(word),
                Iotlb.permissions(word),
                List.of())));
        return entries;
    }
}
