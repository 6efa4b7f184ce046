package dev.ioasid.iommu.smmuv3;

import dev.ioasid.iommu.DriverMemory;
import dev.ioasid.iommu.DriverRegisters;
import dev.ioasid.iommu.PageRequest;
import dev.ioasid.iommu.Rid;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;

/**
 * The driver's end of the PRI queue: makes a ring, turns the queue on, and takes out what stands in it. IHI 0070, section 8.1.1.
 *
 * <p>Not safe for several threads: {@link SmmuDriver} calls under its lock.
 */
final class PriReader {
    private static final long OVERFLOW = 1L << 31;

    private final DriverRegisters registers;
    private final DriverMemory memory;
    private final DriverQueue queue;

    /** Turns the queue on, which is off. ENOMEM. */
    PriReader(DriverRegisters registers, DriverMemory memory, int largest) {
        this.registers = registers;
        this.memory = memory;
        this.queue = new DriverQueue("PRIQ", PriEntry.SIZE, largest, registers, memory);
        queue.install();
        registers.set("IRQ_CTRL", IrqCtrl.PRIQ_IRQEN);
        registers.set("CR0", Cr0.PRIQEN);
    }

    /**
     * Takes everything out, oldest first, and acknowledges an overflow with the same write. Of groups that an overflow has cut off nothing is
     * left: the unit has answered them.
     */
    List<PageRequest> take(IntFunction<Rid> requester) {
        long producer = queue.producer();
        long consumer = queue.consumer();
        var shape = queue.shape();
        int end = shape.position(producer);
        var taken = new ArrayList<PageRequest>();
        for (int position = shape.position(consumer); position != end; position = shape.next(position)) {
            long at = queue.entry(position);
            taken.add(new PriEntry(memory.word(at), memory.word(at + Long.BYTES)).request(requester));
        }
        queue.writeConsumer(producer);
        boolean overflowed = ((producer ^ consumer) & OVERFLOW) != 0;
        return overflowed ? PageRequest.ofWholeGroups(taken) : List.copyOf(taken);
    }

    /** Turns the queue off and gives back the ring. */
    void close() {
        registers.clear("CR0", Cr0.PRIQEN);
        registers.clear("IRQ_CTRL", IrqCtrl.PRIQ_IRQEN);
        queue.close();
    }
}
