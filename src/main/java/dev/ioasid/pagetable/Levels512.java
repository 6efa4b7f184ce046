package dev.ioasid.pagetable;

/** The geometry of tables of 512 entries over pages of 4 KiB, without asking a format: where only that geometry occurs. */
public final class Levels512 {
    public static final int GRANULE_SHIFT = 12;
    public static final int ENTRY_BITS = 9;
    public static final int ENTRIES = 1 << ENTRY_BITS;

    private Levels512() {}

    /** log2 of what one entry of {@code level} covers, in bytes. */
    public static int shift(int level) {
        return GRANULE_SHIFT + (level - 1) * ENTRY_BITS;
    }

    /** Offset, within its table, of the entry of {@code level} that covers {@code input}. */
    public static long offset(long input, int level) {
        return input >>> shift(level) - 3 & (ENTRIES - 1) * Long.BYTES; // the index, times 8
    }
}
