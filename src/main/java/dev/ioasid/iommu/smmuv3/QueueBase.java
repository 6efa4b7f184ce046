package dev.ioasid.iommu.smmuv3;

import static dev.ioasid.memory.BitField.bit;
import static dev.ioasid.memory.BitField.bits;

import dev.ioasid.memory.BitField;
import dev.ioasid.memory.BitLayout;

/** SMMU_CMDQ_BASE, SMMU_EVENTQ_BASE and SMMU_PRIQ_BASE. IHI 0070, sections 6.3.26, 6.3.29 and 6.3.33. */
final class QueueBase {
    // spotless:off  columns are the point
    static final BitField LOG2SIZE = bits( 4,  0, "LOG2SIZE", "2^LOG2SIZE entries, up to what IDR1 says");
    static final BitField ADDR     = bits(51,  5, "ADDR",     "where the queue is; aligned to its size");
    static final BitField ALLOCATE = bit (    62, "RA/WA",    "hint: allocate on reads or writes");
    // spotless:on
    static final BitLayout LAYOUT = BitLayout.layout("queue base", "6.3.26", 1, LOG2SIZE, ADDR, ALLOCATE);

    private QueueBase() {}

    /** @param largest log2 of the entries that the unit can have */
    static QueueRing ring(long base, int largest) {
        return new QueueRing((int) Math.min(LOG2SIZE.get(base), largest));
    }

    /**
     * Where an entry is.
     *
     * @param size bytes of an entry
     */
    static long entry(long base, QueueRing ring, int position, int size) {
        long bytes = (long) size << ring.bits(); // however few, ADDR begins at a multiple of 32
        return (ADDR.address(base) & -bytes) + (long) ring.index(position) * size;
    }
}
