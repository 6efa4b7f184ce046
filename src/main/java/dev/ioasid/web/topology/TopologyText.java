package dev.ioasid.web.topology;

import dev.ioasid.iommu.Rid;
import dev.ioasid.machine.Topology;
import dev.ioasid.machine.Topology.TopologyDevice;
import dev.ioasid.machine.Topology.TopologyIoasid;
import dev.ioasid.machine.Topology.TopologyRoute;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * A topology as a tree of text.
 *
 * <pre>
 * RID1 (0000:3a:00.0) --- ioasid1 (kernel, IOVA)
 *                     |      |-- [RID1]
 *                     |
 *                     |-- ioasid2 (vm1, GPA)
 *                            |-- [RID1, PASID-x = 1]
 *                            |-- [RID2 (0000:3b:00.0)]
 *
 * 0000:3c:00.0 --- no route
 *
 * ioasid3  identity, no route
 * </pre>
 *
 * <p><b>What heads what.</b> In RID order, each device heads a block with the IOASIDs that it routes to and that no
 * block above has drawn; a device that is left without any heads none, and is found in the routes. Below an IOASID
 * stand all its routes, whichever device they start from: so every IOASID and every route is drawn once. Then come the
 * devices without a route, then the IOASIDs without one.
 *
 * <p><b>What things are called.</b> By their number, with the user's label where there is one. The device that heads a
 * block has its RID there and is called by its label below; any other device has both in each route. What is to be said
 * of an IOASID or a route beyond its name follows after two spaces.
 */
public final class TopologyText {
    private final Topology topology;
    private final StringBuilder text = new StringBuilder();

    private TopologyText(Topology topology) {
        this.topology = topology;
    }

    /** The tree, ending with one newline. */
    public static String of(Topology topology) {
        return new TopologyText(topology).draw();
    }

    private String draw() {
        if (topology.devices().isEmpty() && topology.ioasids().isEmpty()) {
            return Names.printable(topology.machine()) + ": no devices, no IOASIDs\n";
        }
        var reached = reached();
        var drawn = new HashSet<Integer>();
        for (var device : topology.devices()) {
            var ioasids = reached.getOrDefault(device.rid(), List.of()).stream()
                    .filter(ioasid -> drawn.add(ioasid.id()))
                    .toList();
            if (!ioasids.isEmpty()) block(device, ioasids);
        }
        lines(topology.devices().stream()
                .filter(device -> !reached.containsKey(device.rid()))
                .map(device -> Names.device(device.label(), device.rid()) + " --- no route"));
        lines(topology.ioasids().stream()
                .filter(ioasid -> ioasid.routes().isEmpty())
                .map(TopologyText::title));
        return text.toString();
    }

    /** The IOASIDs that each device routes to, each once; a device without a route is missing. */
    private Map<Rid, List<TopologyIoasid>> reached() {
        var reached = new HashMap<Rid, List<TopologyIoasid>>();
        for (var ioasid : topology.ioasids()) {
            for (var route : ioasid.routes()) {
                var ioasids = reached.computeIfAbsent(route.route().rid(), _ -> new ArrayList<>());
                if (ioasids.isEmpty() || ioasids.getLast().id() != ioasid.id()) ioasids.add(ioasid);
            }
        }
        return reached;
    }

    private void block(TopologyDevice device, List<TopologyIoasid> ioasids) {
        var head = Names.device(device.label(), device.rid());
        var indent = " ".repeat(Glyphs.columns(head) + 1); // the trunk hangs from the first dash
        startBlock();
        for (var ioasid : ioasids) {
            if (ioasid.id() == ioasids.getFirst().id()) {
                line(head + " --- " + title(ioasid));
            } else {
                line(indent + "|");
                line(indent + "|-- " + title(ioasid));
            }
            var trunk = ioasid.id() == ioasids.getLast().id() ? " " : "|";
            for (var route : ioasid.routes()) line(indent + trunk + "      |-- " + title(device, route));
        }
    }

    private static String title(TopologyIoasid ioasid) {
        var remarks = new ArrayList<String>();
        switch (ioasid.type()) {
            case PAGING -> {} // what an IOASID is unless said otherwise
            case IDENTITY -> remarks.add("identity");
            case BLOCKED -> remarks.add("blocked");
            case SVA -> remarks.add("sva");
        }
        if (ioasid.routes().isEmpty()) remarks.add("no route");
        return remarks.isEmpty() ? Names.ioasid(ioasid) : Names.ioasid(ioasid) + "  " + String.join(", ", remarks);
    }

    private static String title(TopologyDevice head, TopologyRoute route) {
        var rid = route.route().rid();
        var device = rid.equals(head.rid())
                ? Names.deviceBriefly(route.deviceLabel(), rid)
                : Names.device(route.deviceLabel(), rid);
        var bind = route.bind();
        return bind == null ? Names.route(device, route) : Names.route(device, route) + "  nested, bind " + bind;
    }

    private void lines(Stream<String> lines) {
        var block = lines.toList();
        if (!block.isEmpty()) startBlock();
        block.forEach(this::line);
    }

    private void startBlock() {
        if (!text.isEmpty()) text.append('\n');
    }

    private void line(String line) {
        text.append(line).append('\n');
    }
}
