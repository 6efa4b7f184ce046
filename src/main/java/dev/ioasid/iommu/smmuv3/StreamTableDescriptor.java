package dev.ioasid.iommu.smmuv3;

import static dev.ioasid.memory.BitField.bits;

import dev.ioasid.memory.BitField;
import dev.ioasid.memory.BitLayout;

/** Level 1 Stream Table Descriptor (L1STD), 8 bytes. IHI 0070, section 5.1. */
final class StreamTableDescriptor {
    static final int SIZE = 8;
    /** The largest Span that is valid; it must also not be larger than STRTAB_BASE_CFG.SPLIT + 1. */
    static final int LARGEST_SPAN = 11;

    // spotless:off  columns are the point
    static final BitField SPAN  = bits( 4,  0, "Span",  "2^(Span - 1) STEs; 0 and from 12 on: none");
    static final BitField L2PTR = bits(51,  6, "L2Ptr", "where they are; aligned to their size");
    // spotless:on
    static final BitLayout LAYOUT = BitLayout.layout("L1STD", "5.1", 1, SPAN, L2PTR);

    private StreamTableDescriptor() {}
}
