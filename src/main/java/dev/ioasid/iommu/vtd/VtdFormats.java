package dev.ioasid.iommu.vtd;

import dev.ioasid.pagetable.TableFormat;
import org.jspecify.annotations.Nullable;

/** The page-table formats that a unit walks, by the fields that choose them. VT-d 5.10, sections 3.6, 3.7 and 9.6. */
final class VtdFormats {
    private final @Nullable TableFormat[] secondStage = new TableFormat[(int) PasidTableEntry.AW.get(-1) + 1];
    private final @Nullable TableFormat[] secondStageIrIw = new TableFormat[secondStage.length];
    private final @Nullable TableFormat[] firstStage = new TableFormat[(int) PasidTableEntry.FSPM.get(-1L) + 1];

    VtdFormats(VtdCapabilities capabilities) {
        int hostAddressWidth = capabilities.hostAddressWidth();
        for (int width = 0; width < secondStage.length; width++) {
            if (capabilities.walksLevels(levels(width))) {
                secondStage[width] = secondStage(capabilities, levels(width), false);
                secondStageIrIw[width] = secondStage(capabilities, levels(width), true);
            }
        }
        int leaves =
                TableFormat.LEAF_4K | TableFormat.LEAF_2M | (capabilities.hasCap(Cap.FS1GP) ? TableFormat.LEAF_1G : 0);
        firstStage[PasidTableEntry.FOUR_LEVELS] = TableFormat.x8664(4, hostAddressWidth, leaves);
        if (capabilities.hasCap(Cap.FS5LP)) {
            firstStage[PasidTableEntry.FIVE_LEVELS] = TableFormat.x8664(5, hostAddressWidth, leaves);
        }
    }

    private static TableFormat secondStage(VtdCapabilities capabilities, int levels, boolean irIw) {
        return TableFormat.vtdSecondStage(
                levels,
                capabilities.hostAddressWidth(),
                capabilities.secondStageLeaves(),
                capabilities.has(Ecap.SC),
                irIw);
    }

    /** Levels of the table of a width: AW of a context entry or of a PASID table entry. */
    static int levels(int width) {
        return width + 2;
    }

    /** FSPM for tables of so many levels. */
    static int mode(int levels) {
        return levels == 5 ? PasidTableEntry.FIVE_LEVELS : PasidTableEntry.FOUR_LEVELS;
    }

    /** AW for tables of so many levels. */
    static int width(int levels) {
        return levels - 2;
    }

    /**
     * @param width AW
     * @param irIw whether rights are in bits 61 and 62
     */
    @Nullable
    TableFormat secondStage(int width, boolean irIw) {
        return irIw ? secondStageIrIw[width] : secondStage[width];
    }

    /** @param mode FSPM */
    @Nullable
    TableFormat firstStage(int mode) {
        return firstStage[mode];
    }
}
