package dev.ioasid.machine;

import dev.ioasid.memory.AddressRange;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a new device is like.
 *
 * @param pasidBits 0 to 20; null: as many as its IOMMU takes
 * @param group null: a group of its own
 * @param streamId by what an SMMUv3 sees its requests arrive, 32 bits; null: bus, device and function
 * @param regions bus addresses at which it answers (BARs)
 */
public record DeviceTraits(
        @Nullable String name,
        @Nullable Integer pasidBits,
        boolean ats,
        boolean pri,
        @Nullable Integer group,
        List<ReservedRegion> reservedRegions,
        @Nullable Integer streamId,
        List<AddressRange> regions) {
    /** How long a device waits for an answer to a page request, unless it is told otherwise. */
    public static final Duration PAGE_REQUEST_TIMEOUT = Duration.ofSeconds(30);

    /** A device that no SMMUv3 sees under another id than its RID, and that answers nowhere. */
    public DeviceTraits(
            @Nullable String name,
            @Nullable Integer pasidBits,
            boolean ats,
            boolean pri,
            @Nullable Integer group,
            List<ReservedRegion> reservedRegions) {
        this(name, pasidBits, ats, pri, group, reservedRegions, null, List.of());
    }
}
