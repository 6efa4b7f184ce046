package dev.ioasid.pagetable;

import dev.ioasid.memory.PhysicalMemory;
import org.jspecify.annotations.Nullable;

/**
 * The short way through a first-stage table, alone or nested: what {@link StraightWalk} is for a second stage, which it uses
 * for every address of a nested table. It answers for user requests that find every mark set which they would have to set;
 * all others are walked by {@link PageWalk}.
 *
 * <p><b>Who may call.</b> Any thread, inside a stay of {@link dev.ioasid.memory.Readers}. No lock, no allocation. Plain loads are
 * enough for the reason that {@link StraightWalk} gives.
 */
public final class StraightFirstStage {
    private static final long PAGE_SIZE_BIT = 1 << 7;
    private static final long ADDRESS = TableFormat.ADDRESS;

    private final PhysicalMemory memory;
    private final int levels;
    private final int unusedBits;
    private final long used;
    private final long write;
    private final long dirty;
    private final long badTable;
    private final long badPage;
    private final long badLargePage;
    private final long badHugePage;
    private final long beyondMemory;

    /**
     * @param format {@link TableFormat#x8664}
     */
    public StraightFirstStage(PhysicalMemory memory, TableFormat format) {
        this.memory = memory;
        this.levels = format.levels();
        this.unusedBits = Long.SIZE - format.inputBits();
        this.used = format.present() | format.user() | format.accessed();
        this.write = format.write();
        this.dirty = format.dirty();
        this.badTable = format.mustBeZero(2, false);
        this.badPage = format.mustBeZero(1, true);
        this.badLargePage = format.mustBeZero(2, true);
        this.badHugePage = format.allowsLeaf(3) ? format.mustBeZero(3, true) : -1;
        this.beyondMemory = ADDRESS & ~memory.fold();
    }

    /**
     * @param how by {@link PageWalk}'s constants
     * @param parent null if {@code root} is host physical
     * @param parentHow {@link PageWalk#ACCESSED_DIRTY} or 0
     * @return what was found, or {@link StraightWalk#UNDECIDED}; see {@link Walked}
     */
    public long walk(long root, long input, int how, @Nullable StraightWalk parent, long parentRoot, int parentHow) {
        if ((how & PageWalk.PRIVILEGED) != 0 || input << unusedBits >> unusedBits != input) {
            return StraightWalk.UNDECIDED;
        }
        // a second stage that keeps dirty bits is written to by every access of a table: VT-d 3.8.1
        int tableHow = parentHow == 0 ? PageWalk.READ : parentHow | PageWalk.READ | PageWalk.WRITE;
        long link = root & ADDRESS;
        long any = 0;
        long common = -1;
        if (levels > 4) {
            long e5 = entry(link, Levels512.offset(input, 5), parent, parentRoot, tableHow);
            any = link;
            common = e5;
            link = e5;
        }
        long e4 = entry(link, Levels512.offset(input, 4), parent, parentRoot, tableHow);
        long e3 = entry(e4, Levels512.offset(input, 3), parent, parentRoot, tableHow);
        any |= link | e4;
        common &= e4 & e3;
        long leaf;
        int shift;
        long bad;
        if ((e3 & PAGE_SIZE_BIT) != 0) {
            leaf = e3;
            shift = 30;
            bad = leaf & badHugePage;
        } else {
            long e2 = entry(e3, Levels512.offset(input, 2), parent, parentRoot, tableHow);
            any |= e3;
            common &= e2;
            if ((e2 & PAGE_SIZE_BIT) != 0) {
                leaf = e2;
                shift = 21;
                bad = leaf & badLargePage;
            } else {
                leaf = entry(e2, Levels512.offset(input, 1), parent, parentRoot, tableHow);
                shift = 12;
                any |= e2;
                common &= leaf;
                bad = leaf & badPage;
            }
        }
        long need = (how & PageWalk.EXTENDED_ACCESSED) == 0 ? used : used | PageWalk.EXTENDED_ACCESSED_BIT;
        bad |= need & ~common | any & (parent == null ? badTable | beyondMemory : badTable);
        if ((how & PageWalk.WRITE) != 0) {
            bad |= write & ~common | dirty & ~leaf;
        }
        long page = leaf & ADDRESS & -1L << shift | input & (1L << shift) - 1;
        if (bad != 0) {
            return StraightWalk.UNDECIDED;
        }
        long rights = (common & write) != 0 ? Walked.READ | Walked.WRITE : Walked.READ;
        if (parent == null) {
            return PageWalk.isInterrupt(page) ? StraightWalk.UNDECIDED : Walked.found(page, shift, rights);
        }
        long walked = parent.walk(parentRoot, page, how & (PageWalk.READ | PageWalk.WRITE) | parentHow);
        return Walked.failed(walked)
                ? StraightWalk.UNDECIDED
                : Walked.found(
                        Walked.address(walked), Math.min(shift, Walked.shift(walked)), rights & Walked.rights(walked));
    }

    /** An entry; 0, which grants nothing, if the way to it is not straight. */
    private long entry(long link, long offset, @Nullable StraightWalk parent, long parentRoot, int how) {
        return parent == null ? memory.entry(link, offset) : parent.wordAt(parentRoot, link & ADDRESS | offset, how);
    }
}
