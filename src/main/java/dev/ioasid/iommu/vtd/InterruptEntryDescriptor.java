package dev.ioasid.iommu.vtd;

import static dev.ioasid.memory.BitField.bit;
import static dev.ioasid.memory.BitField.bits;

import dev.ioasid.memory.BitField;
import dev.ioasid.memory.BitLayout;

/** Interrupt entry cache invalidate descriptor; interrupts are not remapped here, so it has no effect. VT-d 5.10, section 6.5.2.7. */
final class InterruptEntryDescriptor {
    static final int TYPE = 4;

    // spotless:off  columns are the point
    static final BitField T    = bits( 3,  0, "TYPE",  "4, with 11:9");
    static final BitField G    = bit (     4, "G",     "0 global, 1 by index");
    static final BitField TH   = bits(11,  9, "TYPEH", "0");
    static final BitField IM   = bits(31, 27, "IM",    "2^IM entries");
    static final BitField IIDX = bits(47, 32, "IIDX",  "first entry");
    // spotless:on
    static final BitLayout LAYOUT =
            BitLayout.layout("interrupt entry cache invalidate descriptor", "6.5.2.7", 2, T, G, TH, IM, IIDX);

    private InterruptEntryDescriptor() {}
}
