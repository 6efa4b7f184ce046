package dev.ioasid.iommu.smmuv3;

import dev.ioasid.memory.PhysicalMemory;
import dev.ioasid.pagetable.PageWalk;
import dev.ioasid.pagetable.StraightVmsa;
import dev.ioasid.pagetable.TableFormat;
import dev.ioasid.pagetable.Walked;

/** The second stage of a stream, as its STE says. IHI 0070, section 5.2. Any thread may call. */
final class SecondStage {
    private final PhysicalMemory memory;
    private final SmmuCapabilities capabilities;
    private final SmmuFormats formats;

    SecondStage(PhysicalMemory memory, SmmuCapabilities capabilities, SmmuFormats formats) {
        this.memory = memory;
        this.capabilities = capabilities;
        this.formats = formats;
    }

    /** @param w2 word 2 of an STE that the unit takes */
    StraightVmsa format(long w2) {
        int granule = SmmuFormats.granule((int) Ste.S2TG.get(w2));
        return formats.stage2(
                granule,
                SmmuFormats.levels(granule, (int) Ste.S2SL0.get(w2)),
                64 - (int) Ste.S2T0SZ.get(w2),
                capabilities.cappedOutputs((int) Ste.S2PS.get(w2)));
    }

    long root(Transaction transaction, TableFormat format) {
        return Ste.S2TTB.get(transaction.ste3) << 4 & -format.rootAlignment();
    }

    /** How its table is walked, by the constants of {@link PageWalk}. */
    int how(Transaction transaction) {
        return how(transaction.ste1, transaction.ste2, transaction.how);
    }

    /** By words 1 and 2 of the STE, and the request. */
    int how(long w1, long w2, int request) {
        int how = capabilities.xnx() ? PageWalk.EXECUTE_BY_PRIVILEGE : 0;
        if (Ste.S2HA.isSet(w2)) {
            how |= Ste.S2HD.isSet(w2) && SmmuTranslation.mayDirty(request)
                    ? PageWalk.ACCESS_FLAG | PageWalk.DIRTY_STATE
                    : PageWalk.ACCESS_FLAG;
        } else if (Ste.S2AFFD.isSet(w2)) {
            how |= PageWalk.ACCESS_FLAG_IGNORED;
        }
        if (Ste.S2PTW.isSet(w2)) {
            how |= PageWalk.TABLES_IN_MEMORY;
        }
        return capabilities.fwb() && Ste.S2FWB.isSet(w1) ? how | PageWalk.FORCED_TYPES : how;
    }

    /**
     * Translates an address of the second stage alone.
     *
     * @param doing {@link FaultClass#CD}, or {@link FaultClass#IN}
     * @return see {@link Walked}; or a refusal
     */
    long walk(Transaction transaction, long ipa, int request, FaultClass doing, SmmuSteps steps) {
        var format = format(transaction.ste2).format();
        int how = how(transaction) | request | (doing == FaultClass.CD ? PageWalk.TABLE : 0);
        long walked = PageWalk.alone(memory, format, root(transaction, format), ipa, how, steps);
        if (!Walked.failed(walked)) {
            return walked;
        }
        transaction.at = ipa;
        var failure = Walked.failure(walked);
        if (failure == Walked.Failure.FETCH || failure == Walked.Failure.ROOT_FETCH) {
            var place = new FaultPlace();
            PageWalk.alone(memory, format, root(transaction, format), ipa, how | PageWalk.DRY, place);
            transaction.at = place.missing();
        }
        return SmmuRefusal.ofWalk(walked, doing, false);
    }
}
