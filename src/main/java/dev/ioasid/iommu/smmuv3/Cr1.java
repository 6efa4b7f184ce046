package dev.ioasid.iommu.smmuv3;

import static dev.ioasid.memory.BitField.bits;

import dev.ioasid.memory.BitField;
import dev.ioasid.memory.BitLayout;

/** SMMU_CR1: memory attributes, which change nothing here. IHI 0070, section 6.3.11. */
final class Cr1 {
    // spotless:off  columns are the point
    static final BitField QUEUE_IC = bits( 1,  0, "QUEUE_IC", "queues, inner cacheability");
    static final BitField QUEUE_OC = bits( 3,  2, "QUEUE_OC", "queues, outer cacheability");
    static final BitField QUEUE_SH = bits( 5,  4, "QUEUE_SH", "queues, shareability");
    static final BitField TABLE_IC = bits( 7,  6, "TABLE_IC", "Stream table, inner cacheability");
    static final BitField TABLE_OC = bits( 9,  8, "TABLE_OC", "Stream table, outer cacheability");
    static final BitField TABLE_SH = bits(11, 10, "TABLE_SH", "Stream table, shareability");
    // spotless:on
    static final BitLayout LAYOUT =
            BitLayout.layout("CR1", "6.3.11", 1, QUEUE_IC, QUEUE_OC, QUEUE_SH, TABLE_IC, TABLE_OC, TABLE_SH);

    private Cr1() {}
}
