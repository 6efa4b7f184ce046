package dev.ioasid.iommu.vtd;

import dev.ioasid.iommu.DriverMemory;
import java.util.HashMap;
import java.util.Map;

/**
 * The root table and the context tables below it, as the driver keeps them: a context table exists while one of its entries
 * is in use. Same for both modes, which differ in how much of a bus a table serves and in the size of its entries.
 */
final class ContextTables {
    private static final long PAGE_SIZE = 4096;

    private final DriverMemory memory;
    private final boolean scalable;
    private final long root;
    private final Map<Long, Integer> entriesInUse = new HashMap<>(); // by where the link to the table is

    ContextTables(DriverMemory memory, boolean scalable) {
        this.memory = memory;
        this.scalable = scalable;
        this.root = memory.allocate(PAGE_SIZE);
    }

    long root() {
        return root;
    }

    private int size() {
        return scalable ? ScalableContextEntry.SIZE : ContextEntry.SIZE;
    }

    /** Where the word is that points to the context table of a device. */
    private long link(int sourceId) {
        return scalable ? ScalableRootEntry.half(root, sourceId) : root + (long) (sourceId >>> 8) * RootEntry.SIZE;
    }

    private long entry(long table, int sourceId) {
        return scalable
                ? ScalableContextEntry.address(table, sourceId)
                : table + (sourceId & 0xffL) * ContextEntry.SIZE;
    }

    /** Fills the entry of a device that has none. ENOMEM; then nothing has changed. */
    void add(int sourceId, long[] words) {
        long link = link(sourceId);
        if (RootEntry.P.isSet(memory.word(link))) {
            memory.fill(entry(RootEntry.CTP.address(memory.word(link)), sourceId), words);
        } else {
            long table = memory.allocate(PAGE_SIZE);
            memory.fill(entry(table, sourceId), words);
            memory.publish(link, RootEntry.CTP.address(table) | RootEntry.P.of(1));
        }
        entriesInUse.merge(link, 1, Integer::sum);
    }

    /** Replaces the entry of a device. ENOMEM; then nothing has changed. */
    void replace(int sourceId, long[] words) {
        long link = link(sourceId);
        long table = RootEntry.CTP.address(memory.word(link));
        memory.replace(link, table, entry(table, sourceId), words);
    }

    /** Clears bits of the first word of a device's entry. */
    void clear(int sourceId, long cleared) {
        long at = entry(RootEntry.CTP.address(memory.word(link(sourceId))), sourceId);
        memory.publish(at, memory.word(at) & ~cleared);
    }

    /** Empties the entry of a device. */
    void remove(int sourceId) {
        long link = link(sourceId);
        long table = RootEntry.CTP.address(memory.word(link));
        memory.empty(entry(table, sourceId), size() / Long.BYTES);
        if (entriesInUse.merge(link, -1, Integer::sum) == 0) {
            entriesInUse.remove(link);
            memory.empty(link, 1);
            memory.free(table, PAGE_SIZE);
        }
    }

    /** Gives back the root table. The hardware reads it no more, and no entry is left. */
    void close() {
        memory.free(root, PAGE_SIZE);
    }
}
