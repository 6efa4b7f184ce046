package dev.ioasid.iommu.smmuv3;

import dev.ioasid.iommu.UnitWrites;

/**
 * One of the unit's own interrupts, as a message: its {@code _IRQ_CFG0} to {@code _IRQ_CFG2}, and whether it is enabled. They can be
 * written only while it is not. Without messages (IDR0.MSI) they are always 0. IHI 0070, sections 3.18 and 6.3.21 to 6.3.23.
 *
 * <p>Any thread may call; each method is one step under the object's own lock, the innermost of the unit's.
 */
final class Msi {
    private static final long ADDRESS = 0x000f_ffff_ffff_fffcL;
    private static final long ATTRIBUTES = 0x3f; // SH and MemAttr

    private final UnitWrites writes;
    private final boolean supported;
    private final long attributeBits;
    private boolean enabled;
    private long address;
    private long data;
    private long attributes;

    /** @param otherAttributes bits of {@code _IRQ_CFG2} that are there without messages, too */
    Msi(UnitWrites writes, boolean supported, long otherAttributes) {
        this.writes = writes;
        this.supported = supported;
        this.attributeBits = (supported ? ATTRIBUTES : 0) | otherAttributes;
    }

    synchronized long address() {
        return address;
    }

    synchronized long data() {
        return data;
    }

    synchronized long attributes() {
        return attributes;
    }

    synchronized void setEnabled(boolean on) {
        enabled = on;
    }

    synchronized void writeAddress(long value) {
        if (!enabled && supported) {
            address = value & ADDRESS;
        }
    }

    synchronized void writeData(long value) {
        if (!enabled && supported) {
            data = value;
        }
    }

    synchronized void writeAttributes(long value) {
        if (!enabled) {
            attributes = value & attributeBits;
        }
    }

    /** Sends the message, if it is enabled and has somewhere to go. False: it was aborted. */
    synchronized boolean send() {
        return !enabled || address == 0 || writes.message(address, data);
    }
}
