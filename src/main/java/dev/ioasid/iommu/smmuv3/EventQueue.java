package dev.ioasid.iommu.smmuv3;

import dev.ioasid.iommu.FaultRecord;
import dev.ioasid.iommu.Rid;
import dev.ioasid.memory.PhysicalMemory;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;

/**
 * The Event queue: a ring in memory, which the unit fills up to EVENTQ_PROD and software empties from EVENTQ_CONS on. IHI 0070, sections
 * 3.5, 7.2 and 7.4.
 *
 * <p>Any thread may call; each method is one step of the hardware under the queue's own lock, inside which those of {@link GlobalErrors} and
 * {@link Msi} are taken. Where the two positions cannot be those of a queue, it counts as full.
 */
final class EventQueue {
    /** What became of a record. */
    enum Outcome {
        WRITTEN,
        /** There was no room, or the queue was off: it is lost. */
        DROPPED,
        /** The same, but it is that of a stalled transaction, which has to wait until the queue can be written. */
        PENDING
    }

    static final int SIZE = EventFields.WORDS * Long.BYTES;

    private static final long POSITION = 0xf_ffff;
    /** OVFLG in EVENTQ_PROD, OVACKFLG in EVENTQ_CONS. */
    private static final long OVERFLOW = 1L << 31;

    private final PhysicalMemory memory;
    private final int largest;
    private final UnitWrites writes;
    private final GlobalErrors errors;
    private final Msi interrupt;
    private boolean enabled;
    private long base;
    private long producer;
    private long consumer;

    EventQueue(
            PhysicalMemory memory,
            SmmuCapabilities capabilities,
            UnitWrites writes,
            GlobalErrors errors,
            Msi interrupt) {
        this.memory = memory;
        this.largest = capabilities.eventQueueBits();
        this.writes = writes;
        this.errors = errors;
        this.interrupt = interrupt;
    }

    /**
     * Writes a record, if it can be.
     *
     * @param words four
     * @param stall its transaction is stalled: the record is never dropped, and never makes the queue overflow
     */
    synchronized Outcome write(long[] words, boolean stall) {
        var ring = ring();
        if (!isWritable()) {
            boolean full = enabled && !errors.isActive(Gerror.EVENTQ_ABT_ERR);
            if (full && !stall && !overflowed()) {
                producer ^= OVERFLOW;
            }
            return stall ? Outcome.PENDING : Outcome.DROPPED;
        }
        int position = ring.position(producer);
        if (!writes.record(QueueBase.entry(base, ring, position, SIZE), words)) {
            errors.raise(Gerror.EVENTQ_ABT_ERR);
            return stall ? Outcome.PENDING : Outcome.DROPPED;
        }
        boolean wasEmpty = ring.isEmpty(position, ring.position(consumer));
        producer = producer & OVERFLOW | ring.next(position);
        if (wasEmpty && !interrupt.send()) {
            errors.raise(Gerror.MSI_EVENTQ_ABT_ERR);
        }
        return Outcome.WRITTEN;
    }

    /** Whether a record can be written: the queue is on, not full, and no write to it has been aborted since that was acknowledged. */
    synchronized boolean isWritable() {
        var ring = ring();
        return enabled
                && !errors.isActive(Gerror.EVENTQ_ABT_ERR)
                && !ring.isFull(ring.position(producer), ring.position(consumer));
    }

    private QueueRing ring() {
        return QueueBase.ring(base, largest);
    }

    // ---- what software sees of it

    /** The records that software has not consumed, as they lie in memory now, oldest first. */
    synchronized List<FaultRecord> faults(IntFunction<Rid> requester) {
        var ring = ring();
        int end = ring.position(producer);
        int position = ring.position(consumer);
        var faults = new ArrayList<FaultRecord>();
        if (!ring.isConsistent(end, position)) {
            return faults;
        }
        for (; position != end; position = ring.next(position)) {
            long at = QueueBase.entry(base, ring, position, SIZE);
            if (memory.backs(at)) {
                faults.add(RecordedEvent.of(
                                memory.acquire(at),
                                memory.acquire(at + 8),
                                memory.acquire(at + 16),
                                memory.acquire(at + 24))
                        .faultRecord(requester));
            }
        }
        return faults;
    }

    /** Whether a record was lost because the queue was full, and software has not acknowledged that. */
    synchronized boolean overflowed() {
        return ((producer ^ consumer) & OVERFLOW) != 0;
    }

    /** Consumes every record and acknowledges an overflow, as software does. */
    synchronized void clear() {
        consumer = producer;
    }

    // ---- its registers

    /** Follows CR0.EVENTQEN. */
    synchronized void setEnabled(boolean on) {
        enabled = on;
    }

    /** EVENTQ_BASE. */
    synchronized long base() {
        return base;
    }

    /** Writes EVENTQ_BASE; nothing while the queue is on. */
    synchronized void writeBase(long value) {
        if (!enabled) {
            base = value & ~QueueBase.LAYOUT.reserved(0);
        }
    }

    /** EVENTQ_PROD: OVFLG and WR. */
    synchronized long producer() {
        return producer & OVERFLOW | ring().position(producer);
    }

    /** Writes EVENTQ_PROD; nothing while the queue is on. */
    synchronized void writeProducer(long value) {
        if (!enabled) {
            producer = value & (OVERFLOW | POSITION);
        }
    }

    /** EVENTQ_CONS: OVACKFLG and RD. */
    synchronized long consumer() {
        return consumer & OVERFLOW | ring().position(consumer);
    }

    /** Writes EVENTQ_CONS. */
    synchronized void writeConsumer(long value) {
        consumer = value & (OVERFLOW | POSITION);
    }
}
