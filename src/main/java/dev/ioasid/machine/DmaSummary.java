package dev.ioasid.machine;

import dev.ioasid.iommu.Rid;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A device's DMA, one order after the other.
 *
 * @param id by which it can be asked about; null if it never had to wait
 * @param batch orders were given as a list
 * @param results one for each order
 */
public record DmaSummary(@Nullable Long id, Rid rid, boolean batch, List<DmaResult> results) {
    public boolean isPending() {
        return results.getLast().isPending();
    }

    /** Bytes that the answer holds. */
    long bytes() {
        long bytes = 0;
        for (var result : results) {
            var data = result.data();
            bytes += data == null ? 0 : data.length;
        }
        return bytes;
    }
}
