package dev.ioasid.iommu.smmuv3;

/** Identification registers of an SMMU that might exist: without its optional parts now and then. IHI 0070, sections 6.3.1 to 6.3.6. */
record RandomIdentity(int idr0, int idr1, int idr3, int idr5) {
    /** AIDR: SMMUv3.3. */
    static final int AIDR = 3;

    private static final int STALLS = 64; // STALL_MAX

    static RandomIdentity of(Chance chance) {
        boolean stage1 = !chance.oneIn(40);
        boolean stage2 = !stage1 || !chance.oneIn(20);
        boolean twoLevelStreams = !chance.oneIn(8);
        int idr0 = (stage2 ? 1 : 0) | (stage1 ? 1 << 1 : 0);
        idr0 |= 2 << 2 | 1 << 4; // TTF: VMSAv8-64, COHACC
        idr0 |= chance.pick(0, 1, 2, 2, 2) << 6; // HTTU
        idr0 |= chance.below(2) << 9; // Hyp
        idr0 |= chance.below(2) << 10; // ATS
        idr0 |= chance.below(2) << 11; // NS1ATS
        idr0 |= chance.pick(0, 1, 1, 1) << 12; // ASID16
        idr0 |= chance.pick(0, 1, 1, 1) << 18; // VMID16
        idr0 |= chance.oneIn(8) ? 0 : 1 << 19; // CD2L
        idr0 |= 2 << 21; // TTENDIAN: little
        idr0 |= chance.pick(0, 0, 0, 1, 2) << 24; // STALL_MODEL
        idr0 |= chance.oneIn(8) ? 1 << 26 : 0; // TERM_MODEL
        idr0 |= twoLevelStreams ? 1 << 27 : 0; // ST_LEVEL

        int sidSize = !twoLevelStreams ? 3 + chance.below(4) : chance.oneIn(3) ? 7 + chance.below(9) : 16;
        int ssidSize = chance.oneIn(16) ? 0 : chance.oneIn(2) ? 20 : 1 + chance.below(20);
        int idr1 = sidSize | ssidSize << 6 | 8 << 11 | 8 << 16 | 8 << 21; // three queues
        idr1 |= chance.pick(0, 1, 1, 1) << 26; // ATTR_PERMS_OVR
        idr1 |= chance.below(2) << 27; // ATTR_TYPES_OVR

        int idr3 = 1 << 2 | 1 << 10 | 2 << 11; // HAD, RIL, BBML
        idr3 |= chance.pick(0, 1, 1, 1) << 4; // XNX
        idr3 |= chance.below(2) << 8; // FWB
        idr3 |= chance.below(2) << 9; // STT
        idr3 |= chance.below(2) << 13; // E0PD
        idr3 |= chance.below(2) << 14; // PTWNNC

        int oas = chance.pick(0, 1, 2, 3, 4, 5, 5, 5, 5, 6, 6, 6);
        int granules = chance.oneIn(6) ? chance.pick(1, 2, 3, 5, 6) : 7;
        granules |= oas == 6 ? 4 : 0; // 52 bits come with 64 KB
        int idr5 = oas | granules << 4 | STALLS << 16;
        idr5 |= (granules & 4) != 0 && chance.oneIn(2) ? 1 << 10 : 0; // VAX
        return new RandomIdentity(idr0, idr1, idr3, idr5);
    }

    boolean has0(int bit) {
        return (idr0 >>> bit & 1) != 0;
    }

    boolean has3(int bit) {
        return (idr3 >>> bit & 1) != 0;
    }

    int httu() {
        return idr0 >>> 6 & 3;
    }

    int stallModel() {
        return idr0 >>> 24 & 3;
    }

    boolean twoLevelStreams() {
        return (idr0 >>> 27 & 3) != 0;
    }

    int sidSize() {
        return idr1 & 0x3f;
    }

    int ssidSize() {
        return idr1 >>> 6 & 0x1f;
    }

    int oas() {
        return idr5 & 7;
    }

    int outputBits() {
        return new int[] {32, 36, 40, 42, 44, 48, 52}[oas()];
    }

    /** A granule that is there: 12, 14 or 16. */
    int granule(Chance chance) {
        int granule;
        do {
            granule = 12 + 2 * chance.below(3);
        } while ((idr5 >>> (granule - 12) / 2 + 4 & 1) == 0);
        return granule;
    }

    /** The largest TxSZ. */
    int largestTsz(int granule) {
        return !has3(9) ? 39 : granule == 16 ? 47 : 48;
    }

    boolean wideInput() {
        return (idr5 >>> 10 & 3) != 0;
    }
}
