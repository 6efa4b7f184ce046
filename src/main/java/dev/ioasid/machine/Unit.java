package dev.ioasid.machine;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.IommuDriver;
import dev.ioasid.iommu.IommuHardware;
import dev.ioasid.iommu.IommuType;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A unit of a machine: the hardware half, and the driver half if the service is its driver. */
record Unit(String name, IommuHardware hardware, @Nullable IommuDriver driver) {
    IommuType type() {
        return hardware.capabilities().type();
    }

    boolean managed() {
        return driver != null;
    }

    /** The driver half. EINVAL for a unit whose driver is the user. */
    IommuDriver managedDriver() {
        if (driver == null) {
            throw new RefusedException(
                    Errno.EINVAL,
                    name + " is unmanaged: its tables are the user's, written through memory and registers",
                    Map.of("iommu", name));
        }
        return driver;
    }

    IommuSummary summary() {
        return new IommuSummary(name, managed(), hardware.capabilities());
    }
}
