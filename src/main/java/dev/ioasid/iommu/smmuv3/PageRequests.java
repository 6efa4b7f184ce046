package dev.ioasid.iommu.smmuv3;

import dev.ioasid.iommu.PageRequest;
import dev.ioasid.iommu.PageRequest.Response;
import dev.ioasid.pagetable.PageWalk;
import org.jspecify.annotations.Nullable;

/**
 * What becomes of page requests that devices send: they are queued, or the unit answers them by itself. Of the tables it asks, if at all,
 * for the STE alone. IHI 0070, chapter 8.
 *
 * <p>Any thread may call; the locks are those of {@link PriQueue} and {@link EventQueue}, one after the other.
 */
final class PageRequests {
    /**
     * What the unit says to a group that it does not queue.
     *
     * @param pasid the response carries the request's PASID
     */
    record Automatic(Response response, boolean pasid) {
        static final Automatic FAILURE = new Automatic(Response.FAILURE, false);
    }

    private final SmmuCapabilities capabilities;
    private final PriQueue queue;
    private final SmmuTranslation translation;
    private final EventReports reports;

    PageRequests(SmmuCapabilities capabilities, PriQueue queue, SmmuTranslation translation, EventReports reports) {
        this.capabilities = capabilities;
        this.queue = queue;
        this.translation = translation;
        this.reports = reports;
    }

    /** Takes a request. */
    PageRequest.Outcome arrive(SmmuState state, PageRequest request, Transaction transaction) {
        var entry = PriEntry.of(request, capabilities.ssidBits() > 0);
        var written = state.enabled() ? queue.write(entry) : PriQueue.Outcome.CLOSED;
        if (written == PriQueue.Outcome.WRITTEN) {
            return new PageRequest.Outcome.Queued();
        }
        var response = automatic(written, state, request, entry, transaction);
        return response == null
                ? new PageRequest.Outcome.Dropped()
                : new PageRequest.Outcome.Answered(response.response());
    }

    /** What is said to a request that was not queued; null: nothing. */
    @Nullable
    Automatic automatic(
            PriQueue.Outcome written, SmmuState state, PageRequest request, PriEntry entry, Transaction transaction) {
        boolean marker = entry.hasSubstream() && request.isStopMarker();
        boolean overflowed = written == PriQueue.Outcome.OVERFLOWED;
        if (marker || overflowed && !request.last()) {
            return null;
        }
        if (!overflowed) {
            return Automatic.FAILURE;
        }
        if (!entry.hasSubstream() || capabilities.has3(Idr3.PPS)) {
            return new Automatic(Response.SUCCESS, entry.hasSubstream());
        }
        return bySte(state, request, transaction);
    }

    /** STE.PPAR says whether the response has the PASID. */
    private Automatic bySte(SmmuState state, PageRequest request, Transaction transaction) {
        transaction.begin(request.sourceId(), request.pasid(), request.address(), PageWalk.READ);
        long refusal = state.enabled() ? translation.configuration(state, transaction, transaction) : SmmuRefusal.ABORT;
        if (refusal == 0) {
            return new Automatic(Response.SUCCESS, Ste.PPAR.isSet(transaction.ste1));
        }
        if (state.recordAts()) {
            reports.report(refusal, transaction);
        } else {
            reports.count(SmmuRefusal.event(refusal));
        }
        return Automatic.FAILURE;
    }
}
