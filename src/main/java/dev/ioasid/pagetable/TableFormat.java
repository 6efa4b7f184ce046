package dev.ioasid.pagetable;

/**
 * A page-table format as numbers: what a walk or a map asks of an entry, answered without a call per format. Tables
 * have 512 entries of 8 bytes; the entry of level {@code n} covers {@code 4 KiB << 9 * (n - 1)}.
 *
 * @param levels 3 to 5; the root is a table of this level
 * @param read the bit that grants reading; 0 where being present does
 * @param write the bit that grants writing
 * @param user the bit without which only privileged requests pass; 0 where the format has none
 * @param present an entry with none of these bits set is absent and nothing else in it is looked at
 * @param pageSize the bit that makes an entry above level 1 a leaf
 * @param leafLevels bit {@code n} is set where level {@code n} may hold a leaf
 * @param reservedInLeaf bits that must be zero in every leaf
 * @param reservedInTable bits that must be zero in every entry that points to a table
 * @param lowestLargeLeafBit lowest address bit that must be zero in a leaf above level 1
 * @param accessed set by hardware in every entry it uses, where that is enabled; 0 where the format has none
 * @param dirty set by hardware in a leaf that was written through
 */
public record TableFormat(
        Kind kind,
        int levels,
        long read,
        long write,
        long user,
        long present,
        long pageSize,
        int leafLevels,
        long reservedInLeaf,
        long reservedInTable,
        int lowestLargeLeafBit,
        long accessed,
        long dirty) {
    /** Address bits of an entry before the host address width cuts them: 51:12. */
    public static final long ADDRESS = 0x000f_ffff_ffff_f000L;

    public static final int ENTRY_BITS = 9;
    public static final int ENTRIES = 1 << ENTRY_BITS;
    public static final int GRANULE_SHIFT = 12;

    /** SNP, in leaves of the second stage. */
    static final long SNOOP = 1 << 11;

    /** Which specification an entry is read by. */
    public enum Kind {
        VTD_SECOND_STAGE,
        X86_64
    }

    public static final int LEAF_4K = 1 << 1;
    public static final int LEAF_2M = 1 << 2;
    public static final int LEAF_1G = 1 << 3;

    /**
     * VT-d second stage. VT-d 5.10, sections 3.7 and 9.8.
     *
     * @param levels 3, 4 or 5: 39, 48 or 57 bits
     * @param hostAddressWidth address bits from here to 51 are reserved
     * @param leafLevels {@link #LEAF_4K} and what CAP.SSLPS adds
     * @param snoop whether ECAP.SC allows SNP in a leaf
     * @param ignoreReadWrite whether RTADDR.SSIRWE moves the rights to bits 61 and 62
     */
    public static TableFormat vtdSecondStage(
            int levels, int hostAddressWidth, int leafLevels, boolean snoop, boolean ignoreReadWrite) {
        long ir = 1L << 61;
        long iw = 1L << 62;
        long beyondHost = beyond(hostAddressWidth);
        long high = ignoreReadWrite ? beyondHost : beyondHost | iw;
        long read = ignoreReadWrite ? ir : 1;
        long write = ignoreReadWrite ? iw : 1 << 1;
        return new TableFormat(
                Kind.VTD_SECOND_STAGE,
                levels,
                read,
                write,
                0,
                read | write,
                1 << 7,
                leafLevels,
                snoop ? high : high | SNOOP,
                high | SNOOP,
                12,
                1 << 8,
                1 << 9);
    }

    /**
     * x86-64 paging as VT-d's first stage reads it. VT-d 5.10, sections 3.6 and 9.9.
     *
     * @param levels 4 or 5
     * @param leafLevels {@link #LEAF_4K}, {@link #LEAF_2M} and what CAP.FS1GP adds
     */
    public static TableFormat x8664(int levels, int hostAddressWidth, int leafLevels) {
        return new TableFormat(
                Kind.X86_64,
                levels,
                0,
                1 << 1,
                1 << 2,
                1,
                1 << 7,
                leafLevels,
                beyond(hostAddressWidth),
                beyond(hostAddressWidth),
                13,
                1 << 5,
                1 << 6);
    }

    private static long beyond(int hostAddressWidth) {
        return ADDRESS & -1L << hostAddressWidth;
    }

    /** Width of the input address in bits. */
    public int inputBits() {
        return GRANULE_SHIFT + levels * ENTRY_BITS;
    }

    /** log2 of what one entry of {@code level} covers, in bytes. */
    public static int shift(int level) {
        return GRANULE_SHIFT + (level - 1) * ENTRY_BITS;
    }

    /** The number, within its table, of the entry of {@code level} that covers {@code input}. */
    static int index(long input, int level) {
        return (int) (input >>> shift(level)) & ENTRIES - 1;
    }

    /** The last address of {@code at..last} that the same entry of {@code level} covers. */
    static long lastOfEntry(long at, int level, long last) {
        return Math.min(at | (1L << shift(level)) - 1, last);
    }

    /** Offset, within its table, of the entry of {@code level} that covers {@code input}. */
    public static long offset(long input, int level) {
        return input >>> shift(level) - 3 & (ENTRIES - 1) * Long.BYTES; // the index, times 8
    }

    /** Physical addresses in entries have fewer bits than this. */
    public int hostAddressWidth() {
        return Long.numberOfTrailingZeros(~(ADDRESS & ~reservedInTable | (1L << GRANULE_SHIFT) - 1));
    }

    public boolean present(long entry) {
        return (entry & present) != 0;
    }

    /** Whether a present entry of {@code level} maps a page. */
    public boolean leaf(long entry, int level) {
        return level == 1 || (entry & pageSize) != 0 && allowsLeaf(level);
    }

    public boolean allowsLeaf(int level) {
        return (leafLevels >>> level & 1) != 0;
    }

    /** The bits that must be zero in a present entry. */
    public long mustBeZero(int level, boolean leaf) {
        if (!leaf) {
            return reservedInTable | pageSize;
        }
        if (level == 1) {
            return reservedInLeaf;
        }
        return reservedInLeaf | (1L << shift(level)) - (1L << lowestLargeLeafBit);
    }

    /** The page that a leaf of {@code level} maps, without the offset within it. */
    public static long page(long entry, int level) {
        return entry & ADDRESS & -1L << shift(level);
    }

    /**
     * What a request may do with a page.
     *
     * @param common the bits that all entries on the way to the page have
     * @param how whether the request is privileged, by the constants of {@link PageWalk}
     * @return {@link Walked#READ} and {@link Walked#WRITE}
     */
    long rights(long common, int how) {
        return switch (kind) { // exhaustive: a new format does not compile until it answers
            case VTD_SECOND_STAGE ->
                ((common & read) != 0 ? Walked.READ : 0) | ((common & write) != 0 ? Walked.WRITE : 0);
            case X86_64 -> {
                boolean privileged = (how & PageWalk.PRIVILEGED) != 0;
                boolean writes = (common & write) != 0 || privileged && (how & PageWalk.WRITE_PROTECTED) == 0;
                yield (common & user) == 0 && !privileged ? 0 : writes ? Walked.READ | Walked.WRITE : Walked.READ;
            }
        };
    }

    /** Whether a leaf asks for accesses to its page to be snooped. */
    boolean snoops(long leaf) {
        return kind == Kind.VTD_SECOND_STAGE && (leaf & SNOOP) != 0;
    }

    /** Which stage a table of this format translates. */
    public Walked.Stage stage() {
        return switch (kind) {
            case VTD_SECOND_STAGE -> Walked.Stage.SECOND;
            case X86_64 -> Walked.Stage.FIRST;
        };
    }

    /**
     * The entry that maps a page.
     *
     * @param physical aligned to what {@code level} covers
     */
    long leafEntry(long physical, int level, Permissions permissions) {
        return physical | (level > 1 ? pageSize : 0) | rightsOf(permissions);
    }

    /** Whether a leaf can grant this and nothing else. */
    boolean expresses(Permissions permissions) {
        return switch (kind) {
            case VTD_SECOND_STAGE ->
                (permissions.read() || permissions.write()) && !permissions.execute() && !permissions.privileged();
            case X86_64 -> permissions.read(); // and everything may be executed
        };
    }

    /** The entry that points to a table. It grants everything: leaves decide. */
    long tableEntry(long physical) {
        return physical | read | write | user | present;
    }

    private long rightsOf(Permissions permissions) {
        return switch (kind) {
            case VTD_SECOND_STAGE -> (permissions.read() ? read : 0) | (permissions.write() ? write : 0);
            case X86_64 -> present | (permissions.write() ? write : 0) | (permissions.privileged() ? 0 : user);
        };
    }

    /** Whether hardware that walks this format reads every table of {@code other} as it was meant. */
    public boolean reads(TableFormat other) {
        return kind == other.kind
                && levels == other.levels
                && read == other.read
                && write == other.write
                && (other.leafLevels & ~leafLevels) == 0
                && (reservedInLeaf & ~other.reservedInLeaf) == 0
                && (reservedInTable & ~other.reservedInTable) == 0;
    }
}
