package dev.ioasid.web.topology;

import static java.util.Objects.requireNonNull;
import static java.util.stream.Collectors.toMap;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;
import static org.assertj.core.api.Assertions.within;

import dev.ioasid.machine.Topology;
import java.awt.geom.Point2D;
import java.awt.geom.Rectangle2D;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.w3c.dom.Element;
import org.xml.sax.InputSource;

class TopologySvgTest {
    /** README.md shows this file. After a change of the drawing, look at target/siov.svg and copy it over. */
    @Test
    void theWorkedTopologyIsDrawnAsPublished() throws Exception {
        var svg = TopologySvg.of(Topologies.siov());
        Files.writeString(Path.of("target/siov.svg"), svg);
        assertThat(svg).isEqualTo(Files.readString(Path.of("docs/siov.svg")));
    }

    @Test
    void theWorkedTopologySaysWhatIsWhat() throws Exception {
        var svg = parse(TopologySvg.of(Topologies.siov()));
        assertThat(texts(svg))
                .contains("siov", "2 devices, 8 routes, 3 IOASIDs", "RID1", "0000:3a:00.0", "iommu0 · group 1")
                .contains(
                        "RID",
                        "PASID-x = 1",
                        "PASID-y = 2",
                        "PASID-a = 3 · bind 1",
                        "ioasid3",
                        "vm2, GPA",
                        "paging",
                        "1 GiB mapped");
        assertThat(child(svg, "title")).isEqualTo("Topology of siov");
        assertThat(child(svg, "desc")).isEqualTo("""
                2 devices, 8 routes, 3 IOASIDs. \
                [RID1 (0000:3a:00.0)] to ioasid1 (kernel, IOVA). \
                [RID1 (0000:3a:00.0), PASID-x = 1] to ioasid2 (vm1, GPA). \
                [RID1 (0000:3a:00.0), PASID-a = 3] to ioasid2 (vm1, GPA), nested, bind 1. \
                [RID1 (0000:3a:00.0), PASID-b = 4] to ioasid2 (vm1, GPA), nested, bind 2. \
                [RID1 (0000:3a:00.0), PASID-y = 2] to ioasid3 (vm2, GPA). \
                [RID1 (0000:3a:00.0), PASID-c = 5] to ioasid3 (vm2, GPA), nested, bind 3. \
                [RID2 (0000:3b:00.0)] to ioasid3 (vm2, GPA). \
                [RID2 (0000:3b:00.0), PASID-a = 1] to ioasid3 (vm2, GPA), nested, bind 4.""");
    }

    @Test
    void anEmptyMachineIsAPictureToo() throws Exception {
        var svg = parse(TopologySvg.of(Topologies.empty()));
        assertThat(texts(svg)).contains("m1", "0 devices, 0 routes, 0 IOASIDs", "none");
        assertDrawn(Topologies.empty());
    }

    @Test
    void otherTypesSayWhatTheyDo() throws Exception {
        var svg = parse(TopologySvg.of(Topologies.server()));
        assertThat(texts(svg))
                .contains("identity", "leaves addresses as they are · no route", "blocked", "refuses every request")
                .contains("no route", "nothing mapped · no route", "64.5 GiB mapped");
        assertDrawn(Topologies.server());
    }

    @ParameterizedTest
    @CsvSource({"1, 0", "0, 1", "1, 1", "3, 2", "1, 200", "200, 1", "200, 60", "200, 200"})
    void anySizeIsDrawn(int devices, int ioasids) throws Exception {
        assertDrawn(Topologies.random(devices, ioasids, 1));
    }

    @Property(tries = 200)
    void everythingIsDrawnOnceAndNothingOverlaps(
            @ForAll @IntRange(max = 40) int devices, @ForAll @IntRange(max = 20) int ioasids, @ForAll long seed)
            throws Exception {
        assertDrawn(Topologies.random(devices, ioasids, seed));
    }

    @Test
    void aDeviceIsAsHighAsItsQueuesNeed() throws Exception {
        var topology = new Topologies().device("3a", "RID1");
        for (int pasid = 1; pasid <= 200; pasid++) topology.paging(pasid, "vm" + pasid, 0, "3a " + pasid);
        assertDrawn(topology.named("m1"));
    }

    @Test
    void anIoasidTakesAnyNumberOfRoutes() throws Exception {
        var topology = new Topologies().device("3a", null);
        topology.paging(
                1,
                null,
                0,
                IntStream.rangeClosed(1, 500).mapToObj(pasid -> "3a " + pasid).toArray(String[]::new));
        assertDrawn(topology.named("m1"));
    }

    @Test
    void ioasidsStandInTheOrderOfTheirDevices() throws Exception {
        var topology =
                new Topologies().device("3a", "RID1").device("3b", "RID2").device("3c", "RID3");
        topology.paging(1, null, 0, "3c").paging(2, null, 0, "3b").paging(3, null, 0, "3a");
        var svg = parse(TopologySvg.of(topology.named("m1")));
        assertThat(elements(svg, "ioasid"))
                .extracting(ioasid -> ioasid.getAttribute("data-ioasid"))
                .containsExactly("3", "2", "1");
        assertThat(elements(svg, "route"))
                .allSatisfy(route ->
                        assertThat(start(route).getY()).isEqualTo(end(route).getY()));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            <script>alert(1)</script>
            a & b &amp; c
            " onload="alert(1)
            ' onload='alert(1)
            ]]> <!-- -->
            网卡 ネットワーク
            مرحبا
            👩‍💻 🚀
            é
            %s %n %1$s
            """)
    void aLabelIsTextWhateverItSays(String label) throws Exception {
        var topology = new Topologies().device("3a", label).paging(1, label, 0, "3a 1 " + label);
        var svg = parse(TopologySvg.of(topology.named(label)));
        assertThat(texts(svg)).filteredOn(text -> text.equals(label)).hasSizeGreaterThanOrEqualTo(3);
        assertThat(child(elements(svg, "route").getFirst(), "title")).contains(", " + label + " = 1] to ");
        assertThat(child(elements(svg, "device").getFirst(), "title")).startsWith(label + " (0000:3a:00.0)");
        assertDrawn(topology.named(label));
    }

    @ParameterizedTest
    @CsvSource({"0", "8", "10", "13", "27", "127", "8232", "8238", "8294", "55357", "56832", "65534", "65535"})
    void whatXmlCannotCarryIsReplaced(int codeUnit) throws Exception {
        var label = "a" + (char) codeUnit + "b";
        var topology = new Topologies().device("3a", label).paging(1, label, 0, "3a 1 " + label);
        assertThat(texts(parse(TopologySvg.of(topology.named(label))))).contains("a\ufffdb", "a\ufffdb = 1");
    }

    @Test
    void aLongNameIsShortenedButNotInItsTitle() throws Exception {
        var label = "a very long name ".repeat(20).strip();
        var topology = new Topologies().device("3a", label).paging(1, label, 0, "3a 1 " + label);
        var svg = parse(TopologySvg.of(topology.named(label)));
        assertThat(texts(svg)).allSatisfy(text -> assertThat(text.length()).isLessThan(120));
        assertThat(texts(svg)).filteredOn(text -> text.matches("a very .*\\S…")).hasSize(3);
        assertThat(texts(svg))
                .filteredOn(text -> text.matches("a very .*\\S… = 1"))
                .hasSize(1);
        assertThat(child(elements(svg, "ioasid").getFirst(), "title")).contains(label);
        assertDrawn(topology.named(label));
    }

    @Test
    void shorteningKeepsGlyphsWhole() {
        var family = "👨‍👩‍👧";
        var shortened = Font.NAME.shorten(family.repeat(100), 200);
        assertThat(shortened).matches("(" + family + ")+…");
        assertThat(Font.NAME.width(shortened)).isLessThanOrEqualTo(200);
    }

    @Test
    void nothingIsFetchedAndNothingRuns() {
        assertThat(TopologySvg.of(Topologies.server()))
                .doesNotContain("<script", "<style", "<image", "<foreignObject", "<use", "href", "url(", " on")
                .satisfies(svg -> assertThat(svg.replace("xmlns=\"http://www.w3.org/2000/svg\"", ""))
                        .doesNotContain("http"));
    }

    @ParameterizedTest
    @CsvSource(textBlock = """
            1,                   1 B
            1023,                1023 B
            1024,                1 KiB
            4096,                4 KiB
            1048575,             1023.9 KiB
            1048576,             1 MiB
            1572864,             1.5 MiB
            2093056,             1.9 MiB
            1099511627776,       1 TiB
            9223372036854775807, 7.9 EiB
            -1,                  15.9 EiB
            """)
    void bytesAreCountedInBinaryUnits(long bytes, String text) {
        assertThat(TopologySvg.bytes(bytes)).isEqualTo(text);
    }

    /** What is wanted of any picture, read from the picture alone. */
    private static void assertDrawn(Topology topology) throws Exception {
        var text = TopologySvg.of(topology);
        assertThat(TopologySvg.of(topology)).isEqualTo(text);
        var svg = parse(text);

        var devices = cards(svg, "device", "data-rid");
        assertThat(elements(svg, "device")).hasSameSizeAs(topology.devices());
        assertThat(devices)
                .containsOnlyKeys(topology.devices().stream()
                        .map(device -> device.rid().toString())
                        .toList());

        var ioasids = cards(svg, "ioasid", "data-ioasid");
        assertThat(elements(svg, "ioasid")).hasSameSizeAs(topology.ioasids());
        assertThat(ioasids)
                .containsOnlyKeys(topology.ioasids().stream()
                        .map(ioasid -> Integer.toString(ioasid.id()))
                        .toList());

        double pastPills = elements(svg, "pill").stream()
                .mapToDouble(pill -> rectangle(pill).getMaxX())
                .max()
                .orElse(0);
        var routes = new ArrayList<String>();
        for (var route : elements(svg, "route")) {
            var rid = route.getAttribute("data-rid");
            var pasid = route.hasAttribute("data-pasid") ? " pasid " + route.getAttribute("data-pasid") : "";
            var ioasid = route.getAttribute("data-ioasid");
            routes.add(rid + pasid + " to " + ioasid);
            assertStartsAt(start(route), requireNonNull(devices.get(rid)), Rectangle2D::getMaxX);
            assertThat(numbers(route)[2]).as("where it bends").isGreaterThan(pastPills);
            assertStartsAt(end(route), requireNonNull(ioasids.get(ioasid)), Rectangle2D::getMinX);
        }
        assertThat(routes)
                .containsExactlyInAnyOrderElementsOf(topology.ioasids().stream()
                        .flatMap(ioasid -> ioasid.routes().stream().map(route -> route.route() + " to " + ioasid.id()))
                        .toList());

        var page = svg.getAttribute("viewBox").split(" ");
        var inside = new Rectangle2D.Double(0, 0, Double.parseDouble(page[2]), Double.parseDouble(page[3]));
        var solid = Stream.concat(elements(svg, "card").stream(), elements(svg, "pill").stream())
                .map(TopologySvgTest::rectangle)
                .toList();
        for (int i = 0; i < solid.size(); i++) {
            assertThat(inside.contains(solid.get(i)))
                    .as("%s in the picture", solid.get(i))
                    .isTrue();
            for (int j = i + 1; j < solid.size(); j++) {
                if (solid.get(i).intersects(solid.get(j))) fail("%s and %s overlap", solid.get(i), solid.get(j));
            }
        }
    }

    private static void assertStartsAt(Point2D point, Rectangle2D card, ToDoubleFunction<Rectangle2D> side) {
        assertThat(point.getX()).isCloseTo(side.applyAsDouble(card), within(0.2));
        assertThat(point.getY()).isBetween(card.getMinY(), card.getMaxY());
    }

    private static Element parse(String svg) throws Exception {
        var factory = DocumentBuilderFactory.newDefaultInstance();
        factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
        var builder = factory.newDocumentBuilder();
        builder.setErrorHandler(null);
        return builder.parse(new InputSource(new StringReader(svg))).getDocumentElement();
    }

    private static List<Element> all(Element in, String tag) {
        var found = in.getElementsByTagName(tag);
        return IntStream.range(0, found.getLength())
                .mapToObj(i -> (Element) found.item(i))
                .toList();
    }

    private static List<Element> elements(Element in, String type) {
        return all(in, "*").stream()
                .filter(element -> element.getAttribute("class").equals(type))
                .toList();
    }

    private static List<String> texts(Element svg) {
        return all(svg, "text").stream().map(Element::getTextContent).toList();
    }

    private static String child(Element parent, String tag) {
        return all(parent, tag).getFirst().getTextContent();
    }

    private static Map<String, Rectangle2D> cards(Element svg, String type, String key) {
        return elements(svg, type).stream()
                .collect(toMap(
                        element -> element.getAttribute(key),
                        element -> rectangle(elements(element, "card").getFirst())));
    }

    private static Rectangle2D rectangle(Element rect) {
        return new Rectangle2D.Double(
                number(rect, "x"), number(rect, "y"), number(rect, "width"), number(rect, "height"));
    }

    private static double number(Element element, String attribute) {
        return Double.parseDouble(element.getAttribute(attribute));
    }

    /** M x,y H x C x,y x,y x,y */
    private static Point2D start(Element route) {
        var numbers = numbers(route);
        return new Point2D.Double(numbers[0], numbers[1]);
    }

    private static Point2D end(Element route) {
        var numbers = numbers(route);
        return new Point2D.Double(numbers[7], numbers[8]);
    }

    private static double[] numbers(Element route) {
        return Stream.of(all(route, "path").getFirst().getAttribute("d").split("[MHC, ]+"))
                .filter(number -> !number.isEmpty())
                .mapToDouble(Double::parseDouble)
                .toArray();
    }
}
