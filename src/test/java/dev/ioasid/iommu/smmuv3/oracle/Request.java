package dev.ioasid.iommu.smmuv3.oracle;

import dev.ioasid.iommu.Access;

/**
 * An untranslated request.
 *
 * @param substreamId 20 bits, or {@link #NO_SUBSTREAM}
 */
public record Request(int streamId, int substreamId, long address, Access access, boolean privileged) {
    public static final int NO_SUBSTREAM = -1;

    boolean hasSubstream() {
        return substreamId != NO_SUBSTREAM;
    }
}
