package dev.ioasid.iommu.smmuv3;

import static dev.ioasid.memory.BitField.bit;
import static dev.ioasid.memory.BitField.bits;

import dev.ioasid.memory.BitField;
import dev.ioasid.memory.BitLayout;

/** STRTAB_BASE and, as the second word, STRTAB_BASE_CFG. IHI 0070, sections 6.3.24 and 6.3.25. */
final class Strtab {
    static final int LINEAR = 0;
    static final int TWO_LEVEL = 1;

    // spotless:off  columns are the point
    static final BitField ADDR     = bits(51,  6, "ADDR",     "where the Stream table is; aligned to its size");
    static final BitField RA       = bit (    62, "RA",       "hint: allocate on reads");
    static final BitField LOG2SIZE = bits(69, 64, "LOG2SIZE", "2^LOG2SIZE StreamIDs");
    static final BitField SPLIT    = bits(74, 70, "SPLIT",    "StreamID bits of the second level: 6, 8 or 10");
    static final BitField FMT      = bits(81, 80, "FMT",      "0 linear, 1 two-level");
    // spotless:on
    static final BitLayout LAYOUT =
            BitLayout.layout("STRTAB_BASE, STRTAB_BASE_CFG", "6.3.24", 2, ADDR, RA, LOG2SIZE, SPLIT, FMT);

    private Strtab() {}
}
