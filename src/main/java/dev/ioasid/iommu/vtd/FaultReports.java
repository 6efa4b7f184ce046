package dev.ioasid.iommu.vtd;

import dev.ioasid.iommu.PageRequest;
import dev.ioasid.pagetable.PageWalk;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLongArray;

/** Counts faults, and records those that are not silenced. Any thread may call. */
final class FaultReports {
    private final FaultLog log;
    private final AtomicLongArray counts = new AtomicLongArray(VtdFault.values().length);

    FaultReports(FaultLog log) {
        this.log = log;
    }

    /** Of a request that moves data or asks for a translation; says whether it was recorded. */
    long report(long refusal, int sourceId, int pasid, long iova, int how) {
        boolean recorded = isRecorded(refusal)
                && log.record(
                        sourceId,
                        pasid,
                        iova,
                        (how & PageWalk.WRITE) != 0 && (how & VtdHardware.TRANSLATION_REQUEST) == 0,
                        (how & VtdHardware.EXECUTE) != 0,
                        (how & PageWalk.PRIVILEGED) != 0,
                        (how & VtdHardware.TRANSLATION_REQUEST) != 0 ? 1 : (how & VtdHardware.TRANSLATED) != 0 ? 2 : 0,
                        Refusal.fault(refusal).code());
        return recorded ? Refusal.recorded(refusal) : refusal;
    }

    /** Of a page request; says whether it was recorded. */
    long report(long refusal, PageRequest request) {
        boolean recorded = isRecorded(refusal)
                && log.record(request, Refusal.fault(refusal).code());
        return recorded ? Refusal.recorded(refusal) : refusal;
    }

    /** Counts a fault, and says whether it is one to be recorded. */
    private boolean isRecorded(long refusal) {
        var fault = Refusal.fault(refusal);
        counts.getAndIncrement(fault.ordinal());
        return fault.hasRecord() && !Refusal.silenced(refusal);
    }

    /** Faults so far by the name of their reason. */
    Map<String, Long> counts() {
        var byName = new LinkedHashMap<String, Long>();
        Arrays.stream(VtdFault.values())
                .filter(fault -> counts.get(fault.ordinal()) != 0)
                .forEach(fault -> byName.put(fault.spelled(), counts.get(fault.ordinal())));
        return byName;
    }
}
