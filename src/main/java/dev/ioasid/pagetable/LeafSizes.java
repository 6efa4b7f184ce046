package dev.ioasid.pagetable;

import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;

/** Which pages a mapping is made of: the largest that its addresses allow, as {@link IoPageTable#map} chooses them. */
public final class LeafSizes {
    private LeafSizes() {}

    /** Bytes of the pages that a format has, largest first. */
    public static List<Long> descending(TableFormat format) {
        var sizes = new ArrayList<Long>();
        for (int level = format.levels(); level >= 1; level--) {
            if (format.allowsLeaf(level)) {
                sizes.add(1L << format.shift(level));
            }
        }
        return List.copyOf(sizes);
    }

    public static long largest(TableFormat format) {
        return descending(format).getFirst();
    }

    /** Whether a range holds a whole page of a size. */
    public static boolean holds(long first, long length, long page) {
        long aligned = first + page - 1 & -page;
        return aligned + page - first <= length;
    }

    /** Adds, by size, how many pages {@code length} bytes at {@code iova} that lead to {@code physical} are made of. */
    public static void count(TableFormat format, long iova, long physical, long length, SortedMap<Long, Long> pages) {
        long end = iova + length;
        long delta = physical - iova;
        for (long at = iova; at < end; ) {
            long size = 0;
            long stop = end;
            for (long page : descending(format)) {
                boolean reachable = (delta & page - 1) == 0 && holds(at, end - at, page);
                if (reachable && (at & page - 1) == 0) {
                    size = page;
                    break;
                }
                if (reachable) {
                    stop = Math.min(stop, at + page - 1 & -page); // from there on larger pages fit
                }
            }
            long count = (stop - at) / size;
            pages.merge(size, count, Long::sum);
            at += count * size;
        }
    }
}
