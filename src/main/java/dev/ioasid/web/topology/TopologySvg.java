package dev.ioasid.web.topology;

import static java.util.stream.Collectors.groupingBy;
import static java.util.stream.Collectors.joining;
import static java.util.stream.Collectors.toList;
import static java.util.stream.Collectors.toSet;

import dev.ioasid.machine.IoasidType;
import dev.ioasid.machine.Topology;
import dev.ioasid.machine.Topology.TopologyDevice;
import dev.ioasid.machine.Topology.TopologyIoasid;
import dev.ioasid.web.topology.Layout.Card;
import dev.ioasid.web.topology.Layout.Curve;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;

/**
 * A topology as a picture: devices on the left, IOASIDs on the right, and each route a curve that leaves its device by
 * a pill with its PASID. An IOASID and all that leads to it share one of ten colours, the same as long as its id is.
 * Routes to one that refuses every request are dashed.
 *
 * <p>Plain SVG with presentation attributes only: no script, no style sheet, no reference to anything outside, so that
 * browsers and slide programs show the same, under any content security policy. Each element of class {@code device},
 * {@code ioasid} or {@code route} is one of these, and says in {@code data-rid}, {@code data-pasid} and
 * {@code data-ioasid} which. A name too long for its place is shortened there; the {@code title} has all of it.
 */
public final class TopologySvg {
    /** Dark enough to be read as small text on white. */
    private static final List<String> COLOURS = List.of(
            "#2563eb", "#c2410c", "#0f766e", "#7c3aed", "#a16207", "#be185d", "#0e7490", "#4d7c0f", "#a21caf",
            "#7f1d1d");

    private static final String INK = "#0f172a";
    private static final String FAINT = "#526077";
    private static final String EDGE = "#cbd5e1";
    private static final String CHIP = "#eef2f7";
    private static final String WHITE = "#ffffff";
    private static final String PAPER = "#f8fafc";

    private static final String SOLID = "";
    private static final String DASHED = " stroke-dasharray=\"7 5\"";

    private static final double MARGIN = 40;
    private static final double TOP = 148;
    private static final double PADDING = 18;
    private static final double CORNER = 10;
    /** From the edge of a device to its pills, and from the widest of these to where the curves begin to bend. */
    private static final double STUB = 16;

    private static final double RID_SPACE = 8;
    private static final double PILL_HEIGHT = 22;
    private static final double PILL_LIMIT = 200;
    private static final String RID_PILL = "RID";
    private static final String NO_ROUTE = "no route";

    private final Topology topology;
    private final Layout layout;
    private final double deviceWidth;
    private final double pillLeft;
    private final double bend;
    private final double ioasidLeft;
    private final double ioasidWidth;
    private final double width;
    private final double height;
    private final StringBuilder svg = new StringBuilder();

    private TopologySvg(Topology topology) {
        this.topology = topology;
        layout = Layout.of(topology);
        deviceWidth = widest(topology.devices(), TopologySvg::deviceWidth, 190, 310);
        pillLeft = MARGIN + deviceWidth + STUB;
        bend = pillLeft
                + widest(layout.curves(), curve -> pillWidth(pillText(curve)), pillWidth(NO_ROUTE), PILL_LIMIT)
                + STUB;
        ioasidLeft = bend + widest(layout.curves(), curve -> Math.abs(curve.end() - curve.start()) * 0.45, 180, 700);
        ioasidWidth = widest(topology.ioasids(), TopologySvg::ioasidWidth, 220, 330);
        width = Math.ceil(ioasidLeft + ioasidWidth + MARGIN);
        height = Math.ceil(TOP + Math.max(layout.height(), PILL_HEIGHT) + MARGIN);
    }

    /** The picture, a complete XML document. */
    public static String of(Topology topology) {
        return new TopologySvg(topology).draw();
    }

    private String draw() {
        add("""
                <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %1$s %2$s" width="%1$s" height="%2$s" role="img" \
                font-family="%3$s">
                """, width, height, Font.FAMILY);
        add("<title>%s</title>\n", "Topology of " + topology.machine());
        add("<desc>%s</desc>\n", description());
        add("<rect width=\"%s\" height=\"%s\" fill=\"%s\"/>\n", width, height, PAPER);
        text(MARGIN, 60, Font.TITLE, INK, topology.machine(), width - 2 * MARGIN);
        text(MARGIN, 84, Font.LABEL, FAINT, counts());
        heading(MARGIN, "Devices", layout.devices().isEmpty());
        heading(pillLeft, "Routes", layout.devices().isEmpty());
        heading(ioasidLeft, "I/O address spaces", layout.ioasids().isEmpty());
        curves();
        var routed = layout.curves().stream()
                .map(curve -> curve.route().route().rid())
                .collect(toSet());
        for (var card : layout.devices()) device(card, routed.contains(card.of().rid()));
        layout.ioasids().forEach(this::ioasid);
        return svg.append("</svg>\n").toString();
    }

    private void heading(double left, String heading, boolean none) {
        text(left, TOP - 20, Font.HEADING, FAINT, heading);
        if (none) text(left, TOP + 15, Font.SMALL, FAINT, "none");
    }

    /** IOASID by IOASID, the halos first: so they part its curves from those of others, and not from each other. */
    private void curves() {
        var byIoasid = layout.curves().stream()
                .collect(groupingBy(curve -> curve.ioasid().id(), LinkedHashMap::new, toList()));
        for (var curves : byIoasid.values()) {
            for (var curve : curves) stroke(path(curve), PAPER, 7, SOLID);
            curves.forEach(this::route);
        }
    }

    private void route(Curve curve) {
        var route = curve.route().route();
        var ioasid = curve.ioasid();
        add("<g class=\"route\" data-rid=\"%s\"", route.rid());
        if (route.hasPasid()) add(" data-pasid=\"%s\"", route.pasid());
        add(" data-ioasid=\"%s\">\n<title>%s</title>\n", ioasid.id(), description(curve));
        stroke(path(curve), colour(ioasid), 2.5, ioasid.type() == IoasidType.BLOCKED ? DASHED : SOLID);
        pill(TOP + curve.start(), colour(ioasid), colour(ioasid), pillText(curve));
        add("</g>\n");
    }

    /** Straight past all pills and only then bent, so that no curve meets another's pill. */
    private String path(Curve curve) {
        double start = TOP + curve.start();
        double end = TOP + curve.end();
        double halfway = (bend + ioasidLeft) / 2;
        return fill(
                "M%s,%s H%s C%s,%s %s,%s %s,%s",
                MARGIN + deviceWidth, start, bend, halfway, start, halfway, end, ioasidLeft, end);
    }

    private void device(Card<TopologyDevice> card, boolean routed) {
        var device = card.of();
        var label = device.label();
        var rid = device.rid().toString();
        double left = MARGIN + PADDING;
        double room = deviceWidth - 2 * PADDING;
        double middle = TOP + card.top() + card.height() / 2;
        add("<g class=\"device\" data-rid=\"%s\">\n<title>%s</title>\n", rid, description(device));
        if (!routed) {
            stroke(fill("M%s,%s h%s", MARGIN + deviceWidth, middle, STUB), EDGE, 1.5, SOLID);
            pill(middle, EDGE, FAINT, NO_ROUTE);
        }
        box(card, MARGIN, deviceWidth, EDGE);
        if (label == null) {
            text(left, middle - 4, Font.RID_NAME, INK, rid);
            text(left, middle + 16, Font.SMALL, FAINT, unit(device, room));
        } else {
            text(left, middle - 4, Font.NAME, INK, label, room);
            text(left, middle + 16, Font.RID, INK, rid);
            double ridWidth = Font.RID.width(rid) + RID_SPACE;
            text(left + ridWidth, middle + 16, Font.SMALL, FAINT, unit(device, room - ridWidth));
        }
        add("</g>\n");
    }

    private void ioasid(Card<TopologyIoasid> card) {
        var ioasid = card.of();
        var label = ioasid.label();
        var type = type(ioasid.type());
        double top = TOP + card.top();
        double left = ioasidLeft + PADDING + 4;
        double right = ioasidLeft + ioasidWidth - PADDING;
        double chip = chipWidth(type);
        add("<g class=\"ioasid\" data-ioasid=\"%s\">\n<title>%s</title>\n", ioasid.id(), description(ioasid));
        box(card, ioasidLeft, ioasidWidth, colour(ioasid));
        add("<path d=\"M%s,%s a%3$s,%3$s 0 0 0 -%3$s,%3$s", ioasidLeft + CORNER, top, CORNER);
        add(" v%s a%2$s,%2$s 0 0 0 %2$s,%2$s z\"", card.height() - 2 * CORNER, CORNER);
        add(" fill=\"%s\"/>\n", colour(ioasid));
        text(left, top + 28, Font.NAME, colour(ioasid), Names.number(ioasid));
        add(
                "<rect x=\"%s\" y=\"%s\" width=\"%s\" height=\"20\" rx=\"5\" fill=\"%s\"/>\n",
                right - chip, top + 13, chip, CHIP);
        centred(right - chip / 2, top + 27, Font.CHIP, INK, type);
        if (label != null) text(left, top + 50, Font.LABEL, INK, label, right - left);
        text(left, top + card.height() - 16, Font.SMALL, FAINT, state(ioasid));
        add("</g>\n");
    }

    private void box(Card<?> card, double left, double width, String edge) {
        add("""
                <rect class="card" x="%s" y="%s" width="%s" height="%s" rx="%s" \
                fill="%s" stroke="%s" stroke-width="1.5"/>
                """, left, TOP + card.top(), width, card.height(), CORNER, WHITE, edge);
    }

    private void pill(double middle, String edge, String ink, String text) {
        double wide = pillWidth(text);
        add("""
                <rect class="pill" x="%s" y="%s" width="%s" height="%s" rx="%s" \
                fill="%s" stroke="%s" stroke-width="1.5"/>
                """, pillLeft, middle - PILL_HEIGHT / 2, wide, PILL_HEIGHT, PILL_HEIGHT / 2, WHITE, edge);
        centred(pillLeft + wide / 2, middle + 4, Font.PILL, ink, text);
    }

    private void stroke(String path, String colour, double width, String attributes) {
        add("<path d=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"%s\"", path, colour, width);
        svg.append(attributes).append("/>\n");
    }

    private void text(double left, double baseline, Font font, String ink, String text, double room) {
        text(left, baseline, font, ink, font.shorten(text, room));
    }

    private void text(double left, double baseline, Font font, String ink, String text) {
        text(left, baseline, "", font, ink, text);
    }

    private void centred(double middle, double baseline, Font font, String ink, String text) {
        text(middle, baseline, " text-anchor=\"middle\"", font, ink, text);
    }

    private void text(double at, double baseline, String attributes, Font font, String ink, String text) {
        add("<text x=\"%s\" y=\"%s\" fill=\"%s\"", at, baseline, ink);
        add(" font-size=\"%s\" font-weight=\"%s\"", font.size(), font.weight());
        if (font.mono()) add(" font-family=\"%s\"", Font.MONO_FAMILY);
        svg.append(attributes);
        add(">%s</text>\n", text);
    }

    // how wide, and in which colour

    private static <T> double widest(Collection<T> of, ToDoubleFunction<T> width, double least, double most) {
        return Math.clamp(of.stream().mapToDouble(width).map(Math::ceil).max().orElse(least), least, most);
    }

    private static double deviceWidth(TopologyDevice device) {
        var label = device.label();
        var rid = device.rid().toString();
        double unit = Font.SMALL.width(unit(device, Double.MAX_VALUE));
        double text = label == null
                ? Math.max(Font.RID_NAME.width(rid), unit)
                : Math.max(Font.NAME.width(label), Font.RID.width(rid) + RID_SPACE + unit);
        return 2 * PADDING + text;
    }

    private static double ioasidWidth(TopologyIoasid ioasid) {
        var label = ioasid.label();
        double head = Font.NAME.width(Names.number(ioasid)) + PADDING + chipWidth(type(ioasid.type()));
        double name = label == null ? 0 : Font.LABEL.width(label);
        return 2 * PADDING + 4 + Math.max(head, Math.max(name, Font.SMALL.width(state(ioasid))));
    }

    private static double pillWidth(String text) {
        return Math.ceil(Font.PILL.width(text)) + PILL_HEIGHT;
    }

    private static double chipWidth(String text) {
        return Math.ceil(Font.CHIP.width(text)) + 14;
    }

    private static String colour(TopologyIoasid ioasid) {
        return COLOURS.get(Math.floorMod(ioasid.id() - 1, COLOURS.size()));
    }

    // what is said

    /** {@code iommu0 · group 3} */
    private static String unit(TopologyDevice device, double room) {
        return Font.SMALL.shorten(device.iommu(), " · group " + device.group(), room);
    }

    private static String type(IoasidType type) {
        return switch (type) {
            case PAGING -> "paging";
            case IDENTITY -> "identity";
            case BLOCKED -> "blocked";
            case SVA -> "sva";
        };
    }

    private static String state(TopologyIoasid ioasid) {
        var does = switch (ioasid.type()) {
            case PAGING -> ioasid.mappedBytes() == 0 ? "nothing mapped" : bytes(ioasid.mappedBytes()) + " mapped";
            case IDENTITY -> "leaves addresses as they are";
            case BLOCKED -> "refuses every request";
            case SVA -> ioasid.mappedBytes() == 0 ? "nothing in memory" : bytes(ioasid.mappedBytes()) + " in memory";
        };
        return ioasid.routes().isEmpty() ? does + " · " + NO_ROUTE : does;
    }

    /** {@code RID}, {@code PASID 1}, {@code PASID-x = 1}, {@code PASID-a = 3 · bind 1} */
    private static String pillText(Curve curve) {
        var route = curve.route();
        var label = route.pasidLabel();
        var bind = route.bind() == null ? "" : " · bind " + route.bind();
        if (!route.route().hasPasid()) return RID_PILL + bind;
        if (label == null) return Names.pasid(route) + bind;
        return Font.PILL.shorten(label, " = " + route.route().pasid() + bind, PILL_LIMIT - PILL_HEIGHT);
    }

    private static String description(TopologyDevice device) {
        return Names.device(device.label(), device.rid()) + ", " + unit(device, Double.MAX_VALUE);
    }

    private static String description(TopologyIoasid ioasid) {
        return Names.ioasid(ioasid) + ", " + type(ioasid.type()) + ", " + state(ioasid);
    }

    private static String description(Curve curve) {
        var route = curve.route();
        var device = Names.device(route.deviceLabel(), route.route().rid());
        var nested = route.bind() == null ? "" : ", nested, bind " + route.bind();
        return Names.route(device, route) + " to " + Names.ioasid(curve.ioasid()) + nested;
    }

    private String description() {
        return Stream.concat(Stream.of(counts()), layout.curves().stream().map(TopologySvg::description))
                .collect(joining(". ", "", "."));
    }

    private String counts() {
        return count(layout.devices(), "device") + ", " + count(layout.curves(), "route") + ", "
                + count(layout.ioasids(), "IOASID");
    }

    private static String count(Collection<?> things, String thing) {
        return things.size() == 1 ? "1 " + thing : things.size() + " " + thing + "s";
    }

    /** {@code 1.5 GiB}, rounded down to tenths: never more than there is. */
    static String bytes(long bytes) {
        if (Long.compareUnsigned(bytes, 1 << 10) < 0) return bytes + " B";
        int unit = (63 - Long.numberOfLeadingZeros(bytes)) / 10;
        long tenths = ((bytes >>> (10 * (unit - 1))) * 10) >>> 10;
        var whole = Long.toString(tenths / 10);
        return (tenths % 10 == 0 ? whole : whole + "." + tenths % 10) + " " + "KMGTPE".charAt(unit - 1) + "iB";
    }

    // XML

    /** Everything that a template is filled with is escaped here and nowhere else. */
    private static String fill(String template, Object... values) {
        return template.formatted(Arrays.stream(values).map(TopologySvg::escape).toArray());
    }

    private void add(String template, Object... values) {
        svg.append(fill(template, values));
    }

    private static String escape(Object value) {
        if (value instanceof Double number) return number(number);
        return Names.printable(value.toString())
                .replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("\"", "&quot;")
                .replace("'", "&apos;");
    }

    /** To a tenth of a pixel, and without a fraction where there is none. */
    private static String number(double number) {
        double rounded = Math.rint(number * 10) / 10;
        return rounded == Math.rint(rounded) ? Long.toString((long) rounded) : Double.toString(rounded);
    }
}
