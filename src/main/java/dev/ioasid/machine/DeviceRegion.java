package dev.ioasid.machine;

import dev.ioasid.iommu.Rid;
import dev.ioasid.memory.AddressRange;
import dev.ioasid.memory.PhysicalMemory;

/**
 * Bus addresses at which a device answers (a BAR), and the bytes that it has there.
 *
 * @param rid whose it is
 * @param index which of the device's
 * @param bytes by offset
 */
record DeviceRegion(Rid rid, int index, AddressRange range, PhysicalMemory bytes) {
    long offset(long address) {
        return address - range.first();
    }

    @Override
    public String toString() {
        return "region " + index + " of " + rid;
    }
}
