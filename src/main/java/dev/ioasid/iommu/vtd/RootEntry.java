package dev.ioasid.iommu.vtd;

import static dev.ioasid.memory.BitField.bit;
import static dev.ioasid.memory.BitField.bits;

import dev.ioasid.memory.BitField;
import dev.ioasid.memory.BitLayout;

/** Root entry, 16 bytes, one for each bus. VT-d 5.10, section 9.1. */
final class RootEntry {
    static final int SIZE = 16;

    // spotless:off  columns are the point
    static final BitField P   = bit (     0, "P",   "present");
    static final BitField CTP = bits(63, 12, "CTP", "context table of 256 entries");
    // spotless:on
    static final BitLayout LAYOUT = BitLayout.layout("root entry", "9.1", 2, P, CTP);

    private RootEntry() {}
}
