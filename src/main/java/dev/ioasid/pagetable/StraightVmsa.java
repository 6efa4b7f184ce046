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
    private static final int LARGE_GRANULE = 16;
    private static final long HIGH = 0xf000;
    private static final long ATTRIBUTES_OF_TABLES = 0x7800_0000_0000_0000L; // APTable, UXNTable, PXNTable
    private static final long BOTH = VmsaDescriptor.VALID.mask() | VmsaDescriptor.TABLE.mask();
    private static final long AP1 = VmsaDescriptor.AP1.mask();
    private static final long AP2 = VmsaDescriptor.AP2.mask();
    private static final long S2AP_R = VmsaDescriptor.S2AP_R.mask();
    private static final long S2AP_W = VmsaDescriptor.S2AP_W.mask();
    private static final long UXN = VmsaDescriptor.UXN.mask();
    private static final long DBM = VmsaDescriptor.DBM.mask();

    private final TableFormat format;
    private final boolean first;
    private final boolean small;
    private final int levels;
    private final int granuleShift;
    private final int shift2;
    private final int shift3;
    private final int shift4;
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
        this.shift2 = geometry.shift(2);
        this.shift3 = geometry.shift(3);
        this.shift4 = geometry.shift(4);
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
     * Walks a table.
     *
     * @param how by {@link PageWalk}'s constants
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
        if (((how | parentHow) & UNUSUAL) != 0) {
            return StraightWalk.UNDECIDED;
        }
        int tableHow = parentHow | PageWalk.READ;
        long e4 = BOTH;
        long e3 = BOTH;
        long e2 = BOTH;
        long e1;
        if (levels == 4) {
            e4 = entry(memory, root, input >>> shift4 - 3 & rootMask, parent, parentRoot, tableHow);
            e3 = below(memory, e4, input >>> shift3 - 3, parent, parentRoot, tableHow);
        } else if (levels == 3) {
            e3 = entry(memory, root, input >>> shift3 - 3 & rootMask, parent, parentRoot, tableHow);
        }
        long any = e4;
        long all = e4;
        if (levels >= 3) {
            if ((e3 & 2) == 0) {
                return page(memory, e3, shift3, any, all, e3 & badBlock3, input, how, parent, parentRoot, parentHow);
            }
            e2 = below(memory, e3, input >>> shift2 - 3, parent, parentRoot, tableHow);
        } else if (levels == 2) {
            e2 = entry(memory, root, input >>> shift2 - 3 & rootMask, parent, parentRoot, tableHow);
        }
        any |= e3;
        all &= e3;
        if (levels >= 2) {
            if ((e2 & 2) == 0) {
                return page(memory, e2, shift2, any, all, e2 & badBlock2, input, how, parent, parentRoot, parentHow);
            }
            e1 = below(memory, e2, input >>> granuleShift - 3, parent, parentRoot, tableHow);
        } else {
            e1 = entry(memory, root, input >>> granuleShift - 3 & rootMask, parent, parentRoot, tableHow);
        }
        long bad = e1 & badPage | ~e1 & 2;
        return page(memory, e1, granuleShift, any | e2, all & e2, bad, input, how, parent, parentRoot, parentHow);
    }

    private long below(
            PhysicalMemory memory,
            long link,
            long scaled,
            @Nullable StraightVmsa parent,
            long parentRoot,
            int tableHow) {
        return small && parent == null
                ? memory.entry(link, scaled & mask)
                : entry(memory, link & ADDRESS, scaled & mask, parent, parentRoot, tableHow);
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
        long walked = parent.walk(memory, parentRoot, table + offset, tableHow, null, 0, 0);
        return walked != StraightWalk.UNDECIDED && (Walked.address(walked) & ~memory.fold()) == 0
                ? memory.folded(Walked.address(walked))
                : 0;
    }

    private long page(
            PhysicalMemory memory,
            long leaf,
            int shift,
            long any,
            long all,
            long bad,
            long input,
            int how,
            @Nullable StraightVmsa parent,
            long parentRoot,
            int parentHow) {
        long wrong = bad | any & badTable | ~all & BOTH | wanted & ~leaf | input & badInput;
        if (parent == null) {
            wrong |= any & ADDRESS & ~memory.fold();
        }
        long rights = (leaf & UXN) == 0 ? Walked.EXECUTE : 0;
        if (first) {
            rights |= (leaf & AP2) == 0 ? Walked.READ | Walked.WRITE : Walked.READ;
        } else {
            rights |= (leaf & S2AP_R) != 0 ? Walked.READ : 0;
            rights |= (leaf & S2AP_W) != 0 ? Walked.WRITE : 0;
        }
        wrong |= how & REQUEST & ~rights;
        if ((how & PageWalk.DIRTY_STATE) != 0) {
            wrong |= leaf & DBM;
        }
        if (wrong != 0) {
            return StraightWalk.UNDECIDED;
        }
        long address = leaf & ADDRESS & -1L << shift | input & (1L << shift) - 1;
        if (parent == null) {
            return Walked.found(address, shift, rights) | Walked.MARKED;
        }
        long walked = parent.walk(memory, parentRoot, address, how & REQUEST | parentHow, null, 0, 0);
        return walked == StraightWalk.UNDECIDED
                ? walked
                : Walked.found(
                                Walked.address(walked),
                                Math.min(shift, Walked.shift(walked)),
                                rights & Walked.rights(walked))
                        | Walked.MARKED;
    }
}
