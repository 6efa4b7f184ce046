package dev.ioasid.memory;

import java.util.concurrent.atomic.AtomicLong;

/**
 * A counter for each frame of a memory; only counters that were used cost anything. Any thread may call.
 *
 * <p>Neighbouring frames often belong to different threads, so their counters lie far apart: no two of 32 neighbours share a
 * cache line.
 */
public final class FrameCounters implements AutoCloseable {
    private static final int SPREAD = 32;

    private final Reservation counters;
    private final int strideShift;
    private final AtomicLong owners = new AtomicLong();

    public FrameCounters(PhysicalMemory memory) {
        long frames = (memory.size() >>> PhysicalMemory.PAGE_SHIFT) + SPREAD;
        this.strideShift = Long.SIZE - Long.numberOfLeadingZeros((frames / SPREAD + 1) * Long.BYTES);
        this.counters = Reservation.of((long) SPREAD << strideShift);
    }

    /** A number from 1 on that no one else gets. */
    public long newOwner() {
        return owners.incrementAndGet();
    }

    /** The counter of the frame at {@code address}. */
    public long get(long address) {
        return counters.word(place(address));
    }

    public void set(long address, long value) {
        counters.setWord(place(address), value);
    }

    /** Changes a counter; returns the new value. */
    public long add(long address, long change) {
        return counters.addWord(place(address), change) + change;
    }

    private long place(long address) {
        long frame = address >>> PhysicalMemory.PAGE_SHIFT;
        return ((frame & SPREAD - 1) << strideShift) + (frame >>> 5) * Long.BYTES;
    }

    @Override
    public void close() {
        counters.close();
    }
}
