package dev.ioasid.iommu.vtd;

import dev.ioasid.iommu.Fault;
import dev.ioasid.iommu.PageRequest;
import dev.ioasid.iommu.PageRequest.Outcome;
import dev.ioasid.iommu.PageRequest.Response;
import org.jspecify.annotations.Nullable;

/**
 * What becomes of a page request: the way down to its PASID table entry, which says what to forget of the page; then the queue. Where
 * it gets no further, the unit answers the last of a group by itself and drops the others. VT-d 5.10, section 7.5.
 *
 * <p>Any thread may call.
 */
final class PageRequests {
    private static final int PASID_BITS = 20;
    private static final int DOMAIN_BITS = 16;

    private final VtdRegisters registers;
    private final VtdTranslation translation;
    private final VtdCaches caches;
    private final FaultReports faults;

    PageRequests(VtdRegisters registers, VtdTranslation translation, VtdCaches caches, FaultReports faults) {
        this.registers = registers;
        this.translation = translation;
        this.caches = caches;
        this.faults = faults;
    }

    /** What {@link VtdTranslation} says to a page request that the tables let in. */
    static long admitted(int type, long domain, int pasid) {
        return (long) type << DOMAIN_BITS + PASID_BITS | domain << PASID_BITS | pasid;
    }

    Outcome outcome(PageRequest request) {
        long admitted = translation.of(
                registers.mode(),
                request.sourceId(),
                request.pasid(),
                request.address(),
                VtdHardware.PAGE_REQUEST,
                VtdSteps.NOBODY);
        if (Refusal.is(admitted)) {
            long refusal = faults.report(admitted, request);
            return unqueued(request, Response.INVALID, Refusal.asFault(refusal, request.address()));
        }
        forget(admitted, request.address());
        return registers.add(request) ? new Outcome.Queued() : unqueued(request, Response.SUCCESS, null);
    }

    private static Outcome unqueued(PageRequest request, Response response, @Nullable Fault fault) {
        return request.last() && !request.isStopMarker()
                ? new Outcome.Answered(response, fault)
                : new Outcome.Dropped(fault);
    }

    /** What is remembered of the page is not good enough for the device: it goes. */
    private void forget(long admitted, long page) {
        int pasid = (int) admitted & (1 << PASID_BITS) - 1;
        int domain = (int) (admitted >>> PASID_BITS) & (1 << DOMAIN_BITS) - 1;
        int type = (int) (admitted >>> DOMAIN_BITS + PASID_BITS);
        long last = page + VtdTranslation.PAGE_SIZE - 1;
        switch (type) {
            case PasidTableEntry.FIRST_STAGE -> caches.forgetPasidPages(domain, pasid, page, last, false);
            case PasidTableEntry.NESTED -> caches.forgetTranslationsOf(domain);
            default -> caches.forgetPages(domain, page, last, false);
        }
    }
}
