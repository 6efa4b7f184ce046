package dev.ioasid.iommu.vtd;

import static dev.ioasid.memory.BitField.bit;

import dev.ioasid.memory.BitField;

/** Page request event control register. VT-d 5.10, section 11.4.11. */
final class Pectl {
    // spotless:off  columns are the point
    static final BitField IP = bit (30, "IP", "a page request event waits to be sent");
    static final BitField IM = bit (31, "IM", "page request events are held back");
    // spotless:on

    private Pectl() {}
}
