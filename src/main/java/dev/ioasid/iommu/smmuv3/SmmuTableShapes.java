package dev.ioasid.iommu.smmuv3;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.IommuDriver.TableShape;
import dev.ioasid.iommu.UserTable;
import dev.ioasid.pagetable.IoPageTable;
import dev.ioasid.pagetable.TableFormat;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Which tables the driver of a unit makes, and takes from users: what the unit's capabilities leave of the formats. */
final class SmmuTableShapes {
    /** The formats by their names in requests. */
    static final String STAGE_1 = "armv8-stage1";

    static final String STAGE_2 = "armv8-stage2";
    static final String CD_TABLE = "smmuv3-cd-table";

    private static final List<String> VTD_FORMATS = List.of("vtd-second-stage", "x86-64");
    private static final int[] GRANULE_SHIFTS = {12, 14, 16};
    /** Addresses of the tables that the service makes have no more bits. */
    private static final int WIDEST = 48;

    private static final int WIDEST_LARGE = 52;
    private static final int NARROWEST = 32;
    private static final int NARROWEST_USER = 25; // T0SZ up to 39
    private static final int NARROWEST_SMALL = 16; // with STT
    private static final int NARROWEST_SMALL_LARGE = 17; // and pages of 64 KiB
    private static final int LARGE_GRANULE_SHIFT = 16;
    private static final int SPLIT_4K = 6;
    private static final int SPLIT_64K = 10;

    private final SmmuCapabilities capabilities;

    SmmuTableShapes(SmmuCapabilities capabilities) {
        this.capabilities = capabilities;
    }

    /** See {@link dev.ioasid.iommu.IommuDriver#tableShape}. Without a format: stage 2, as far as the unit has it. */
    TableShape tableShape(@Nullable String format, @Nullable Integer addressWidth, @Nullable Long granule) {
        var name = format != null ? format : capabilities.s2() ? STAGE_2 : STAGE_1;
        return switch (name) {
            case STAGE_1 -> {
                need(capabilities.s1(), "stage1");
                yield stage1(addressWidth, granuleShift(granule));
            }
            case STAGE_2 -> {
                need(capabilities.s2(), "stage2");
                yield stage2(addressWidth, granuleShift(granule));
            }
            default -> throw noFormat(name, "this unit's driver makes no tables of format " + name);
        };
    }

    private TableShape stage1(@Nullable Integer addressWidth, int granuleShift) {
        int width = width(addressWidth, WIDEST);
        var format = TableFormat.armv8Stage1(granuleShift, width, outputBits(), false);
        return new TableShape(STAGE_1, format, width, width);
    }

    private TableShape stage2(@Nullable Integer addressWidth, int granuleShift) {
        int width = width(addressWidth, outputBits());
        var format =
                TableFormat.armv8Stage2(granuleShift, fewestLevels(granuleShift, width), width, outputBits(), false);
        return new TableShape(STAGE_2, format, width, width);
    }

    /** With up to 16 tables of the first level, one behind the other, where that saves one. IHI 0070, section 3.4.3. */
    private static int fewestLevels(int granuleShift, int width) {
        int entryBits = granuleShift - 3;
        int levels = 2; // widths are so that one is never legal where two are not
        while (width - granuleShift - (levels - 1) * entryBits > entryBits + 4) {
            levels++;
        }
        return levels;
    }

    private static int width(@Nullable Integer asked, int widest) {
        int width = asked == null ? widest : asked;
        if (width < NARROWEST || width > widest) {
            throw refused("addressWidth", width, NARROWEST + " to " + widest);
        }
        return width;
    }

    /** Of what the service's tables lead to. */
    private int outputBits() {
        return Math.min(capabilities.outputBits(), WIDEST);
    }

    /** log2 of a granule; null: the smallest that the unit has. EINVAL, EOPNOTSUPP. */
    private int granuleShift(@Nullable Long granule) {
        for (int shift : GRANULE_SHIFTS) {
            if (granule == null ? capabilities.hasGranule(shift) : granule == 1L << shift) {
                if (!capabilities.hasGranule(shift)) {
                    throw new RefusedException(
                            Errno.EOPNOTSUPP,
                            "this unit walks no tables with a granule of 0x%x".formatted(granule),
                            Map.of("capability", "granules"));
                }
                return shift;
            }
        }
        throw new RefusedException(
                Errno.EINVAL,
                "granule is 0x%x, expected 0x1000, 0x4000 or 0x10000".formatted(granule),
                Map.of("granule", granule == null ? 0 : granule));
    }

    /** See {@link dev.ioasid.iommu.IommuDriver#userTable}. */
    UserTable userTable(UserTable.Wanted wanted) {
        var format = wanted.format();
        if (format.equals(STAGE_2)) {
            throw new RefusedException(
                    Errno.EOPNOTSUPP,
                    "a stage 2 is not nested: a user table has format " + STAGE_1 + " or " + CD_TABLE,
                    Map.of("format", format));
        }
        if (!format.equals(STAGE_1) && !format.equals(CD_TABLE)) {
            throw noFormat(format, "this unit nests no tables of format " + format);
        }
        for (var option : wanted.options()) {
            throw new RefusedException(
                    Errno.EINVAL, "a table of format %s has no option %s".formatted(format, option), Map.of());
        }
        need(capabilities.s1(), "stage1");
        need(capabilities.s2(), "stage2");
        return format.equals(STAGE_1) ? pageTable(wanted) : cdTable(wanted);
    }

    private UserTable pageTable(UserTable.Wanted wanted) {
        notOf(STAGE_1, "s1cdmax", wanted.s1cdmax());
        notOf(STAGE_1, "s1fmt", wanted.s1fmt());
        int granuleShift = granuleShift(wanted.granule());
        boolean large = granuleShift == LARGE_GRANULE_SHIFT;
        int narrowest = !capabilities.smallTables() ? NARROWEST_USER : large ? NARROWEST_SMALL_LARGE : NARROWEST_SMALL;
        int widest = large && capabilities.vax52() ? WIDEST_LARGE : WIDEST;
        int width = wanted.addressWidth() == null ? WIDEST : wanted.addressWidth();
        if (width < narrowest || width > widest) {
            throw refused("addressWidth", width, narrowest + " to " + widest);
        }
        var asid = wanted.asid();
        if (asid != null && asid >>> asidBits() != 0) {
            throw refused("asid", asid, "0 to " + ((1 << asidBits()) - 1));
        }
        var format = TableFormat.armv8Stage1(granuleShift, width, capabilities.outputBits(), large);
        checkRoot(wanted.root(), Math.max(format.rootAlignment(), 1L << Cd.TTB0.low() % Long.SIZE));
        return new UserTable(
                STAGE_1, width, format.levels(), wanted.root(), wanted.options(), 1L << granuleShift, asid, null);
    }

    private UserTable cdTable(UserTable.Wanted wanted) {
        notOf(CD_TABLE, "addressWidth", wanted.addressWidth());
        notOf(CD_TABLE, "granule", wanted.granule());
        notOf(CD_TABLE, "asid", wanted.asid());
        int most = wanted.s1cdmax() == null ? 0 : wanted.s1cdmax();
        int format = wanted.s1fmt() == null ? Ste.LINEAR : wanted.s1fmt();
        if (most < 0 || most > capabilities.ssidBits()) {
            throw refused("s1cdmax", most, "0 to " + capabilities.ssidBits());
        }
        if (format < Ste.LINEAR || format > Ste.TWO_LEVEL_64K) {
            throw refused("s1fmt", format, "0, 1 or 2");
        }
        if (format != Ste.LINEAR) {
            need(capabilities.twoLevelCd(), "twoLevelCd");
        }
        checkRoot(wanted.root(), cdTableAlignment(most, format));
        return new UserTable(
                CD_TABLE, null, 0, wanted.root(), wanted.options(), null, null, new UserTable.CdTable(most, format));
    }

    private static long cdTableAlignment(int most, int format) {
        if (format == Ste.LINEAR || most == 0) {
            return (long) Cd.SIZE << most;
        }
        int split = format == Ste.TWO_LEVEL_4K ? SPLIT_4K : SPLIT_64K;
        return Math.max((long) L1Cd.SIZE << Math.max(most - split, 0), Cd.SIZE);
    }

    private void checkRoot(long root, long alignment) {
        if ((root & alignment - 1) != 0 || (root & capabilities.beyondOutput()) != 0) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "root 0x%x is not a multiple of 0x%x below 2^%d"
                            .formatted(root, alignment, capabilities.inputBits()),
                    Map.of("root", root));
        }
    }

    /** Bits of an ASID. */
    int asidBits() {
        return capabilities.asid16() ? 16 : 8;
    }

    /** Bits of a VMID. */
    int vmidBits() {
        return capabilities.vmid16() ? 16 : 8;
    }

    private static void notOf(String format, String property, @Nullable Object value) {
        if (value != null) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "a table of format %s has no %s".formatted(format, property),
                    Map.of(property, value));
        }
    }

    private static RefusedException refused(String property, int value, String expected) {
        return new RefusedException(
                Errno.EINVAL, "%s is %d, expected %s".formatted(property, value, expected), Map.of(property, value));
    }

    private static RefusedException noFormat(String format, String otherwise) {
        boolean known = VTD_FORMATS.contains(format) || format.equals(CD_TABLE);
        return new RefusedException(
                known ? Errno.EOPNOTSUPP : Errno.EINVAL,
                known
                        ? otherwise
                        : "there is no format '%s'; an SMMUv3 has %s and %s".formatted(format, STAGE_1, STAGE_2),
                Map.of("format", format));
    }

    private static void need(boolean has, String capability) {
        if (!has) {
            throw new RefusedException(
                    Errno.EOPNOTSUPP, "this unit lacks " + capability, Map.of("capability", capability));
        }
    }

    /** Whether the unit reads a table of the service's as it is meant. */
    boolean walks(IoPageTable table) {
        var format = table.format();
        int granuleShift = format.granuleShift();
        if (!capabilities.hasGranule(granuleShift)) {
            return false;
        }
        return switch (format.kind()) {
            case ARMV8_STAGE1 ->
                capabilities.s1()
                        && format.inputBits() <= WIDEST
                        && TableFormat.armv8Stage1(granuleShift, format.inputBits(), outputBits(), false)
                                .reads(format);
            case ARMV8_STAGE2 ->
                capabilities.s2()
                        && format.inputBits() <= outputBits()
                        && TableFormat.armv8Stage2(
                                        granuleShift, format.levels(), format.inputBits(), outputBits(), false)
                                .reads(format);
            case VTD_SECOND_STAGE, X86_64 -> false;
        };
    }
}
