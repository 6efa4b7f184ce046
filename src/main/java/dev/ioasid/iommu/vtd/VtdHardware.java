package dev.ioasid.iommu.vtd;

import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Explanation;
import dev.ioasid.iommu.Fault;
import dev.ioasid.iommu.FaultRecord;
import dev.ioasid.iommu.IommuHardware;
import dev.ioasid.iommu.Translation;
import dev.ioasid.memory.PhysicalMemory;
import dev.ioasid.pagetable.PageWalk;
import dev.ioasid.pagetable.Permissions;
import dev.ioasid.pagetable.Walked;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * The hardware half of a VT-d unit: registers, the way from a source id to a table, the table, and the fault log. It reads
 * nothing but registers and memory.
 *
 * <p><b>Who may call.</b> Any thread. A translation takes no lock and allocates nothing unless it faults; whoever drives it
 * beside writers of the tables does so inside a stay of {@link dev.ioasid.memory.Readers}.
 *
 * <p>This unit caches nothing: each request reads the tables as they are at that moment.
 */
public final class VtdHardware implements IommuHardware {
    /** With {@link PageWalk#READ}: the request is an execute request. */
    public static final int EXECUTE = 1 << 16;

    private final VtdCapabilities capabilities;
    private final FaultLog log;
    private final VtdRegisters registers;
    private final StraightTranslation straight;
    private final VtdTranslation translation;
    private final PhysicalMemory memory;
    private final AtomicLongArray counts = new AtomicLongArray(VtdFault.values().length);

    public VtdHardware(PhysicalMemory memory, VtdCapabilities capabilities) {
        int deepest = capabilities.deepestLevels();
        this.capabilities = capabilities;
        this.memory = memory;
        this.log = new FaultLog(
                capabilities.faultRecords(), deepest == 0 ? capabilities.inputBits() : 30 + 9 * (deepest - 2));
        this.registers = new VtdRegisters(capabilities, log);
        var formats = new VtdFormats(capabilities);
        var reserved = ReservedBits.of(capabilities);
        this.straight = new StraightTranslation(memory, capabilities, formats, reserved);
        this.translation = new VtdTranslation(memory, capabilities, formats, reserved);
    }

    @Override
    public VtdCapabilities capabilities() {
        return capabilities;
    }

    /**
     * Translates without leaving anything on the heap.
     *
     * @param pasid {@link DmaRequest#NO_PASID} for none
     * @param how {@link PageWalk#READ} or {@link PageWalk#WRITE}, with {@link PageWalk#PRIVILEGED} and {@link #EXECUTE}
     * @return see {@link Walked}; negative if it faulted, which is recorded as the tables ask
     */
    public long translate(int sourceId, int pasid, long iova, int how) {
        long mode = registers.mode();
        long outcome = straight.of(mode, sourceId, pasid, iova, how);
        if (outcome == StraightTranslation.UNDECIDED) {
            outcome = translation.of(mode, sourceId, pasid, iova, how, VtdSteps.NOBODY);
        }
        return Refusal.is(outcome) ? report(outcome, sourceId, pasid, iova, how) : outcome;
    }

    private long report(long refusal, int sourceId, int pasid, long iova, int how) {
        var fault = Refusal.fault(refusal);
        counts.getAndIncrement(fault.ordinal());
        boolean recorded = !Refusal.silenced(refusal)
                && log.record(
                        sourceId,
                        pasid,
                        iova,
                        (how & PageWalk.WRITE) != 0,
                        (how & EXECUTE) != 0,
                        (how & PageWalk.PRIVILEGED) != 0,
                        fault.code());
        return recorded ? Refusal.recorded(refusal) : refusal;
    }

    @Override
    public Translation translate(DmaRequest request) {
        long outcome = translate(request.rid().sourceId(), request.pasid(), request.iova(), how(request));
        return translation(outcome, request);
    }

    @Override
    public Explanation explain(DmaRequest request) {
        long mode = registers.mode();
        var steps = new VtdExplanation(memory, mode);
        long outcome = translation.of(
                mode, request.rid().sourceId(), request.pasid(), request.iova(), how(request) | PageWalk.DRY, steps);
        var result = translation(outcome, request);
        return new Explanation(result, steps.endingWith(result));
    }

    private static int how(DmaRequest request) {
        int access = switch (request.access()) {
            case READ -> PageWalk.READ;
            case WRITE -> PageWalk.WRITE;
            case EXECUTE -> PageWalk.READ | EXECUTE;
        };
        return request.privileged() && request.hasPasid() ? access | PageWalk.PRIVILEGED : access;
    }

    private static Translation translation(long outcome, DmaRequest request) {
        if (Refusal.is(outcome)) {
            var fault = Refusal.fault(outcome);
            return new Translation.Faulted(new Fault(
                    fault.code(),
                    fault.spelled(),
                    fault.detail(),
                    Refusal.stage(outcome),
                    Refusal.level(outcome),
                    request.iova(),
                    false,
                    Refusal.isRecorded(outcome)));
        }
        long offset = (1L << Walked.shift(outcome)) - 1;
        boolean untranslated = (outcome & VtdTranslation.UNTRANSLATED) != 0;
        return new Translation.Translated(
                untranslated ? request.iova() : Walked.address(outcome),
                offset + 1,
                new Permissions(
                        (Walked.rights(outcome) & Walked.READ) != 0,
                        (Walked.rights(outcome) & Walked.WRITE) != 0,
                        false,
                        false));
    }

    @Override
    public SequencedMap<String, Long> registers() {
        return registers.all();
    }

    @Override
    public void write(SequencedMap<String, Long> values) {
        registers.write(values);
    }

    @Override
    public List<FaultRecord> faults() {
        return log.faults();
    }

    @Override
    public boolean faultsOverflowed() {
        return log.overflowed();
    }

    @Override
    public void clearFaults() {
        log.clear();
    }

    /** Every reason that {@link #faultCounts} can name. */
    public static List<String> faultReasons() {
        return Arrays.stream(VtdFault.values()).map(VtdFault::spelled).toList();
    }

    @Override
    public Map<String, Long> faultCounts() {
        var byName = new LinkedHashMap<String, Long>();
        for (var fault : VtdFault.values()) {
            long count = counts.get(fault.ordinal());
            if (count != 0) {
                byName.put(fault.spelled(), count);
            }
        }
        return byName;
    }
}
