package dev.ioasid.pagetable;

/**
 * Copies of entries that lead from table to table, by which a walk begins further down than at the root.
 *
 * <p>A copy is one word, so that nothing goes to the heap:
 *
 * <pre>
 * 62:61, 2:0 what all entries down to it grant, in the format's own bits   52 the table may be written
 * 51:12 the table that it leads to, host physical   10:8 level of that table
 * </pre>
 *
 * <p>A walk says {@code whose} table it is in: a number by which whoever keeps the copies tells them apart, and which means nothing here.
 */
public interface StructureCaches {
    /** Nobody keeps copies. */
    StructureCaches NONE = new StructureCaches() {
        @Override
        public long deepest(TableFormat format, long whose, long input, boolean dry) {
            return 0;
        }

        @Override
        public void keep(TableFormat format, long whose, long input, long copy) {}
    };

    /**
     * The copy that leads to the lowest table on the way of an input; 0 if there is none.
     *
     * @param dry the lookup is not counted
     */
    long deepest(TableFormat format, long whose, long input, boolean dry);

    /** Keeps a copy, for all inputs whose way leads through the same table. */
    void keep(TableFormat format, long whose, long input, long copy);

    /** A copy as a word. */
    static long copy(TableFormat format, long table, int level, long common, boolean writable) {
        return table
                | common & (format.read() | format.write() | format.user())
                | (long) level << LEVEL_SHIFT
                | (writable ? WRITABLE : 0);
    }

    /** Level of the table that a copy leads to. */
    static int level(long copy) {
        return (int) (copy >>> LEVEL_SHIFT) & 7;
    }

    static long table(long copy) {
        return copy & TableFormat.ADDRESS;
    }

    /** What all entries down to the table grant; bits that grant nothing are set. */
    static long common(TableFormat format, long copy) {
        return copy | ~(format.read() | format.write() | format.user());
    }

    /** Whether the second stage lets the table be written. */
    static boolean writable(long copy) {
        return (copy & WRITABLE) != 0;
    }

    /** Bit position of the level. */
    int LEVEL_SHIFT = 8;

    /** The bit that says writable. */
    long WRITABLE = 1L << 52;
}
