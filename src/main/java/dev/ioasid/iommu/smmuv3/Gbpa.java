package dev.ioasid.iommu.smmuv3;

import static dev.ioasid.memory.BitField.bit;
import static dev.ioasid.memory.BitField.bits;

import dev.ioasid.memory.BitField;
import dev.ioasid.memory.BitLayout;

/** SMMU_GBPA: what becomes of transactions while translation is off. IHI 0070, section 6.3.14. */
final class Gbpa {
    // spotless:off  columns are the point
    static final BitField MEMATTR  = bits( 3,  0, "MemAttr",  "memory type, if MTCFG");
    static final BitField MTCFG    = bit (     4, "MTCFG",    "MemAttr replaces the incoming type");
    static final BitField ALLOCCFG = bits(11,  8, "ALLOCCFG", "0xxx incoming allocation hints, 1RWT these");
    static final BitField SHCFG    = bits(13, 12, "SHCFG",    "0 non-shareable, 1 incoming, 2 outer, 3 inner");
    static final BitField PRIVCFG  = bits(17, 16, "PRIVCFG",  "0x incoming, 2 unprivileged, 3 privileged");
    static final BitField INSTCFG  = bits(19, 18, "INSTCFG",  "of reads: 0x incoming, 2 data, 3 instruction");
    static final BitField ABORT    = bit (    20, "ABORT",    "everything is aborted");
    static final BitField UPDATE   = bit (    31, "Update",   "a write that does not set it does nothing; it clears itself");
    // spotless:on
    static final BitLayout LAYOUT =
            BitLayout.layout("GBPA", "6.3.14", 1, MEMATTR, MTCFG, ALLOCCFG, SHCFG, PRIVCFG, INSTCFG, ABORT, UPDATE);

    private Gbpa() {}
}
