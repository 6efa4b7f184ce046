package dev.ioasid.iommu.smmuv3;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.CacheGeometry;
import java.util.List;
import java.util.Map;

/**
 * The shapes of a unit's caches, and of the ATC of each device behind it.
 *
 * @param ste copies of STEs
 * @param cd copies of CDs
 * @param tlb translations, both stages together
 * @param atc what a device with ATS keeps
 */
public record SmmuCacheGeometries(CacheGeometry ste, CacheGeometry cd, CacheGeometry tlb, CacheGeometry atc) {
    static final String STE = "ste";
    static final String CD = "cd";
    static final String TLB = "tlb";
    static final String ATC = "atc";

    /** As on a current server. No vendor publishes them; these are of the order that measurements find. */
    public static final SmmuCacheGeometries DEFAULT = new SmmuCacheGeometries(
            new CacheGeometry(64, 4), new CacheGeometry(64, 4), new CacheGeometry(64, 8), new CacheGeometry(64, 8));

    /** Nothing is cached: each request reads the tables as they are at that moment. */
    public static final SmmuCacheGeometries NONE =
            new SmmuCacheGeometries(CacheGeometry.NONE, CacheGeometry.NONE, CacheGeometry.NONE, CacheGeometry.NONE);

    /** The default, but for the caches that are named. EINVAL: there is none of a name. */
    public static SmmuCacheGeometries named(Map<String, CacheGeometry> named) {
        var known = List.of(STE, CD, TLB, ATC);
        for (var name : named.keySet()) {
            if (!known.contains(name)) {
                throw new RefusedException(
                        Errno.EINVAL, "there is no cache '" + name + "', only " + known, Map.of("cache", name));
            }
        }
        return new SmmuCacheGeometries(
                named.getOrDefault(STE, DEFAULT.ste),
                named.getOrDefault(CD, DEFAULT.cd),
                named.getOrDefault(TLB, DEFAULT.tlb),
                named.getOrDefault(ATC, DEFAULT.atc));
    }
}
