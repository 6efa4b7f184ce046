package dev.ioasid.pagetable;

/**
 * What descriptors of VMSAv8-64 grant. Each entry of a walk is turned into a word of the bits below; the words are ANDed on the way
 * down, and {@link #of} says what is left for a request. Arm ARM, section D8.4; execution that depends on writing is judged at the end.
 */
final class VmsaRights {
    private static final long READ = 1;
    private static final long WRITE = 1 << 1;
    private static final long USER_READ = 1 << 2;
    private static final long USER_WRITE = 1 << 3;
    private static final long EXECUTE = 1 << 4;
    private static final long USER_EXECUTE = 1 << 5;

    private VmsaRights() {}

    /** What a table descriptor of stage 1 leaves: its hierarchical attributes take away. */
    static long belowTable(long entry, int how) {
        if ((how & PageWalk.HIERARCHY_OFF) != 0) {
            return -1;
        }
        long gone = VmsaDescriptor.APTABLE1.isSet(entry) ? USER_READ | USER_WRITE : 0;
        gone |= VmsaDescriptor.APTABLE2.isSet(entry) ? WRITE | USER_WRITE : 0;
        gone |= VmsaDescriptor.UXNTABLE.isSet(entry) ? USER_EXECUTE : 0;
        gone |= VmsaDescriptor.PXNTABLE.isSet(entry) ? EXECUTE : 0;
        return ~gone;
    }

    static long stage1Leaf(long entry, int how) {
        boolean writable = !VmsaDescriptor.AP2.isSet(entry) || becomesWritable(entry, how);
        boolean user = VmsaDescriptor.AP1.isSet(entry);
        return READ
                | (writable ? WRITE : 0)
                | (user ? USER_READ : 0)
                | (user && writable ? USER_WRITE : 0)
                | (VmsaDescriptor.PXN.isSet(entry) ? 0 : EXECUTE)
                | (VmsaDescriptor.UXN.isSet(entry) ? 0 : USER_EXECUTE);
    }

    static long stage2Leaf(long entry, int how) {
        boolean writable = VmsaDescriptor.S2AP_W.isSet(entry) || becomesWritable(entry, how);
        long xn = VmsaDescriptor.XN.get(entry);
        if ((how & PageWalk.EXECUTE_BY_PRIVILEGE) == 0) {
            xn &= 2;
        }
        long execute = switch ((int) xn) {
            case 0 -> EXECUTE | USER_EXECUTE;
            case 1 -> USER_EXECUTE;
            case 2 -> 0;
            default -> EXECUTE;
        };
        return (VmsaDescriptor.S2AP_R.isSet(entry) ? READ : 0) | (writable ? WRITE : 0) | execute;
    }

    /** Writable-clean: the leaf may be written, which then makes it so. */
    static boolean becomesWritable(long leaf, int how) {
        return (how & PageWalk.DIRTY_STATE) != 0 && VmsaDescriptor.DBM.isSet(leaf);
    }

    /** {@link Walked}'s rights of a request at stage 1. */
    static long ofStage1(long common, int how) {
        boolean privileged = (how & PageWalk.PRIVILEGED) != 0;
        boolean userWrites = (common & USER_WRITE) != 0;
        boolean read;
        boolean write;
        boolean execute;
        if ((how & PageWalk.SINGLE_PRIVILEGE) != 0) {
            read = (common & READ) != 0;
            write = (common & WRITE) != 0;
            execute = (common & USER_EXECUTE) != 0;
        } else if (privileged) {
            boolean barred = (how & PageWalk.PRIVILEGED_ACCESS_NEVER) != 0 && (common & (USER_READ | USER_WRITE)) != 0;
            read = (common & READ) != 0;
            write = (common & WRITE) != 0;
            execute = (common & EXECUTE) != 0 && !userWrites;
            if (barred) {
                execute &= !(write && (how & PageWalk.WRITE_EXECUTE_NEVER) != 0);
                return execute ? Walked.EXECUTE : 0;
            }
        } else {
            read = (common & USER_READ) != 0;
            write = userWrites;
            execute = (common & USER_EXECUTE) != 0;
        }
        if (write && (how & PageWalk.WRITE_EXECUTE_NEVER) != 0) {
            execute = false;
        }
        return rights(read, write, execute);
    }

    /** {@link Walked}'s rights of a request at stage 2. */
    static long ofStage2(long common, int how) {
        boolean privileged = (how & PageWalk.PRIVILEGED) != 0;
        return rights(
                (common & READ) != 0, (common & WRITE) != 0, (common & (privileged ? EXECUTE : USER_EXECUTE)) != 0);
    }

    private static long rights(boolean read, boolean write, boolean execute) {
        return (read ? Walked.READ : 0) | (write ? Walked.WRITE : 0) | (execute ? Walked.EXECUTE : 0);
    }

    /** A leaf of stage 1 as Linux's drivers write it: inner shareable, accessed, of one ASID, the first attribute. */
    static long stage1(Permissions permissions) {
        boolean user = !permissions.privileged();
        return VmsaDescriptor.VALID.mask()
                | VmsaDescriptor.SH.of(3)
                | VmsaDescriptor.AF.mask()
                | VmsaDescriptor.NG.mask()
                | (user ? VmsaDescriptor.AP1.mask() : 0)
                | (permissions.write() ? 0 : VmsaDescriptor.AP2.mask())
                | (permissions.execute() && user ? 0 : VmsaDescriptor.UXN.mask())
                | (permissions.execute() && !user ? 0 : VmsaDescriptor.PXN.mask());
    }

    /** A leaf of stage 2: write-back memory, inner shareable, accessed. */
    static long stage2(Permissions permissions) {
        return VmsaDescriptor.VALID.mask()
                | VmsaDescriptor.MEMATTR.of(15)
                | VmsaDescriptor.SH.of(3)
                | VmsaDescriptor.AF.mask()
                | (permissions.read() ? VmsaDescriptor.S2AP_R.mask() : 0)
                | (permissions.write() ? VmsaDescriptor.S2AP_W.mask() : 0)
                | VmsaDescriptor.XN.of(permissions.execute() ? 0 : 2);
    }
}
