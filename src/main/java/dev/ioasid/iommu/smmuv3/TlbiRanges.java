package dev.ioasid.iommu.smmuv3;

import java.util.ArrayList;
import java.util.List;

/** How a range of pages is said in TLB invalidations: by few commands, or by one for everything. */
final class TlbiRanges {
    /** Without ranges, a command for each page is not worth it from here on. */
    private static final long MOST_PAGES = 64;
    /** With ranges, it is four commands at most up to here. */
    private static final long MOST_RANGED_PAGES = 1 << 20;

    private static final int NUM_BITS = 5;

    /** A command for a range. */
    @FunctionalInterface
    interface Ranged {
        long[] command(long address, TlbiRange range);
    }

    private TlbiRanges() {}

    /**
     * The commands for every page that meets {@code first..last}.
     *
     * @param granuleShift of the table that the pages are from; 0: not known, so that each page of 4 KiB is said by itself
     * @param all the command for everything
     */
    static List<long[]> of(
            SmmuCapabilities capabilities, int granuleShift, long first, long last, Ranged ranged, long[] all) {
        int shift = granuleShift == 0 ? 12 : granuleShift;
        boolean ranges = capabilities.rangeInvalidation() && granuleShift != 0;
        long pages = (last >>> shift) - (first >>> shift) + 1;
        if (pages > (ranges ? MOST_RANGED_PAGES : MOST_PAGES)) {
            return List.of(all);
        }
        var commands = new ArrayList<long[]>();
        for (long at = first & -1L << shift; pages > 0; ) {
            int scale = ranges ? Math.max(Long.SIZE - Long.numberOfLeadingZeros(pages) - NUM_BITS, 0) : 0;
            long chunk = ranges ? pages >>> scale : 1;
            boolean single = chunk == 1 && scale == 0; // of which there is no range
            commands.add(ranged.command(
                    at, single ? TlbiRange.ONE_ADDRESS : new TlbiRange(granuleShift, 0, (int) chunk - 1, scale)));
            at += chunk << scale + shift;
            pages -= chunk << scale;
        }
        return commands;
    }
}
