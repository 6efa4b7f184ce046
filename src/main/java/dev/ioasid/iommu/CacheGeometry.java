package dev.ioasid.iommu;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import java.util.Map;

/**
 * The shape of a cache.
 *
 * @param sets a power of two up to {@value #MOST_SETS}; 0: there is no such cache, and nothing is ever found in it
 * @param ways entries of a set, 1 to {@value #MOST_WAYS}
 */
public record CacheGeometry(int sets, int ways) {
    public static final int MOST_SETS = 1 << 14;
    public static final int MOST_WAYS = 64;

    /** No cache. */
    public static final CacheGeometry NONE = new CacheGeometry(0, 1);

    /** EINVAL for a shape that no cache has. */
    public CacheGeometry {
        if (sets < 0 || sets > MOST_SETS || Integer.bitCount(sets) > 1) {
            throw refused("sets", sets, "0, or a power of two up to " + MOST_SETS);
        }
        if (ways < 1 || ways > MOST_WAYS) {
            throw refused("ways", ways, "1 to " + MOST_WAYS);
        }
    }

    private static RefusedException refused(String field, int value, String expected) {
        return new RefusedException(
                Errno.EINVAL, "%s is %d, expected %s".formatted(field, value, expected), Map.of("field", field));
    }
}
