package dev.ioasid.iommu;

import dev.ioasid.memory.AddressRange;
import dev.ioasid.memory.FrameAllocator;
import dev.ioasid.memory.PhysicalMemory;
import dev.ioasid.memory.Readers;

/**
 * A driver's hand on memory: structures of several words that the hardware may read at any moment are written so that it
 * sees the old or the new one, and never half of each.
 *
 * <p>Not safe for several threads that write the same structure: a driver calls under its lock.
 */
public class DriverMemory {
    private static final long PAGE_SIZE = PhysicalMemory.PAGE_SIZE;

    private final PhysicalMemory memory;
    private final FrameAllocator frames;
    private final Readers readers;

    public DriverMemory(PhysicalMemory memory, FrameAllocator frames, Readers readers) {
        this.memory = memory;
        this.frames = frames;
        this.readers = readers;
    }

    /** The one place where a driver writes: between any two calls the hardware may read everything. */
    public void store(long address, long word) {
        memory.release(address, word);
    }

    /** Returns when nobody can be reading what was unlinked before. */
    public void await() {
        readers.await();
    }

    /** Zero memory in one piece. ENOMEM. */
    public long allocate(long bytes) {
        return allocate(bytes, PAGE_SIZE);
    }

    /**
     * Zero memory in one piece. ENOMEM.
     *
     * @param alignment a power of two, from 4 KiB
     */
    public long allocate(long bytes, long alignment) {
        long rounded = wholePages(bytes);
        long address = frames.allocate(rounded, alignment);
        memory.commit(AddressRange.of(address, rounded));
        return address;
    }

    /** A zero page that is the last of memory if it can be had; committed when it is written. ENOMEM. */
    public long allocateLast() {
        return frames.allocateLast();
    }

    public void free(long address, long bytes) {
        frames.free(address, wholePages(bytes));
    }

    private static long wholePages(long bytes) {
        return bytes + PAGE_SIZE - 1 & -PAGE_SIZE;
    }

    public long word(long address) {
        return memory.acquire(address);
    }

    /** A single word, after all that was written before. */
    public void publish(long address, long word) {
        store(address, word);
    }

    /** Fills a structure that is not present: the word with its present bit comes last. */
    public void fill(long address, long[] words) {
        for (int i = words.length - 1; i >= 0; i--) {
            store(address + (long) i * Long.BYTES, words[i]);
        }
    }

    /** Empties a structure: first it is not present, and what is left of it goes when nobody can be reading it. */
    public void empty(long address, int words) {
        store(address, 0);
        await();
        for (int i = 1; i < words; i++) {
            store(address + (long) i * Long.BYTES, 0);
        }
    }

    /** Fills memory that nobody reads yet with what stands elsewhere. */
    public void copy(long from, long to, long bytes) {
        for (long offset = 0; offset < bytes; offset += Long.BYTES) {
            store(to + offset, memory.acquire(from + offset));
        }
    }

    /**
     * Replaces a present structure of several words in a table of one page: in a copy of the table, to which one word then
     * points instead. ENOMEM; then nothing has changed.
     *
     * @param link where the word is that points to the table
     * @return where the table is now
     */
    public long replace(long link, long table, long address, long[] words) {
        long copy = allocate(PAGE_SIZE);
        copy(table, copy, PAGE_SIZE);
        fill(copy + (address - table), words);
        store(link, memory.acquire(link) - table + copy);
        await();
        free(table, PAGE_SIZE);
        return copy;
    }
}
