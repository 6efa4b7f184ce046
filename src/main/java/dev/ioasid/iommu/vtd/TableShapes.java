package dev.ioasid.iommu.vtd;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.IommuDriver.TableShape;
import dev.ioasid.iommu.UserTable;
import dev.ioasid.pagetable.IoPageTable;
import dev.ioasid.pagetable.TableFormat;
import dev.ioasid.pagetable.Walked;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Which page tables the driver of a unit makes, and takes from users: what the unit's capabilities leave of the formats. */
final class TableShapes {
    /** The second-stage format by its name in requests. */
    static final String SECOND_STAGE = "vtd-second-stage";

    /** The first-stage format. */
    static final String FIRST_STAGE = "x86-64";

    private static final List<String> ARM_FORMATS = List.of("armv8-stage1", "armv8-stage2", "smmuv3-cd-table");
    private static final long GRANULE = 0x1000;

    private final VtdCapabilities capabilities;
    private final VtdFormats formats;

    TableShapes(VtdCapabilities capabilities) {
        this.capabilities = capabilities;
        this.formats = new VtdFormats(capabilities);
    }

    /** See {@link dev.ioasid.iommu.IommuDriver#tableShape}. */
    TableShape tableShape(@Nullable String format, @Nullable Integer addressWidth, @Nullable Long granule) {
        checkGranule(granule);
        if (format == null || format.equals(SECOND_STAGE)) {
            return secondStageShape(addressWidth);
        }
        if (format.equals(FIRST_STAGE)) {
            return firstStageShape(addressWidth);
        }
        throw noFormat(format, "this unit's driver makes no tables of format " + format);
    }

    private static void checkGranule(@Nullable Long granule) {
        if (granule != null && granule != GRANULE) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "granule is 0x%x: tables of a VT-d unit have 0x1000 only".formatted(granule),
                    Map.of("granule", granule));
        }
    }

    private RefusedException noFormat(String format, String otherwise) {
        boolean known = ARM_FORMATS.contains(format);
        return new RefusedException(
                known ? Errno.EOPNOTSUPP : Errno.EINVAL,
                known
                        ? otherwise
                        : "there is no format '%s'; a VT-d unit has %s and %s"
                                .formatted(format, SECOND_STAGE, FIRST_STAGE),
                Map.of("format", format));
    }

    private TableShape secondStageShape(@Nullable Integer addressWidth) {
        if (capabilities.scalable() && !capabilities.has(Ecap.SSTS) || capabilities.deepestLevels() == 0) {
            throw lacks("secondStage");
        }
        int levels = addressWidth == null ? capabilities.deepestLevels() : levels(addressWidth);
        var format = formats.secondStage(VtdFormats.width(levels), false);
        if (format == null) {
            throw new RefusedException(
                    Errno.EOPNOTSUPP,
                    "this unit walks no second-stage tables of " + addressWidth + " bits",
                    Map.of("capability", "addressWidth"));
        }
        int bits = capabilities.secondStageBits(levels);
        return new TableShape(SECOND_STAGE, format, bits, bits);
    }

    private TableShape firstStageShape(@Nullable Integer addressWidth) {
        needFirstStage();
        var format = firstStage(addressWidth);
        return new TableShape(FIRST_STAGE, format, format.inputBits(), format.inputBits() - 1);
    }

    /** The first-stage format of a width; null: four levels. EINVAL, EOPNOTSUPP. */
    private TableFormat firstStage(@Nullable Integer addressWidth) {
        for (int mode : new int[] {PasidTableEntry.FOUR_LEVELS, PasidTableEntry.FIVE_LEVELS}) {
            int width = mode == PasidTableEntry.FOUR_LEVELS ? 48 : 57;
            if (addressWidth == null || addressWidth == width) {
                var format = formats.firstStage(mode);
                if (format == null) {
                    throw new RefusedException(
                            Errno.EOPNOTSUPP,
                            "this unit walks first-stage tables of 4 levels only: CAP.FS5LP is 0",
                            Map.of("capability", "FS5LP"));
                }
                return format;
            }
        }
        throw new RefusedException(
                Errno.EINVAL,
                "addressWidth " + addressWidth + " is none of 48 and 57",
                Map.of("addressWidth", addressWidth));
    }

    private int levels(int addressWidth) {
        for (int levels = 3; levels <= 5; levels++) {
            if (addressWidth == 30 + 9 * (levels - 2) || addressWidth == capabilities.secondStageBits(levels)) {
                return levels;
            }
        }
        throw new RefusedException(
                Errno.EINVAL,
                "addressWidth " + addressWidth + " is none of 39, 48 and 57",
                Map.of("addressWidth", addressWidth));
    }

    /** See {@link dev.ioasid.iommu.IommuDriver#userTable}. */
    UserTable userTable(UserTable.Wanted wanted) {
        var format = wanted.format();
        if (format.equals(SECOND_STAGE)) {
            throw new RefusedException(
                    Errno.EOPNOTSUPP,
                    "a second stage is not nested: a user table has format " + FIRST_STAGE,
                    Map.of("format", format));
        }
        if (!format.equals(FIRST_STAGE)) {
            throw noFormat(format, "this unit nests no tables of format " + format);
        }
        checkGranule(wanted.granule());
        notHere("asid", wanted.asid());
        notHere("s1cdmax", wanted.s1cdmax());
        notHere("s1fmt", wanted.s1fmt());
        needFirstStage();
        if (!capabilities.has(Ecap.NEST)) {
            throw lacks("nesting");
        }
        var options = wanted.options();
        if (options.contains(UserTable.Option.SUPERVISOR) && !capabilities.has(Ecap.SRS)) {
            throw lacks("SRS");
        }
        if (options.contains(UserTable.Option.EXTENDED_ACCESSED) && !capabilities.has(Ecap.EAFS)) {
            throw lacks("EAFS");
        }
        var shape = firstStage(wanted.addressWidth());
        long root = wanted.root();
        if ((root & ~PasidTableEntry.FSPTPTR.mask()) != 0 || (root & capabilities.beyondHost()) != 0) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "root 0x%x is not a multiple of 0x1000 below 2^%d".formatted(root, capabilities.hostAddressWidth()),
                    Map.of("root", root));
        }
        return new UserTable(format, shape.inputBits(), shape.levels(), root, options, GRANULE, null, null);
    }

    private static void notHere(String property, @Nullable Integer value) {
        if (value != null) {
            throw new RefusedException(
                    Errno.EINVAL, "a table of format " + FIRST_STAGE + " has no " + property, Map.of(property, value));
        }
    }

    private void needFirstStage() {
        if (!capabilities.scalable()) {
            throw lacks("scalable");
        }
        if (!capabilities.has(Ecap.FSTS)) {
            throw lacks("firstStage");
        }
    }

    private static RefusedException lacks(String capability) {
        return new RefusedException(
                Errno.EOPNOTSUPP, "this unit lacks " + capability, Map.of("capability", capability));
    }

    /** Whether the unit reads a table of the service's as it is meant. */
    boolean walks(IoPageTable table) {
        var own = own(table.format());
        return own != null
                && own.reads(table.format())
                && (own.stage() == Walked.Stage.FIRST
                        || table.inputBits() <= capabilities.secondStageBits(own.levels()));
    }

    /** The unit's format of that kind and those levels; null if it has none. */
    private @Nullable TableFormat own(TableFormat format) {
        return switch (format.kind()) {
            case VTD_SECOND_STAGE -> formats.secondStage(VtdFormats.width(format.levels()), false);
            case X86_64 ->
                capabilities.scalable() && capabilities.has(Ecap.FSTS)
                        ? formats.firstStage(VtdFormats.mode(format.levels()))
                        : null;
            case ARMV8_STAGE1, ARMV8_STAGE2 -> null;
        };
    }
}
