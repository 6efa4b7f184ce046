package dev.ioasid.iommu.smmuv3;

import dev.ioasid.memory.PhysicalMemory;
import dev.ioasid.pagetable.PageWalk;
import dev.ioasid.pagetable.Walked;

/** From an STE with stage 1 to a CD. IHI 0070, sections 3.3.2 and 5.2. Any thread may call. */
final class CdTable {
    private final PhysicalMemory memory;
    private final SmmuCapabilities capabilities;
    private final CdChecks checks;
    private final SmmuCaches caches;
    private final SecondStage secondStage;

    CdTable(PhysicalMemory memory, SmmuCapabilities capabilities, SmmuCaches caches, SecondStage secondStage) {
        this.memory = memory;
        this.capabilities = capabilities;
        this.checks = new CdChecks(capabilities);
        this.caches = caches;
        this.secondStage = secondStage;
    }

    /** Reads the CD of a transaction, or finds it in the cache; 0, or a refusal. */
    long find(StreamWorld world, Transaction transaction, SmmuSteps steps) {
        if (caches.findCd(transaction)) {
            steps.cached(SmmuSteps.Structure.CD, transaction.cd0, transaction.cd1, transaction.cd2);
            return transaction.legal ? 0 : SmmuRefusal.of(SmmuEvent.C_BAD_CD);
        }
        long at = address(transaction, steps);
        if (!SmmuRefusal.is(at)) {
            at = fetch(transaction, SmmuSteps.Structure.CD, at, Cd.SIZE, steps);
        }
        if (SmmuRefusal.is(at)) {
            return at;
        }
        steps.structure(SmmuSteps.Structure.CD, Cd.LAYOUT, at);
        transaction.cd0 = memory.acquire(at);
        transaction.cd1 = memory.acquire(at + 8);
        transaction.cd2 = memory.acquire(at + 16);
        transaction.legal = checks.legal(transaction.cd0, transaction.cd1, transaction.cd2, transaction.ste1, world);
        if (!transaction.isDry()) {
            caches.keepCd(transaction.since, transaction);
        }
        return transaction.legal ? 0 : SmmuRefusal.of(SmmuEvent.C_BAD_CD);
    }

    /** Where the CD is, before stage 2; or a refusal. */
    private long address(Transaction transaction, SmmuSteps steps) {
        long pointer = Ste.S1CONTEXTPTR.address(transaction.ste0);
        int most = capabilities.ssidBits() == 0 ? 0 : (int) Ste.S1CDMAX.get(transaction.ste0);
        int format = (int) Ste.S1FMT.get(transaction.ste0);
        int index = transaction.cdIndex;
        if (most == 0 || format != Ste.TWO_LEVEL_4K && format != Ste.TWO_LEVEL_64K) {
            return (pointer & -((long) Cd.SIZE << most)) + (long) index * Cd.SIZE;
        }
        int split = format == Ste.TWO_LEVEL_4K ? 6 : 10;
        long size = (long) L1Cd.SIZE << Math.max(most - split, 0);
        long where = (pointer & -Math.max(size, Cd.SIZE)) + (long) (index >>> split) * L1Cd.SIZE;
        long at = fetch(transaction, SmmuSteps.Structure.L1_CD, where, L1Cd.SIZE, steps);
        if (SmmuRefusal.is(at)) {
            return at;
        }
        steps.structure(SmmuSteps.Structure.L1_CD, L1Cd.LAYOUT, at);
        long descriptor = memory.acquire(at);
        long table = L1Cd.L2PTR.address(descriptor) & -((long) Cd.SIZE << split);
        boolean tooWide = !transaction.stage2() && (table & capabilities.beyondOutput()) != 0;
        if (!L1Cd.V.isSet(descriptor) || tooWide) {
            return SmmuRefusal.of(SmmuEvent.C_BAD_SUBSTREAMID);
        }
        return table + (long) (index & (1 << split) - 1) * Cd.SIZE;
    }

    /** Where a structure is, after stage 2 if that is on; or a refusal. */
    private long fetch(Transaction transaction, SmmuSteps.Structure structure, long where, int bytes, SmmuSteps steps) {
        long at = where;
        if (transaction.stage2()) {
            int request = PageWalk.READ | PageWalk.PRIVILEGED | transaction.how & PageWalk.DRY;
            long walked = secondStage.walk(transaction, where, request, FaultClass.CD, steps);
            if (SmmuRefusal.is(walked)) {
                return walked;
            }
            at = Walked.address(walked);
        }
        if ((at & capabilities.beyondOutput()) != 0 || !memory.fetches(at, bytes)) {
            steps.missing(structure, at);
            transaction.at = at;
            return SmmuRefusal.of(SmmuEvent.F_CD_FETCH);
        }
        return at;
    }
}
