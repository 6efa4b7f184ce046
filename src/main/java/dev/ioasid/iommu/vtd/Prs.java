package dev.ioasid.iommu.vtd;

import static dev.ioasid.memory.BitField.bit;

import dev.ioasid.memory.BitField;

/** Page request status register. VT-d 5.10, section 11.4.11. */
final class Prs {
    // spotless:off  columns are the point
    static final BitField PPR = bit (0, "PPR", "a page request has been put into the queue; write 1 to clear");
    static final BitField PRO = bit (1, "PRO", "a page request found the queue full; none gets in until 1 is written");
    // spotless:on

    private Prs() {}
}
