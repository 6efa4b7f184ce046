package dev.ioasid.iommu.vtd;

import static dev.ioasid.memory.BitField.bit;

import dev.ioasid.memory.BitField;

/** Fault event control register. VT-d 5.10, section 11.4.7.2. */
final class Fectl {
    // spotless:off  columns are the point
    static final BitField IP = bit (30, "IP", "a fault event waits to be sent");
    static final BitField IM = bit (31, "IM", "fault events are held back");
    // spotless:on

    private Fectl() {}
}
