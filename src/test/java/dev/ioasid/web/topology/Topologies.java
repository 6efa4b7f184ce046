package dev.ioasid.web.topology;

import static java.util.Objects.requireNonNull;

import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Rid;
import dev.ioasid.machine.IoasidType;
import dev.ioasid.machine.Route;
import dev.ioasid.machine.Topology;
import dev.ioasid.machine.Topology.TopologyDevice;
import dev.ioasid.machine.Topology.TopologyIoasid;
import dev.ioasid.machine.Topology.TopologyRoute;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A topology in the making: devices by bus number, then IOASIDs, each with its routes as {@code "3a"} or, by PASID,
 * {@code "3a 1"} or {@code "3a 1 PASID-x"}.
 */
final class Topologies {
    private final Map<Rid, TopologyDevice> devices = new TreeMap<>();
    private final List<TopologyIoasid> ioasids = new ArrayList<>();

    static Topology empty() {
        return new Topology("m1", List.of(), List.of());
    }

    /** The worked topology. */
    static Topology siov() {
        return new Topologies()
                .device("3a", "RID1")
                .device("3b", "RID2")
                .paging(1, "kernel, IOVA", 2L << 20, "3a")
                .paging(2, "vm1, GPA", 512L << 20, "3a 1 PASID-x", "3a 3 PASID-a #1", "3a 4 PASID-b #2")
                .paging(3, "vm2, GPA", 1L << 30, "3a 2 PASID-y", "3a 5 PASID-c #3", "3b", "3b 1 PASID-a #4")
                .named("siov");
    }

    /** Shared accelerators, a NIC with virtual functions, disks and a GPU, for the host and three virtual machines. */
    static Topology server() {
        return new Topologies()
                .device("3a", "DSA 0")
                .device("3b", "DSA 1")
                .device("3c", null)
                .device("3d", "NIC pf")
                .device("3e", "NIC vf0")
                .device("3f", "NIC vf1")
                .device("40", "NIC vf2")
                .device("41", "NIC vf3")
                .device("42", "NVMe 0")
                .device("43", "NVMe 1")
                .device("44", "GPU")
                .device("45", "GPU audio")
                .paging(1, "host kernel", 3L << 30, "3a", "3b", "3d", "42")
                .paging(2, "vm-web, GPA", 8L << 30, "3a 1", "3e", "43")
                .paging(3, "vm-db, GPA", 129L << 29, "3a 2", "3b 1", "3f")
                .paging(4, "vm-render, GPA", 32L << 30, "3b 2", "40", "44", "45")
                .ioasid(5, "quarantine", IoasidType.BLOCKED, 0, "41")
                .ioasid(6, null, IoasidType.IDENTITY, 0)
                .paging(7, "spare", 0)
                .named("edge-server-07");
    }

    /** Devices with up to three routes each to whatever IOASIDs; some without labels, some without routes. */
    static Topology random(int devices, int ioasids, long seed) {
        var random = new Random(seed);
        var rids = new ArrayList<TopologyDevice>();
        for (int device = 0; device < devices; device++) {
            var label = random.nextInt(3) == 0 ? null : "vf" + device;
            rids.add(new TopologyDevice(Rid.ofSourceId(0, device << 3), label, "iommu" + device % 4, device + 1));
        }
        var routes = new HashMap<Integer, List<TopologyRoute>>();
        for (var device : rids) {
            for (int pasid = 1; ioasids > 0 && pasid <= random.nextInt(4); pasid++) {
                var route = new Route(device.rid(), pasid == 1 ? DmaRequest.NO_PASID : pasid);
                routes.computeIfAbsent(1 + random.nextInt(ioasids), _ -> new ArrayList<>())
                        .add(new TopologyRoute(
                                route,
                                device.label(),
                                random.nextBoolean() ? "queue " + pasid : null,
                                random.nextInt(4) == 0 ? pasid : null));
            }
        }
        var all = new ArrayList<TopologyIoasid>();
        for (int id = 1; id <= ioasids; id++) {
            var label = random.nextInt(3) == 0 ? null : "vm" + id + ", GPA";
            var type = IoasidType.values()[Math.max(0, random.nextInt(10) - 7)];
            all.add(new TopologyIoasid(id, label, type, random.nextLong(1L << 44), routes.getOrDefault(id, List.of())));
        }
        return new Topology("random", rids, all);
    }

    Topologies device(String bus, @Nullable String label) {
        var rid = rid(bus);
        devices.put(rid, new TopologyDevice(rid, label, "iommu0", devices.size() + 1));
        return this;
    }

    Topologies paging(int id, @Nullable String label, long mapped, String... routes) {
        return ioasid(id, label, IoasidType.PAGING, mapped, routes);
    }

    Topologies ioasid(int id, @Nullable String label, IoasidType type, long mapped, String... routes) {
        var all = new ArrayList<TopologyRoute>();
        for (var route : routes) {
            var parts = route.split(" #", 2);
            var words = parts[0].split(" ", 3);
            var device = requireNonNull(devices.get(rid(words[0])));
            int pasid = words.length > 1 ? Integer.parseInt(words[1]) : DmaRequest.NO_PASID;
            all.add(new TopologyRoute(
                    new Route(device.rid(), pasid),
                    device.label(),
                    words.length > 2 ? words[2] : null,
                    parts.length > 1 ? Integer.valueOf(parts[1]) : null));
        }
        ioasids.add(new TopologyIoasid(id, label, type, mapped, all));
        return this;
    }

    Topology named(String machine) {
        return new Topology(machine, List.copyOf(devices.values()), ioasids);
    }

    private static Rid rid(String bus) {
        return Rid.parse(bus + ":00.0");
    }
}
