package dev.ioasid.iommu.smmuv3;

import dev.ioasid.pagetable.StraightVmsa;
import dev.ioasid.pagetable.TableFormat;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * The table formats that STEs and CDs can ask a unit for, with the short way through tables of each, made when it is asked for the first time. Any thread may call; a format
 * that two threads make at once is made twice and is the same.
 */
final class SmmuFormats {
    /** By S2TG and TG0; 0 where the value is reserved. */
    private static final int[] GRANULES = {12, 16, 14, 0};
    /** By TG1, which has its own order. */
    private static final int[] UPPER_GRANULES = {0, 14, 12, 16};
    /** Levels by S2SL0 and granule; 0 where the value is reserved. */
    private static final int[] LEVELS_4K = {2, 3, 4, 1};

    private static final int[] LEVELS_LARGER = {1, 2, 3, 0};
    private static final int WIDEST_OUTPUT = 52;
    private static final int INPUT_BITS = 6;
    private static final int OUTPUTS = 3;
    private static final int LEVELS = 3;
    private static final int KINDS = 1 + 1 + 2; // wide, stage, granule
    /** Formats are values: all units share them. */
    private static final AtomicReferenceArray<@Nullable StraightVmsa> FORMATS =
            new AtomicReferenceArray<>(1 << KINDS + LEVELS + INPUT_BITS + OUTPUTS);

    private final SmmuCapabilities capabilities;
    private final boolean wide;

    SmmuFormats(SmmuCapabilities capabilities) {
        this.capabilities = capabilities;
        this.wide = capabilities.outputBits() == WIDEST_OUTPUT;
    }

    /** log2 of the granule that S2TG or TG0 means; 0 if it is reserved. */
    static int granule(int tg) {
        return GRANULES[tg];
    }

    /** log2 of the granule that TG1 means; 0 if it is reserved. */
    static int upperGranule(int tg1) {
        return UPPER_GRANULES[tg1];
    }

    /** How many levels a stage 2 has that begins where S2SL0 says; 0 if it is reserved. 1 with 4 KiB pages needs STT. */
    static int levels(int granuleShift, int sl0) {
        return granuleShift == 12 ? LEVELS_4K[sl0] : LEVELS_LARGER[sl0];
    }

    /**
     * Whether a stage 2 of that width may begin there: IHI 0070, section 3.4.3; Arm ARM, section D8.2.
     *
     * @param inputBits 64 - S2T0SZ
     */
    static boolean startsLegally(int granuleShift, int levels, int inputBits) {
        int entryBits = granuleShift - 3;
        int rootBits = inputBits - granuleShift - (levels - 1) * entryBits;
        return rootBits >= 1 && rootBits <= entryBits + 4;
    }

    /** The tables of the lower half of a CD that the unit takes. */
    StraightVmsa lower(long cd0) {
        return stage1(granule((int) Cd.TG0.get(cd0)), (int) Cd.T0SZ.get(cd0), cd0);
    }

    /** Those of the upper half. */
    StraightVmsa upper(long cd0) {
        return stage1(upperGranule((int) Cd.TG1.get(cd0)), (int) Cd.T1SZ.get(cd0), cd0);
    }

    private StraightVmsa stage1(int granuleShift, int size, long cd0) {
        return stage1(granuleShift, 64 - size, capabilities.cappedOutputs((int) Cd.IPS.get(cd0)));
    }

    /** @param outputs IPS as encoded, capped at OAS */
    private StraightVmsa stage1(int granuleShift, int inputBits, int outputs) {
        int index = index(0, granuleShift, 0, inputBits, outputs);
        var format = FORMATS.get(index);
        if (format == null) {
            format = new StraightVmsa(
                    TableFormat.armv8Stage1(granuleShift, inputBits, SmmuCapabilities.addressBits(outputs), wide));
            FORMATS.set(index, format);
        }
        return format;
    }

    /** @param outputs S2PS as encoded, capped at OAS */
    StraightVmsa stage2(int granuleShift, int levels, int inputBits, int outputs) {
        int index = index(1, granuleShift, levels, inputBits, outputs);
        var format = FORMATS.get(index);
        if (format == null) {
            format = new StraightVmsa(TableFormat.armv8Stage2(
                    granuleShift, levels, inputBits, SmmuCapabilities.addressBits(outputs), wide));
            FORMATS.set(index, format);
        }
        return format;
    }

    private int index(int stage, int granuleShift, int levels, int inputBits, int outputs) {
        int kind = (wide ? 1 << 3 : 0) | stage << 2 | (granuleShift - 12) / 2;
        return ((kind << LEVELS | levels) << INPUT_BITS | inputBits) << OUTPUTS | outputs;
    }
}
