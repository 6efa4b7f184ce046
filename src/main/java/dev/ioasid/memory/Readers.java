package dev.ioasid.memory;

import java.lang.invoke.VarHandle;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Who is reading a memory's tables at this moment, so that a table's frame is used again only when nobody can still be in it.
 *
 * <p><b>Who may call.</b> Any thread. {@link #enter} and {@link #exit} never wait. {@link #await} waits for every reader that
 * entered before it was called, and for none that entered after.
 *
 * <p><b>Why it is right.</b> A reader counts itself in, in the current phase, before it reads anything; who has unlinked a table
 * looks at the counts afterwards. A full fence on either side between the two makes sure that the reader does not find the
 * table, or that it is found counted in. Who waits turns the phase, so that new readers are counted elsewhere, and
 * waits until the counts of the old one are zero. A reader that is missed, because it read the phase before the turn and counted itself in
 * after the look, began to read after the unlinking and cannot find the table; it still stands in the old phase, which is
 * why {@link #await} turns the phase twice and waits for both: the next one to wait will not miss it.
 *
 * <p><b>Price.</b> Two atomic additions per stay, on a cache line that a thread rarely shares. A stay should be a batch.
 */
public final class Readers {
    /** Longs from one counter to the next: two cache lines, since processors fetch lines in pairs. */
    private static final int STRIDE = 16;

    private final int slots;
    private final AtomicLongArray counts;
    private final ReentrantLock waiting = new ReentrantLock();
    private volatile int phase;

    public Readers() {
        int processors = Runtime.getRuntime().availableProcessors();
        this.slots = Integer.highestOneBit(Math.max(1, processors - 1)) << 1;
        this.counts = new AtomicLongArray((2 * slots + 2) * STRIDE);
    }

    /** Begins a stay; returns what {@link #exit} wants to have. */
    public int enter() {
        int place = place(phase, (int) Thread.currentThread().threadId() & slots - 1);
        counts.getAndIncrement(place);
        VarHandle.fullFence();
        return place;
    }

    /** Ends the stay that {@link #enter} answered {@code place} for. */
    public void exit(int place) {
        counts.getAndDecrement(place);
    }

    /** Returns when every stay that had begun before this call has ended. The caller must not be in one. */
    public void await() {
        VarHandle.fullFence();
        if (nobodyIsIn()) {
            return;
        }
        waiting.lock();
        try {
            turn();
            turn();
        } finally {
            waiting.unlock();
        }
    }

    /** Each count is looked at once: who was in then is found in his own, since he stays in the place where he entered. */
    private boolean nobodyIsIn() {
        for (int at = STRIDE; at < counts.length(); at += STRIDE) {
            if (counts.get(at) != 0) {
                return false;
            }
        }
        return true;
    }

    @SuppressWarnings("NonAtomicVolatileUpdate") // only under the lock
    private void turn() {
        int old = phase;
        phase = old ^ 1;
        for (int slot = 0; slot < slots; slot++) {
            for (int spins = 0; counts.get(place(old, slot)) != 0; spins++) {
                if (spins < 1000) {
                    Thread.onSpinWait();
                } else {
                    Thread.yield();
                }
            }
        }
    }

    private int place(int phase, int slot) {
        return (phase * slots + slot + 1) * STRIDE;
    }
}
