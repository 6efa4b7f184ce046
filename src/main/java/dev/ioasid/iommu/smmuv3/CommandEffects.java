package dev.ioasid.iommu.smmuv3;

import dev.ioasid.iommu.DmaRequest;

/**
 * What commands do beyond the queue. Addresses are inclusive, StreamIDs unsigned. Called by {@link CommandQueue}, one command after the
 * other, under the lock of {@link SmmuRegisters}; when a method returns, what it forgets answers no transaction any more.
 */
interface CommandEffects {
    /** Forgets an STE and every CD that was found through it. */
    void forgetSte(int streamId, boolean leafOnly);

    /**
     * The same for {@code first..last}.
     *
     * @param all every STE (CFGI_ALL)
     */
    void forgetSteRange(int first, int last, boolean all);

    void forgetCd(int streamId, int substreamId, boolean leafOnly);

    void forgetCds(int streamId);

    void forgetTlb(TlbInvalidation what);

    /**
     * Has a device forget. False: it does not answer; the next CMD_SYNC fails with CERROR_ATC_INV_SYNC.
     *
     * @param substreamId {@link DmaRequest#NO_PASID}: requests without PASID
     * @param global every PASID
     */
    boolean forgetAtc(int streamId, int substreamId, boolean global, long first, long last);

    /**
     * Resumes a stalled transaction; nothing if there is none with this StreamID and STAG.
     *
     * @param abort if it is not retried: aborted, or else completed as RAZ/WI
     */
    void resume(int streamId, int stag, boolean retry, boolean abort);

    /** Aborts every stalled transaction of a stream. */
    void terminateStalls(int streamId);

    /**
     * Answers a page request group.
     *
     * @param substreamId {@link DmaRequest#NO_PASID}: without PASID
     * @param response 0 failure, 1 invalid request, 2 success
     */
    void respond(int streamId, int substreamId, int group, int response);
}
