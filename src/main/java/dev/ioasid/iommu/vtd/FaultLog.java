package dev.ioasid.iommu.vtd;

import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.Disturbances;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.FaultRecord;
import dev.ioasid.iommu.PageRequest;
import dev.ioasid.iommu.Rid;
import dev.ioasid.memory.BitField;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Primary fault logging: a ring of fault recording registers with its status and its event. VT-d 5.10, section 7.2.1.
 *
 * <p>Any thread may call; each method is one step of the hardware under the log's own lock.
 */
final class FaultLog {
    private final long[] low;
    private final long[] high;
    private final long[] order; // in which the registers were filled; not the ring's after restart()
    private final int addressBits;
    private long filled;
    private int next;
    private int first;
    private boolean overflow;
    private long dropped;
    private long queueErrors; // bits of FSTS
    private boolean pending;
    private boolean masked = true;
    private Disturbances disturbances = Disturbances.NONE;

    /**
     * @param records fault recording registers
     * @param addressBits recorded addresses have no bits from here on
     */
    FaultLog(int records, int addressBits) {
        this.low = new long[records];
        this.high = new long[records];
        this.order = new long[records];
        this.addressBits = addressBits;
    }

    /**
     * Records a fault; false if there was no room.
     *
     * @param addressType AT: 0 untranslated, 1 translation request, 2 translated
     */
    synchronized boolean record(
            int sourceId,
            int pasid,
            long address,
            boolean write,
            boolean execute,
            boolean privileged,
            int addressType,
            int code) {
        boolean tagged = pasid != DmaRequest.NO_PASID;
        long kind = FaultRecording.T1.of(write ? 0 : 1)
                | FaultRecording.AT.of(addressType)
                | (tagged && execute ? FaultRecording.EXE.mask() : 0);
        return record(sourceId, pasid, address, privileged, kind, code);
    }

    /** Records a fault of a page request; false if there was no room. */
    synchronized boolean record(PageRequest request, int code) {
        return record(
                request.sourceId(),
                request.pasid(),
                request.address(),
                request.permissions().privileged(),
                FaultRecording.T2.mask(),
                code);
    }

    private boolean record(int sourceId, int pasid, long address, boolean privileged, long kind, int code) {
        if (overflow || holdsFault(next) || disturbances.fillsFaults()) {
            overflow = true;
            dropped++;
            return false;
        }
        boolean wasEmpty = !anyFault();
        boolean wasQuiet = wasEmpty && queueErrors == 0;
        low[next] = FaultRecording.FI.address(address & (1L << addressBits) - 1);
        high[next] = FaultRecording.SID.of(sourceId)
                | FaultRecording.FR.of(code)
                | FaultRecording.F.of(1)
                | kind
                | (pasid != DmaRequest.NO_PASID
                        ? FaultRecording.PP.of(1)
                                | FaultRecording.PV.of(pasid)
                                | FaultRecording.PRIV.of(privileged ? 1 : 0)
                        : 0);
        order[next] = filled++;
        if (wasEmpty) {
            first = next;
        }
        if (wasQuiet) {
            pending = masked; // not masked: the message goes out at once
        }
        next = (next + 1) % low.length;
        return true;
    }

    /** See {@link Disturbances#fillsFaults}. */
    synchronized void disturb(Disturbances by) {
        disturbances = by;
    }

    /** What happens to the log when both translation and interrupt remapping are off. */
    synchronized void restart() {
        next = 0;
    }

    int records() {
        return low.length;
    }

    synchronized long low(int record) {
        return low[record];
    }

    synchronized long high(int record) {
        return high[record];
    }

    /** Writes the high word of a register: a one in F clears it. */
    synchronized void writeHigh(int record, long word) {
        high[record] &= ~(word & FaultRecording.F.mask());
        settleEvent();
    }

    synchronized long status() {
        boolean any = anyFault();
        return Fsts.PFO.of(overflow ? 1 : 0) | Fsts.PPF.of(any ? 1 : 0) | Fsts.FRI.of(any ? first : 0) | queueErrors;
    }

    /** What the invalidation queue has to report: IQE, ICE or ITE. */
    synchronized void raise(BitField error) {
        boolean wasQuiet = !overflow && queueErrors == 0 && !anyFault();
        queueErrors |= error.mask();
        if (wasQuiet) {
            pending = masked;
        }
    }

    /** Whether the invalidation queue must not go on. */
    synchronized boolean stopsQueue() {
        return Fsts.IQE.isSet(queueErrors) || Fsts.ITE.isSet(queueErrors);
    }

    /** Writes FSTS: a one in PFO, IQE, ICE or ITE clears it. */
    synchronized void writeStatus(long word) {
        overflow &= !Fsts.PFO.isSet(word);
        queueErrors &= ~word;
        settleEvent();
    }

    synchronized long eventControl() {
        return Fectl.IP.of(pending ? 1 : 0) | Fectl.IM.of(masked ? 1 : 0);
    }

    /** Writes FECTL: clearing IM sends an event that waits. */
    synchronized void writeEventControl(long word) {
        masked = Fectl.IM.isSet(word);
        pending &= masked;
    }

    synchronized boolean overflowed() {
        return overflow;
    }

    /** Faults for which there was no room, ever: it only grows. */
    synchronized long dropped() {
        return dropped;
    }

    synchronized void clear() {
        for (int i = 0; i < high.length; i++) {
            high[i] &= ~FaultRecording.F.mask();
        }
        overflow = false;
        settleEvent();
    }

    /** Oldest first. */
    synchronized List<FaultRecord> faults() {
        return IntStream.range(0, high.length)
                .filter(this::holdsFault)
                .boxed()
                .sorted(Comparator.comparingLong(record -> order[record]))
                .map(record -> decode(low[record], high[record]))
                .toList();
    }

    private static FaultRecord decode(long low, long high) {
        int code = (int) FaultRecording.FR.get(high);
        var fault = VtdFault.ofCode(code);
        return new FaultRecord(
                Rid.ofSourceId(0, (int) FaultRecording.SID.get(high)),
                FaultRecording.PP.isSet(high) ? (int) FaultRecording.PV.get(high) : DmaRequest.NO_PASID,
                FaultRecording.FI.address(low),
                access(high),
                code,
                fault == null ? "" : fault.recordedName(),
                fault == null ? "" : fault.recordedDetail(),
                fault == null ? null : fault.recordedStage(),
                List.of(low, high));
    }

    /** What the record says that was wanted; of a page request it does not. */
    private static Access access(long high) {
        if (FaultRecording.EXE.isSet(high)) {
            return Access.EXECUTE;
        }
        return FaultRecording.T1.isSet(high) || FaultRecording.T2.isSet(high) ? Access.READ : Access.WRITE;
    }

    private boolean holdsFault(int record) {
        return FaultRecording.F.isSet(high[record]);
    }

    private boolean anyFault() {
        for (int i = 0; i < high.length; i++) {
            if (holdsFault(i)) {
                return true;
            }
        }
        return false;
    }

    private void settleEvent() {
        pending &= overflow || queueErrors != 0 || anyFault();
    }
}
