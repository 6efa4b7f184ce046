package dev.ioasid.machine;

import dev.ioasid.iommu.Rid;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Who routes where, at one moment. Devices by RID, IOASIDs by id, routes by RID and PASID. */
public record Topology(String machine, List<TopologyDevice> devices, List<TopologyIoasid> ioasids) {

    /** @param label what the user calls it */
    public record TopologyDevice(Rid rid, @Nullable String label, String iommu, int group) {}

    /** @param label what the user calls it, such as {@code vm1, GPA} */
    public record TopologyIoasid(
            int id, @Nullable String label, IoasidType type, long mappedBytes, List<TopologyRoute> routes) {}

    /**
     * @param deviceLabel what the user calls the device
     * @param pasidLabel what the user calls the PASID
     * @param bind whose table it leads through; null if through none but the IOASID's own
     */
    public record TopologyRoute(
            Route route,
            @Nullable String deviceLabel,
            @Nullable String pasidLabel,
            @Nullable Integer bind) {}
}
