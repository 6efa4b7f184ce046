package dev.ioasid.iommu.vtd;

import static dev.ioasid.memory.BitField.bits;

import dev.ioasid.memory.BitField;

/** Page request queue address register. VT-d 5.10, section 11.4.11. */
final class Pqa {
    // spotless:off  columns are the point
    static final BitField PQS = bits( 2,  0, "PQS", "the queue has 2^PQS pages");
    static final BitField PQA = bits(63, 12, "PQA", "where the queue is");
    // spotless:on

    private Pqa() {}
}
