package dev.ioasid.machine;

import dev.ioasid.memory.AddressRange;

/** Addresses that a device's requests cannot, or must not, use for translated DMA. */
public record ReservedRegion(AddressRange range, Kind kind) {
    /** Why. The wire spells them in lower case, with a dash. */
    public enum Kind {
        /** Firmware wants it mapped one to one for this device. */
        DIRECT,
        /** As direct, but given up once a user owns the device: no hole. */
        DIRECT_RELAXABLE,
        RESERVED,
        /** Writes to it are interrupts. */
        MSI,
        SW_MSI
    }

    /** Whether nothing may be mapped there while the device is attached by its RID. */
    public boolean hole() {
        return kind != Kind.DIRECT_RELAXABLE;
    }
}
