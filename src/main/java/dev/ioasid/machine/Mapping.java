package dev.ioasid.machine;

import dev.ioasid.pagetable.Permissions;
import java.util.List;
import java.util.SortedMap;

/**
 * A mapping: what one map made, and what one unmap removes as a whole.
 *
 * @param iova device address, a multiple of the table's granule
 * @param length bytes
 * @param extents the memory behind it, in the order of the addresses; one, unless it was allocated from memory that had
 *     no room for it in one piece
 * @param pageSizes how many leaves of which size
 * @param owned the memory was allocated for the mapping and goes with it
 */
public record Mapping(
        long iova,
        long length,
        Permissions permissions,
        List<Extent> extents,
        SortedMap<Long, Long> pageSizes,
        boolean owned) {

    /** A piece of physical memory. */
    public record Extent(long physicalAddress, long length) {}

    public long physicalAddress() {
        return extents.getFirst().physicalAddress();
    }

    public long last() {
        return iova + length - 1;
    }
}
