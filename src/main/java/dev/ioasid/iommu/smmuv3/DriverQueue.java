package dev.ioasid.iommu.smmuv3;

import dev.ioasid.iommu.DriverMemory;
import dev.ioasid.iommu.DriverRegisters;

/**
 * A queue from the driver's side: the ring in memory, and the unit's registers {@code _BASE}, {@code _PROD} and {@code _CONS}. IHI 0070,
 * section 3.5.1.
 *
 * <p>Not safe for several threads: {@link SmmuDriver} calls under its lock.
 */
final class DriverQueue {
    /** log2 of the entries that a ring gets, if the unit can have so many. */
    private static final int USUAL = 8;

    private static final long PAGE_SIZE = 1 << 12;

    private final DriverRegisters registers;
    private final DriverMemory memory;
    private final String name;
    private final int size;
    private final QueueRing shape;
    private final long ring;

    /**
     * Makes a ring, of which the unit knows nothing yet. ENOMEM.
     *
     * @param name with which those of its registers begin: {@code CMDQ}
     * @param size bytes of an entry
     * @param largest log2 of the entries that the unit can have
     */
    DriverQueue(String name, int size, int largest, DriverRegisters registers, DriverMemory memory) {
        this.registers = registers;
        this.memory = memory;
        this.name = name;
        this.size = size;
        this.shape = new QueueRing(Math.min(largest, USUAL));
        this.ring = memory.allocate(bytes(), Math.max(bytes(), PAGE_SIZE));
    }

    /** Tells the unit where the ring is, and that it is empty. The unit has the queue off. */
    void install() {
        registers.write(
                name + "_BASE",
                QueueBase.ADDR.address(ring) | QueueBase.LOG2SIZE.of(shape.bits()) | QueueBase.ALLOCATE.of(1));
        writeProducer(0);
        writeConsumer(0);
    }

    private long bytes() {
        return (long) size << shape.bits();
    }

    /** How positions in it go. */
    QueueRing shape() {
        return shape;
    }

    /** Where the entry at a position is. */
    long entry(int position) {
        return ring + (long) shape.index(position) * size;
    }

    /** The register as it is, with whatever else stands in it. */
    long producer() {
        return registers.read(name + "_PROD");
    }

    void writeProducer(long value) {
        registers.write(name + "_PROD", value);
    }

    /** The register as it is, with whatever else stands in it. */
    long consumer() {
        return registers.read(name + "_CONS");
    }

    void writeConsumer(long value) {
        registers.write(name + "_CONS", value);
    }

    /** Gives back the ring. The queue is off. */
    void close() {
        memory.free(ring, bytes());
    }
}
