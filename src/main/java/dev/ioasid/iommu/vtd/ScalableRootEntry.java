package dev.ioasid.iommu.vtd;

import static dev.ioasid.memory.BitField.bit;
import static dev.ioasid.memory.BitField.bits;

import dev.ioasid.memory.BitField;
import dev.ioasid.memory.BitLayout;

/**
 * Scalable-mode root entry, 16 bytes: two halves of one form, word 0 for devices 0 to 15 of the bus and word 1 for devices 16
 * to 31. The hardware reads only the half it needs. VT-d 5.10, section 9.2.
 */
final class ScalableRootEntry {
    static final int SIZE = 16;

    // spotless:off  columns are the point
    static final BitField P   = bit (     0, "P",   "present (LP or UP)");
    static final BitField CTP = bits(63, 12, "CTP", "context table of 128 entries (LCTP or UCTP)");
    // spotless:on
    static final BitLayout HALF = BitLayout.layout("scalable-mode root entry, one half", "9.2", 1, P, CTP);

    private ScalableRootEntry() {}

    /** Where the half is that leads to a device. */
    static long half(long rootTable, int sourceId) {
        return rootTable + (long) (sourceId >>> 8) * SIZE + (sourceId >>> 4 & 8);
    }
}
