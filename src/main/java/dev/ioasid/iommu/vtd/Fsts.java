package dev.ioasid.iommu.vtd;

import static dev.ioasid.memory.BitField.bit;
import static dev.ioasid.memory.BitField.bits;

import dev.ioasid.memory.BitField;

/** Fault status register. VT-d 5.10, section 11.4.7.1. */
final class Fsts {
    // spotless:off  columns are the point
    static final BitField PFO = bit (    0, "PFO", "a fault was lost for want of a free register; write 1 to clear");
    static final BitField PPF = bit (    1, "PPF", "a fault recording register holds a fault");
    static final BitField IQE = bit (    4, "IQE", "the invalidation queue met an error and stands; write 1 to clear");
    static final BitField ICE = bit (    5, "ICE", "a device answered what it was not asked; write 1 to clear");
    static final BitField ITE = bit (    6, "ITE", "a device did not answer an invalidation; write 1 to clear");
    static final BitField FRI = bits(15, 8, "FRI", "the first register that was filled while PPF was 0");
    // spotless:on

    private Fsts() {}
}
