package dev.ioasid.machine;

import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Rid;
import dev.ioasid.pagetable.Permissions;
import org.jspecify.annotations.Nullable;

/**
 * What a device waits for.
 *
 * @param pasid {@link DmaRequest#NO_PASID} if the request carried none
 * @param address of a page request its page, of a stalled transaction where it goes
 * @param permissions what the device wants to do there
 * @param group index of the page request group; null for a stalled transaction
 * @param last the last of its group
 * @param stalled a transaction that an SMMUv3 holds back, and no message
 * @param stag by which software names a stalled transaction; null if it could not be recorded yet, and for a page request
 * @param dma the DMA that waits; null if it is a request that was only to be translated
 */
public record PageRequestSummary(
        long id,
        Rid rid,
        int pasid,
        long address,
        Permissions permissions,
        @Nullable Integer group,
        boolean last,
        boolean stalled,
        @Nullable Integer stag,
        @Nullable Long dma,
        State state) {
    public enum State {
        PENDING,
        ANSWERED,
        /** No answer came in time. */
        EXPIRED
    }

    /** What a client says to it: the first three to page requests, the last three to stalled transactions. */
    public enum Answer {
        SUCCESS,
        INVALID,
        FAILURE,
        RETRY,
        ABORT,
        TERMINATE
    }
}
