package dev.ioasid.machine;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a new device is like.
 *
 * @param pasidBits 0 to 20; null: as many as its IOMMU takes
 * @param group null: a group of its own
 */
public record DeviceTraits(
        @Nullable String name,
        @Nullable Integer pasidBits,
        boolean ats,
        boolean pri,
        @Nullable Integer group,
        List<ReservedRegion> reservedRegions) {}
