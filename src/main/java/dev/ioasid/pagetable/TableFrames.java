package dev.ioasid.pagetable;

import dev.ioasid.memory.AddressRange;
import dev.ioasid.memory.FrameAllocator;
import dev.ioasid.memory.FrameCounters;
import dev.ioasid.memory.PhysicalMemory;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The frames that hold the tables of one {@link IoPageTable}. For each table there is a word outside the simulated memory, that of its
 * first frame:
 *
 * <pre>
 * 63:24 whose table it is   23:20 its level   19:0 how many of its entries are in use
 * </pre>
 *
 * <p>Whoever may write physical memory may overwrite a table. So a link is followed only to a frame whose word says that it is a
 * table of ours, of the level expected: whatever stands in memory, nobody else's frame is changed or given back.
 */
final class TableFrames {
    private static final int LEVEL_SHIFT = 20;
    private static final int OWNER_SHIFT = 24;
    private static final long USED = (1L << LEVEL_SHIFT) - 1;

    private final FrameAllocator frames;
    private final FrameCounters words;
    private final PhysicalMemory memory;
    private final long owner;
    private final Geometry geometry;
    private final long tableBytes;
    private final long rootBytes;
    private final AtomicLong bytes = new AtomicLong();

    TableFrames(PhysicalMemory memory, FrameAllocator frames, FrameCounters words, Geometry geometry) {
        this.geometry = geometry;
        this.tableBytes = geometry.levels() == 1 ? geometry.tableBytes(1) : 1L << geometry.granuleShift();
        this.rootBytes = geometry.tableBytes(geometry.levels());
        this.frames = frames;
        this.words = words;
        this.memory = memory;
        this.owner = words.newOwner() << OWNER_SHIFT;
    }

    /** Frames for so many tables. ENOMEM; then none was taken. */
    long[] reserve(int tables) {
        return frames.allocate(tables, tableBytes);
    }

    /** A frame for a table of {@code level}. ENOMEM. */
    long allocate(int level) {
        long size = geometry.tableBytes(level);
        long frame = frames.allocate(size, size);
        memory.commit(AddressRange.of(frame, size));
        adopt(frame, level);
        return frame;
    }

    /** A frame for a table below the root, to be filled and then made one by {@link #setUsed}; -1 if there is none. */
    long tryAllocate() {
        long frame = frames.tryAllocate(tableBytes, tableBytes);
        if (frame >= 0) {
            memory.commit(AddressRange.of(frame, tableBytes));
            bytes.getAndAdd(tableBytes);
        }
        return frame;
    }

    /** Makes a frame a table of ours, without entries. */
    void adopt(long frame, int level) {
        words.set(frame, owner | (long) level << LEVEL_SHIFT);
        bytes.getAndAdd(geometry.tableBytes(level));
    }

    /** Makes a table a mere frame again, which nobody follows a link to. It still has to be given back. */
    void disown(long table, int level) {
        words.set(table, 0);
        bytes.getAndAdd(-geometry.tableBytes(level));
    }

    /** Gives back a frame of a table below the root that is zero and that nobody can be in. */
    void giveBack(long frame) {
        frames.freeZeroed(frame, tableBytes);
    }

    /** Gives back a frame that nobody can be in, whatever is in it. */
    void discard(long frame, int level) {
        frames.free(frame, geometry.tableBytes(level));
    }

    /** Where the table of {@code level} begins that {@code address} would lie in. */
    private long table(long address, int level) {
        return address & -(level == geometry.levels() ? rootBytes : tableBytes);
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
        long used = words.get(table(address, level)) ^ (owner | (long) level << LEVEL_SHIFT);
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
     * Changes the number of entries in use of the table of {@code level} that {@code address} lies in; returns the new one. It is never
     * below 0, whoever has written entries that no map made.
     */
    long use(long address, int level, long change) {
        long table = table(address, level);
        return words.add(table, Math.max(change, -used(table))) & USED;
    }

    /** Memory that the tables take. */
    long bytes() {
        return bytes.get();
    }
}
