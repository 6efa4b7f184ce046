package dev.ioasid.machine;

import dev.ioasid.iommu.Fault;
import org.jspecify.annotations.Nullable;

/**
 * What has become of a {@link DmaOrder}.
 *
 * @param transferred bytes that were moved, which stay moved
 * @param data of a read, those bytes; null for a write, and as long as it is pending
 * @param fault what stopped it; null unless it has been stopped
 */
public record DmaResult(
        Status status,
        int transferred,
        byte @Nullable [] data,
        @Nullable Fault fault) {
    public enum Status {
        COMPLETED,
        FAULTED,
        /** It waits for an answer to a page request, or behind another that does. */
        PENDING
    }

    boolean isPending() {
        return status == Status.PENDING;
    }
}
