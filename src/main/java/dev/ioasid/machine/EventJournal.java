package dev.ioasid.machine;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The latest events of a machine, numbered from 1 without a gap.
 *
 * <p><b>Who may call.</b> One thread at a time appends: the one that holds the machine's lock. Any thread may read, whatever lock it holds. Reading
 * takes no lock, so no reader keeps anybody waiting; one that is too slow is told how many events it has missed.
 *
 * <p><b>Bounds.</b> {@value #MOST_EVENTS} events and {@value #MOST_BYTES} bytes, as events weigh; the oldest have to go. The newest stays, whatever it
 * weighs.
 *
 * <p><b>What a reader relies on.</b> An event is in its slot before {@code last} says so, and {@code first} says that it is going before its slot is
 * emptied. So a slot below {@code last} that is found without its event was given up, and {@code first}, read after that, is beyond it.
 */
public final class EventJournal {
    static final int MOST_EVENTS = 1 << 16;
    static final long MOST_BYTES = 16L << 20;
    private static final int FEWEST_SLOTS = 64;

    /** An event and its number. */
    public record Entry(long id, MachineEvent event) {}

    /**
     * What was read.
     *
     * @param missed events that were asked for and are gone; those that follow come after them
     * @param next number of the event after the last of these
     */
    public record Batch(long missed, List<Entry> entries, long next) {}

    private final int mostEvents;
    private final long mostBytes;
    /** Event n is in slot n modulo the length, a power of two. Whoever holds an array that has been replaced finds in it what was there. */
    private volatile AtomicReferenceArray<Entry> slots = new AtomicReferenceArray<>(FEWEST_SLOTS);

    private volatile long first = 1;
    private volatile long last;
    private volatile boolean closed;
    /** Guarded by the machine's lock. */
    private long bytes;

    private final AtomicInteger waiting = new AtomicInteger();
    private final ReentrantLock arrivals = new ReentrantLock();
    private final Condition arrived = arrivals.newCondition();

    EventJournal() {
        this(MOST_EVENTS, MOST_BYTES);
    }

    /** @param mostEvents a power of two, at least {@value #FEWEST_SLOTS} */
    EventJournal(int mostEvents, long mostBytes) {
        this.mostEvents = mostEvents;
        this.mostBytes = mostBytes;
    }

    void append(MachineEvent event) {
        long id = last + 1;
        bytes += event.weight();
        while (id - first == mostEvents || bytes > mostBytes && first < id) {
            giveUpFirst();
        }
        if (id - first == slots.length()) {
            grow(id);
        }
        slots.setRelease(slot(slots, id), new Entry(id, event));
        last = id;
    }

    private void giveUpFirst() {
        long id = first;
        first = id + 1;
        int slot = slot(slots, id);
        bytes -= slots.getPlain(slot).event().weight();
        slots.setRelease(slot, null);
    }

    private void grow(long end) {
        var before = slots;
        var larger = new AtomicReferenceArray<Entry>(2 * before.length());
        for (long id = first; id < end; id++) {
            larger.setPlain(slot(larger, id), before.getPlain(slot(before, id)));
        }
        slots = larger;
    }

    private static int slot(AtomicReferenceArray<Entry> slots, long id) {
        return (int) id & slots.length() - 1;
    }

    /** Nothing will be appended any more. */
    void close() {
        closed = true;
    }

    /** Wakes those who wait for what was appended. Costs one read while nobody does. */
    void wake() {
        if (waiting.get() > 0) {
            arrivals.lock();
            try {
                arrived.signalAll();
            } finally {
                arrivals.unlock();
            }
        }
    }

    /** The number of the newest event; 0 before there is one. */
    public long last() {
        return last;
    }

    /** Whether there is no event {@code id}, and will be none. */
    public boolean endsBefore(long id) {
        return closed && last < id; // in this order: what is closed has its last event
    }

    /** At most {@code most} events from {@code from} on, at once. */
    public Batch read(long from, int most) {
        long end = last;
        var held = slots; // after last: it has all up to there that was not given up
        var entries = new ArrayList<Entry>((int) Math.clamp(end - from + 1, 0, most));
        long at = from;
        long missed = 0;
        while (at <= end && entries.size() < most) {
            var entry = held.getAcquire(slot(held, at));
            if (entry != null && entry.id() == at) {
                entries.add(entry);
                at++;
            } else if (entries.isEmpty()) {
                at = oldestBeyond(at);
                missed = at - from;
            } else {
                break; // the next read says so
            }
        }
        return new Batch(missed, entries, at);
    }

    private long oldestBeyond(long gone) {
        long oldest = first;
        if (oldest <= gone) {
            throw new IllegalStateException("event %d is kept, and not in its slot".formatted(gone));
        }
        return oldest;
    }

    /** Waits until there is an event {@code id}, or will be none, or for that long. */
    public void await(long id, long nanos) throws InterruptedException {
        waiting.incrementAndGet(); // before looking: whoever appends after that sees it
        arrivals.lock();
        try {
            long left = nanos;
            while (last < id && !closed && left > 0) {
                left = arrived.awaitNanos(left);
            }
        } finally {
            arrivals.unlock();
            waiting.decrementAndGet();
        }
    }
}
