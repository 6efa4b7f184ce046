package dev.ioasid.iommu.smmuv3;

import dev.ioasid.iommu.Disturbances;
import dev.ioasid.iommu.UnitWrites;

/**
 * The PRI queue: a ring in memory, which the unit fills with page requests up to PRIQ_PROD and software empties from PRIQ_CONS on. Unlike
 * the Event queue it takes nothing while an overflow has not been acknowledged. IHI 0070, sections 3.5, 8.1 and 8.2.
 *
 * <p>Any thread may call; the method is one step of the hardware under the lock of the queue's {@link OutputQueue}, inside which those of
 * {@link GlobalErrors} and {@link Msi} are taken.
 */
final class PriQueue {
    /** What became of a request. */
    enum Outcome {
        WRITTEN,
        /** The queue was off, or a write to it has been aborted, this one maybe. */
        CLOSED,
        /** There was no room, or an overflow has not been acknowledged. */
        OVERFLOWED
    }

    /** In {@code _IRQ_CFG2}, LO: what interrupts is a request that is the last of its group, and not the first in the queue. */
    static final long LAST_ONLY = 1L << 31;

    private final OutputQueue queue;
    private final UnitWrites writes;
    private final GlobalErrors errors;
    private final Msi interrupt;
    private volatile Disturbances disturbances = Disturbances.NONE;

    /** @param queue its registers, with entries of {@link PriEntry#SIZE} */
    PriQueue(OutputQueue queue, UnitWrites writes, GlobalErrors errors, Msi interrupt) {
        this.queue = queue;
        this.writes = writes;
        this.errors = errors;
        this.interrupt = interrupt;
    }

    /** Writes a request, if it can be. */
    Outcome write(PriEntry entry) {
        synchronized (queue) {
            if (!queue.isEnabled() || errors.isActive(Gerror.PRIQ_ABT_ERR)) {
                return Outcome.CLOSED;
            }
            boolean lastOnly = (interrupt.attributes() & LAST_ONLY) != 0;
            if (queue.overflowed() || queue.isFull() || disturbances.fillsPageRequests()) {
                queue.overflow();
                interrupt(lastOnly && entry.isLast());
                return Outcome.OVERFLOWED;
            }
            boolean wasEmpty = queue.isEmpty();
            if (!writes.record(queue.next(), entry.word0(), entry.word1())) {
                errors.raise(Gerror.PRIQ_ABT_ERR);
                return Outcome.CLOSED;
            }
            queue.advance();
            interrupt(lastOnly ? entry.isLast() : wasEmpty);
            return Outcome.WRITTEN;
        }
    }

    /** Whether OVFLG has not been acknowledged. */
    boolean overflowed() {
        synchronized (queue) {
            return queue.overflowed();
        }
    }

    /** See {@link Disturbances#fillsPageRequests}. */
    void disturb(Disturbances by) {
        disturbances = by;
    }

    private void interrupt(boolean due) {
        if (due && !interrupt.send()) {
            errors.raise(Gerror.MSI_PRIQ_ABT_ERR);
        }
    }
}
