package dev.ioasid.iommu.smmuv3;

import dev.ioasid.iommu.DriverMemory;
import dev.ioasid.iommu.IommuHardware;
import dev.ioasid.iommu.PageRequest;
import dev.ioasid.iommu.Rid;
import dev.ioasid.memory.BitField;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Objects;
import java.util.function.IntFunction;

/**
 * The driver's end of the PRI queue: makes a ring, turns the queue on, and takes out what stands in it. IHI 0070, section 8.1.1.
 *
 * <p>Not safe for several threads: {@link SmmuDriver} calls under its lock.
 */
final class PriReader {
    /** log2 of the entries: a page. */
    private static final int LARGEST = 8;

    private static final long OVERFLOW = 1L << 31;

    private record Group(int streamId, int index) {}

    private final IommuHardware hardware;
    private final DriverMemory memory;
    private final QueueRing shape;
    private final long ring;

    /** Turns the queue on, which is off. ENOMEM. */
    PriReader(IommuHardware hardware, DriverMemory memory, int largest) {
        this.hardware = hardware;
        this.memory = memory;
        this.shape = new QueueRing(Math.min(largest, LARGEST));
        this.ring = memory.allocate(bytes());
        write(
                "PRIQ_BASE",
                QueueBase.ADDR.address(ring) | QueueBase.LOG2SIZE.of(shape.bits()) | QueueBase.ALLOCATE.of(1));
        write("PRIQ_PROD", 0);
        write("PRIQ_CONS", 0);
        turn("IRQ_CTRL", IrqCtrl.PRIQ_IRQEN, true);
        turn("CR0", Cr0.PRIQEN, true);
    }

    private long bytes() {
        return (long) PriEntry.SIZE << shape.bits();
    }

    private void write(String register, long value) {
        var one = new LinkedHashMap<String, Long>();
        one.put(register, value);
        hardware.write(one);
    }

    private long read(String register) {
        return Objects.requireNonNull(hardware.registers().get(register));
    }

    private void turn(String register, BitField field, boolean on) {
        write(register, on ? read(register) | field.mask() : read(register) & ~field.mask());
    }

    /**
     * Takes everything out, oldest first, and acknowledges an overflow with the same write. Of groups that an overflow has cut off nothing is
     * left: the unit has answered them.
     */
    List<PageRequest> take(IntFunction<Rid> requester) {
        long producer = read("PRIQ_PROD");
        long consumer = read("PRIQ_CONS");
        int end = shape.position(producer);
        var taken = new ArrayList<PageRequest>();
        for (int position = shape.position(consumer); position != end; position = shape.next(position)) {
            long at = ring + (long) shape.index(position) * PriEntry.SIZE;
            taken.add(new PriEntry(memory.word(at), memory.word(at + Long.BYTES)).request(requester));
        }
        write("PRIQ_CONS", producer);
        boolean overflowed = ((producer ^ consumer) & OVERFLOW) != 0;
        return overflowed ? whole(taken) : List.copyOf(taken);
    }

    /** The requests of groups whose last is there. */
    private static List<PageRequest> whole(List<PageRequest> requests) {
        var ended = new HashSet<Group>();
        var kept = new ArrayList<PageRequest>();
        for (var request : requests.reversed()) {
            var group = new Group(request.sourceId(), request.group());
            if (request.isStopMarker()) {
                kept.addFirst(request);
            } else if (request.last() || ended.contains(group)) {
                ended.add(group);
                kept.addFirst(request);
            }
        }
        return List.copyOf(kept);
    }

    /** Turns the queue off and gives back the ring. */
    void close() {
        turn("CR0", Cr0.PRIQEN, false);
        turn("IRQ_CTRL", IrqCtrl.PRIQ_IRQEN, false);
        memory.free(ring, bytes());
    }
}
