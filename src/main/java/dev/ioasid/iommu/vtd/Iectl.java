package dev.ioasid.iommu.vtd;

import static dev.ioasid.memory.BitField.bit;

import dev.ioasid.memory.BitField;

/** Invalidation event control register. VT-d 5.10, section 11.4.8.5. */
final class Iectl {
    // spotless:off  columns are the point
    static final BitField IP = bit (30, "IP", "an invalidation event waits to be sent");
    static final BitField IM = bit (31, "IM", "invalidation events are held back");
    // spotless:on

    private Iectl() {}
}
