package dev.ioasid.iommu;

import java.util.Set;

/**
 * What is to be forgotten of a route, or of a table.
 *
 * @param first first address, for {@link Granularity#RANGE}
 * @param last last address
 * @param leavesOnly only entries that map pages have changed, none that lead to tables
 */
public record Invalidation(Set<Cache> caches, Granularity granularity, long first, long last, boolean leavesOnly) {
    /** Where it is to be forgotten. */
    public enum Cache {
        PASID,
        IOTLB,
        DEV_IOTLB
    }

    /** How much of it. */
    public enum Granularity {
        /** Everything in the domain of a route. */
        DEVICE,
        /** Everything of a route's PASID. */
        PASID,
        /** The pages that meet a range. */
        RANGE
    }
}
