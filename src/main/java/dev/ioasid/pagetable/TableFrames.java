package dev.ioasid.pagetable;

import dev.ioasid.memory.AddressRange;
import dev.ioasid.memory.FrameAllocator;
import dev.ioasid.memory.FrameCounters;
import dev.ioasid.memory.PhysicalMemory;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The frames that hold the tables of one {@link IoPageTable}. For each there is a word outside the simulated memory:
 *
 * <pre>
 * 63:16 whose table it is   15:12 its level   11:0 how many of its entries are in use
 * </pre>
 *
 * <p>Whoever may write physical memory may overwrite a table. So a link is followed only to a frame whose word says that it is a
 * table of ours, of the level expected: whatever stands in memory, nobody else's frame is changed or given back.
 */
final class TableFrames {
    private static final int LEVEL_SHIFT = 12;
    private static final int OWNER_SHIFT = 16;
    private static final long USED = (1L << LEVEL_SHIFT) - 1;

    private final FrameAllocator frames;
    private final FrameCounters words;
    private final PhysicalMemory memory;
    private final long owner;
    private final AtomicLong count = new AtomicLong();

    TableFrames(PhysicalMemory memory, FrameAllocator frames, FrameCounters words) {
        this.frames = frames;
        this.words = words;
        this.memory = memory;
        this.owner = words.newOwner() << OWNER_SHIFT;
    }

    /** Frames for so many tables. ENOMEM; then none was taken. */
    long[] reserve(int tables) {
        return frames.allocate(tables);
    }

    /** A frame for a table of {@code level}. ENOMEM. */
    long allocate(int level) {
        long frame = frames.allocate();
        adopt(frame, level);
        return frame;
    }

    /** A frame for a table, to be filled and then made one by {@link #setUsed}; -1 if there is none. */
    long tryAllocate() {
        long frame = frames.tryAllocate(PhysicalMemory.PAGE_SIZE, PhysicalMemory.PAGE_SIZE);
        if (frame >= 0) {
            memory.commit(AddressRange.of(frame, PhysicalMemory.PAGE_SIZE));
            count.getAndIncrement();
        }
        return frame;
    }

    /** Makes a frame a table of ours, without entries. */
    void adopt(long frame, int level) {
        words.set(frame, owner | (long) level << LEVEL_SHIFT);
        count.getAndIncrement();
    }

    /** Makes a table a mere frame again, which nobody follows a link to. It still has to be given back. */
    void disown(long table) {
        words.set(table, 0);
        count.getAndDecrement();
    }

    /** Gives back a frame that is zero and that nobody can be in. */
    void giveBack(long frame) {
        frames.freeZeroed(frame);
    }

    /** Gives back a frame that nobody can be in, whatever is in it. */
    void discard(long frame) {
        frames.free(frame, PhysicalMemory.PAGE_SIZE);
    }

    /** Whether {@code address} lies in a table of ours of {@code level}. */
    boolean isTable(long address, int level) {
        return usedIn(address, level) >= 0;
    }

    /** How many entries are in use of the table of {@code level} that {@code address} lies in; -1 if that is none of ours. */
    long usedIn(long address, int level) {
        if (Long.compareUnsigned(address, memory.size()) >= 0) {
            return -1;
        }
        long used = words.get(address) ^ (owner | (long) level << LEVEL_SHIFT);
        return used >>> LEVEL_SHIFT == 0 ? used : -1;
    }

    /** Makes a frame a table of {@code level} with so many entries in use, or says it of one whose entries nobody else changes. */
    void setUsed(long table, int level, long used) {
        words.set(table, owner | (long) level << LEVEL_SHIFT | used);
    }

    /** How many entries of a table of ours are in use. */
    long used(long table) {
        return words.get(table) & USED;
    }

    /**
     * Changes the number of entries in use of the table that {@code address} lies in; returns the new one. It is never below 0,
     * whoever has written entries that no map made.
     */
    long use(long address, long change) {
        return words.add(address, Math.max(change, -used(address))) & USED;
    }

    /** How many tables there are. */
    long count() {
        return count.get();
    }
}
