package dev.ioasid.iommu.smmuv3;

import dev.ioasid.iommu.Destination;
import dev.ioasid.iommu.UserTable;
import dev.ioasid.pagetable.IoPageTable;
import dev.ioasid.pagetable.TableFormat;
import java.util.Collection;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** What STEs and CDs must say for requests to go where the driver leads them. IHI 0070, sections 5.2 and 5.4. */
final class StreamEntries {
    /** Cacheability: write-back. */
    static final int WRITE_BACK = 1;
    /** Shareability: inner. */
    static final int INNER = 3;
    /** Attribute 0 write-back, 1 non-cacheable, 2 device: the service's tables use the first. */
    private static final long MAIR = 0x04_44ff;

    private static final int STALL_ONLY = 2;
    /** By log2 of the granule: TG0 and S2TG. */
    private static final int[] GRANULES = {0, -1, 2, -1, 1};

    private final SmmuCapabilities capabilities;

    StreamEntries(SmmuCapabilities capabilities) {
        this.capabilities = capabilities;
    }

    private boolean stallsOnly() {
        return capabilities.stallModel() == STALL_ONLY;
    }

    private static int granule(int shift) {
        return GRANULES[shift - 12];
    }

    /** An STE by which everything is aborted, without an event. */
    static long[] abort() {
        var words = new long[Ste.WORDS];
        words[0] = Ste.V.of(1);
        return words;
    }

    /**
     * The STE of a stream.
     *
     * @param routes all go through the same stage 2, or through none
     * @param withoutPasid which of them is for requests without PASID
     * @param cds where the CDs of the routes are; null if none has one
     */
    long[] ste(Collection<Led> routes, @Nullable Led withoutPasid, @Nullable CdTableWriter cds, boolean ats) {
        if (routes.isEmpty()) {
            return abort();
        }
        var words = new long[Ste.WORDS];
        var anyRoute = routes.iterator().next();
        var secondStage = anyRoute.secondStage();
        var usersCds = withoutPasid == null ? null : usersCds(withoutPasid.destination());
        boolean stage1 = cds != null || usersCds != null;
        words[0] = Ste.V.of(1)
                | Ste.CONFIG.of(Ste.BYPASS | (stage1 ? 0b001 : 0) | (secondStage != null ? 0b010 : 0))
                | (usersCds != null ? inSte(usersCds) : cds != null ? cds.inSte() : 0);
        words[1] = Ste.S1DSS.of(withoutSubstream(withoutPasid, stage1))
                | Ste.S1CIR.of(WRITE_BACK)
                | Ste.S1COR.of(WRITE_BACK)
                | Ste.S1CSH.of(INNER)
                | Ste.EATS.of(ats && !(secondStage != null && stallsOnly()) ? Ste.EATS_FULL : Ste.EATS_ABORT)
                | Ste.SHCFG.of(Ste.SHCFG_INCOMING);
        if (secondStage != null) {
            words[2] = secondStage(secondStage.format()) | Ste.S2VMID.of(anyRoute.vmid());
            words[3] = Ste.S2TTB.address(secondStage.root());
        }
        return words;
    }

    private static @Nullable UserTable usersCds(Destination destination) {
        return destination instanceof Destination.Nested nested
                        && nested.table().namesPasids()
                ? nested.table()
                : null;
    }

    private static long inSte(UserTable table) {
        var shape = Objects.requireNonNull(table.cdTable());
        return Ste.S1CONTEXTPTR.address(table.root()) | Ste.S1FMT.of(shape.s1fmt()) | Ste.S1CDMAX.of(shape.s1cdmax());
    }

    /** S1DSS. */
    private static int withoutSubstream(@Nullable Led withoutPasid, boolean stage1) {
        if (withoutPasid == null || !stage1) {
            return Ste.DSS_TERMINATE;
        }
        return withoutPasid.hasCd() || withoutPasid.namesPasids() ? Ste.DSS_SUBSTREAM_0 : Ste.DSS_BYPASS;
    }

    private long secondStage(TableFormat format) {
        int granuleShift = format.granuleShift();
        int startLevel = 4 - format.levels();
        int sl0 = granuleShift == 12 ? startLevel == 3 ? 3 : 2 - startLevel : 3 - startLevel;
        return Ste.S2T0SZ.of(Long.SIZE - format.inputBits())
                | Ste.S2SL0.of(sl0)
                | Ste.S2IR0.of(WRITE_BACK)
                | Ste.S2OR0.of(WRITE_BACK)
                | Ste.S2SH0.of(INNER)
                | Ste.S2TG.of(granule(granuleShift))
                | Ste.S2PS.of(SmmuCapabilities.encodedAddressBits(format.outputBits()))
                | Ste.S2AA64.of(1)
                | Ste.S2S.of(stallsOnly() ? 1 : 0)
                | Ste.S2R.of(1);
    }

    /** The CD of a route that has one. */
    long[] cd(Led led) {
        return switch (led.destination()) {
            case Destination.Paged(var table) -> cd(table, led.asid());
            case Destination.Nested nested -> cd(nested.table(), led.asid());
            case Destination.PassThrough() -> throw new IllegalStateException("no CD says pass-through: " + led);
        };
    }

    private long[] cd(IoPageTable table, int asid) {
        var format = table.format();
        return cd(format.inputBits(), format.granuleShift(), format.outputBits(), table.root(), asid);
    }

    private long[] cd(UserTable table, int asid) {
        int width = Objects.requireNonNull(table.addressWidth());
        int granuleShift = Long.numberOfTrailingZeros(Objects.requireNonNull(table.granule()));
        return cd(width, granuleShift, capabilities.outputBits(), table.root(), asid);
    }

    private long[] cd(int inputBits, int granuleShift, int outputBits, long root, int asid) {
        var words = new long[Cd.WORDS];
        words[0] = Cd.T0SZ.of(Long.SIZE - inputBits)
                | Cd.TG0.of(granule(granuleShift))
                | Cd.IR0.of(WRITE_BACK)
                | Cd.OR0.of(WRITE_BACK)
                | Cd.SH0.of(INNER)
                | Cd.EPD1.of(1)
                | Cd.V.of(1)
                | Cd.IPS.of(SmmuCapabilities.encodedAddressBits(outputBits))
                | Cd.AA64.of(1)
                | Cd.S.of(stallsOnly() ? 1 : 0)
                | Cd.R.of(1)
                | Cd.A.of(1)
                | Cd.ASET.of(1)
                | Cd.ASID.of(asid);
        words[1] = Cd.TTB0.address(root);
        words[3] = MAIR;
        return words;
    }
}
