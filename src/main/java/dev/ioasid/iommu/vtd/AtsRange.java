package dev.ioasid.iommu.vtd;

import dev.ioasid.pagetable.Levels512;

/**
 * A power of two of pages, as ATS writes it into an address field: with S the lowest bit that is 0 ends the size. PCIe ATS, 10.2.3.
 *
 * @param first aligned to the size
 * @param last inclusive
 */
record AtsRange(long first, long last) {
    private static final long PAGE = 1L << Levels512.GRANULE_SHIFT;

    /** The whole space. */
    static final AtsRange ALL = new AtsRange(0, -1);

    /** The pages that a descriptor means. */
    static AtsRange decode(boolean several, long address) {
        if (!several) {
            return new AtsRange(address, address + PAGE - 1);
        }
        long ones = address >>> Levels512.GRANULE_SHIFT;
        int shift = Levels512.GRANULE_SHIFT + 1 + Long.numberOfTrailingZeros(~ones);
        if (shift >= Long.SIZE) {
            return ALL;
        }
        long first = address & -1L << shift;
        return new AtsRange(first, first + (1L << shift) - 1);
    }

    /** Whether it is more than one page: S. */
    boolean several() {
        return last - first != PAGE - 1;
    }

    /** The address field. */
    long encoded() {
        return several() ? first | (last - first) >>> 1 & -PAGE : first;
    }
}
