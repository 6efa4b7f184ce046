package dev.ioasid.pagetable;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.memory.FrameAllocator;
import dev.ioasid.memory.FrameCounters;
import dev.ioasid.memory.PhysicalMemory;
import dev.ioasid.memory.Readers;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The page table of one IOASID, changed by map and unmap, in the format that the hardware walks.
 *
 * <p><b>Who may call.</b> Any thread may map, unmap and look up. Walking takes no lock and never waits. A caller of
 * {@link #unmap} or {@link #close} must not be in a stay of {@link Readers}: they wait for those who are.
 *
 * <p><b>Which lock guards what.</b> A region is what a table of level 1 covers: 2 MiB where pages have 4 KiB. Stripe {@code i} covers
 * the regions whose number is {@code i} modulo 64: the level-2 entry of each, and the level-1 table below it with its count. Two writers in different stripes write different level-2
 * entries and different level-1 tables, so they cannot meet there. Above, at the entries of level 3 and up, they can: while a
 * writer holds any stripe such an entry changes only from empty to a table, by compare-and-set, and the loser uses the
 * winner's. It becomes a leaf, or empty again, only under all stripes: a leaf of that size covers regions of every stripe,
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
    /** Level of the entries that a stripe guards, each with the table below it. */
    static final int REGION_LEVEL = 2;

    private static final int LOOKUP = PageWalk.DRY | PageWalk.PRIVILEGED | PageWalk.WRITE_PROTECTED;

    private final PhysicalMemory memory;
    private final FrameAllocator frames;
    private final Readers readers;
    private final TableFormat format;
    private final int granuleShift;
    private final int regionShift;
    private final int inputBits;
    private final long beyondInput;
    private final long beyondHost;
    private final boolean largePages;
    /** What a leaf of 4 KiB grants, by {@link Permissions#bits}; 0 where the format cannot say it. */
    private final long[] leafRights = new long[1 << Permissions.BITS];

    private final TableCaches caches;
    private final Stripes stripes = new Stripes();
    private final TableFrames tables;
    private final long root;
    /** Null: this table is not of the kind that they serve. */
    private final @Nullable Regions regions;

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
        this.readers = readers;
        this.format = format;
        this.granuleShift = format.granuleShift();
        this.regionShift = format.shift(REGION_LEVEL);
        this.inputBits = inputBits;
        this.beyondInput = -1L << inputBits;
        this.beyondHost = -1L << format.outputBits();
        this.largePages = format.allowsLeaf(REGION_LEVEL);
        for (int bits = 0; bits < leafRights.length; bits++) {
            var permissions = Permissions.ofBits(bits);
            leafRights[bits] = format.expresses(permissions) ? format.leafEntry(0, 1, permissions) : 0;
        }
        this.caches = caches;
        this.tables = new TableFrames(memory, frames, counts, format.geometry());
        this.root = tables.allocate(format.levels());
        this.regions =
                Regions.serve(format) ? new Regions(memory, format, tables, stripes, caches, readers, root) : null;
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
        return tables.bytes();
    }

    /**
     * Maps {@code iova..iova+length-1} to the memory from {@code physical} on, with the largest leaves that fit. EINVAL: not
     * whole pages, too wide, or permissions that the format cannot express; EEXIST: something is mapped there; ENOMEM. Then
     * nothing has changed.
     */
    public void map(long iova, long length, long physical, Permissions permissions) {
        checkRange(iova, length);
        checkPhysical(physical, length);
        long last = iova + length - 1;
        long rights = leafRights[permissions.bits()];
        if (rights == 0) {
            throw inexpressible(permissions);
        }
        boolean pagesOnly = iova >>> regionShift == last >>> regionShift
                && (length < 1L << regionShift || (physical & (1L << regionShift) - 1) != 0 || !largePages);
        if (regions == null || !pagesOnly || !regions.map(iova, (int) (length >>> granuleShift), physical | rights)) {
            mapRange(iova, last, physical, permissions);
        }
        if (caches != TableCaches.NONE) {
            caches.added(iova, last);
        }
    }

    private void mapRange(long iova, long last, long physical, Permissions permissions) {
        long held = stripes(iova, last);
        var edit = new MapEdit(memory, format, tables, physical - iova, permissions);
        stripes.lockAll(held);
        try {
            int missing = edit.missing(root, iova, last, frames.freeBytes() >>> granuleShift);
            edit.fill(root, iova, last, tables.reserve(missing));
        } finally {
            stripes.unlockAll(held);
        }
        reclaim(iova, last, edit.retired());
    }

    /**
     * Unmaps what is mapped in {@code iova..iova+length-1}. When it returns, no request that begins finds it any more; one that
     * has found it may still be on its way there, inside its stay.
     *
     * @return bytes that were mapped
     * @throws RefusedException EINVAL: not whole pages, too wide, or an end of the range cuts a leaf; nothing has changed
     */
    public long unmap(long iova, long length) {
        checkRange(iova, length);
        long last = iova + length - 1;
        if (regions != null && iova >>> regionShift == last >>> regionShift) {
            long unmapped = regions.unmap(iova, (int) (length >>> granuleShift));
            if (unmapped != Regions.NOT_HERE) {
                if ((unmapped & Regions.EMPTY_ABOVE) != 0) {
                    prune(iova, last);
                }
                return unmapped & ~Regions.EMPTY_ABOVE;
            }
        }
        return unmapRange(iova, last);
    }

    private long unmapRange(long iova, long last) {
        long held = stripes(iova, last);
        int highestUnlinked = held == Stripes.ALL ? format.levels() - 1 : REGION_LEVEL - 1;
        var edit = new UnmapEdit(memory, format, tables, highestUnlinked);
        long unmapped;
        stripes.lockAll(held);
        try {
            checkLeafEnds(iova, last);
            unmapped = edit.clear(root, format.levels(), iova, last);
        } finally {
            stripes.unlockAll(held);
        }
        if (unmapped != 0 && edit.retired().isEmpty()) {
            caches.invalidate(iova, last, false);
        }
        reclaim(iova, last, edit.retired());
        if (held != Stripes.ALL && edit.leavesEmptyTables()) {
            prune(iova, last);
        }
        return unmapped;
    }

    /** Unlinks the empty tables above level 1 in the range, and gives them back. */
    private void prune(long first, long last) {
        var edit = new UnmapEdit(memory, format, tables, format.levels() - 1);
        stripes.lockAll(Stripes.ALL);
        try {
            edit.prune(root, format.levels(), first, last);
        } finally {
            stripes.unlockAll(Stripes.ALL);
        }
        reclaim(first, last, edit.retired());
    }

    /** Gives back tables that were unlinked, once the caches have forgotten them and no walk can be in them. */
    private void reclaim(long first, long last, RetiredTables retired) {
        if (!retired.isEmpty()) {
            caches.invalidate(first, last, true);
            readers.await();
            retired.forEach(tables::giveBack);
        }
    }

    /**
     * What the table says of an address, whatever the rights: see {@link Walked}. Waits for nobody.
     */
    public long lookup(long iova) {
        if (iova >>> inputBits != 0) {
            return Walked.failed(Walked.Failure.ABSENT, format.stage(), format.levels());
        }
        int stay = readers.enter();
        try {
            return PageWalk.walk(memory, format, root, iova, LOOKUP, Steps.UNSEEN);
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

    /**
     * Shows every leaf that meets {@code first..last}, ascending. Leaves that come or go meanwhile may be shown or not. The
     * visitor is called inside a stay of {@link Readers}: it must not change a table.
     */
    public void forEachLeaf(long first, long last, LeafVisitor visitor) {
        int stay = readers.enter();
        try {
            visit(root, format.levels(), first, Math.min(last, (1L << inputBits) - 1), visitor);
        } finally {
            readers.exit(stay);
        }
    }

    private void visit(long table, int level, long first, long last, LeafVisitor visitor) {
        for (long at = first, end; at <= last; at = end + 1) {
            end = format.geometry().lastOfEntry(at, level, last);
            long entry = memory.acquire(table + format.geometry().offset(at, level));
            if (entry != 0 && format.leaf(entry, level)) {
                visitor.leaf(at & -1L << format.shift(level), level, entry);
            } else if (entry != 0 && tables.isTable(format.table(entry), level - 1)) {
                visit(format.table(entry), level - 1, at, end, visitor);
            }
        }
    }

    /** Gives back every table. The caller has made sure that no walk finds the root any more and that nobody maps. */
    @Override
    public void close() {
        caches.invalidate(0, (1L << inputBits) - 1, true);
        readers.await();
        discard(root, format.levels());
    }

    private void discard(long table, int level) {
        long end = table + (long) format.geometry().entries(level) * Long.BYTES;
        for (long at = table; level > 1 && at < end; at += Long.BYTES) {
            long entry = memory.acquire(at);
            if (entry != 0 && !format.leaf(entry, level) && tables.isTable(format.table(entry), level - 1)) {
                discard(format.table(entry), level - 1);
            }
        }
        tables.disown(table, level);
        tables.discard(table, level);
    }

    /** The stripes that a range touches, as a bit set. */
    private long stripes(long first, long last) {
        long touched = (last >>> regionShift) - (first >>> regionShift) + 1;
        if (touched >= Stripes.COUNT) {
            return Stripes.ALL;
        }
        return Long.rotateLeft((1L << touched) - 1, (int) (first >>> regionShift) & Stripes.COUNT - 1);
    }

    private void checkRange(long iova, long length) {
        boolean whole = length > 0 && ((iova | length) & (1L << granuleShift) - 1) == 0;
        if (!whole || ((iova | iova + length - 1) & beyondInput) != 0) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "0x%x bytes at iova 0x%x are not whole %d KiB pages below 2^%d"
                            .formatted(length, iova, 1L << granuleShift - 10, inputBits),
                    Map.of("iova", iova, "length", length));
        }
    }

    private void checkPhysical(long physical, long length) {
        long last = physical + length - 1;
        if ((physical & (1L << granuleShift) - 1) != 0 || ((physical | last) & beyondHost) != 0) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "0x%x bytes at physical address 0x%x are not whole %d KiB pages below 2^%d"
                            .formatted(length, physical, 1L << granuleShift - 10, format.outputBits()),
                    Map.of("physicalAddress", physical, "length", length));
        }
    }

    private RefusedException inexpressible(Permissions permissions) {
        return new RefusedException(
                Errno.EINVAL,
                "a leaf of " + format.kind() + " cannot say '" + permissions + "'",
                Map.of("permissions", permissions.toString()));
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
            long entry = memory.acquire(table + format.geometry().offset(iova, level));
            if (entry != 0 && format.leaf(entry, level)) {
                return (1L << format.shift(level)) - 1;
            }
            table = format.table(entry);
            if (!tables.isTable(table, level - 1)) {
                return 0;
            }
        }
    }
}
