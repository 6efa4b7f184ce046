package dev.ioasid.iommu.vtd;

/**
 * PRS, and the event that it raises: PECTL. VT-d 5.10, section 7.6.
 *
 * <p>Not safe for several threads: {@link VtdRegisters} calls under its lock.
 */
final class PageRequestEvent {
    private long status;
    private boolean masked = true;
    private boolean pending;

    /** PRS. */
    long status() {
        return status;
    }

    /** Whether a request has been lost since software looked: none gets in. */
    boolean overflowed() {
        return Prs.PRO.isSet(status);
    }

    /** A request is in the queue. */
    void queued() {
        raise(Prs.PPR.mask());
    }

    /** A request found the queue full. */
    void lost() {
        raise(Prs.PRO.mask());
    }

    private void raise(long bit) {
        if (status == 0) {
            pending = masked; // not masked: the message goes out at once
        }
        status |= bit;
    }

    /** Writes PRS: a one in PPR or PRO clears it. */
    void writeStatus(long value) {
        status &= ~value;
        pending &= status != 0;
    }

    /** PECTL. */
    long control() {
        return Pectl.IP.of(pending ? 1 : 0) | Pectl.IM.of(masked ? 1 : 0);
    }

    /** Writes PECTL: clearing IM sends an event that waits. */
    void writeControl(long value) {
        masked = Pectl.IM.isSet(value);
        pending &= masked;
    }
}
