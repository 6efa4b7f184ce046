package dev.ioasid.pagetable;

import dev.ioasid.memory.PhysicalMemory;
import dev.ioasid.pagetable.Walked.Failure;
import org.jspecify.annotations.Nullable;

/**
 * What is asked of a leaf of VMSAv8-64, in order: access flag, permission, the marks that hardware sets, and then the page's way through
 * the parent. Arm ARM, sections D8.4 to D8.6; SMMUv3, section 3.13.
 */
final class VmsaLeaf {
    private static final int REQUEST = PageWalk.READ | PageWalk.WRITE;
    private static final int ASKED =
            REQUEST | PageWalk.EXECUTE | PageWalk.PRIVILEGED | PageWalk.ANY_RIGHT | PageWalk.DRY;

    private VmsaLeaf() {}

    /**
     * @param at where the leaf is
     * @param guest the same before the parent has translated it
     * @param common what the entries on the way grant, the leaf included
     */
    static long settle(
            PhysicalMemory memory,
            TableFormat format,
            long at,
            long guest,
            long leaf,
            int level,
            long input,
            long common,
            int how,
            @Nullable TableFormat parent,
            long parentRoot,
            int parentHow,
            Steps steps) {
        boolean accessed = VmsaDescriptor.AF.isSet(leaf);
        if (!accessed && (how & (PageWalk.ACCESS_FLAG | PageWalk.ACCESS_FLAG_IGNORED)) == 0) {
            return PageWalk.failed(Failure.NOT_ACCESSED, format, level);
        }
        long rights = format.rights(common, how);
        var refusal = refusal(rights, how);
        if (refusal == null && (how & PageWalk.TABLE) != 0 && mayNotHoldTables(leaf, how)) {
            refusal = Failure.NO_READ;
        }
        if (refusal != null) {
            return PageWalk.failed(refusal, format, level);
        }
        boolean written = (how & PageWalk.WRITE) != 0 && (rights & Walked.WRITE) != 0;
        long marked = marked(format, leaf, written, how);
        int request = parentHow | PageWalk.WRITE | PageWalk.TABLE;
        if (marked != leaf && parent != null) { // the parent has to let the entry be written
            long allowed = PageWalk.through(
                    memory, parent, parentRoot, guest, request | PageWalk.DRY, StructureCaches.NONE, 0, steps);
            if (Walked.failed(allowed)) {
                return allowed;
            }
        }
        steps.leaf(format, level, marked);
        int shift = format.shift(level);
        long address = format.page(leaf, level) | input & (1L << shift) - 1;
        boolean settled = marked(format, marked, (rights & Walked.WRITE) != 0, how) == marked;
        long found = Walked.found(address, shift, rights) | (settled ? Walked.MARKED : 0);
        long end = parent == null ? found : throughParent(memory, found, how, parent, parentRoot, parentHow, steps);
        if (marked == leaf || (how & PageWalk.DRY) != 0 || isForbidden(end)) {
            return end;
        }
        boolean lost = parent != null // and the parent keeps that it has been written
                && Walked.failed(PageWalk.through(
                        memory, parent, parentRoot, guest, request, StructureCaches.NONE, 0, Steps.UNSEEN));
        return lost || !memory.swap(at, leaf, marked) ? PageWalk.AGAIN : end;
    }

    /** Whether the parent does not permit the access: then the leaf is not marked, as it would not be if it did not permit it itself. */
    private static boolean isForbidden(long walked) {
        if (!Walked.failed(walked)) {
            return false;
        }
        return switch (Walked.failure(walked)) {
            case NO_READ, NO_WRITE, NO_EXECUTE -> true;
            default -> false;
        };
    }

    private static long throughParent(
            PhysicalMemory memory,
            long guest,
            int how,
            TableFormat parent,
            long parentRoot,
            int parentHow,
            Steps steps) {
        int asked = how & ASKED;
        if ((how & PageWalk.ANY_RIGHT) != 0) { // what the first stage refuses is not asked of the second
            asked &= ~REQUEST | (int) Walked.rights(guest);
        }
        long walked = PageWalk.through(
                memory, parent, parentRoot, Walked.address(guest), parentHow | asked, StructureCaches.NONE, 0, steps);
        if (Walked.failed(walked)) {
            return walked;
        }
        return Walked.found(
                        Walked.address(walked),
                        Math.min(Walked.shift(guest), Walked.shift(walked)),
                        Walked.rights(guest) & Walked.rights(walked))
                | guest & walked & Walked.MARKED;
    }

    private static @Nullable Failure refusal(long rights, int how) {
        if ((how & PageWalk.ANY_RIGHT) != 0) {
            return (rights & (Walked.READ | Walked.WRITE)) == 0 ? Failure.NO_READ : null;
        }
        if ((how & PageWalk.EXECUTE) != 0) {
            return (rights & Walked.EXECUTE) == 0 ? Failure.NO_EXECUTE : null;
        }
        if ((how & PageWalk.WRITE) != 0 && (rights & Walked.WRITE) == 0) {
            return Failure.NO_WRITE;
        }
        return (how & PageWalk.READ) != 0 && (rights & Walked.READ) == 0 ? Failure.NO_READ : null;
    }

    /** Whether S2PTW keeps tables out of the page: it is device memory. */
    private static boolean mayNotHoldTables(long leaf, int how) {
        if ((how & PageWalk.TABLES_IN_MEMORY) == 0) {
            return false;
        }
        long type = VmsaDescriptor.MEMATTR.get(leaf);
        return (how & PageWalk.FORCED_TYPES) == 0 ? type >>> 2 == 0 : (type & 4) == 0;
    }

    /** The leaf as hardware leaves it: accessed, and writable where it was so but for being clean. */
    private static long marked(TableFormat format, long leaf, boolean written, int how) {
        long marked = (how & PageWalk.ACCESS_FLAG) == 0 ? leaf : leaf | VmsaDescriptor.AF.mask();
        if (!written || !VmsaRights.becomesWritable(leaf, how)) {
            return marked;
        }
        return format.kind() == TableFormat.Kind.ARMV8_STAGE1
                ? marked & ~VmsaDescriptor.AP2.mask()
                : marked | VmsaDescriptor.S2AP_W.mask();
    }
}
