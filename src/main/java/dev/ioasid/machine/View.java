package dev.ioasid.machine;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.CacheSummary;
import dev.ioasid.iommu.CachedEntry;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Explanation;
import dev.ioasid.iommu.FaultRecord;
import dev.ioasid.iommu.IommuType;
import dev.ioasid.iommu.Rid;
import dev.ioasid.machine.Topology.TopologyDevice;
import dev.ioasid.machine.Topology.TopologyIoasid;
import dev.ioasid.machine.Topology.TopologyRoute;
import dev.ioasid.memory.AddressRange;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;

/** The answers of one machine. */
record View(Machine machine) implements MachineView {
    @Override
    public MachineSummary summary() {
        return new MachineSummary(machine.name(), machine.memory().size(), machine.preset(), committedBytes());
    }

    private long committedBytes() {
        return machine.memory().committedBytes() + machine.fabric().committedBytes();
    }

    @Override
    public byte[] readMemory(long address, int length) {
        return machine.memory().read(address, length);
    }

    @Override
    public void checkMemory(AddressRange range) {
        machine.memory().check(range);
    }

    @Override
    public List<IommuSummary> iommus() {
        return machine.units().all().stream().map(Unit::summary).toList();
    }

    @Override
    public IommuSummary iommu(String name) {
        return machine.units().unit(name).summary();
    }

    @Override
    public SequencedMap<String, Long> registers(String iommu) {
        return machine.units().unit(iommu).hardware().registers();
    }

    @Override
    public int commandSize(String iommu) {
        return machine.units().unit(iommu).hardware().commandSize();
    }

    @Override
    public List<CacheSummary> caches(String iommu) {
        return machine.units().unit(iommu).hardware().caches();
    }

    @Override
    public List<CachedEntry> cached(String iommu, String cache) {
        var entries = machine.units().unit(iommu).hardware().cached(cache);
        if (entries == null) {
            throw new RefusedException(
                    Errno.ENOENT, iommu + " has no cache '" + cache + "'", Map.of("iommu", iommu, "cache", cache));
        }
        var unit = machine.units().unit(iommu);
        return entries.stream().map(entry -> withSegment(unit, entry)).toList();
    }

    private CachedEntry withSegment(Unit unit, CachedEntry entry) {
        var rid = entry.rid();
        return rid == null
                ? entry
                : new CachedEntry(
                        entry.set(),
                        entry.way(),
                        withSegment(unit, rid),
                        entry.pasid(),
                        entry.domain(),
                        entry.input(),
                        entry.size(),
                        entry.level(),
                        entry.address(),
                        entry.permissions(),
                        entry.words());
    }

    @Override
    public List<FaultRecord> faults(String iommu) {
        var unit = machine.units().unit(iommu);
        return unit.hardware().faults().stream()
                .map(fault -> withSegment(unit, fault))
                .toList();
    }

    private FaultRecord withSegment(Unit unit, FaultRecord fault) {
        return new FaultRecord(
                withSegment(unit, fault.rid()),
                fault.pasid(),
                fault.address(),
                fault.access(),
                fault.code(),
                fault.name(),
                fault.detail(),
                fault.stage(),
                fault.words());
    }

    /** What a VT-d unit remembers is bus, device and function only; the segment is the unit's. An SMMUv3 has StreamIDs of whole RIDs. */
    private Rid withSegment(Unit unit, Rid rid) {
        var device = unit.type() == IommuType.VTD ? machine.devices().bySourceId(unit, rid.sourceId()) : null;
        return device == null ? rid : device.rid();
    }

    @Override
    public boolean faultsOverflowed(String iommu) {
        return machine.units().unit(iommu).hardware().faultsOverflowed();
    }

    @Override
    public long faultsDropped(String iommu) {
        return machine.units().unit(iommu).hardware().faultsDropped();
    }

    @Override
    public List<DeviceSummary> devices() {
        return machine.devices().all().stream().map(Device::summary).toList();
    }

    @Override
    public DeviceSummary device(Rid rid) {
        return machine.devices().device(rid).summary();
    }

    @Override
    public List<PasidSummary> pasids(Rid rid) {
        return machine.devices().device(rid).pasids().entrySet().stream()
                .map(entry -> {
                    var ioasid = entry.getValue().ioasid();
                    return new PasidSummary(
                            entry.getKey(), entry.getValue().name(), ioasid == null ? null : ioasid.id());
                })
                .toList();
    }

    @Override
    public Attachment attachment(Route route) {
        var ioasid = Routes.leadsTo(machine.devices().device(route.rid()), route.pasid());
        if (ioasid == null) {
            throw new RefusedException(Errno.ENOENT, route + " is not attached", Map.of("routes", List.of(route)));
        }
        return new Attachment(route, ioasid.id(), machine.binds().of(route));
    }

    @Override
    public List<BindSummary> binds() {
        return machine.binds().all();
    }

    @Override
    public BindSummary bind(int id) {
        return machine.binds().summary(id);
    }

    @Override
    public List<ContextSummary> contexts() {
        return machine.contexts().all().stream().map(Context::summary).toList();
    }

    @Override
    public ContextSummary context(int id) {
        return machine.contexts().context(id).summary();
    }

    @Override
    public List<IoasidSummary> ioasids() {
        return machine.ioasids().all().stream().map(Ioasid::summary).toList();
    }

    @Override
    public IoasidSummary ioasid(int id) {
        return machine.ioasids().ioasid(id).summary();
    }

    @Override
    public List<Mapping> mappings(int ioasid, @Nullable Long after, int limit) {
        var mappings = machine.ioasids().paging(ioasid).mappings();
        var rest = after == null ? mappings : after < 0 ? mappings.headMap(0L, false) : mappings.tailMap(after, false);
        return rest.values().stream().limit(limit).toList();
    }

    @Override
    public IovaRanges iovaRanges(int ioasid) {
        return machine.ioasids().paging(ioasid).space().ranges();
    }

    @Override
    public List<AddressRange> allowedRanges(int ioasid) {
        return machine.ioasids().paging(ioasid).space().allowed();
    }

    @Override
    public byte[] readThrough(int ioasid, long iova, int length) {
        return machine.ioasids().paging(ioasid).read(iova, length);
    }

    @Override
    public List<ProcessSummary> processes() {
        return machine.processes().all().stream().map(CpuProcess::summary).toList();
    }

    @Override
    public ProcessSummary process(int id) {
        return machine.processes().process(id).summary();
    }

    @Override
    public List<ProcessMapping> processMappings(int process, @Nullable Long after, int limit) {
        return machine.processes().process(process).mappings(after, limit);
    }

    @Override
    public Explanation explain(DmaRequest request) {
        return machine.traffic().explain(request);
    }

    @Override
    public byte[] readRegion(Rid rid, int region, long offset, int length) {
        return machine.devices().region(rid, region).bytes().read(offset, length);
    }

    @Override
    public List<InjectionSummary> injections() {
        return machine.injections().all();
    }

    @Override
    public InjectionSummary injection(int id) {
        return machine.injections().summary(id);
    }

    @Override
    public DmaSummary dma(long id) {
        return machine.transfers().summary(id);
    }

    @Override
    public List<PageRequestSummary> pageRequests() {
        return machine.pageRequests().all();
    }

    @Override
    public PageRequestSummary pageRequest(long id) {
        return machine.pageRequests().summary(id);
    }

    @Override
    public Topology topology() {
        return new Topology(
                machine.name(),
                machine.devices().all().stream()
                        .map(device -> new TopologyDevice(
                                device.rid(),
                                device.name(),
                                device.unit().name(),
                                device.group().number()))
                        .toList(),
                machine.ioasids().all().stream().map(this::topology).toList());
    }

    private TopologyIoasid topology(Ioasid ioasid) {
        long mapped = switch (ioasid) {
            case PagingIoasid paging -> paging.mappedBytes();
            case SvaIoasid sva -> sva.residentBytes();
            default -> 0;
        };
        var routes = ioasid.routes().stream()
                .map(route -> {
                    var device = machine.devices().device(route.rid());
                    var pasid = device.pasids().get(route.pasid());
                    return new TopologyRoute(
                            route,
                            device.name(),
                            pasid == null ? null : pasid.name(),
                            machine.binds().of(route));
                })
                .toList();
        return new TopologyIoasid(ioasid.id(), ioasid.name(), ioasid.type(), mapped, routes);
    }

    @Override
    public MachineCounts counts() {
        int attachments = 0;
        long mapped = 0;
        long tables = 0;
        for (var ioasid : machine.ioasids().all()) {
            attachments += ioasid.routes().size();
            if (ioasid instanceof PagingIoasid paging) {
                mapped += paging.mappedBytes();
                tables += paging.table().tableBytes();
            }
        }
        for (var process : machine.processes().all()) { // once, whatever number of IOASIDs share it
            mapped += process.residentBytes();
            tables += process.table().tableBytes();
        }
        return new MachineCounts(
                machine.contexts().all().size(),
                machine.ioasids().all().size(),
                attachments,
                mapped,
                tables,
                committedBytes(),
                machine.traffic().translated(),
                machine.units().faultsByReason(),
                machine.units().faultsDropped(),
                machine.journal().last());
    }
}
