package dev.ioasid.iommu.vtd;

import static dev.ioasid.memory.BitField.bit;
import static dev.ioasid.memory.BitField.bits;

import dev.ioasid.memory.BitField;
import dev.ioasid.memory.BitLayout;

/** Root table address register. VT-d 5.10, section 11.4.5. */
final class Rtaddr {
    static final int LEGACY = 0;
    static final int SCALABLE = 1;
    static final int RESERVED = 2;
    static final int ABORT_DMA = 3;

    // spotless:off  columns are the point
    static final BitField SSIRWE = bit (     7, "SSIRWE", "second-stage rights are in bits 61 and 62");
    static final BitField TTM    = bits(11, 10, "TTM",    "0 legacy, 1 scalable, 3 abort DMA");
    static final BitField RTA    = bits(63, 12, "RTA",    "root table");
    // spotless:on
    static final BitLayout LAYOUT = BitLayout.layout("RTADDR", "11.4.5", 1, SSIRWE, TTM, RTA);

    private Rtaddr() {}
}
