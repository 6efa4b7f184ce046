package dev.ioasid.pagetable;

import dev.ioasid.memory.PhysicalMemory;
import dev.ioasid.memory.Readers;
import dev.ioasid.memory.WordBlock;

/**
 * Maps and unmaps pages of 4 KiB within one region of an {@link IoPageTable}, under that region's stripe alone: the common case, for
 * tables of 512 entries.
 * Whatever is more than that is left to {@link MapEdit} and {@link UnmapEdit}, and then nothing has changed here.
 */
final class Regions {
    /** In an answer: not done here. */
    static final long NOT_HERE = -1;
    /** In an answer, besides the bytes: the level-2 table has become empty. */
    static final long EMPTY_ABOVE = 1;

    private static final int PAGES = Levels512.ENTRIES;
    private static final int PAGE_SHIFT = PhysicalMemory.PAGE_SHIFT;
    private static final long ADDRESS = TableFormat.ADDRESS;
    private static final long NONE = -1;
    /** A table of more levels is entered by a loop. */
    private static final int MOST_BELOW = 4;

    private final PhysicalMemory memory;
    private final TableFormat format;
    private final TableFrames tables;
    private final Stripes stripes;
    private final TableCaches caches;
    private final Readers readers;
    private final long root;
    private final int levels;
    private final long kindOfEntry;
    private final long leafWhen;

    Regions(
            PhysicalMemory memory,
            TableFormat format,
            TableFrames tables,
            Stripes stripes,
            TableCaches caches,
            Readers readers,
            long root) {
        this.memory = memory;
        this.format = format;
        this.tables = tables;
        this.stripes = stripes;
        this.caches = caches;
        this.readers = readers;
        this.root = root;
        this.levels = format.levels();
        this.kindOfEntry = format.kindOfEntry();
        this.leafWhen = format.leafWhen();
    }

    /** Whether a table is of this kind. */
    static boolean serve(TableFormat format) {
        var geometry = format.geometry();
        return geometry.granuleShift() == PAGE_SHIFT
                && format.levels() >= 3
                && geometry.entries(format.levels()) <= PAGES;
    }

    /** The stripe of the region that {@code iova} lies in. */
    private static int stripe(long iova) {
        return (int) (iova >>> Levels512.shift(IoPageTable.REGION_LEVEL)) & Stripes.COUNT - 1;
    }

    /**
     * Writes {@code leaf} at {@code iova}, and for the pages behind it what maps the memory behind it; false if that is not all
     * there is to do. Takes a frame if the region has no table yet.
     */
    boolean map(long iova, int pages, long leaf) {
        int stripe = stripe(iova);
        stripes.lock(stripe);
        long above = entryOf(iova);
        long link = above == NONE ? 0 : memory.folded(above);
        long table = link & ADDRESS;
        long used = usedBelow(link);
        if (used == NONE) {
            return link == 0 && above != NONE ? mapFirst(iova, pages, leaf, above) : leave(stripe);
        }
        long first = table + Levels512.offset(iova, 1);
        if (used != 0 && used(first, pages) != 0) {
            return leave(stripe);
        }
        write(first, pages, leaf);
        tables.setUsed(table, 1, used + pages);
        stripes.unlock(stripe);
        return true;
    }

    /** Fills a new table and then links it. The stripe is held before, and not after. */
    private boolean mapFirst(long iova, int pages, long leaf, long above) {
        long table = isOurs(above) ? tables.tryAllocate() : NONE;
        if (table == NONE) {
            return leave(stripe(iova));
        }
        write(table + Levels512.offset(iova, 1), pages, leaf);
        tables.setUsed(table, 1, pages);
        memory.release(above, format.tableEntry(table));
        tables.use(above, IoPageTable.REGION_LEVEL, 1);
        stripes.unlock(stripe(iova));
        return true;
    }

    private boolean leave(int stripe) {
        stripes.unlock(stripe);
        return false;
    }

    /**
     * Clears the pages.
     *
     * @return the bytes that were mapped, with {@link #EMPTY_ABOVE}; or {@link #NOT_HERE}
     */
    long unmap(long iova, int pages) {
        int stripe = stripe(iova);
        stripes.lock(stripe);
        long above = entryOf(iova);
        long link = above == NONE ? 0 : memory.folded(above);
        long table = link & ADDRESS;
        long before = usedBelow(link);
        if (before == NONE) {
            stripes.unlock(stripe);
            return NOT_HERE;
        }
        long first = table + Levels512.offset(iova, 1);
        long used = pages == PAGES ? before : used(first, pages);
        if (used >= before) { // more if someone has written entries that no map made
            return unmapLast(iova, pages, above, table, before);
        }
        clear(first, pages);
        tables.setUsed(table, 1, before - used);
        stripes.unlock(stripe);
        if (used != 0) {
            caches.invalidate(iova, iova + ((long) pages << PAGE_SHIFT) - 1, false);
        }
        return used << PAGE_SHIFT;
    }

    /** Clears pages whose table is empty then, unlinks it and gives it back. The stripe is held before, and not after. */
    private long unmapLast(long iova, int pages, long above, long table, long used) {
        if (!isOurs(above)) {
            stripes.unlock(stripe(iova));
            return NOT_HERE;
        }
        clear(table + Levels512.offset(iova, 1), pages);
        memory.release(above, 0);
        boolean emptyAbove = tables.use(above, IoPageTable.REGION_LEVEL, -1) == 0;
        tables.disown(table, 1);
        stripes.unlock(stripe(iova));
        caches.invalidate(iova, iova + ((long) pages << PAGE_SHIFT) - 1, true);
        readers.await();
        tables.giveBack(table);
        return used << PAGE_SHIFT | (emptyAbove ? EMPTY_ABOVE : 0);
    }

    /** Where the level-2 entry of a region is; {@link #NONE} if a table above it is missing, or is no table. */
    private long entryOf(long iova) {
        long link = root;
        for (int level = levels; level > MOST_BELOW; level--) {
            link = memory.entry(link, Levels512.offset(iova, level));
            if (link == 0 || isLeaf(link)) {
                return NONE;
            }
        }
        if (levels > 3) {
            link = memory.entry(link, Levels512.offset(iova, 4));
            if (link == 0 || isLeaf(link)) {
                return NONE;
            }
        }
        link = memory.entry(link, Levels512.offset(iova, 3));
        boolean table = link != 0 && !isLeaf(link);
        return table ? (link & ADDRESS) + (Levels512.offset(iova, 2)) : NONE;
    }

    private boolean isLeaf(long entry) {
        return (entry & kindOfEntry) == leafWhen;
    }

    /** How many entries are in use of the table that a level-2 entry links; {@link #NONE} if it links none of ours. */
    private long usedBelow(long link) {
        return link == 0 || isLeaf(link) ? NONE : tables.usedIn(link & ADDRESS, 1);
    }

    /** Whether the level-2 table is what it seems: someone may have written another link above it. */
    private boolean isOurs(long above) {
        return tables.isTable(above, IoPageTable.REGION_LEVEL);
    }

    private long used(long first, int pages) {
        if (pages != 1) {
            return WordBlock.used(memory, first, pages);
        }
        if (memory.folded(first) != 0) {
            return 1; // a jump that is foreseen: whoever counts need not wait for the entry
        }
        return 0;
    }

    private void write(long first, int pages, long leaf) {
        if (pages == 1) {
            memory.setFolded(first, leaf);
        } else {
            WordBlock.fill(memory, first, pages, leaf, PAGE_SHIFT);
        }
    }

    private void clear(long first, int pages) {
        if (pages == 1) {
            memory.setFolded(first, 0);
        } else {
            WordBlock.clear(memory, first, pages);
        }
    }
}
