package dev.ioasid.pagetable;

import dev.ioasid.memory.PhysicalMemory;
import dev.ioasid.memory.WordBlock;

/**
 * One range being unmapped: its leaves are cleared, and the tables that have become empty are unlinked. For one thread, which
 * holds the stripes of the range all the while.
 */
final class UnmapEdit {
    private final PhysicalMemory memory;
    private final TableFormat format;
    private final Geometry geometry;
    private final TableFrames tables;
    private final int highestUnlinked;
    private final RetiredTables retired = new RetiredTables();
    private boolean leavesEmptyTables;

    /**
     * @param highestUnlinked tables above this level stay linked even if they are empty: other writers may be in them
     */
    UnmapEdit(PhysicalMemory memory, TableFormat format, TableFrames tables, int highestUnlinked) {
        this.memory = memory;
        this.format = format;
        this.geometry = format.geometry();
        this.tables = tables;
        this.highestUnlinked = highestUnlinked;
    }

    /** Clears the range below a table; returns the bytes that were mapped. */
    long clear(long table, int level, long first, long last) {
        if (level == 1) {
            return clearPages(table, first, last);
        }
        long unmapped = 0;
        int cleared = 0;
        for (long at = first, end; at <= last; at = end + 1) {
            end = geometry.lastOfEntry(at, level, last);
            long where = table + geometry.offset(at, level);
            long entry = memory.acquire(where);
            if (entry != 0) {
                long below = format.table(entry);
                boolean leaf = format.leaf(entry, level);
                if (!leaf && tables.isTable(below, level - 1)) {
                    unmapped += clear(below, level - 1, at, end);
                    unlinkIfEmpty(where, below, level - 1);
                } else { // a leaf, or what someone wrote here who was not asked
                    memory.release(where, 0);
                    cleared++;
                    unmapped += leaf ? 1L << format.shift(level) : 0;
                }
            }
        }
        if (cleared != 0) {
            leavesEmptyTables |= tables.use(table, level, -cleared) == 0;
        }
        return unmapped;
    }

    private long clearPages(long table, long first, long last) {
        int pages = (int) (last - first + 1 >>> format.granuleShift());
        long where = table + geometry.offset(first, 1);
        long before = tables.used(table);
        long used = Math.min(WordBlock.used(memory, where, pages), before);
        WordBlock.clear(memory, where, pages);
        tables.setUsed(table, 1, before - used);
        return used << format.granuleShift();
    }

    private void unlinkIfEmpty(long where, long table, int level) {
        if (tables.used(table) != 0) {
            return;
        }
        if (level > highestUnlinked) {
            leavesEmptyTables = true;
            return;
        }
        memory.release(where, 0);
        leavesEmptyTables |= tables.use(where, level + 1, -1) == 0;
        tables.disown(table, level);
        retired.add(table);
    }

    /** Unlinks the empty tables above level 1 that cover any of the range. The caller holds all stripes. */
    void prune(long table, int level, long first, long last) {
        for (long at = first, end; at <= last && level > IoPageTable.REGION_LEVEL; at = end + 1) {
            end = geometry.lastOfEntry(at, level, last);
            long where = table + geometry.offset(at, level);
            long entry = memory.acquire(where);
            if (entry != 0 && !format.leaf(entry, level) && tables.isTable(format.table(entry), level - 1)) {
                prune(format.table(entry), level - 1, at, end);
                unlinkIfEmpty(where, format.table(entry), level - 1);
            }
        }
    }

    /** Whether tables have become empty that are still linked. */
    boolean leavesEmptyTables() {
        return leavesEmptyTables;
    }

    /** The tables that have been unlinked. */
    RetiredTables retired() {
        return retired;
    }
}
