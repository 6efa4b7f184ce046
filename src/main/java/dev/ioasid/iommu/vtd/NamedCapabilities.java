package dev.ioasid.iommu.vtd;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Capabilities by name, as a user asks for them. Null stands for what a current server has.
 *
 * @param addressWidth widest second-stage input: 39, 48 or 57 bits
 * @param hostAddressWidth physical addresses, 32 to 52 bits and no wider than {@code addressWidth}
 * @param pasidBits 1 to 20; 0: no requests with PASID
 * @param pageSizes 0x1000; 0x200000 and 0x40000000 in addition, the latter only with the former
 * @param scalable scalable mode; without it a unit has legacy mode only, and none of what needs PASID tables
 * @param domainIdBits 4, 6, 8, ... 16
 * @param faultRecords 1 to 256
 * @param majorVersion 1 to 15; from 8 on execute requests are refused as such
 */
public record NamedCapabilities(
        @Nullable Integer addressWidth,
        @Nullable Integer hostAddressWidth,
        @Nullable Integer pasidBits,
        @Nullable List<Long> pageSizes,
        @Nullable Boolean scalable,
        @Nullable Boolean firstStage,
        @Nullable Boolean nesting,
        @Nullable Boolean ats,
        @Nullable Boolean pri,
        @Nullable Boolean dirtyTracking,
        @Nullable Boolean snoopControl,
        @Nullable Boolean passThrough,
        @Nullable Boolean zeroLengthRead,
        @Nullable Boolean cachingMode,
        @Nullable Integer domainIdBits,
        @Nullable Integer faultRecords,
        @Nullable Integer majorVersion) {

    /** Everything as a current server has it. */
    public static final NamedCapabilities CURRENT_SERVER = new NamedCapabilities(
            null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null);
}
