package dev.ioasid.machine;

import dev.ioasid.iommu.IommuCapabilities;

/** A unit. {@code managed}: the service is its driver; otherwise the user is. */
public record IommuSummary(String name, boolean managed, IommuCapabilities capabilities) {}
