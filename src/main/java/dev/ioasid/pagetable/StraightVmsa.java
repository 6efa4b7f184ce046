package dev.ioasid.pagetable;

import dev.ioasid.memory.PhysicalMemory;
import org.jspecify.annotations.Nullable;

/**
 * The short way through a table of VMSAv8-64, alone or nested, for an unprivileged data access that will be let through and finds
 * every mark set: what {@link StraightWalk} and {@link StraightFirstStage} are for VT-d. All descriptors are loaded at once, and their OR
 * and AND judged once; whatever is unusual is walked again by {@link PageWalk}, which names the fault.
 *
 * <p><b>Who may call.</b> Any thread, inside a stay of {@link dev.ioasid.memory.Readers}. No lock, no allocation. Plain loads are
 * enough for the reason that {@link StraightWalk} gives.
 */
public final class StraightVmsa {
    private static final int REQUEST = PageWalk.READ | PageWalk.WRITE;
    /** Of these, the exact walk knows more. */
    private static final int UNUSUAL = PageWalk.PRIVILEGED
            | PageWalk.EXECUTE
            | PageWalk.DRY
            | PageWalk.ANY_RIGHT
            | PageWalk.WRITE_EXECUTE_NEVER
            | PageWalk.SINGLE_PRIVILEGE
            | PageWalk.TABLES_IN_MEMORY;

    private static final long ADDRESS = 0x0000_ffff_ffff_f000L;
    private static final int SHIFT3 = Levels512.shift(3) - 3;
    private static final int SHIFT4 = Levels512.shift(4) - 3;
    private static final int LARGE_GRANULE = 16;
    private static final long HIGH = 0xf000;
    private static final long ATTRIBUTES_OF_TABLES = 0x7800_0000_0000_0000L; // APTable, UXNTable, PXNTable
    private static final long BOTH = VmsaDescriptor.VALID.mask() | VmsaDescriptor.TABLE.mask();
    private static final long AP1 = VmsaDescriptor.AP1.mask();
    private static final long AP2 = VmsaDescriptor.AP2.mask();
    private static final int S2AP_SHIFT = VmsaDescriptor.S2AP_R.low();
    private static final long UXN = VmsaDescriptor.UXN.mask();
    private static final long DBM = VmsaDescriptor.DBM.mask();

    private final TableFormat format;
    private final boolean first;
    private final boolean small;
    private final int levels;
    private final int granuleShift;
    private final long mask;
    private final long rootMask;
    private final long badInput;
    private final long badTable;
    private final long badPage;
    private final long badBlock2;
    private final long badBlock3;
    private final long wanted;

    /** @param format of either stage */
    public StraightVmsa(TableFormat format) {
        var geometry = format.geometry();
        this.format = format;
        this.first = format.kind() == TableFormat.Kind.ARMV8_STAGE1;
        this.small = geometry.granuleShift() == Levels512.GRANULE_SHIFT;
        this.levels = geometry.levels();
        this.granuleShift = geometry.granuleShift();
        this.mask = (1L << geometry.granuleShift()) - Long.BYTES;
        this.rootMask = geometry.rootBytes() - Long.BYTES;
        this.badInput = -1L << geometry.inputBits();
        // a wide address has bits where others have an offset: left to the exact walk
        long tooWide = format.reservedInTable() | (geometry.granuleShift() == LARGE_GRANULE ? HIGH : 0);
        this.badTable = tooWide | (first ? ATTRIBUTES_OF_TABLES : 0) | ADDRESS & mask;
        this.badPage = tooWide;
        this.badBlock2 = format.allowsLeaf(2) ? tooWide : -1;
        this.badBlock3 = format.allowsLeaf(3) ? tooWide : -1;
        this.wanted = VmsaDescriptor.VALID.mask() | VmsaDescriptor.AF.mask() | (first ? AP1 : 0);
    }

    public TableFormat format() {
        return format;
    }

    /**
     * Walks a table in host physical memory.
     *
     * @param how by {@link PageWalk}'s constants
     * @return what was found, or {@link StraightWalk#UNDECIDED}; see {@link Walked}
     */
    public long walk(PhysicalMemory memory, long root, long input, int how) {
        if (!small || levels < 3) {
            return walk(memory, root, input, how, null, 0, 0);
        }
        if (levels == 3) {
            long e3 = memory.folded(root + (input >>> SHIFT3 & rootMask));
            return below(memory, e3, (root & ADDRESS) & ~memory.fold(), input, how);
        }
        long e4 = memory.folded(root + (input >>> SHIFT4 & rootMask));
        long e3 = memory.entry(e4, Levels512.offset(input, 3));
        long bad = ~e4 & BOTH | e4 & badTable | (root | e4) & ADDRESS & ~memory.fold();
        return below(memory, e3, bad, input, how);
    }

    /** The last three levels of a table of 4 KiB pages; {@code bad} is of what is above. */
    private long below(PhysicalMemory memory, long e3, long bad, long input, int how) {
        if ((e3 & 2) == 0) {
            return page(e3, 30, bad | e3 & badBlock3, input, how);
        }
        long e2 = memory.entry(e3, Levels512.offset(input, 2));
        if ((e2 & 2) == 0) {
            long wrong = bad | ~e3 & BOTH | e3 & badTable | e3 & ADDRESS & ~memory.fold() | e2 & badBlock2;
            return page(e2, 21, wrong, input, how);
        }
        long e1 = memory.entry(e2, Levels512.offset(input, 1));
        long wrong = bad
                | (~(e3 & e2) & BOTH | ~e1 & 2)
                | (e3 | e2) & badTable
                | (e3 | e2) & ADDRESS & ~memory.fold()
                | e1 & badPage;
        return page(e1, 12, wrong, input, how);
    }

    /** The page of a leaf, if it may be used. */
    private long page(long leaf, int shift, long bad, long input, int how) {
        long rights = first
                ? (leaf & AP2) == 0 ? Walked.READ | Walked.WRITE : Walked.READ
                : leaf >>> S2AP_SHIFT & REQUEST; // S2AP has the bits of Walked
        if ((leaf & UXN) == 0) {
            rights |= Walked.EXECUTE;
        }
        long wrong = bad | wanted & ~leaf | input & badInput | how & (REQUEST & ~rights | UNUSUAL);
        if ((how & PageWalk.DIRTY_STATE) != 0) {
            wrong |= leaf & DBM;
        }
        long address = leaf & ADDRESS & -1L << shift | input & (1L << shift) - 1;
        return wrong == 0 ? Walked.found(address, shift, rights) | Walked.MARKED : StraightWalk.UNDECIDED;
    }

    /**
     * Walks a table of either kind.
     *
     * @param parent null if {@code root} is host physical
     * @param parentHow how the parent is walked, without a request
     * @return what was found, or {@link StraightWalk#UNDECIDED}; see {@link Walked}
     */
    public long walk(
            PhysicalMemory memory,
            long root,
            long input,
            int how,
            @Nullable StraightVmsa parent,
            long parentRoot,
            int parentHow) {
        int tableHow = parentHow | PageWalk.READ;
        long link = root;
        long offset = input >>> shift(levels) - 3 & rootMask;
        long bad = 0;
        for (int level = levels; ; level--) {
            long e = entry(memory, link, offset, parent, parentRoot, tableHow);
            if (level == 1 || (e & 2) == 0) {
                bad |= level == 1 ? e & badPage | ~e & 2 : e & (level == 2 ? badBlock2 : badBlock3);
                long found = level > 3 ? StraightWalk.UNDECIDED : page(e, shift(level), bad, input, how);
                return parent == null || found == StraightWalk.UNDECIDED
                        ? found
                        : throughParent(memory, found, how, parent, parentRoot, parentHow);
            }
            bad |= ~e & BOTH | e & badTable;
            link = e & ADDRESS;
            offset = input >>> shift(level - 1) - 3 & mask;
        }
    }

    private int shift(int level) {
        return granuleShift + (level - 1) * (granuleShift - 3);
    }

    /** The descriptor in a table; 0, which grants nothing, if the way to it is not straight. */
    private static long entry(
            PhysicalMemory memory,
            long table,
            long offset,
            @Nullable StraightVmsa parent,
            long parentRoot,
            int tableHow) {
        if (parent == null) {
            return (table & ~memory.fold()) == 0 ? memory.folded(table + offset) : 0;
        }
        long walked = parent.walk(memory, parentRoot, table + offset, tableHow);
        return walked != StraightWalk.UNDECIDED && (Walked.address(walked) & ~memory.fold()) == 0
                ? memory.folded(Walked.address(walked))
                : 0;
    }

    private static long throughParent(
            PhysicalMemory memory, long found, int how, StraightVmsa parent, long parentRoot, int parentHow) {
        long walked = parent.walk(memory, parentRoot, Walked.address(found), how & REQUEST | parentHow);
        return walked == StraightWalk.UNDECIDED
                ? walked
                : Walked.found(
                                Walked.address(walked),
                                Math.min(Walked.shift(found), Walked.shift(walked)),
                                Walked.rights(found) & Walked.rights(walked))
                        | Walked.MARKED;
    }
}
