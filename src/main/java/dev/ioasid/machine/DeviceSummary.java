package dev.ioasid.machine;

import dev.ioasid.iommu.Rid;
import dev.ioasid.memory.AddressRange;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A device.
 *
 * @param group the devices that share a RID-level table with it have the same number
 * @param groupIoasid what the group's requests without PASID are translated by; null while they are blocked
 * @param streamId by what an SMMUv3 sees its requests arrive, 32 bits; null behind any other unit
 * @param pasidBits 0: it has no PASID capability
 * @param ats it may ask for translations: also false once that has been taken away, as is {@code pri}
 * @param answersInvalidations whether it does what it is asked to by an invalidation of its device-TLB
 * @param pageRequestTimeout how long it waits for an answer to a page request, or stalled
 * @param pageRequestsPerGroup how many pages it asks for at once
 * @param regions bus addresses at which it answers
 * @param pasids in ascending order
 */
public record DeviceSummary(
        Rid rid,
        String iommu,
        @Nullable String name,
        int group,
        @Nullable Integer groupIoasid,
        @Nullable Integer streamId,
        int pasidBits,
        boolean ats,
        boolean pri,
        boolean answersInvalidations,
        Duration pageRequestTimeout,
        int pageRequestsPerGroup,
        List<ReservedRegion> reservedRegions,
        List<AddressRange> regions,
        List<Integer> pasids) {}
