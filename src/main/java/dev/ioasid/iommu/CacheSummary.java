package dev.ioasid.iommu;

/**
 * How a cache is built and used.
 *
 * @param name in paths: {@code iotlb}
 * @param sets 0: there is no such cache
 * @param entries of it that are in use
 * @param hits lookups since the unit was made that found what they needed
 * @param misses lookups that did not
 * @param evictions entries that gave way to others
 */
public record CacheSummary(String name, int sets, int ways, int entries, long hits, long misses, long evictions) {}
