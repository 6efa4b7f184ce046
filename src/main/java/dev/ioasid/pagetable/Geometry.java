package dev.ioasid.pagetable;

/**
 * How a format cuts an input address: an offset within a page, and an index for each level. Levels are counted from the last, which is
 * 1; the root is a table of the highest. A table below the root fills one page of the granule; the root may be smaller, or, where a stage 2
 * of Arm begins with concatenated tables, up to 16 times as large.
 *
 * @param granuleShift log2 of the smallest page, and of the size of a table: 12, 14 or 16
 * @param levels 1 to 5
 * @param inputBits width of the input address
 */
public record Geometry(int granuleShift, int levels, int inputBits) {
    /** 4 KiB pages, 512 entries in every table: x86. */
    static Geometry of512(int levels) {
        return new Geometry(Levels512.GRANULE_SHIFT, levels, Levels512.shift(levels + 1));
    }

    /** log2 of the entries of a table below the root. */
    public int entryBits() {
        return granuleShift - 3;
    }

    /** log2 of what one entry of {@code level} covers, in bytes. */
    public int shift(int level) {
        return granuleShift + (level - 1) * (granuleShift - 3);
    }

    /** Entries of a table of {@code level}. */
    public int entries(int level) {
        return 1 << (level == levels ? inputBits - shift(level) : entryBits());
    }

    /** The number, within its table, of the entry of {@code level} that covers {@code input}. */
    int index(long input, int level) {
        return (int) (input >>> shift(level)) & entries(level) - 1;
    }

    /** Offset, within its table, of the entry of {@code level} that covers {@code input}. */
    public long offset(long input, int level) {
        return (long) index(input, level) * Long.BYTES;
    }

    /** The last address of {@code at..last} that the same entry of {@code level} covers. */
    long lastOfEntry(long at, int level, long last) {
        return Math.min(at | (1L << shift(level)) - 1, last);
    }

    /** Bytes that a table of {@code level} takes: whole pages of the granule, but of 4 KiB at least. */
    public long tableBytes(int level) {
        return level == levels
                ? Math.max((long) entries(level) * Long.BYTES, 1L << Levels512.GRANULE_SHIFT)
                : 1L << granuleShift;
    }

    /** Bytes of the root. */
    long rootBytes() {
        return (long) entries(levels) * Long.BYTES;
    }
}
