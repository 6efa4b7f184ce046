package dev.ioasid.iommu.vtd;

import dev.ioasid.memory.AddressRange;
import dev.ioasid.memory.FrameAllocator;
import dev.ioasid.memory.PhysicalMemory;
import dev.ioasid.memory.Readers;

/**
 * The driver's hand on memory: structures of several words that the hardware may read at any moment are written so that it
 * sees the old or the new one, and never half of each.
 */
class DriverMemory {
    private static final long PAGE_SIZE = PhysicalMemory.PAGE_SIZE;

    private final PhysicalMemory memory;
    private final FrameAllocator frames;
    private final Readers readers;

    DriverMemory(PhysicalMemory memory, FrameAllocator frames, Readers readers) {
        this.memory = memory;
        this.frames = frames;
        this.readers = readers;
    }

    /** The one place where the driver writes: between any two calls the hardware may read everything. */
    void store(long address, long word) {
        memory.release(address, word);
    }

    /** Returns when nobody can be reading what was unlinked before. */
    void await() {
        readers.await();
    }

    /** Zero memory in one piece. ENOMEM. */
    long allocate(long bytes) {
        long rounded = bytes + PAGE_SIZE - 1 & -PAGE_SIZE;
        long address = frames.allocate(rounded, PAGE_SIZE);
        memory.commit(AddressRange.of(address, rounded));
        return address;
    }

    void free(long address, long bytes) {
        frames.free(address, bytes + PAGE_SIZE - 1 & -PAGE_SIZE);
    }

    long word(long address) {
        return memory.acquire(address);
    }

    /** A single word, after all that was written before. */
    void publish(long address, long word) {
        store(address, word);
    }

    /** Fills a structure that is not present: the word with its present bit comes last. */
    void fill(long address, long[] words) {
        for (int i = words.length - 1; i >= 0; i--) {
            store(address + (long) i * Long.BYTES, words[i]);
        }
    }

    /** Empties a structure: first it is not present, and what is left of it goes when nobody can be reading it. */
    void empty(long address, int words) {
        store(address, 0);
        await();
        for (int i = 1; i < words; i++) {
            store(address + (long) i * Long.BYTES, 0);
        }
    }

    /**
     * Replaces a present structure of several words in a table of one page: in a copy of the table, to which one word then
     * points instead. ENOMEM; then nothing has changed.
     *
     * @param link where the word is that points to the table
     * @return where the table is now
     */
    long replace(long link, long table, long address, long[] words) {
        long copy = allocate(PAGE_SIZE);
        for (long offset = 0; offset < PAGE_SIZE; offset += Long.BYTES) {
            store(copy + offset, memory.acquire(table + offset));
        }
        fill(copy + (address - table), words);
        store(link, memory.acquire(link) - table + copy);
        await();
        free(table, PAGE_SIZE);
        return copy;
    }
}
