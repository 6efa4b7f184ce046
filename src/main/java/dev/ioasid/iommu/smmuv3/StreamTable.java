package dev.ioasid.iommu.smmuv3;

import dev.ioasid.memory.PhysicalMemory;

/** From a StreamID to its STE. IHI 0070, section 3.3.1. Any thread may call. */
final class StreamTable {
    /** Of an STE that has no VMS. */
    static final long NO_VMS = -1;

    /** An address of version 3.4 has more bits, which are not used here. */
    private static final long ADDRESS = (1L << 52) - 1;

    private static final int VMS_WORD = Ste.VMSPTR.word();

    private final PhysicalMemory memory;
    private final SmmuCapabilities capabilities;
    private final SteChecks checks;
    private final SmmuCaches caches;

    StreamTable(PhysicalMemory memory, SmmuCapabilities capabilities, SmmuCaches caches) {
        this.memory = memory;
        this.capabilities = capabilities;
        this.checks = new SteChecks(capabilities);
        this.caches = caches;
    }

    /** Reads the STE of a transaction, or finds it in the cache; 0, or a refusal. */
    long find(SmmuState state, Transaction transaction, SmmuSteps steps) {
        transaction.since = caches.epoch();
        if (caches.findSte(transaction)) {
            steps.cached(
                    SmmuSteps.Structure.STE, transaction.ste0, transaction.ste1, transaction.ste2, transaction.ste3);
            return transaction.legal ? 0 : SmmuRefusal.of(SmmuEvent.C_BAD_STE);
        }
        long at = address(state, transaction, steps);
        if (SmmuRefusal.is(at)) {
            return at;
        }
        if (!isReachable(at, Ste.SIZE)) {
            return missing(transaction, SmmuSteps.Structure.STE, at, steps);
        }
        steps.structure(SmmuSteps.Structure.STE, Ste.LAYOUT, at);
        transaction.ste0 = memory.acquire(at);
        transaction.ste1 = memory.acquire(at + 8);
        transaction.ste2 = memory.acquire(at + 16);
        transaction.ste3 = memory.acquire(at + 24);
        transaction.vms =
                hasVms(transaction) ? Ste.VMSPTR.address(memory.acquire(at + VMS_WORD * 8)) & ADDRESS : NO_VMS;
        transaction.legal = checks.legal(transaction.ste0, transaction.ste1, transaction.ste2, transaction.ste3);
        if (!transaction.isDry()) {
            caches.keepSte(transaction.since, transaction);
        }
        return transaction.legal ? 0 : SmmuRefusal.of(SmmuEvent.C_BAD_STE);
    }

    /** Whether the MPAM ids of its transactions are made by the VMS. */
    private boolean hasVms(Transaction transaction) {
        return capabilities.has3(Idr3.MPAM)
                && Ste.CONFIG.get(transaction.ste0) == Ste.NESTED
                && Ste.S1MPAM.isSet(transaction.ste1);
    }

    /** Fetches the VMS of a transaction's STE, if it has one. It changes nothing that is modelled, and is not kept. 0, or a refusal. */
    long fetchVms(Transaction transaction, SmmuSteps steps) {
        if (transaction.vms == NO_VMS || isReachable(transaction.vms, Long.BYTES)) {
            return 0;
        }
        steps.missing(SmmuSteps.Structure.VMS, transaction.vms);
        transaction.at = transaction.vms;
        return SmmuRefusal.of(SmmuEvent.F_VMS_FETCH);
    }

    private boolean isReachable(long at, int bytes) {
        return (at & capabilities.beyondOutput()) == 0 && memory.fetches(at, bytes);
    }

    /** Where the STE is; or a refusal. */
    private long address(SmmuState state, Transaction transaction, SmmuSteps steps) {
        long stream = Integer.toUnsignedLong(transaction.streamId);
        if (stream >>> state.streamBits() != 0) {
            return badStream(state);
        }
        if (!state.twoLevel()) {
            return state.strtabBase() + stream * Ste.SIZE;
        }
        int split = state.split();
        long at = state.strtabBase() + (stream >>> split) * StreamTableDescriptor.SIZE;
        if (!isReachable(at, StreamTableDescriptor.SIZE)) {
            return missing(transaction, SmmuSteps.Structure.STREAM_TABLE_DESCRIPTOR, at, steps);
        }
        steps.structure(SmmuSteps.Structure.STREAM_TABLE_DESCRIPTOR, StreamTableDescriptor.LAYOUT, at);
        long descriptor = memory.acquire(at);
        int span = (int) StreamTableDescriptor.SPAN.get(descriptor);
        long index = stream & (1L << split) - 1;
        if (span == 0 || span > StreamTableDescriptor.LARGEST_SPAN || span > split + 1 || index >>> span - 1 != 0) {
            return badStream(state);
        }
        long table = StreamTableDescriptor.L2PTR.address(descriptor) & -((long) Ste.SIZE << span - 1);
        return table + index * Ste.SIZE;
    }

    private static long badStream(SmmuState state) {
        long refusal = SmmuRefusal.of(SmmuEvent.C_BAD_STREAMID);
        return state.recordBadStreamId() ? refusal : SmmuRefusal.silent(refusal);
    }

    private static long missing(Transaction transaction, SmmuSteps.Structure structure, long at, SmmuSteps steps) {
        steps.missing(structure, at);
        transaction.at = at;
        return SmmuRefusal.of(SmmuEvent.F_STE_FETCH);
    }
}
