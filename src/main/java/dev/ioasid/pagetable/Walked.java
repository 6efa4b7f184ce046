package dev.ioasid.pagetable;

/**
 * What a walk found, packed into one {@code long} so that nothing goes to the heap.
 *
 * <pre>
 * found    63 0   62 a write needs no mark   61 snooped   60 executable   59 writable   58 readable   57:52 log2 of the page size   51:0 address
 * failed   63 1   17:16 stage (1 first, 2 second)   15:12 level   7:0 what failed
 * </pre>
 */
public final class Walked {
    public static final long READ = 1;
    public static final long WRITE = 2;
    /** Only of formats that know of it. */
    public static final long EXECUTE = 4;

    /** In what was found: a write through the same way would set no bit that is not set already. */
    public static final long MARKED = 1L << 62;

    /** In what was found: the leaf asks for accesses to the page to be snooped. */
    public static final long SNOOPED = 1L << 61;

    private static final long FAILED = 1L << 63;
    private static final int RIGHTS_SHIFT = 58;
    private static final int SIZE_SHIFT = 52;
    private static final int STAGE_SHIFT = 16;
    private static final int LEVEL_SHIFT = 12;
    private static final long ADDRESS = (1L << SIZE_SHIFT) - 1;
    private static final Failure[] FAILURES = Failure.values();

    /** Why a walk found nothing. The architecture above gives it a number and a name. */
    public enum Failure {
        /** The root table is not in memory. */
        ROOT_FETCH,
        /** A lower table is not in memory. */
        FETCH,
        /** An entry is not present, or the entries on the way have no right in common. */
        ABSENT,
        /** A present entry has a bit set that must be zero. */
        RESERVED,
        /** Accessed or dirty would have to be set, and the walk may not write. */
        UPDATE_FORBIDDEN,
        /** The page is for privileged requests only. */
        NOT_USER,
        NO_WRITE,
        NO_READ,
        NO_EXECUTE,
        /** A leaf has not been accessed before, and hardware does not say itself that it has. */
        NOT_ACCESSED,
        /** Nested: an address in an entry is beyond the parent's input width. */
        BEYOND_PARENT,
        /** Nested: the parent does not let the root table be read. */
        PARENT_HIDES_ROOT,
        /** Nested: the parent does not let a lower table be read. */
        PARENT_HIDES_TABLE,
        /** Nested: accessed or dirty would have to be set in a table that the parent does not let be written. */
        PARENT_FORBIDS_UPDATE,
        /** The address found is one where no memory can be: the interrupt window. */
        INTERRUPT_WINDOW
    }

    private Walked() {}

    static long found(long address, int shift, long rights) {
        return address | (long) shift << SIZE_SHIFT | rights << RIGHTS_SHIFT;
    }

    /** A translation that no table made: the address itself. */
    public static long untranslated(long address, int shift) {
        return found(address, shift, READ | WRITE);
    }

    static long failed(Failure failure, Stage stage, int level) {
        return FAILED | stage.number << STAGE_SHIFT | (long) level << LEVEL_SHIFT | failure.ordinal();
    }

    /** Which table a walk failed in. */
    public enum Stage {
        FIRST(1),
        SECOND(2);

        private final long number;

        Stage(long number) {
            this.number = number;
        }
    }

    /** A write that no table leads anywhere: an interrupt. */
    public static long interrupt(int shift) {
        return found(0, shift, WRITE);
    }

    public static boolean failed(long walked) {
        return walked < 0;
    }

    public static long address(long found) {
        return found & ADDRESS;
    }

    /** log2 of the size of the smallest page on the way. */
    public static int shift(long found) {
        return (int) (found >>> SIZE_SHIFT) & 63;
    }

    public static long rights(long found) {
        return found >>> RIGHTS_SHIFT & 7;
    }

    /** What was found, with rights less. */
    public static long without(long found, long rights) {
        return found & ~(rights << RIGHTS_SHIFT);
    }

    /** What was found, but at another address. */
    public static long at(long found, long address) {
        return found & ~ADDRESS | address & ADDRESS;
    }

    public static Failure failure(long failed) {
        return FAILURES[(int) failed & 0xff];
    }

    public static int level(long failed) {
        return (int) (failed >>> LEVEL_SHIFT) & 0xf;
    }

    public static Stage stage(long failed) {
        return (failed >>> STAGE_SHIFT & 3) == 1 ? Stage.FIRST : Stage.SECOND;
    }
}
