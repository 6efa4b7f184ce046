package dev.ioasid.iommu.smmuv3;

/** What makes an STE illegal (C_BAD_STE). IHI 0070, section 5.2. Any thread may call. */
final class SteChecks {
    private static final int LARGEST_T0SZ = 39;
    private static final int LARGEST_T0SZ_SMALL_TABLES = 48;
    private static final int SMALLEST_T0SZ = 16;
    private static final int SMALLEST_T0SZ_64K = 12;

    private final SmmuCapabilities capabilities;

    SteChecks(SmmuCapabilities capabilities) {
        this.capabilities = capabilities;
    }

    /** Whether the first four words are those of an STE that the unit takes. */
    boolean legal(long w0, long w1, long w2, long w3) {
        if (!Ste.V.isSet(w0)) {
            return false;
        }
        int config = (int) Ste.CONFIG.get(w0);
        if (config < Ste.BYPASS) {
            return true;
        }
        boolean stage1 = (config & 1) != 0;
        boolean stage2 = (config & 2) != 0;
        return (!stage1 || capabilities.s1())
                && (!stage2 || capabilities.s2())
                && legalAts(config, w1, w2)
                && (!worldMatters(config) || (Ste.STRW.get(w1) & 1) == 0)
                && (!stage1 || legalStage1(w0, w1, stage2))
                && (!stage2 || legalStage2(w2, w3))
                && legalVmid(config, w1, w2);
    }

    /** Whether STRW is in use. */
    private boolean worldMatters(int config) {
        return config == Ste.STAGE_1 && capabilities.s1() && capabilities.hyp();
    }

    private boolean legalAts(int config, long w1, long w2) {
        if (!capabilities.ats() || config == Ste.BYPASS) {
            return true;
        }
        boolean stalls = Ste.S2S.isSet(w2);
        return switch ((int) Ste.EATS.get(w1)) {
            case Ste.EATS_SPLIT -> config == Ste.NESTED && !stalls && capabilities.splitStageAts();
            case Ste.EATS_FULL -> (config & 2) == 0 || !stalls;
            default -> true;
        };
    }

    private boolean legalStage1(long w0, long w1, boolean stage2) {
        long most = Ste.S1CDMAX.get(w0);
        long format = Ste.S1FMT.get(w0);
        if (Ste.S1STALLD.isSet(w1) && capabilities.stallModel() != 0) {
            return false;
        }
        if (capabilities.ssidBits() != 0) {
            boolean twoLevel = format == Ste.TWO_LEVEL_4K || format == Ste.TWO_LEVEL_64K;
            if (most > capabilities.ssidBits() || most != 0 && twoLevel && !capabilities.twoLevelCd()) {
                return false;
            }
        }
        return stage2 || (Ste.S1CONTEXTPTR.address(w0) & capabilities.beyondOutput()) == 0;
    }

    private boolean legalStage2(long w2, long w3) {
        boolean stalls = Ste.S2S.isSet(w2);
        boolean accessed = Ste.S2HA.isSet(w2);
        boolean dirty = Ste.S2HD.isSet(w2);
        if (stalls && !capabilities.stalls() || !stalls && capabilities.stallModel() == SmmuCapabilities.STALL_ONLY) {
            return false;
        }
        if (!Ste.S2AA64.isSet(w2) // tables of VMSAv8-32 are not modelled
                || (accessed || dirty) && !capabilities.httuAccess()
                || dirty && !capabilities.httuDirty()
                || Ste.S2ENDI.isSet(w2)) { // nor big-endian ones
            return false;
        }
        return hasTables(w2) && (Ste.S2TTB.address(w3) & beyondRoot(w2)) == 0;
    }

    /** The bits that an address of the start table must not have. */
    long beyondRoot(long w2) {
        int bits = capabilities.outputBits((int) Ste.S2PS.get(w2));
        return -1L << (SmmuFormats.granule((int) Ste.S2TG.get(w2)) == 16 ? bits : Math.min(bits, 48));
    }

    /** Whether the unit has tables of such a granule, width and first level. */
    boolean hasTables(long w2) {
        int granule = SmmuFormats.granule((int) Ste.S2TG.get(w2));
        if (granule == 0 || !capabilities.hasGranule(granule)) {
            return false;
        }
        int t0sz = (int) Ste.S2T0SZ.get(w2);
        int smallest = Math.max(granule == 16 ? SMALLEST_T0SZ_64K : SMALLEST_T0SZ, 64 - capabilities.inputBits());
        if (t0sz > largestSize(granule) || t0sz < smallest) {
            return false;
        }
        int levels = SmmuFormats.levels(granule, (int) Ste.S2SL0.get(w2));
        boolean starts = levels != 0 && (granule != 12 || levels != 1 || capabilities.smallTables());
        return starts && SmmuFormats.startsLegally(granule, levels, 64 - t0sz);
    }

    /** The largest T0SZ, T1SZ or S2T0SZ. */
    private int largestSize(int granule) {
        return largestSize(capabilities, granule);
    }

    static int largestSize(SmmuCapabilities capabilities, int granule) {
        return !capabilities.smallTables()
                ? LARGEST_T0SZ
                : granule == 16 ? LARGEST_T0SZ_SMALL_TABLES - 1 : LARGEST_T0SZ_SMALL_TABLES;
    }

    private boolean legalVmid(int config, long w1, long w2) {
        boolean ignored =
                !capabilities.s2() || config == Ste.BYPASS || worldMatters(config) && Ste.STRW.get(w1) == Ste.STRW_EL2;
        return ignored || capabilities.vmid16() || Ste.S2VMID.get(w2) >>> 8 == 0;
    }
}
