package dev.ioasid.web.topology;

import static java.util.Comparator.comparingDouble;
import static java.util.Objects.requireNonNull;

import dev.ioasid.iommu.Rid;
import dev.ioasid.machine.Topology;
import dev.ioasid.machine.Topology.TopologyDevice;
import dev.ioasid.machine.Topology.TopologyIoasid;
import dev.ioasid.machine.Topology.TopologyRoute;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Where the parts of a topology stand, from above: a column of devices, a column of IOASIDs, and the routes from one to
 * the other. Nothing is known here of widths.
 *
 * <p><b>Order.</b> Devices stand as the topology lists them, by RID. An IOASID stands at the mean rank of the devices
 * that its routes start from; one without a route comes last. The routes of a device leave it in the order of the
 * IOASIDs they lead to, and reach an IOASID in the order of the devices they start from, so that two routes cross only
 * where their cards are out of order.
 *
 * <p><b>Height.</b> The columns settle in turn, each as level with the other as its own order and gaps allow. A
 * space that goes through both is closed.
 */
record Layout(
        List<Card<TopologyDevice>> devices, List<Card<TopologyIoasid>> ioasids, List<Curve> curves, double height) {
    /** From one route that leaves a device to the next. */
    private static final double DEPARTURE_PITCH = 30;

    /** From one route that reaches an IOASID to the next, unless its card is too low. */
    private static final double ARRIVAL_PITCH = 14;

    /** From the top or bottom of a card to the routes that meet it, at the least. */
    private static final double EDGE = 20;

    private static final double DEVICE_HEIGHT = 58;
    private static final double IOASID_HEIGHT = 64;
    private static final double LABELLED_IOASID_HEIGHT = 86;
    private static final int ROUNDS = 8;

    record Card<T>(T of, double top, double height) {}

    /** A route, from {@code start} at its device to {@code end} at its IOASID. */
    record Curve(TopologyRoute route, TopologyIoasid ioasid, double start, double end) {}

    /** A route that leaves for the IOASID of this rank. */
    private record Departure(TopologyRoute route, int ioasid) {}

    /** A route between the cards of two ranks, and how far below the top of each it meets them. */
    private record Link(TopologyRoute route, int device, double belowDevice, int ioasid, double belowIoasid) {}

    static Layout of(Topology topology) {
        var devices = topology.devices();
        var ioasids = ordered(topology);
        var departures = departures(devices, ioasids);
        var left =
                new Column(departures.stream().mapToDouble(Layout::deviceHeight).toArray());
        var right =
                new Column(ioasids.stream().mapToDouble(Layout::ioasidHeight).toArray());
        var links = links(departures, left, ioasids, right);

        for (int round = 0; round < ROUNDS; round++) {
            for (var link : links) {
                right.pull(link.ioasid, left.top(link.device) + link.belowDevice - link.belowIoasid);
            }
            right.settle();
            for (var link : links) {
                left.pull(link.device, right.top(link.ioasid) + link.belowIoasid - link.belowDevice);
            }
            left.settle();
        }
        Column.align(left, right);

        var straightened = straightened(links, left, right);
        return new Layout(
                cards(devices, left),
                cards(ioasids, right),
                links.stream()
                        .map(link -> new Curve(
                                link.route,
                                ioasids.get(link.ioasid),
                                left.top(link.device) + link.belowDevice,
                                right.top(link.ioasid) + link.belowIoasid + straightened[link.ioasid]))
                        .toList(),
                Math.max(left.bottom(), right.bottom()));
    }

    /** How much lower all routes should reach each IOASID for the flattest to be straight; 0 if its card is too low. */
    private static double[] straightened(List<Link> links, Column left, Column right) {
        var flattest = new double[right.size()];
        var room = new double[right.size()];
        Arrays.fill(flattest, Double.MAX_VALUE);
        Arrays.fill(room, Double.MAX_VALUE);
        for (var link : links) {
            double rise = left.top(link.device) + link.belowDevice - right.top(link.ioasid) - link.belowIoasid;
            if (Math.abs(rise) < Math.abs(flattest[link.ioasid])) flattest[link.ioasid] = rise;
            room[link.ioasid] = Math.min(room[link.ioasid], link.belowIoasid - EDGE);
        }
        return IntStream.range(0, flattest.length)
                .mapToDouble(ioasid -> Math.abs(flattest[ioasid]) <= room[ioasid] ? flattest[ioasid] : 0)
                .toArray();
    }

    private static List<TopologyIoasid> ordered(Topology topology) {
        var ranks = new HashMap<Rid, Integer>();
        for (var device : topology.devices()) ranks.put(device.rid(), ranks.size());
        return topology.ioasids().stream()
                .sorted(comparingDouble(ioasid -> ioasid.routes().stream()
                        .mapToInt(
                                route -> requireNonNull(ranks.get(route.route().rid())))
                        .average()
                        .orElse(Double.POSITIVE_INFINITY)))
                .toList();
    }

    /** The routes of each device, in the order in which they leave it. */
    private static List<List<Departure>> departures(List<TopologyDevice> devices, List<TopologyIoasid> ioasids) {
        var departures = new LinkedHashMap<Rid, List<Departure>>();
        for (var device : devices) departures.put(device.rid(), new ArrayList<>());
        for (int rank = 0; rank < ioasids.size(); rank++) {
            for (var route : ioasids.get(rank).routes()) {
                requireNonNull(departures.get(route.route().rid())).add(new Departure(route, rank));
            }
        }
        return List.copyOf(departures.values());
    }

    private static List<Link> links(
            List<List<Departure>> departures, Column left, List<TopologyIoasid> ioasids, Column right) {
        var links = new ArrayList<Link>();
        var arrived = new int[ioasids.size()];
        for (int device = 0; device < departures.size(); device++) {
            var leaving = departures.get(device);
            for (int place = 0; place < leaving.size(); place++) {
                int ioasid = leaving.get(place).ioasid;
                int arriving = ioasids.get(ioasid).routes().size();
                links.add(new Link(
                        leaving.get(place).route,
                        device,
                        below(left.height(device), DEPARTURE_PITCH, place, leaving.size()),
                        ioasid,
                        below(right.height(ioasid), ARRIVAL_PITCH, arrived[ioasid]++, arriving)));
            }
        }
        return links;
    }

    /** Where the route of this place, of so many, meets a card: evenly spread about its middle. */
    private static double below(double height, double pitch, int place, int count) {
        double widest = count == 1 ? 0 : (height - 2 * EDGE) / (count - 1);
        return height / 2 + (place - (count - 1) / 2.0) * Math.min(pitch, widest);
    }

    private static double deviceHeight(List<Departure> leaving) {
        return Math.max(DEVICE_HEIGHT, (leaving.size() - 1) * DEPARTURE_PITCH + 2 * EDGE);
    }

    private static double ioasidHeight(TopologyIoasid ioasid) {
        return ioasid.label() == null ? IOASID_HEIGHT : LABELLED_IOASID_HEIGHT;
    }

    private static <T> List<Card<T>> cards(List<T> of, Column column) {
        return IntStream.range(0, of.size())
                .mapToObj(rank -> new Card<>(of.get(rank), column.top(rank), column.height(rank)))
                .toList();
    }
}
