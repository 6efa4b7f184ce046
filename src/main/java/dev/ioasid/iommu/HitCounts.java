package dev.ioasid.iommu;

/**
 * Hits and misses of a cache. Each thread counts in a place of its own, without an atomic operation, which would cost more than the
 * lookup: so numbers are exact while no two of the {@value #PLACES} places' threads count at once in the same, and whoever reads them
 * should see the threads' work as done.
 */
final class HitCounts {
    private static final int PLACES = 64;
    /** Longs from one place to the next: two cache lines. */
    private static final int STRIDE = 16;

    private final long[] counts = new long[(PLACES + 1) * STRIDE];

    private static int place() {
        return ((int) Thread.currentThread().threadId() & PLACES - 1) * STRIDE + STRIDE / 2;
    }

    void hit() {
        counts[place()]++;
    }

    void miss() {
        counts[place() + 1]++;
    }

    long hits() {
        return sum(0);
    }

    long misses() {
        return sum(1);
    }

    private long sum(int which) {
        long sum = 0;
        for (int at = STRIDE / 2 + which; at < counts.length; at += STRIDE) {
            sum += counts[at];
        }
        return sum;
    }
}
