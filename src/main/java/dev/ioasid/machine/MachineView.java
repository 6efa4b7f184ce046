package dev.ioasid.machine;

import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Explanation;
import dev.ioasid.iommu.FaultRecord;
import dev.ioasid.iommu.Rid;
import java.util.List;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;

/** Questions about a machine. Every answer is an immutable value; none changes anything. */
public interface MachineView {
    MachineSummary summary();

    /** Bytes of physical memory. EINVAL where there is none. */
    byte[] readMemory(long address, int length);

    List<IommuSummary> iommus();

    /** ENOENT: no such unit. */
    IommuSummary iommu(String name);

    /** A unit's registers by name, in the order of their offsets. ENOENT. */
    SequencedMap<String, Long> registers(String iommu);

    /** A unit's fault records, oldest first. ENOENT. */
    List<FaultRecord> faults(String iommu);

    /** Whether a unit had no room to record a fault. ENOENT. */
    boolean faultsOverflowed(String iommu);

    /** By RID. */
    List<DeviceSummary> devices();

    /** ENODEV: no such device. */
    DeviceSummary device(Rid rid);

    /** A device's allocated PASIDs, ascending. ENODEV. */
    List<PasidSummary> pasids(Rid rid);

    /** ENODEV: no such device; ENOENT: not attached. */
    Attachment attachment(Route route);

    /** By id. */
    List<IoasidSummary> ioasids();

    /** ENOENT. */
    IoasidSummary ioasid(int id);

    /**
     * At most {@code limit} mappings of a paging IOASID, ascending, from the first whose iova is above {@code after}. ENOENT,
     * EINVAL: not paging.
     *
     * @param after null: from the lowest
     */
    List<Mapping> mappings(int ioasid, @Nullable Long after, int limit);

    /** ENOENT, EINVAL: not paging. */
    IovaRanges iovaRanges(int ioasid);

    /** What the hardware would do with a request, step by step. ENODEV, EINVAL. */
    Explanation explain(DmaRequest request);

    Topology topology();

    MachineCounts counts();
}
