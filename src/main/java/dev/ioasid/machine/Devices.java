package dev.ioasid.machine;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.IommuType;
import dev.ioasid.iommu.Rid;
import dev.ioasid.machine.lspci.ListedFunction;
import dev.ioasid.memory.AddressRange;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** The devices of a machine by RID, their groups, and their PASIDs. */
final class Devices {
    private static final int MOST_PASID_BITS = 20;
    private static final int MOST_PER_GROUP = 64;
    /**
     * Behind a VT-d unit, a write to these addresses without PASID is an interrupt, whatever is mapped there. VT-d 5.10, section 3.15. An
     * SMMUv3 translates it as any other.
     */
    private static final ReservedRegion INTERRUPTS =
            new ReservedRegion(new AddressRange(0xfee0_0000L, 0xfeef_ffffL), ReservedRegion.Kind.MSI);

    private record GroupKey(String iommu, int number) {}

    private final Machine machine;
    private final TreeMap<Rid, Device> byRid = new TreeMap<>();
    private final Map<GroupKey, Group> groups = new HashMap<>();

    Devices(Machine machine) {
        this.machine = machine;
    }

    DeviceSummary create(Rid rid, String iommu, DeviceTraits traits) {
        var device = add(rid, machine.units().unit(iommu), traits).summary();
        machine.events().emit(new MachineEvent.DeviceAdded(device));
        return device;
    }

    private Device add(Rid rid, Unit unit, DeviceTraits traits) {
        check(rid, unit, traits);
        int sourceId = sourceId(rid, unit, traits.streamId());
        int number = traits.group() == null ? lowestFreeGroup(unit) : traits.group();
        var bars = machine.fabric().add(rid, unit, traits.regions());
        var group = groups.computeIfAbsent(new GroupKey(unit.name(), number), key -> new Group(number, unit));
        var regions = new ArrayList<ReservedRegion>();
        if (unit.type() == IommuType.VTD) {
            regions.add(INTERRUPTS);
        }
        regions.addAll(traits.reservedRegions());
        int pasidBits =
                traits.pasidBits() == null ? unit.hardware().capabilities().pasidBits() : traits.pasidBits();
        var device = new Device(
                rid, sourceId, group, traits.name(), pasidBits, traits.ats(), traits.pri(), List.copyOf(regions), bars);
        var leads = group.ioasid();
        if (leads != null) { // a new member shares the group's fate from the start
            try {
                machine.routes().lead(device, DmaRequest.NO_PASID, leads.destination());
            } catch (RefusedException refused) {
                machine.fabric().remove(bars);
                throw refused;
            }
        }
        unit.hardware().connect(device.requester());
        group.members().put(rid, device);
        byRid.put(rid, device);
        return device;
    }

    private void check(Rid rid, Unit unit, DeviceTraits traits) {
        if (byRid.containsKey(rid)) {
            throw new RefusedException(
                    Errno.EEXIST, "there is a device " + rid + " already", Map.of("rid", rid.toString()));
        }
        for (var other : byRid.values()) {
            boolean mixed = other.unit() == unit && other.rid().segment() != rid.segment();
            if (mixed && unit.type() == IommuType.VTD) {
                throw new RefusedException(
                        Errno.EINVAL,
                        "a VT-d unit serves one segment: %s has %s, so it cannot have %s"
                                .formatted(unit.name(), other.rid(), rid),
                        Map.of("rid", rid.toString(), "iommu", unit.name()));
            }
        }
        if (traits.pasidBits() != null && (traits.pasidBits() < 0 || traits.pasidBits() > MOST_PASID_BITS)) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "pasidBits is " + traits.pasidBits() + ", expected 0 to 20",
                    Map.of("rid", rid.toString()));
        }
        if (traits.group() != null && traits.group() < 0) {
            throw new RefusedException(
                    Errno.EINVAL, "group is " + traits.group() + ", expected 0 or more", Map.of("rid", rid.toString()));
        }
        if (traits.pri() && !traits.ats()) {
            throw new RefusedException(Errno.EINVAL, "a device with pri needs ats", Map.of("rid", rid.toString()));
        }
    }

    /** By what requests of a new device arrive at its unit. EINVAL: too wide, or not the user's to choose; EEXIST: taken. */
    private int sourceId(Rid rid, Unit unit, @Nullable Integer streamId) {
        if (unit.type() == IommuType.VTD) {
            if (streamId != null) {
                throw new RefusedException(
                        Errno.EINVAL,
                        "%s is a VT-d unit, which knows a device by its RID: it has no streamId".formatted(unit.name()),
                        Map.of("rid", rid.toString(), "iommu", unit.name(), "property", "streamId"));
            }
            return rid.sourceId();
        }
        int chosen = streamId == null ? rid.sourceId() : streamId;
        int bits = unit.hardware().capabilities().sourceIdBits();
        if (Integer.toUnsignedLong(chosen) >>> bits != 0) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "streamId 0x%x has more than the %d bits of %s%s"
                            .formatted(chosen, bits, unit.name(), streamId == null ? ": give a smaller one" : ""),
                    Map.of("rid", rid.toString(), "iommu", unit.name(), "property", "streamId"));
        }
        var other = bySourceId(unit, chosen);
        if (other != null) {
            throw new RefusedException(
                    Errno.EEXIST,
                    "%s has streamId 0x%x at %s already".formatted(other.rid(), chosen, unit.name()),
                    Map.of("rid", rid.toString(), "iommu", unit.name(), "property", "streamId"));
        }
        return chosen;
    }

    private int lowestFreeGroup(Unit unit) {
        int number = 0;
        while (groups.containsKey(new GroupKey(unit.name(), number))) {
            number++;
        }
        return number;
    }

    List<DeviceSummary> importAll(@Nullable String iommu, List<ListedFunction> functions, boolean dryRun) {
        var unit = machine.units().named(iommu);
        var added = new ArrayList<Device>();
        try {
            var taken = new HashMap<Integer, Integer>();
            for (var function : functions) {
                int group = taken.computeIfAbsent(function.group(), listed -> groupFor(unit, listed, taken));
                added.add(add(
                        function.rid(),
                        unit,
                        new DeviceTraits(
                                function.name(),
                                function.pasidBits(),
                                function.ats(),
                                function.pri() && function.ats(),
                                group,
                                List.of())));
            }
            var devices = added.stream().map(Device::summary).toList();
            if (!dryRun) {
                devices.forEach(device -> machine.events().emit(new MachineEvent.DeviceAdded(device)));
            }
            return devices;
        } catch (RefusedException refused) {
            added.forEach(this::remove);
            added.clear();
            throw refused;
        } finally {
            if (dryRun) {
                added.forEach(this::remove);
            }
        }
    }

    /** The listed number, unless devices that are no part of the listing have it: then one that is free. */
    private int groupFor(Unit unit, int listed, Map<Integer, Integer> taken) {
        int number = listed;
        while (groups.containsKey(new GroupKey(unit.name(), number)) || taken.containsValue(number)) {
            number++;
        }
        return number;
    }

    void delete(Rid rid) {
        var device = device(rid);
        if (device.attached()) {
            throw busy(Route.of(rid));
        }
        device.pasids().forEach((pasid, state) -> {
            if (state.ioasid() != null) {
                throw busy(new Route(rid, pasid));
            }
        });
        if (device.group().ioasid() != null) {
            machine.routes().block(device, DmaRequest.NO_PASID);
        }
        remove(device);
        machine.events().emit(new MachineEvent.DeviceRemoved(rid));
    }

    private static RefusedException busy(Route route) {
        return new RefusedException(
                Errno.EBUSY, route + " is attached", Map.of("rid", route.rid().toString(), "routes", List.of(route)));
    }

    private void remove(Device device) {
        machine.injections().forget(device);
        machine.pageAnswers().drain(device);
        machine.fabric().remove(device.regions());
        byRid.remove(device.rid());
        device.unit().hardware().disconnect(device.sourceId());
        var driver = device.unit().driver();
        if (driver != null) {
            driver.removed(device.sourceId());
        }
        var group = device.group();
        group.members().remove(device.rid());
        if (group.members().isEmpty()) {
            groups.remove(new GroupKey(group.unit().name(), group.number()));
        }
    }

    DeviceSummary patch(
            Rid rid,
            @Nullable Boolean answersInvalidations,
            @Nullable Duration pageRequestTimeout,
            @Nullable Integer pageRequestsPerGroup) {
        var device = device(rid);
        if (answersInvalidations != null && !device.hasAts()) {
            throw lacking(rid, "ats", rid + " has no ATS, so nobody asks it to forget translations");
        }
        if (pageRequestTimeout != null && !device.waits()) {
            throw lacking(rid, "pri", rid + " never waits: it, or its unit, has no PRI");
        }
        if (pageRequestsPerGroup != null) {
            checkGroup(device, pageRequestsPerGroup);
        }
        if (answersInvalidations != null) {
            device.setAnswersInvalidations(answersInvalidations);
            device.unit().hardware().setAnswersInvalidations(device.sourceId(), answersInvalidations);
        }
        if (pageRequestTimeout != null) {
            device.setPageRequestTimeout(pageRequestTimeout);
        }
        if (pageRequestsPerGroup != null) {
            device.setPageRequestsPerGroup(pageRequestsPerGroup);
        }
        return device.summary();
    }

    private static void checkGroup(Device device, int most) {
        if (!device.asksForPages()) {
            throw lacking(device.rid(), "pri", device.rid() + " asks for no pages: it, or its unit, has no PRI");
        }
        if (most < 1 || most > MOST_PER_GROUP) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "pageRequestsPerGroup is %d, expected 1 to %d".formatted(most, MOST_PER_GROUP),
                    Map.of("rid", device.rid().toString(), "property", "pageRequestsPerGroup"));
        }
    }

    private static RefusedException lacking(Rid rid, String capability, String detail) {
        return new RefusedException(Errno.EOPNOTSUPP, detail, Map.of("rid", rid.toString(), "capability", capability));
    }

    PasidSummary allocatePasid(Rid rid, @Nullable Integer pasid, @Nullable String name) {
        var device = device(rid);
        int bits = usablePasidBits(device);
        int chosen = pasid == null ? lowestFreePasid(device, bits) : pasid;
        checkPasid(device, chosen, bits);
        if (device.pasids().containsKey(chosen)) {
            throw new RefusedException(
                    Errno.EBUSY,
                    "PASID %d of %s is allocated".formatted(chosen, rid),
                    Map.of("rid", rid.toString(), "pasid", chosen));
        }
        device.pasids().put(chosen, new Device.Pasid(name));
        machine.events().emit(new MachineEvent.PasidAllocated(new Route(rid, chosen), name));
        return new PasidSummary(chosen, name, null);
    }

    private static int lowestFreePasid(Device device, int bits) {
        int free = 1;
        for (int taken : device.pasids().keySet()) {
            if (taken != free) {
                break;
            }
            free++;
        }
        if (free >>> bits != 0) {
            throw new RefusedException(
                    Errno.ENOSPC,
                    "all PASIDs of " + device.rid() + " are allocated",
                    Map.of("rid", device.rid().toString(), "limit", (1 << bits) - 1));
        }
        return free;
    }

    void freePasid(Rid rid, int pasid) {
        var device = device(rid);
        var state = device.pasids().get(pasid);
        if (state == null) {
            throw new RefusedException(
                    Errno.ENOENT,
                    "PASID %d of %s is not allocated".formatted(pasid, rid),
                    Map.of("rid", rid.toString(), "pasid", pasid));
        }
        if (state.ioasid() != null) {
            throw busy(new Route(rid, pasid));
        }
        device.pasids().remove(pasid);
        machine.events().emit(new MachineEvent.PasidFreed(new Route(rid, pasid)));
    }

    /** The width of the PASIDs that a device can use behind its unit. EOPNOTSUPP if that is none. */
    int usablePasidBits(Device device) {
        int unit = device.unit().hardware().capabilities().pasidBits();
        if (device.pasidBits() == 0 || unit == 0) {
            throw new RefusedException(
                    Errno.EOPNOTSUPP,
                    device.pasidBits() == 0
                            ? device.rid() + " has no PASID capability"
                            : device.unit().name() + " takes no requests with PASID",
                    Map.of("rid", device.rid().toString(), "capability", "pasidBits"));
        }
        return Math.min(device.pasidBits(), unit);
    }

    static void checkPasid(Device device, int pasid, int bits) {
        if (pasid < 1 || pasid >>> bits != 0) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "PASID %d is none of 1 to %d, which %s can use".formatted(pasid, (1 << bits) - 1, device.rid()),
                    Map.of("rid", device.rid().toString(), "pasid", pasid));
        }
    }

    Collection<Device> all() {
        return byRid.values();
    }

    /** ENODEV. */
    Device device(Rid rid) {
        var device = byRid.get(rid);
        if (device == null) {
            throw new RefusedException(Errno.ENODEV, "there is no device " + rid, Map.of("rid", rid.toString()));
        }
        return device;
    }

    /** One of a device's regions. ENODEV; ENOENT. */
    DeviceRegion region(Rid rid, int index) {
        var regions = device(rid).regions();
        if (index < 0 || index >= regions.size()) {
            throw new RefusedException(
                    Errno.ENOENT,
                    regions.isEmpty()
                            ? rid + " has no regions"
                            : "%s has no region %d: it has 0 to %d".formatted(rid, index, regions.size() - 1),
                    Map.of("rid", rid.toString(), "region", index));
        }
        return regions.get(index);
    }

    /** Where a place in a region is. ENODEV; ENOENT: no such region; EINVAL: beyond its end. */
    long busAddress(DmaOrder.Target target) {
        var region = region(target.rid(), target.region());
        if (Long.compareUnsigned(target.offset(), region.range().length()) >= 0) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "offset 0x%x is beyond %s, which has 0x%x bytes"
                            .formatted(target.offset(), region, region.range().length()),
                    Map.of("rid", target.rid().toString(), "region", target.region(), "offset", target.offset()));
        }
        return region.range().first() + target.offset();
    }

    /** Whether there is such a device behind a unit. */
    boolean has(Unit unit, Rid rid) {
        var device = byRid.get(rid);
        return device != null && device.unit() == unit;
    }

    /** The device whose requests a unit sees with a source id; null if there is none. */
    @Nullable
    Device bySourceId(Unit unit, int sourceId) {
        for (var device : byRid.values()) {
            if (device.unit() == unit && device.sourceId() == sourceId) {
                return device;
            }
        }
        return null;
    }
}
