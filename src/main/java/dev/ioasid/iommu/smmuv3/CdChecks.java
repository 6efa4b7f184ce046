package dev.ioasid.iommu.smmuv3;

/** What makes a CD illegal (C_BAD_CD), for the STE that leads to it. IHI 0070, section 5.4. Any thread may call. */
final class CdChecks {
    private static final int SMALLEST_TXSZ = 16;
    private static final int SMALLEST_TXSZ_WIDE = 12;

    private final SmmuCapabilities capabilities;

    CdChecks(SmmuCapabilities capabilities) {
        this.capabilities = capabilities;
    }

    /**
     * Whether the first three words are those of a CD that the unit takes.
     *
     * @param ste1 word 1 of the STE
     * @param world of the stream
     */
    boolean legal(long w0, long w1, long w2, long ste1, StreamWorld world) {
        boolean stalls = Cd.S.isSet(w0);
        if (!Cd.V.isSet(w0)
                || Ste.S1STALLD.isSet(ste1) && stalls
                || capabilities.termModel() && !Cd.A.isSet(w0)
                || stalls && !capabilities.stalls()
                || !stalls && capabilities.stallModel() == SmmuCapabilities.STALL_ONLY) {
            return false;
        }
        boolean lower = world == StreamWorld.EL2 || !Cd.EPD0.isSet(w0);
        boolean upper = world != StreamWorld.EL2 && !Cd.EPD1.isSet(w0);
        boolean accessed = Cd.HA.isSet(w0);
        boolean dirty = Cd.HD.isSet(w0);
        if (Cd.ENDI.isSet(w0) && (lower || upper) // big-endian tables are not modelled
                || !Cd.AA64.isSet(w0) // nor those of VMSAv8-32
                || (accessed || dirty) && !capabilities.httuAccess()
                || dirty && !capabilities.httuDirty()
                || world != StreamWorld.EL2 && !capabilities.asid16() && Cd.ASID.get(w0) >>> 8 != 0) {
            return false;
        }
        return (!lower || hasLowerTables(w0) && (ttb(Cd.TTB0.get(w1)) & beyondLowerRoot(w0)) == 0)
                && (!upper || legalUpper(w0, ttb(Cd.TTB1.get(w2))));
    }

    private boolean legalUpper(long w0, long ttb) {
        int granule = SmmuFormats.upperGranule((int) Cd.TG1.get(w0));
        return hasTables(granule, (int) Cd.T1SZ.get(w0)) && (ttb & beyondRoot(granule, w0)) == 0;
    }

    /** Whether the unit has tables of the granule and width of the lower half. */
    boolean hasLowerTables(long w0) {
        return hasTables(SmmuFormats.granule((int) Cd.TG0.get(w0)), (int) Cd.T0SZ.get(w0));
    }

    /** The bits that an address of the lower half's start table must not have. */
    long beyondLowerRoot(long w0) {
        return beyondRoot(SmmuFormats.granule((int) Cd.TG0.get(w0)), w0);
    }

    private long beyondRoot(int granule, long w0) {
        int bits = capabilities.outputBits((int) Cd.IPS.get(w0));
        return -1L << (granule == 16 ? bits : Math.min(bits, 48));
    }

    /** TTB0 and TTB1 are bits 51:4 of an address. */
    private static long ttb(long field) {
        return field << 4;
    }

    private boolean hasTables(int granule, int size) {
        if (granule == 0 || !capabilities.hasGranule(granule)) {
            return false;
        }
        int smallest = granule == 16 && capabilities.vax52() ? SMALLEST_TXSZ_WIDE : SMALLEST_TXSZ;
        return size >= smallest && size <= SteChecks.largestSize(capabilities, granule);
    }
}
