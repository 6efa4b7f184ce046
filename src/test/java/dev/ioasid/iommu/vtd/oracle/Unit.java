package dev.ioasid.iommu.vtd.oracle;

/**
 * The registers of a unit that decide a translation, as the specification numbers their bits.
 *
 * @param rootTable RTADDR as it was latched
 */
public record Unit(int version, long cap, long ecap, int hostAddressWidth, long rootTable, boolean enabled) {
    boolean cap(int bit) {
        return (cap >>> bit & 1) != 0;
    }

    boolean ecap(int bit) {
        return (ecap >>> bit & 1) != 0;
    }

    int majorVersion() {
        return version >>> 4;
    }

    /** TTM. */
    int tableMode() {
        return (int) (rootTable >>> 10 & 3);
    }

    boolean legacy() {
        return tableMode() == 0;
    }

    /** SSIRWE: the rights of a second-stage entry are bits 61 and 62. */
    boolean highRights() {
        return (rootTable >>> 7 & 1) != 0;
    }

    int domainIdBits() {
        return 4 + 2 * (int) (cap & 7);
    }

    int inputBits() {
        return (int) (cap >>> 16 & 0x3f) + 1;
    }

    boolean secondStageWidth(int aw) {
        return aw >= 1 && aw <= 3 && cap(8 + aw);
    }

    /** X. */
    int secondStageBits(int aw) {
        return Math.min(inputBits(), 30 + 9 * aw);
    }

    boolean secondStageLeaf(int level) {
        return level == 1 || level == 2 && cap(34) || level == 3 && cap(35);
    }

    boolean firstStageLeaf(int level) {
        return level == 1 || level == 2 || level == 3 && cap(56);
    }

    int pasidBits() {
        return (int) (ecap >>> 35 & 0x1f) + 1;
    }

    /** Bits 63:HAW. */
    long beyondHost() {
        return -1L << hostAddressWidth;
    }
}
