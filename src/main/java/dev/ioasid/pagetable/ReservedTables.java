package dev.ioasid.pagetable;

import dev.ioasid.memory.FrameAllocator;

/** Frames taken before a map begins to write, so that it cannot run out of them half-way. For one thread. */
final class ReservedTables {
    private final FrameAllocator frames;
    private final long[] tables;
    private int next;

    /** ENOMEM. */
    ReservedTables(FrameAllocator frames, int count) {
        this.frames = frames;
        this.tables = frames.allocate(count);
    }

    long take() {
        return tables[next++];
    }

    /** What was not needed, because another writer had made the table meanwhile. Highest first: the allocator stays as it was. */
    void giveBackRest() {
        for (int i = tables.length; i > next; ) {
            frames.freeZeroed(tables[--i]);
        }
    }
}
