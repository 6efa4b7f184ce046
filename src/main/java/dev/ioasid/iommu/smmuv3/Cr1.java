package dev.ioasid.iommu.smmuv3;

import static dev.ioasid.memory.BitField.bits;

import dev.ioasid.memory.BitField;
import dev.ioasid.memory.BitLayout;

/** SMMU_CR1: how the unit itself accesses tables and queues. IHI 0070, section 6.3.11. */
final class Cr1 {
    /** Cacheability: write-back. */
    static final int WRITE_BACK = 1;
    /** Shareability: inner. */
    static final int INNER = 3;

    // spotless:off  columns are the point
    static final BitField QUEUE_IC = bits( 1,  0, "QUEUE_IC", "queues, inner: 0 non-cacheable, 1 write-back, 2 write-through");
    static final BitField QUEUE_OC = bits( 3,  2, "QUEUE_OC", "queues, outer");
    static final BitField QUEUE_SH = bits( 5,  4, "QUEUE_SH", "queues: 0 non-shareable, 2 outer, 3 inner");
    static final BitField TABLE_IC = bits( 7,  6, "TABLE_IC", "Stream table, inner");
    static final BitField TABLE_OC = bits( 9,  8, "TABLE_OC", "Stream table, outer");
    static final BitField TABLE_SH = bits(11, 10, "TABLE_SH", "Stream table");
    // spotless:on
    static final BitLayout LAYOUT =
            BitLayout.layout("CR1", "6.3.11", 1, QUEUE_IC, QUEUE_OC, QUEUE_SH, TABLE_IC, TABLE_OC, TABLE_SH);

    private Cr1() {}
}
