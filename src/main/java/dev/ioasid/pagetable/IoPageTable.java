package dev.ioasid.pagetable;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.memory.FrameAllocator;
import dev.ioasid.memory.FrameCounters;
import dev.ioasid.memory.PhysicalMemory;
import dev.ioasid.memory.Readers;
import dev.ioasid.memory.WordBlock;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The page table of one IOASID, changed by map and unmap, in the format that the hardware walks.
 *
 * <p><b>Who may call.</b> Any thread may map, unmap and look up. Walking takes no lock and never waits. A caller of
 * {@link #unmap} or {@link #close} must not be in a stay of {@link Readers}: they wait for those who are.
 *
 * <p><b>Which lock guards what.</b> Stripe {@code i} covers the 2 MiB regions whose number is {@code i} modulo 64: the level-2
 * entry of each, and the level-1 table below it with its count. Two writers in different stripes write different level-2
 * entries and different level-1 tables, so they cannot meet there. Above, at the entries of level 3 and up, they can: while a
 * writer holds any stripe such an entry changes only from empty to a table, by compare-and-set, and the loser uses the
 * winner's. It becomes a 1 GiB leaf, or empty again, only under all stripes: a leaf of 1 GiB covers regions of every stripe,
 * and {@link #prune} takes them all. Counts of tables above level 1 are atomic.
 *
 * <p><b>Order.</b> Stripes by ascending number, then the frame allocator. Nothing is called back, and nobody waited for, under a
 * stripe.
 *
 * <p><b>What a walk relies on.</b> An entry is one aligned word, so it is seen before or after a change and never between. A table is
 * zero, or filled, before the link to it is released. A table that has become empty is unlinked; then the caches are told;
 * then every walk that had begun is waited for; only then is its frame given back. Take out any of the last three and a walk can
 * read a frame that means something else by then.
 *
 * <p><b>All or nothing.</b> A map looks at the whole range and takes every frame it can need before it writes the first entry.
 */
public final class IoPageTable implements AutoCloseable {
    private static final int REGION_SHIFT = 21;
    private static final int REGION_LEVEL = 2;
    private static final int PAGES_IN_REGION = TableFormat.ENTRIES;
    private static final long PAGE_SIZE = PhysicalMemory.PAGE_SIZE;
    private static final int PAGE_SHIFT = PhysicalMemory.PAGE_SHIFT;
    private static final long ADDRESS = TableFormat.ADDRESS;

    private final PhysicalMemory memory;
    private final FrameAllocator frames;
    private final FrameCounters counts;
    private final Readers readers;
    private final TableFormat format;
    private final int inputBits;
    private final TableCaches caches;
    private final StraightWalk straight;
    private final Stripes stripes = new Stripes();
    private final AtomicLong tables = new AtomicLong(1);
    private final long root;

    /**
     * An empty table. ENOMEM.
     *
     * @param counts the machine's, one for all its tables
     * @param inputBits iovas have fewer bits than this
     * @param caches told of what is unmapped
     */
    public IoPageTable(
            PhysicalMemory memory,
            FrameAllocator frames,
            FrameCounters counts,
            Readers readers,
            TableFormat format,
            int inputBits,
            TableCaches caches) {
        this.memory = memory;
        this.frames = frames;
        this.counts = counts;
        this.readers = readers;
        this.format = format;
        this.inputBits = inputBits;
        this.caches = caches;
        this.straight = new StraightWalk(memory, format, inputBits);
        this.root = frames.allocate();
    }

    /** Host physical address of the root table. */
    public long root() {
        return root;
    }

    public TableFormat format() {
        return format;
    }

    public int inputBits() {
        return inputBits;
    }

    /** Memory that the table itself takes. */
    public long tableBytes() {
        return tables.get() << PAGE_SHIFT;
    }

    /**
     * Maps {@code iova..iova+length-1} to the memory from {@code physical} on, with the largest leaves that fit. EINVAL: not
     * whole pages, or too wide; EEXIST: something is mapped there; ENOMEM. Then nothing has changed.
     */
    public void map(long iova, long length, long physical, Permissions permissions) {
        checkRange(iova, length);
        checkPhysical(physical, length);
        long last = iova + length - 1;
        boolean oneRegion = iova >>> REGION_SHIFT == last >>> REGION_SHIFT;
        boolean largeLeaf = isLeafSized(iova, last, REGION_LEVEL, physical - iova);
        if (!oneRegion || largeLeaf) {
            mapRange(iova, last, physical, permissions);
        } else if (!mapPages(iova, (int) (length >>> PAGE_SHIFT), format.leafEntry(physical, 1, permissions))) {
            mapRange(iova, last, physical, permissions);
        }
    }

    /** Maps pages of one region; false if the region lacks a table above level 1. */
    private boolean mapPages(long iova, int pages, long leaf) {
        int stripe = stripe(iova);
        stripes.lock(stripe);
        long above = regionEntry(iova);
        if (above < 0) {
            stripes.unlock(stripe);
            return false;
        }
        long link = memory.acquire(above);
        if (link == 0) {
            return mapPagesOfNewTable(stripe, above, iova, pages, leaf);
        }
        long first = (link & ADDRESS) + TableFormat.offset(iova, 1);
        if (format.leaf(link, REGION_LEVEL) || !memory.backs(first) || used(first, pages) != 0) {
            stripes.unlock(stripe);
            throw occupied(iova);
        }
        write(first, pages, leaf);
        counts.addAlone(first, pages);
        stripes.unlock(stripe);
        return true;
    }

    /** The same where the region has no table yet: it is filled before it is linked. Unlocks the stripe. */
    private boolean mapPagesOfNewTable(int stripe, long above, long iova, int pages, long leaf) {
        try {
            long table = frames.allocate(); // ENOMEM
            write(table + TableFormat.offset(iova, 1), pages, leaf);
            counts.addAlone(table, pages);
            memory.release(above, format.tableEntry(table));
            counts.add(above, 1);
            tables.getAndIncrement();
            return true;
        } finally {
            stripes.unlock(stripe);
        }
    }

    private long used(long first, int pages) {
        return pages == 1 ? memory.acquire(first) : WordBlock.used(memory, first, pages);
    }

    private void write(long first, int pages, long leaf) {
        if (pages == 1) {
            memory.release(first, leaf);
        } else {
            WordBlock.fill(memory, first, pages, leaf, PAGE_SHIFT);
        }
    }

    /** Where the level-2 entry is that covers {@code iova}; -1 if a table above it is missing, or is a leaf. */
    private long regionEntry(long iova) {
        long table = root;
        for (int level = format.levels(); level > REGION_LEVEL; level--) {
            long entry = memory.folded(table + TableFormat.offset(iova, level));
            if (entry == 0 || format.leaf(entry, level)) {
                return -1;
            }
            table = entry & ADDRESS;
        }
        long at = table + TableFormat.offset(iova, REGION_LEVEL);
        return memory.backs(at) ? at : -1;
    }

    private void mapRange(long iova, long last, long physical, Permissions permissions) {
        long held = stripes(iova, last);
        var retired = new RetiredTables();
        stripes.lock(held);
        try {
            long missing = missing(root, format.levels(), iova, last, physical - iova);
            if (missing > frames.freeBytes() >>> PAGE_SHIFT) {
                throw new RefusedException(
                        Errno.ENOMEM,
                        "the tables for 0x%x bytes at 0x%x need %d frames, more than simulated memory has left"
                                .formatted(last - iova + 1, iova, missing),
                        Map.of("iova", iova));
            }
            var reserved = new ReservedTables(frames, Math.toIntExact(missing));
            fill(root, format.levels(), iova, last, physical - iova, permissions, reserved, retired);
            reserved.giveBackRest();
        } finally {
            stripes.unlock(held);
        }
        reclaim(iova, last, retired);
    }

    /**
     * How many tables the range lacks below {@code table}; EEXIST if any of it is mapped.
     *
     * @param table 0 if it is one that is lacking
     * @param delta physical minus iova
     */
    private long missing(long table, int level, long first, long last, long delta) {
        if (level == 1) {
            int pages = (int) (last - first + 1 >>> PAGE_SHIFT);
            if (table != 0 && WordBlock.used(memory, table + TableFormat.offset(first, 1), pages) != 0) {
                throw occupied(first);
            }
            return 0;
        }
        long missing = 0;
        for (long at = first; ; at = end(at, level, last) + 1) {
            long end = end(at, level, last);
            long entry = table == 0 ? 0 : memory.acquire(table + TableFormat.offset(at, level));
            boolean leafHere = isLeafSized(at, end, level, delta);
            if (entry == 0) {
                missing += leafHere ? 0 : 1 + missing(0, level - 1, at, end, delta);
            } else if (format.leaf(entry, level) || leafHere && counts.get(entry & ADDRESS) != 0) {
                throw occupied(at);
            } else if (!leafHere) {
                missing += missing(entry & ADDRESS, level - 1, at, end, delta);
            }
            if (end == last) {
                return missing;
            }
        }
    }

    private void fill(
            long table,
            int level,
            long first,
            long last,
            long delta,
            Permissions permissions,
            ReservedTables reserved,
            RetiredTables retired) {
        if (level == 1) {
            int pages = (int) (last - first + 1 >>> PAGE_SHIFT);
            write(table + TableFormat.offset(first, 1), pages, format.leafEntry(first + delta, 1, permissions));
            counts.addAlone(table, pages);
            return;
        }
        long leaves = 0;
        for (long at = first; ; at = end(at, level, last) + 1) {
            long end = end(at, level, last);
            long where = table + TableFormat.offset(at, level);
            long entry = memory.acquire(where);
            if (isLeafSized(at, end, level, delta)) {
                memory.release(where, format.leafEntry(at + delta, level, permissions));
                if (entry == 0) {
                    leaves++;
                } else { // an empty table that its last unmap has not pruned yet
                    retired.add(entry & ADDRESS);
                    tables.getAndDecrement();
                }
            } else if (entry != 0) {
                fill(entry & ADDRESS, level - 1, at, end, delta, permissions, reserved, retired);
            } else if (level > REGION_LEVEL) {
                // another writer may link one here, too: link it empty, and fill whichever won
                long linked = link(where, reserved.take());
                fill(linked & ADDRESS, level - 1, at, end, delta, permissions, reserved, retired);
            } else {
                long below = reserved.take();
                fill(below, 1, at, end, delta, permissions, reserved, retired);
                memory.release(where, format.tableEntry(below));
                leaves++;
                tables.getAndIncrement();
            }
            if (end == last) {
                break;
            }
        }
        if (leaves != 0) {
            counts.add(table, leaves);
        }
    }

    /** Links an empty table, or gives it back if another writer was faster; what is there then. */
    private long link(long at, long table) {
        if (memory.swap(at, 0, format.tableEntry(table))) {
            counts.add(at, 1);
            tables.getAndIncrement();
        } else {
            frames.freeZeroed(table);
        }
        return memory.acquire(at);
    }

    /**
     * Unmaps what is mapped in {@code iova..iova+length-1}. When it returns, nobody can reach it any more.
     *
     * @return bytes that were mapped
     * @throws RefusedException EINVAL: not whole pages, too wide, or an end of the range cuts a leaf; nothing has changed
     */
    public long unmap(long iova, long length) {
        checkRange(iova, length);
        long last = iova + length - 1;
        if (iova >>> REGION_SHIFT == last >>> REGION_SHIFT) {
            long unmapped = unmapPages(iova, last, (int) (length >>> PAGE_SHIFT));
            if (unmapped >= 0) {
                return unmapped;
            }
        }
        return unmapRange(iova, last);
    }

    /** Unmaps pages of one region; -1 if it has a leaf instead of a table. */
    private long unmapPages(long iova, long last, int pages) {
        int stripe = stripe(iova);
        stripes.lock(stripe);
        long above = regionEntry(iova);
        long link = above < 0 ? 0 : memory.folded(above);
        if (link == 0 || format.leaf(link, REGION_LEVEL) || !memory.backs(link & ADDRESS)) {
            stripes.unlock(stripe);
            return -1;
        }
        long table = link & ADDRESS;
        long first = table + TableFormat.offset(iova, 1);
        long used = pages == 1 ? memory.folded(first) == 0 ? 0 : 1 : WordBlock.used(memory, first, pages);
        if (pages == 1) {
            memory.release(first, 0);
        } else {
            WordBlock.clear(memory, first, pages);
        }
        boolean empty = counts.addAlone(table, -used) == 0;
        boolean nothingAbove = false;
        if (empty) {
            memory.release(above, 0);
            tables.getAndDecrement();
            nothingAbove = counts.add(above, -1) == 0;
        }
        stripes.unlock(stripe);
        caches.invalidate(iova, last, empty);
        if (empty) {
            readers.await();
            frames.freeZeroed(table);
            if (nothingAbove) {
                prune(iova, last);
            }
        }
        return used << PAGE_SHIFT;
    }

    private long unmapRange(long iova, long last) {
        long held = stripes(iova, last);
        var retired = new RetiredTables();
        long unmapped;
        stripes.lock(held);
        try {
            checkLeafEnds(iova, last);
            unmapped = clear(root, format.levels(), iova, last, retired);
        } finally {
            stripes.unlock(held);
        }
        if (unmapped != 0) {
            caches.invalidate(iova, last, !retired.isEmpty());
        }
        reclaim(iova, last, retired);
        prune(iova, last);
        return unmapped;
    }

    /** Clears leaves, and unlinks level-1 tables that become empty. */
    private long clear(long table, int level, long first, long last, RetiredTables retired) {
        if (level == 1) {
            int pages = (int) (last - first + 1 >>> PAGE_SHIFT);
            long at = table + TableFormat.offset(first, 1);
            long used = WordBlock.used(memory, at, pages);
            WordBlock.clear(memory, at, pages);
            counts.addAlone(table, -used);
            return used << PAGE_SHIFT;
        }
        long unmapped = 0;
        for (long at = first; ; at = end(at, level, last) + 1) {
            long end = end(at, level, last);
            long where = table + TableFormat.offset(at, level);
            long entry = memory.acquire(where);
            if (entry != 0 && format.leaf(entry, level)) {
                memory.release(where, 0);
                counts.add(table, -1);
                unmapped += 1L << TableFormat.shift(level);
            } else if (entry != 0) {
                unmapped += clear(entry & ADDRESS, level - 1, at, end, retired);
                if (level == REGION_LEVEL && counts.get(entry & ADDRESS) == 0) {
                    unlink(where, entry, retired);
                }
            }
            if (end == last) {
                return unmapped;
            }
        }
    }

    private void unlink(long where, long entry, RetiredTables retired) {
        memory.release(where, 0);
        counts.add(where, -1);
        tables.getAndDecrement();
        retired.add(entry & ADDRESS);
    }

    /** Unlinks the empty tables above level 1 in the range, and gives them back. */
    private void prune(long first, long last) {
        var retired = new RetiredTables();
        stripes.lock(Stripes.ALL);
        try {
            prune(root, format.levels(), first, last, retired);
        } finally {
            stripes.unlock(Stripes.ALL);
        }
        if (!retired.isEmpty()) {
            caches.invalidate(first, last, true);
        }
        reclaim(first, last, retired);
    }

    private void prune(long table, int level, long first, long last, RetiredTables retired) {
        for (long at = first; level > REGION_LEVEL; at = end(at, level, last) + 1) {
            long end = end(at, level, last);
            long where = table + TableFormat.offset(at, level);
            long entry = memory.acquire(where);
            if (entry != 0 && !format.leaf(entry, level)) {
                prune(entry & ADDRESS, level - 1, at, end, retired);
                if (counts.get(entry & ADDRESS) == 0) {
                    unlink(where, entry, retired);
                }
            }
            if (end == last) {
                return;
            }
        }
    }

    /** Gives back tables that were unlinked and that the caches have forgotten, once no walk can be in them. */
    private void reclaim(long first, long last, RetiredTables retired) {
        if (!retired.isEmpty()) {
            readers.await();
            retired.forEach(frames::freeZeroed);
        }
    }

    /**
     * What the table says of an address, whatever the rights: see {@link Walked}. Waits for nobody.
     */
    public long lookup(long iova) {
        int stay = readers.enter();
        try {
            return PageWalk.walk(memory, format, root, iova, PageWalk.DRY | PageWalk.PRIVILEGED, Steps.UNSEEN);
        } finally {
            readers.exit(stay);
        }
    }

    /** Is shown the leaves of a range. */
    @FunctionalInterface
    public interface LeafVisitor {
        /**
         * @param entry as it stands in memory
         */
        void leaf(long iova, int level, long entry);
    }

    /** Shows every leaf that meets {@code first..last}, ascending. Leaves that come or go meanwhile may be shown or not. */
    public void forEachLeaf(long first, long last, LeafVisitor visitor) {
        int stay = readers.enter();
        try {
            visit(root, format.levels(), first, last, visitor);
        } finally {
            readers.exit(stay);
        }
    }

    private void visit(long table, int level, long first, long last, LeafVisitor visitor) {
        for (long at = first; ; at = end(at, level, last) + 1) {
            long end = end(at, level, last);
            long entry = memory.acquire(table + TableFormat.offset(at, level));
            if (entry != 0 && format.leaf(entry, level)) {
                visitor.leaf(at & -1L << TableFormat.shift(level), level, entry);
            } else if (entry != 0) {
                visit(entry & ADDRESS, level - 1, at, end, visitor);
            }
            if (end == last) {
                return;
            }
        }
    }

    /** Gives back every table. The caller has made sure that no walk finds the root any more and that nobody maps. */
    @Override
    public void close() {
        caches.invalidate(0, (1L << inputBits) - 1, true);
        readers.await();
        free(root, format.levels());
    }

    private void free(long table, int level) {
        for (long at = table; level > 1 && at < table + PAGE_SIZE; at += Long.BYTES) {
            long entry = memory.acquire(at);
            if (entry != 0 && !format.leaf(entry, level)) {
                free(entry & ADDRESS, level - 1);
            }
        }
        counts.addAlone(table, -counts.get(table));
        frames.free(table, PAGE_SIZE);
    }

    private static int stripe(long iova) {
        return (int) (iova >>> REGION_SHIFT) & Stripes.COUNT - 1;
    }

    /** The stripes that a range touches, as a bit set. */
    private static long stripes(long first, long last) {
        long regions = (last >>> REGION_SHIFT) - (first >>> REGION_SHIFT) + 1;
        if (regions >= Stripes.COUNT) {
            return Stripes.ALL;
        }
        return Long.rotateLeft((1L << regions) - 1, stripe(first));
    }

    /** The last address of {@code at..last} that the same entry of {@code level} covers. */
    private static long end(long at, int level, long last) {
        return Math.min(at | (1L << TableFormat.shift(level)) - 1, last);
    }

    private boolean isLeafSized(long first, long last, int level, long delta) {
        long mask = (1L << TableFormat.shift(level)) - 1;
        return format.allowsLeaf(level) && (first & mask) == 0 && last - first == mask && (delta & mask) == 0;
    }

    private void checkRange(long iova, long length) {
        if (length <= 0 || ((iova | length) & PAGE_SIZE - 1) != 0 || iova < 0 || iova + length - 1 >>> inputBits != 0) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "0x%x bytes at iova 0x%x are not whole 4 KiB pages below 2^%d".formatted(length, iova, inputBits),
                    Map.of("iova", iova, "length", length));
        }
    }

    private static void checkPhysical(long physical, long length) {
        if ((physical & PAGE_SIZE - 1) != 0 || (physical | physical + length - 1) >>> 52 != 0) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "0x%x bytes at physical address 0x%x are not whole 4 KiB pages below 2^52"
                            .formatted(length, physical),
                    Map.of("physicalAddress", physical, "length", length));
        }
    }

    /** Refuses a range whose ends lie within a leaf: leaves are never split. */
    private void checkLeafEnds(long first, long last) {
        if ((first & leafMask(first)) != 0 || (~last & leafMask(last)) != 0) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "0x%x..0x%x cuts a larger page: pages are unmapped whole".formatted(first, last),
                    Map.of("iova", first));
        }
    }

    /** The offset bits of the leaf that covers {@code iova}; 0 if none does. */
    private long leafMask(long iova) {
        long table = root;
        for (int level = format.levels(); ; level--) {
            long entry = memory.acquire(table + TableFormat.offset(iova, level));
            if (entry == 0) {
                return 0;
            }
            if (format.leaf(entry, level)) {
                return (1L << TableFormat.shift(level)) - 1;
            }
            table = entry & ADDRESS;
        }
    }

    private RefusedException occupied(long iova) {
        return new RefusedException(
                Errno.EEXIST,
                "something is mapped at or above iova 0x%x already".formatted(iova),
                Map.of("iova", iova));
    }
}
