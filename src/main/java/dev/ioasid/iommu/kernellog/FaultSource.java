package dev.ioasid.iommu.kernellog;

import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Rid;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Who met a fault.
 *
 * @param rid of a report that names StreamIDs only, the RID that such a StreamID usually has; null if the report names a device that has none
 * @param streamId 32 bits, unsigned; null behind VT-d
 * @param pasid {@link DmaRequest#NO_PASID} if there was none, or the report does not say
 * @param client what the kernel calls the device; null if the report does not say
 */
public record FaultSource(
        @Nullable Rid rid,
        @Nullable Integer streamId,
        int pasid,
        @Nullable String client) {
    private static final Pattern PCI = Pattern.compile("[0-9a-f]{4}:[0-9a-f]{2}:[01][0-9a-f]\\.[0-7]");
    private static final String UNKNOWN = "(unassigned sid)";

    static FaultSource ofRid(Rid rid, int pasid) {
        return new FaultSource(rid, null, pasid, null);
    }

    /** Without anything else to go by, the low 16 bits are the RID, and those above its segment. */
    static FaultSource ofStream(int streamId, int pasid) {
        return new FaultSource(Rid.ofSourceId(streamId >>> 16, streamId & 0xffff), streamId, pasid, null);
    }

    /** The same one, of whom the kernel knows the name. */
    FaultSource named(String client) {
        if (client.equals(UNKNOWN)) {
            return this;
        }
        return new FaultSource(PCI.matcher(client).matches() ? Rid.parse(client) : null, streamId, pasid, client);
    }
}
