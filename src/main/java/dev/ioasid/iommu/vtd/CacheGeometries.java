package dev.ioasid.iommu.vtd;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.CacheGeometry;
import java.util.List;
import java.util.Map;

/**
 * The shapes of a unit's caches, and of the device-TLB of each device behind it.
 *
 * @param firstStage paging-structure cache of the first stage
 * @param secondStage paging-structure cache of the second stage
 */
public record CacheGeometries(
        CacheGeometry context,
        CacheGeometry pasid,
        CacheGeometry firstStage,
        CacheGeometry secondStage,
        CacheGeometry iotlb,
        CacheGeometry deviceTlb) {
    /** As on a current server. No vendor publishes them; these are of the order that measurements find. */
    public static final CacheGeometries DEFAULT = new CacheGeometries(
            new CacheGeometry(16, 4),
            new CacheGeometry(64, 4),
            new CacheGeometry(32, 4),
            new CacheGeometry(32, 4),
            new CacheGeometry(64, 8),
            new CacheGeometry(32, 4));

    private static final String DEVICE_TLB = "device-tlb";

    /** The default, but for the caches that are named. EINVAL: there is none of a name. */
    public static CacheGeometries named(Map<String, CacheGeometry> named) {
        var known = List.of(
                VtdCaches.CONTEXT,
                VtdCaches.PASID,
                VtdCaches.FIRST_STAGE,
                VtdCaches.SECOND_STAGE,
                VtdCaches.IOTLB,
                DEVICE_TLB);
        for (var name : named.keySet()) {
            if (!known.contains(name)) {
                throw new RefusedException(
                        Errno.EINVAL, "there is no cache '" + name + "', only " + known, Map.of("cache", name));
            }
        }
        return new CacheGeometries(
                named.getOrDefault(VtdCaches.CONTEXT, DEFAULT.context),
                named.getOrDefault(VtdCaches.PASID, DEFAULT.pasid),
                named.getOrDefault(VtdCaches.FIRST_STAGE, DEFAULT.firstStage),
                named.getOrDefault(VtdCaches.SECOND_STAGE, DEFAULT.secondStage),
                named.getOrDefault(VtdCaches.IOTLB, DEFAULT.iotlb),
                named.getOrDefault(DEVICE_TLB, DEFAULT.deviceTlb));
    }

    /** Nothing is cached: each request reads the tables as they are at that moment. */
    public static final CacheGeometries NONE = new CacheGeometries(
            CacheGeometry.NONE,
            CacheGeometry.NONE,
            CacheGeometry.NONE,
            CacheGeometry.NONE,
            CacheGeometry.NONE,
            CacheGeometry.NONE);
}
