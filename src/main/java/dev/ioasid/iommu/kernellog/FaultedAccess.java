package dev.ioasid.iommu.kernellog;

import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.RecordedRequest;
import org.jspecify.annotations.Nullable;

/**
 * What somebody wanted to do when he met a fault; null is what the report does not say.
 *
 * @param address of VT-d's reports, the page
 * @param interruptIndex in the interrupt remapping table, where the request was an interrupt
 */
public record FaultedAccess(
        @Nullable Long address,
        @Nullable Integer interruptIndex,
        @Nullable Access access,
        @Nullable Boolean privileged,
        @Nullable Boolean execute,
        @Nullable RecordedRequest request) {
    static final FaultedAccess UNSAID = new FaultedAccess(null, null, null, null, null, null);

    static FaultedAccess ofInterrupt(int index) {
        return new FaultedAccess(null, index, null, null, null, null);
    }

    static FaultedAccess of(long address, Access access) {
        return new FaultedAccess(address, null, access, null, null, null);
    }

    static FaultedAccess of(long address) {
        return new FaultedAccess(address, null, null, null, null, null);
    }
}
