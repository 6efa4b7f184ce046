package dev.ioasid.iommu.vtd;

import static dev.ioasid.memory.BitField.bit;
import static dev.ioasid.memory.BitField.bits;

import dev.ioasid.memory.BitField;

/** Invalidation queue address register. VT-d 5.10, section 11.4.8.3. */
final class Iqa {
    // spotless:off  columns are the point
    static final BitField QS  = bits( 2,  0, "QS",  "the queue has 2^QS pages");
    static final BitField DW  = bit (    11, "DW",  "descriptors have 256 bits, not 128");
    static final BitField IQA = bits(63, 12, "IQA", "where the queue is");
    // spotless:on

    private Iqa() {}
}
