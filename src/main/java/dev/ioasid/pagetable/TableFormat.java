package dev.ioasid.pagetable;

/**
 * A page-table format as numbers: what a walk or a map asks of an entry, answered without a call per format. Entries have 8 bytes.
 *
 * @param outputBits physical addresses in entries have fewer bits than this
 * @param read the bit that grants reading; 0 where being present does
 * @param write the bit that grants writing
 * @param user the bit without which only privileged requests pass; 0 where the format has none
 * @param present an entry with none of these bits set is absent and nothing else in it is looked at
 * @param kindOfEntry the bit that tells a leaf from a table above level 1
 * @param leafWhen what that bit is in a leaf
 * @param leafLevels bit {@code n} is set where level {@code n} may hold a leaf
 * @param reservedInLeaf bits that must be zero in every leaf
 * @param reservedInTable bits that must be zero in every entry that points to a table
 * @param lowestLargeLeafBit lowest address bit that must be zero in a leaf above level 1
 * @param accessed set by hardware in every entry it uses, where that is enabled; 0 where the format has none
 * @param dirty set by hardware in a leaf that was written through
 * @param noExecute set by the service in a leaf that CPUs may not execute from; 0 where the leaf is for devices only, or says it otherwise
 */
public record TableFormat(
        Kind kind,
        Geometry geometry,
        int outputBits,
        long read,
        long write,
        long user,
        long present,
        long kindOfEntry,
        long leafWhen,
        int leafLevels,
        long reservedInLeaf,
        long reservedInTable,
        int lowestLargeLeafBit,
        long accessed,
        long dirty,
        long noExecute) {
    /** Address bits of an entry before the host address width cuts them: 51:12. */
    public static final long ADDRESS = 0x000f_ffff_ffff_f000L;

    /** SNP, in leaves of the second stage. */
    static final long SNOOP = 1 << 11;

    /** Which specification an entry is read by. */
    public enum Kind {
        VTD_SECOND_STAGE,
        X86_64,
        ARMV8_STAGE1,
        ARMV8_STAGE2
    }

    private static final int ARMV8_LARGE_GRANULE = 16;
    private static final int ARMV8_ADDRESS_BITS = 48;
    private static final long ARMV8_ADDRESS = 0x0000_ffff_ffff_0000L;
    /** Of entries of 64 KiB, where address bits 51:48 are, and how far down. */
    private static final long ARMV8_HIGH = 0xf000;

    private static final int ARMV8_HIGH_SHIFT = 36;
    private static final long ARMV8_WIDE_ROOT = 64;
    private static final long PAGE_SIZE = 1 << 7;
    /** XD, of x86-64. */
    private static final long EXECUTE_DISABLE = 1L << 63;

    private static final int NO_LEAF_CHECK = Long.SIZE;

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
                Geometry.of512(levels),
                hostAddressWidth,
                read,
                write,
                0,
                read | write,
                PAGE_SIZE,
                PAGE_SIZE,
                leafLevels,
                snoop ? high : high | SNOOP,
                high | SNOOP,
                12,
                1 << 8,
                1 << 9,
                0);
    }

    /**
     * x86-64 paging as VT-d's first stage reads it. VT-d 5.10, sections 3.6 and 9.9.
     *
     * @param levels 4 or 5
     * @param leafLevels {@link #LEAF_4K}, {@link #LEAF_2M} and what CAP.FS1GP adds
     */
    public static TableFormat x8664(int levels, int hostAddressWidth, int leafLevels) {
        return x8664(levels, hostAddressWidth, leafLevels, 0);
    }

    /**
     * The table of a process on a CPU of x86-64: pages of 4 KiB, and XD where there is no right to execute. Intel SDM volume 3, section 5.5.
     *
     * @param levels 4 or 5
     */
    public static TableFormat x8664Process(int levels, int physicalBits) {
        return x8664(levels, physicalBits, LEAF_4K, EXECUTE_DISABLE);
    }

    private static TableFormat x8664(int levels, int hostAddressWidth, int leafLevels, long noExecute) {
        return new TableFormat(
                Kind.X86_64,
                Geometry.of512(levels),
                hostAddressWidth,
                0,
                1 << 1,
                1 << 2,
                1,
                PAGE_SIZE,
                PAGE_SIZE,
                leafLevels,
                beyond(hostAddressWidth),
                beyond(hostAddressWidth),
                13,
                1 << 5,
                1 << 6,
                noExecute);
    }

    private static long beyond(int hostAddressWidth) {
        return ADDRESS & -1L << hostAddressWidth;
    }

    /**
     * Stage 1 of VMSAv8-64. Arm ARM, section D8.2; it begins at the level that the width asks for.
     *
     * @param granuleShift 12, 14 or 16
     * @param inputBits 64 minus TxSZ
     * @param outputBits the smaller of IPS and OAS: an address beyond is a fault
     * @param wide whether addresses have 52 bits: of entries of 64 KiB, 15:12 are the upper ones
     */
    public static TableFormat armv8Stage1(int granuleShift, int inputBits, int outputBits, boolean wide) {
        int entryBits = granuleShift - 3;
        int levels = (inputBits - granuleShift + entryBits - 1) / entryBits;
        return armv8(Kind.ARMV8_STAGE1, new Geometry(granuleShift, levels, inputBits), outputBits, wide);
    }

    /** The table that a CPU of Arm has in TTBR0 for a process: stage 1 with pages of the granule only. Arm ARM, section D8.2. */
    public static TableFormat armv8Process(int granuleShift, int inputBits, int outputBits) {
        return armv8Stage1(granuleShift, inputBits, outputBits, false).withPagesOnly();
    }

    /** The same without leaves above level 1. */
    private TableFormat withPagesOnly() {
        return new TableFormat(
                kind,
                geometry,
                outputBits,
                read,
                write,
                user,
                present,
                kindOfEntry,
                leafWhen,
                1 << 1,
                reservedInLeaf,
                reservedInTable,
                lowestLargeLeafBit,
                accessed,
                dirty,
                noExecute);
    }

    /**
     * Stage 2 of VMSAv8-64. Its first level may be one lower than the width asks for, with up to 16 tables of it, one behind the other.
     *
     * @param levels 4 minus the start level
     */
    public static TableFormat armv8Stage2(int granuleShift, int levels, int inputBits, int outputBits, boolean wide) {
        return armv8(Kind.ARMV8_STAGE2, new Geometry(granuleShift, levels, inputBits), outputBits, wide);
    }

    private static TableFormat armv8(Kind kind, Geometry geometry, int outputBits, boolean wide) {
        boolean large = geometry.granuleShift() == ARMV8_LARGE_GRANULE;
        int leaves = switch (geometry.granuleShift()) {
            case Levels512.GRANULE_SHIFT -> LEAF_4K | LEAF_2M | LEAF_1G;
            case ARMV8_LARGE_GRANULE -> 1 << 1 | 1 << 2 | (wide ? 1 << 3 : 0);
            default -> 1 << 1 | 1 << 2;
        };
        long beyond = ARMV8_ADDRESS & -1L << Math.min(outputBits, Long.SIZE - 1);
        if (large) {
            beyond |= wide ? ARMV8_HIGH & -1L << Math.max(outputBits - ARMV8_HIGH_SHIFT, 0) : ARMV8_HIGH;
        }
        return new TableFormat(
                kind,
                geometry,
                outputBits,
                VmsaDescriptor.S2AP_R.mask(),
                VmsaDescriptor.S2AP_W.mask(),
                0,
                VmsaDescriptor.VALID.mask(),
                VmsaDescriptor.TABLE.mask(),
                0,
                leaves,
                beyond,
                beyond,
                NO_LEAF_CHECK,
                VmsaDescriptor.AF.mask(),
                0,
                0);
    }

    public int levels() {
        return geometry.levels();
    }

    /** Width of the input address in bits. */
    public int inputBits() {
        return geometry.inputBits();
    }

    /** log2 of what one entry of {@code level} covers, in bytes. */
    public int shift(int level) {
        return geometry.shift(level);
    }

    /** log2 of the smallest page. */
    public int granuleShift() {
        return geometry.granuleShift();
    }

    /** What the address of the root is aligned to; bits below are not part of it. Arm ARM, section D8.2.5. */
    public long rootAlignment() {
        boolean wide = granuleShift() == ARMV8_LARGE_GRANULE && outputBits > ARMV8_ADDRESS_BITS;
        return wide ? Math.max(geometry.rootBytes(), ARMV8_WIDE_ROOT) : geometry.rootBytes();
    }

    public boolean isArmv8() {
        return kind == Kind.ARMV8_STAGE1 || kind == Kind.ARMV8_STAGE2;
    }

    /** Whether an entry of {@code level} means anything. */
    public boolean present(long entry, int level) {
        if (!isArmv8()) {
            return (entry & present) != 0;
        }
        boolean table = (entry & kindOfEntry) != 0;
        return (entry & present) != 0
                && (table || level > 1 && allowsLeaf(level)); // at the last level, the bit means a page
    }

    /** Whether a present entry of {@code level} maps a page. */
    public boolean leaf(long entry, int level) {
        return level == 1 || (entry & kindOfEntry) == leafWhen && allowsLeaf(level);
    }

    public boolean allowsLeaf(int level) {
        return (leafLevels >>> level & 1) != 0;
    }

    /** The bits that must be zero in a present entry; for VMSAv8-64, those of addresses that are too wide. */
    public long mustBeZero(int level, boolean leaf) {
        if (isArmv8()) {
            return reservedInTable;
        }
        if (!leaf) {
            return reservedInTable | kindOfEntry;
        }
        if (level == 1) {
            return reservedInLeaf;
        }
        return reservedInLeaf | (1L << shift(level)) - (1L << lowestLargeLeafBit);
    }

    /** The page that a leaf of {@code level} maps, without the offset within it. */
    public long page(long entry, int level) {
        return target(entry) & -1L << shift(level);
    }

    /** The table that an entry leads to. */
    public long table(long entry) {
        return target(entry) & -1L << granuleShift();
    }

    private long target(long entry) {
        if (!isArmv8()) {
            return entry & ADDRESS;
        }
        long address = entry & (ADDRESS & -1L >>> Long.SIZE - ARMV8_ADDRESS_BITS);
        return granuleShift() == ARMV8_LARGE_GRANULE
                ? address & ~ARMV8_HIGH | (entry & ARMV8_HIGH) << ARMV8_HIGH_SHIFT
                : address;
    }

    /** The address as an entry holds it. */
    private long held(long address) {
        return address >>> ARMV8_ADDRESS_BITS == 0
                ? address
                : address & ARMV8_ADDRESS | address >>> ARMV8_HIGH_SHIFT & ARMV8_HIGH;
    }

    /** What an entry lets those through who come by it, as bits that are ANDed on the way down. */
    long grants(long entry, boolean leaf, int how) {
        return switch (kind) {
            case VTD_SECOND_STAGE, X86_64 -> entry;
            case ARMV8_STAGE1 -> leaf ? VmsaRights.stage1Leaf(entry, how) : VmsaRights.belowTable(entry, how);
            case ARMV8_STAGE2 -> leaf ? VmsaRights.stage2Leaf(entry, how) : -1;
        };
    }

    /**
     * What a request may do with a page.
     *
     * @param common what all entries on the way to the page grant, see {@link #grants}
     * @param how whether the request is privileged, by the constants of {@link PageWalk}
     * @return {@link Walked#READ}, {@link Walked#WRITE}, and where the format knows of it {@link Walked#EXECUTE}
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
            case ARMV8_STAGE1 -> VmsaRights.ofStage1(common, how);
            case ARMV8_STAGE2 -> VmsaRights.ofStage2(common, how);
        };
    }

    /** Whether a leaf asks for accesses to its page to be snooped. */
    boolean snoops(long leaf) {
        return kind == Kind.VTD_SECOND_STAGE && (leaf & SNOOP) != 0;
    }

    /** Whether a leaf of stage 1 is for one ASID only. */
    public boolean isNonGlobal(long leaf) {
        return kind == Kind.ARMV8_STAGE1 && VmsaDescriptor.NG.isSet(leaf);
    }

    /** Which stage a table of this format translates. */
    public Walked.Stage stage() {
        return switch (kind) {
            case VTD_SECOND_STAGE, ARMV8_STAGE2 -> Walked.Stage.SECOND;
            case X86_64, ARMV8_STAGE1 -> Walked.Stage.FIRST;
        };
    }

    /**
     * The entry that maps a page.
     *
     * @param physical aligned to what {@code level} covers
     */
    long leafEntry(long physical, int level, Permissions permissions) {
        return isArmv8()
                ? held(physical) | (level > 1 ? 0 : kindOfEntry) | rightsOf(permissions)
                : physical | (level > 1 ? kindOfEntry : 0) | rightsOf(permissions);
    }

    /** Whether a leaf can grant this and nothing else. */
    boolean expresses(Permissions permissions) {
        return switch (kind) {
            case VTD_SECOND_STAGE ->
                (permissions.read() || permissions.write()) && !permissions.execute() && !permissions.privileged();
            case X86_64 -> permissions.read(); // and devices may execute everything
            case ARMV8_STAGE1 -> permissions.read();
            case ARMV8_STAGE2 -> (permissions.read() || permissions.write()) && !permissions.privileged();
        };
    }

    /** The entry that points to a table. It grants everything: leaves decide. */
    long tableEntry(long physical) {
        return isArmv8() ? held(physical) | kindOfEntry | present : physical | read | write | user | present;
    }

    private long rightsOf(Permissions permissions) {
        return switch (kind) {
            case VTD_SECOND_STAGE -> (permissions.read() ? read : 0) | (permissions.write() ? write : 0);
            case X86_64 ->
                present
                        | (permissions.write() ? write : 0)
                        | (permissions.privileged() ? 0 : user)
                        | (permissions.execute() ? 0 : noExecute);
            case ARMV8_STAGE1 -> VmsaRights.stage1(permissions);
            case ARMV8_STAGE2 -> VmsaRights.stage2(permissions);
        };
    }

    /** Whether hardware that walks this format reads every table of {@code other} as it was meant. */
    public boolean reads(TableFormat other) {
        return kind == other.kind
                && geometry.equals(other.geometry)
                && outputBits >= other.outputBits
                && read == other.read
                && write == other.write
                && (other.leafLevels & ~leafLevels) == 0
                && (reservedInLeaf & ~other.reservedInLeaf) == 0
                && (reservedInTable & ~other.reservedInTable) == 0;
    }
}
