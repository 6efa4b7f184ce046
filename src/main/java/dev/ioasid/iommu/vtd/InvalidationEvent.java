package dev.ioasid.iommu.vtd;

/**
 * The event that a wait descriptor raises: ICS and IECTL. VT-d 5.10, section 7.2.2.
 *
 * <p>Not safe for several threads: {@link VtdRegisters} calls under its lock.
 */
final class InvalidationEvent {
    private static final long WAIT_COMPLETE = 1; // ICS.IWC

    private boolean complete;
    private boolean masked = true;
    private boolean pending;

    /** A wait descriptor with IF has been done. */
    void raise() {
        if (!complete) {
            complete = true;
            pending = masked; // not masked: the message goes out at once
        }
    }

    long status() {
        return complete ? WAIT_COMPLETE : 0;
    }

    /** Writes ICS: a one in IWC clears it. */
    void writeStatus(long value) {
        if ((value & WAIT_COMPLETE) != 0) {
            complete = false;
            pending = false;
        }
    }

    long control() {
        return Iectl.IP.of(pending ? 1 : 0) | Iectl.IM.of(masked ? 1 : 0);
    }

    /** Writes IECTL: clearing IM sends an event that waits. */
    void writeControl(long value) {
        masked = Iectl.IM.isSet(value);
        pending &= masked;
    }
}
