package dev.ioasid.iommu.smmuv3;

import dev.ioasid.iommu.Disturbances;
import dev.ioasid.iommu.FaultRecord;
import dev.ioasid.iommu.Rid;
import dev.ioasid.iommu.UnitWrites;
import dev.ioasid.memory.PhysicalMemory;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;

/**
 * The Event queue: a ring in memory, which the unit fills up to EVENTQ_PROD and software empties from EVENTQ_CONS on. IHI 0070, sections
 * 3.5, 7.2 and 7.4.
 *
 * <p>Any thread may call; each method is one step of the hardware under the lock of the queue's {@link OutputQueue}, inside which those of
 * {@link GlobalErrors} and {@link Msi} are taken.
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

    /** Bytes of a record. */
    static final int SIZE = EventFields.WORDS * Long.BYTES;

    private final PhysicalMemory memory;
    private final OutputQueue queue;
    private final UnitWrites writes;
    private final GlobalErrors errors;
    private final Msi interrupt;
    private long dropped; // guarded by the queue's lock
    private volatile Disturbances disturbances = Disturbances.NONE;

    /** @param queue its registers, with entries of {@link #SIZE} */
    EventQueue(PhysicalMemory memory, OutputQueue queue, UnitWrites writes, GlobalErrors errors, Msi interrupt) {
        this.memory = memory;
        this.queue = queue;
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
    Outcome write(long[] words, boolean stall) {
        synchronized (queue) {
            if (isOpen() && !queue.isFull() && (stall || !disturbances.fillsFaults())) {
                boolean wasEmpty = queue.isEmpty();
                if (writes.record(queue.next(), words)) {
                    queue.advance();
                    if (wasEmpty && !interrupt.send()) {
                        errors.raise(Gerror.MSI_EVENTQ_ABT_ERR);
                    }
                    return Outcome.WRITTEN;
                }
                errors.raise(Gerror.EVENTQ_ABT_ERR);
            } else if (isOpen() && !stall) {
                queue.overflow();
            }
            if (stall) {
                return Outcome.PENDING;
            }
            dropped += queue.isEnabled() ? 1 : 0;
            return Outcome.DROPPED;
        }
    }

    /** See {@link Disturbances#fillsFaults}. */
    void disturb(Disturbances by) {
        disturbances = by;
    }

    /** Whether it is on, and no write to it has been aborted since that was acknowledged. */
    private boolean isOpen() {
        return queue.isEnabled() && !errors.isActive(Gerror.EVENTQ_ABT_ERR);
    }

    /** Whether a record can be written: neither off, nor full, nor closed after an aborted write. */
    boolean isWritable() {
        synchronized (queue) {
            return isOpen() && !queue.isFull();
        }
    }

    /** The records that software has not consumed, as they lie in memory now, oldest first. */
    List<FaultRecord> faults(IntFunction<Rid> requester) {
        var faults = new ArrayList<FaultRecord>();
        for (long at : queue.waiting()) {
            if (memory.backs(at)) {
                var words = new long[EventFields.WORDS];
                for (int word = 0; word < words.length; word++) {
                    words[word] = memory.acquire(at + (long) word * Long.BYTES);
                }
                faults.add(RecordedEvent.of(words).faultRecord(requester));
            }
        }
        return faults;
    }

    /** Whether a record was lost because the queue was full, and software has not acknowledged that. */
    boolean overflowed() {
        return queue.overflowed();
    }

    /** Records that are lost though the queue was on, ever: it only grows. */
    long dropped() {
        synchronized (queue) {
            return dropped;
        }
    }

    /** Consumes every record and acknowledges an overflow, as software does. */
    void clear() {
        queue.clear();
    }
}
