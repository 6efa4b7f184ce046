package dev.ioasid.pagetable;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.memory.PhysicalMemory;
import dev.ioasid.memory.WordBlock;
import java.util.Map;

/**
 * One range being mapped, with the largest leaves that the format has and the addresses allow. First {@link #missing} looks at
 * all of the range, then {@link #fill} writes, and cannot be refused any more. For one thread, which holds the stripes of the
 * range all the while.
 */
final class MapEdit {
    private final PhysicalMemory memory;
    private final TableFormat format;
    private final Geometry geometry;
    private final TableFrames tables;
    private final long delta; // physical minus iova
    private final Permissions permissions;
    private final RetiredTables retired = new RetiredTables();
    private long[] reserved = {};
    private int next;
    private long missing;
    private long mostMissing;

    MapEdit(PhysicalMemory memory, TableFormat format, TableFrames tables, long delta, Permissions permissions) {
        this.memory = memory;
        this.format = format;
        this.geometry = format.geometry();
        this.tables = tables;
        this.delta = delta;
        this.permissions = permissions;
    }

    /**
     * How many tables the range lacks. EEXIST if any of it is mapped; if none is, ENOMEM if it lacks more than {@code most}.
     */
    int missing(long root, long first, long last, long most) {
        mostMissing = most;
        missing(root, format.levels(), first, last);
        if (missing > most) {
            throw new RefusedException(
                    Errno.ENOMEM,
                    "the tables for 0x%x..0x%x take more than the 0x%x bytes that simulated memory has left"
                            .formatted(first, last, most << format.granuleShift()),
                    Map.of("iova", first));
        }
        return (int) missing;
    }

    /** @param table 0 if it is one that is lacking; of those no more are counted than it takes to know that there are too many */
    private void missing(long table, int level, long first, long last) {
        for (long at = first, end; at <= last && (table != 0 || missing <= mostMissing); at = end + 1) {
            int leaves = leaves(level, at, last);
            if (leaves > 0) {
                end = at + ((long) leaves << format.shift(level)) - 1;
                if (table != 0) {
                    checkUnused(table + geometry.offset(at, level), leaves, level, at);
                }
            } else {
                end = geometry.lastOfEntry(at, level, last);
                long entry = table == 0 ? 0 : memory.acquire(table + geometry.offset(at, level));
                if (entry == 0) {
                    missing++;
                } else if (format.leaf(entry, level) || !tables.isTable(format.table(entry), level - 1)) {
                    throw occupied(at);
                }
                missing(entry == 0 ? 0 : format.table(entry), level - 1, at, end);
            }
        }
    }

    private void checkUnused(long at, int count, int level, long iova) {
        if (WordBlock.used(memory, at, count) == 0) {
            return;
        }
        for (int i = 0; i < count; i++) {
            long entry = memory.acquire(at + (long) i * Long.BYTES);
            if (entry != 0 && !isEmptyTable(entry, level)) {
                throw occupied(iova + ((long) i << format.shift(level)));
            }
        }
    }

    /** Whether the entry links a table that its last unmap has emptied and not unlinked yet. */
    private boolean isEmptyTable(long entry, int level) {
        long below = format.table(entry);
        return !format.leaf(entry, level) && tables.isTable(below, level - 1) && tables.used(below) == 0;
    }

    /**
     * Writes the entries of the range.
     *
     * @param frames as many as {@link #missing} said, or fewer if others have made tables since
     */
    void fill(long root, long first, long last, long[] frames) {
        reserved = frames;
        fill(root, format.levels(), first, last);
        while (next < reserved.length) {
            tables.giveBack(reserved[next++]);
        }
    }

    private void fill(long table, int level, long first, long last) {
        long added = 0;
        for (long at = first, end; at <= last; at = end + 1) {
            long where = table + geometry.offset(at, level);
            int leaves = leaves(level, at, last);
            if (leaves > 0) {
                end = at + ((long) leaves << format.shift(level)) - 1;
                added += leaves - (level == 1 ? 0 : retireEmptyTables(where, leaves, level - 1));
                writeLeaves(where, leaves, level, at + delta);
            } else {
                end = geometry.lastOfEntry(at, level, last);
                long entry = memory.acquire(where);
                if (entry == 0 && level == IoPageTable.REGION_LEVEL) {
                    long below = take(level - 1);
                    fill(below, level - 1, at, end);
                    memory.release(where, format.tableEntry(below));
                    added++;
                } else {
                    // another writer may link one here, too: link it empty, and fill whichever won
                    long below = entry == 0 ? link(where, take(level - 1), level - 1) : format.table(entry);
                    fill(below, level - 1, at, end);
                }
            }
        }
        if (level == 1) {
            tables.setUsed(table, 1, tables.used(table) + added);
        } else if (added != 0) {
            tables.use(table, level, added);
        }
    }

    private long take(int level) {
        long frame = reserved[next++];
        tables.adopt(frame, level);
        return frame;
    }

    /** Links an empty table, or gives it back if another writer was faster; the table that is linked then. */
    private long link(long where, long table, int level) {
        if (memory.swap(where, 0, format.tableEntry(table))) {
            tables.use(where, level + 1, 1);
            return table;
        }
        tables.disown(table, level);
        tables.giveBack(table);
        return format.table(memory.acquire(where));
    }

    /** How many entries in use the leaves replace. */
    private int retireEmptyTables(long where, int count, int level) {
        int replaced = 0;
        for (int i = 0; i < count; i++) {
            long entry = memory.acquire(where + (long) i * Long.BYTES);
            if (entry != 0) {
                tables.disown(format.table(entry), level);
                retired.add(format.table(entry));
                replaced++;
            }
        }
        return replaced;
    }

    private void writeLeaves(long where, int count, int level, long physical) {
        long leaf = format.leafEntry(physical, level, permissions);
        if (count == 1) {
            memory.release(where, leaf);
        } else {
            WordBlock.fill(memory, where, count, leaf, format.shift(level));
        }
    }

    /** How many leaves of {@code level}, one behind the other, map what lies from {@code at} on. */
    private int leaves(int level, long at, long last) {
        long size = 1L << format.shift(level);
        if (level > 1 && !format.allowsLeaf(level) || ((at | delta) & size - 1) != 0) {
            return 0;
        }
        long whole = last + 1 - at >>> format.shift(level);
        return (int) Math.min(whole, geometry.entries(level) - geometry.index(at, level));
    }

    /** The tables that leaves have replaced. */
    RetiredTables retired() {
        return retired;
    }

    static RefusedException occupied(long iova) {
        return new RefusedException(
                Errno.EEXIST,
                "something is mapped at or above iova 0x%x already".formatted(iova),
                Map.of("iova", iova));
    }
}
