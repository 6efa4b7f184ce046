package dev.ioasid.machine;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.CacheSummary;
import dev.ioasid.iommu.CachedEntry;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Explanation;
import dev.ioasid.iommu.FaultRecord;
import dev.ioasid.iommu.Rid;
import dev.ioasid.memory.AddressRange;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;

/** Questions about a machine. Every answer is an immutable value; none changes anything. */
public interface MachineView {
    MachineSummary summary();

    /** Bytes of physical memory. EINVAL where there is none. */
    byte[] readMemory(long address, int length);

    /** EINVAL unless all of the range is physical memory. */
    void checkMemory(AddressRange range);

    List<IommuSummary> iommus();

    /** ENOENT: no such unit. */
    IommuSummary iommu(String name);

    /** A unit's registers by name, in the order of their offsets. ENOENT. */
    SequencedMap<String, Long> registers(String iommu);

    /** Bytes of a raw command, as a unit's queue has them now. ENOENT. */
    int commandSize(String iommu);

    /** A unit's caches, those of the devices behind it last. ENOENT. */
    List<CacheSummary> caches(String iommu);

    /** One of them. ENOENT. */
    default CacheSummary cache(String iommu, String cache) {
        return caches(iommu).stream()
                .filter(candidate -> candidate.name().equals(cache))
                .findFirst()
                .orElseThrow(() -> new RefusedException(
                        Errno.ENOENT, iommu + " has no cache '" + cache + "'", Map.of("iommu", iommu, "cache", cache)));
    }

    /** What a cache holds, by set and way. ENOENT. */
    List<CachedEntry> cached(String iommu, String cache);

    /** A unit's fault records, oldest first. ENOENT. */
    List<FaultRecord> faults(String iommu);

    /** Whether a unit had no room to record a fault. ENOENT. */
    boolean faultsOverflowed(String iommu);

    /** Faults that a unit was to record and has lost, since it was made. ENOENT. */
    long faultsDropped(String iommu);

    /** By RID. */
    List<DeviceSummary> devices();

    /** ENODEV: no such device. */
    DeviceSummary device(Rid rid);

    /** A device's allocated PASIDs, ascending. ENODEV. */
    List<PasidSummary> pasids(Rid rid);

    /** One of them. ENODEV; ENOENT: not allocated. */
    default PasidSummary pasid(Rid rid, int pasid) {
        return pasids(rid).stream()
                .filter(allocated -> allocated.pasid() == pasid)
                .findFirst()
                .orElseThrow(() -> new RefusedException(
                        Errno.ENOENT,
                        "PASID " + pasid + " of " + rid + " is not allocated",
                        Map.of("rid", rid, "pasid", pasid)));
    }

    /** ENODEV: no such device; ENOENT: not attached. */
    Attachment attachment(Route route);

    /** By id. */
    List<BindSummary> binds();

    /** ENOENT. */
    BindSummary bind(int id);

    List<ContextSummary> contexts();

    /** ENOENT. */
    ContextSummary context(int id);

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

    /** The mapping that starts at {@code iova}. ENOENT, EINVAL: not paging. */
    default Mapping mapping(int ioasid, long iova) {
        return mappings(ioasid, iova == 0 ? null : iova - 1, 1).stream()
                .filter(mapping -> mapping.iova() == iova)
                .findFirst()
                .orElseThrow(() -> new RefusedException(
                        Errno.ENOENT,
                        "no mapping of ioasid %d starts at 0x%x".formatted(ioasid, iova),
                        Map.of("ioasid", ioasid, "iova", iova)));
    }

    /** ENOENT, EINVAL: not paging. */
    IovaRanges iovaRanges(int ioasid);

    /** Where addresses of a paging IOASID are allocated; empty: everywhere. ENOENT, EINVAL: not paging. */
    List<AddressRange> allowedRanges(int ioasid);

    /** Bytes seen through a paging IOASID. ENOENT: a byte is not mapped; EPERM: it may not be read; EINVAL. */
    byte[] readThrough(int ioasid, long iova, int length);

    /** By id. */
    List<ProcessSummary> processes();

    /** ENOENT. */
    ProcessSummary process(int id);

    /**
     * At most {@code limit} regions of a process, ascending, from the first whose address is above {@code after}. ENOENT.
     *
     * @param after null: from the lowest
     */
    List<ProcessMapping> processMappings(int process, @Nullable Long after, int limit);

    /** The region that starts at {@code address}. ENOENT. */
    default ProcessMapping processMapping(int process, long address) {
        return processMappings(process, address == 0 ? null : address - 1, 1).stream()
                .filter(mapping -> mapping.address() == address)
                .findFirst()
                .orElseThrow(() -> new RefusedException(
                        Errno.ENOENT,
                        "no mapping of process %d starts at 0x%x".formatted(process, address),
                        Map.of("process", process, "address", address)));
    }

    /** What the hardware would do with a request, step by step. ENODEV, EINVAL. */
    Explanation explain(DmaRequest request);

    /** Bytes of a device's region. ENODEV; ENOENT: no such region; EINVAL: beyond its end. */
    byte[] readRegion(Rid rid, int region, long offset, int length);

    /** By id. */
    List<InjectionSummary> injections();

    /** ENOENT. */
    InjectionSummary injection(int id);

    /** Bytes on their way that have had to wait. ENOENT: no such, or forgotten. */
    DmaSummary dma(long id);

    /** What devices wait for, and of what is over the last 1,024, by id. */
    List<PageRequestSummary> pageRequests();

    /** ENOENT: no such, or forgotten. */
    PageRequestSummary pageRequest(long id);

    Topology topology();

    MachineCounts counts();
}
