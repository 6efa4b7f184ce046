package dev.ioasid.iommu.vtd;

import static dev.ioasid.memory.BitField.bits;

import dev.ioasid.memory.BitField;

/** Invalidation queue error record register. VT-d 5.10, section 11.4.8.9. */
final class Iqercd {
    // spotless:off  columns are the point
    static final BitField IQEI   = bits( 3,  0, "IQEI",   "why FSTS.IQE was set, see QueueError");
    static final BitField ITESID = bits(47, 32, "ITESID", "which device did not answer (FSTS.ITE)");
    static final BitField ICESID = bits(63, 48, "ICESID", "which device answered what it was not asked (FSTS.ICE)");
    // spotless:on

    private Iqercd() {}
}
