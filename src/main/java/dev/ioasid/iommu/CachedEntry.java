package dev.ioasid.iommu;

import dev.ioasid.pagetable.Permissions;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One entry of a cache, as far as the cache's kind has it.
 *
 * @param rid whose requests find it
 * @param pasid the PASID by which it is found; null: requests without one, or it does not matter
 * @param domain domain id by which it is forgotten
 * @param input first address that it covers
 * @param size bytes that it covers
 * @param level of the page-table entry that it is a copy of
 * @param address where it leads: a page, or a table
 * @param permissions what the page may be used for
 * @param words copies of words of a structure in memory
 */
public record CachedEntry(
        int set,
        int way,
        @Nullable Rid rid,
        @Nullable Integer pasid,
        @Nullable Integer domain,
        @Nullable Long input,
        @Nullable Long size,
        @Nullable Integer level,
        @Nullable Long address,
        @Nullable Permissions permissions,
        List<Long> words) {}
