package dev.ioasid.iommu.smmuv3.oracle;

/** The registers that decide a translation, as the specification numbers their bits. */
public record Smmu(
        int idr0, int idr1, int idr3, int idr5, int cr0, int cr2, int gbpa, long strtabBase, int strtabBaseCfg) {
    /** Bits of address that a size encoding stands for (OAS, IPS, S2PS); 7 acts as 6. */
    static int bitsOfSize(long encoding) {
        return new int[] {32, 36, 40, 42, 44, 48, 52, 52}[(int) encoding];
    }

    private static int field(int register, int high, int low) {
        return register << 31 - high >>> 31 - high + low;
    }

    private static boolean bit(int register, int position) {
        return (register >>> position & 1) != 0;
    }

    boolean idr0(int position) {
        return bit(idr0, position);
    }

    int idr0(int high, int low) {
        return field(idr0, high, low);
    }

    boolean hasStage2() {
        return bit(idr0, 0);
    }

    boolean hasStage1() {
        return bit(idr0, 1);
    }

    /** HTTU: 0 none, 1 access flag, 2 dirty state too. */
    int updates() {
        return field(idr0, 7, 6);
    }

    boolean hyp() {
        return bit(idr0, 9);
    }

    boolean ats() {
        return bit(idr0, 10);
    }

    boolean wideVmids() {
        return bit(idr0, 18);
    }

    boolean wideAsids() {
        return bit(idr0, 12);
    }

    /** STALL_MODEL: 0 both, 1 terminate only, 2 stall only. */
    int stallModel() {
        return field(idr0, 25, 24);
    }

    /** TTF, for the tables that 64-bit descriptors make. */
    boolean translates(boolean aarch64) {
        return bit(idr0, aarch64 ? 3 : 2);
    }

    /** TTENDIAN. */
    boolean endianness(boolean big) {
        int supported = field(idr0, 22, 21);
        return supported == 0 || supported == (big ? 3 : 2);
    }

    int streamIdBits() {
        return field(idr1, 5, 0);
    }

    int substreamIdBits() {
        return field(idr1, 10, 6);
    }

    boolean overridesPermissions() {
        return bit(idr1, 26);
    }

    boolean idr3(int position) {
        return bit(idr3, position);
    }

    /** STT. */
    boolean smallTables() {
        return bit(idr3, 9);
    }

    /** OAS, and so IAS: only VMSAv8-64 is there. */
    int outputBits() {
        return bitsOfSize(field(idr5, 2, 0));
    }

    /** GRAN4K, GRAN16K, GRAN64K. */
    boolean granule(int granuleBits) {
        return granuleBits != 0 && bit(idr5, granuleBits == 12 ? 4 : granuleBits == 14 ? 5 : 6);
    }

    /** VAX: 52-bit virtual addresses. */
    boolean wideInput() {
        return field(idr5, 11, 10) != 0;
    }

    boolean enabled() {
        return bit(cr0, 0);
    }

    boolean e2h() {
        return bit(cr2, 0);
    }

    /** RECINVSID. */
    boolean recordsInvalidStreams() {
        return bit(cr2, 1);
    }

    boolean abortsWhenDisabled() {
        return bit(gbpa, 20);
    }

    /** FMT. */
    boolean twoLevelStreams() {
        return field(idr0, 28, 27) != 0 && field(strtabBaseCfg, 17, 16) == 1;
    }

    int log2Size() {
        return field(strtabBaseCfg, 5, 0);
    }

    int split() {
        int split = field(strtabBaseCfg, 10, 6);
        return split == 8 || split == 10 ? split : 6;
    }
}
