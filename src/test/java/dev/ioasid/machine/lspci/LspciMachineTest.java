package dev.ioasid.machine.lspci;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.iommu.Rid;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Real machines: what the kernel decided is what a listing yields, with the kernel's word and without it. */
class LspciMachineTest {
    /** Other shapes that the same listing has, or gets on its way here. */
    enum Shape implements UnaryOperator<String> {
        AS_POSTED(text -> text),
        WITH_SEGMENT(text -> text.replaceAll("(?m)^(?=[0-9a-f]{2}:[0-9a-f]{2}\\.[0-7] )", "0000:")),
        WITHOUT_IDS(text -> text.replaceAll(" \\[[0-9a-f]{4}(:[0-9a-f]{4})?\\]", "")),
        SPACES(text -> text.replace("\t", "        ")),
        ONE_SPACE(text -> text.replaceAll("(?m)^[ \\t]+", " ").replace("\t", " ")),
        TABS(text -> text.replaceAll("(?m)^(?:        )+| {8}", "\t")),
        INDENTED(text -> text.indent(4)),
        CARRIAGE_RETURNS(text -> text.replace("\n", "\r\n")),
        TRAILING_BLANKS(text -> text.replace("\n", " \t\n")),
        BLANK_LINES_AT_THE_ENDS(text -> "\n\n" + text + "\n\r\n  \n\n"),
        NO_BLANK_LINES(text -> text.replaceAll("\n\n+", "\n")),
        WITH_COMPLAINTS(text -> "lspci: Unable to load libkmod resources: error -2\n" + text
                + "pcilib: sysfs_read_vpd: read failed: Input/output error\n"),
        SHUFFLED(text -> {
            var functions = new ArrayList<>(List.of(text.split("\n\n")));
            Collections.shuffle(functions, new Random(7));
            return String.join("\n\n", functions);
        });

        private final UnaryOperator<String> change;

        Shape(UnaryOperator<String> change) {
            this.change = change;
        }

        @Override
        public String apply(String text) {
            return change.apply(text);
        }
    }

    static Stream<Arguments> capturesInAllShapes() {
        return Capture.withGroups().stream()
                .flatMap(capture -> Arrays.stream(Shape.values()).map(shape -> Arguments.of(capture, shape)));
    }

    @ParameterizedTest
    @MethodSource("capturesInAllShapes")
    void aListedGroupIsBelieved(Capture capture, Shape shape) {
        var functions = LspciListing.read(shape.apply(capture.text()));

        var truth = capture.truth();
        assertThat(functions).hasSize(capture.devices);
        assertThat(Capture.groups(functions, truth.keySet())).isEqualTo(truth);
        assertThat(new HashSet<>(truth.values())).hasSize(capture.groups);
    }

    @ParameterizedTest
    @MethodSource("capturesInAllShapes")
    void theDerivedGroupsAreThoseOfTheKernel(Capture capture, Shape shape) {
        var functions = LspciListing.read(shape.apply(capture.withoutGroups()));

        var truth = capture.truth();
        assertThat(functions).hasSize(capture.devices);
        assertThat(Capture.partition(Capture.groups(functions, truth.keySet()))).isEqualTo(Capture.partition(truth));
    }

    @ParameterizedTest
    @EnumSource
    void theShapeOfAListingChangesNothing(Shape shape) {
        for (var capture : Capture.values()) {
            assertThat(LspciListing.read(shape.apply(capture.withoutGroups())))
                    .isEqualTo(LspciListing.read(capture.withoutGroups()));
        }
    }

    @ParameterizedTest
    @EnumSource
    void functionsComeInTheOrderOfTheirRids(Capture capture) {
        assertThat(LspciListing.read(Shape.SHUFFLED.apply(capture.text())))
                .hasSize(capture.devices)
                .extracting(ListedFunction::rid)
                .isSorted();
    }

    @ParameterizedTest
    @EnumSource
    void derivedGroupsAreNumberedFromZeroInTheOrderOfTheRids(Capture capture) {
        var numbers = LspciListing.read(capture.withoutGroups()).stream()
                .map(ListedFunction::group)
                .distinct()
                .toList();

        for (int number = 0; number < numbers.size(); number++) {
            assertThat(numbers.get(number)).isEqualTo(number);
        }
    }

    @Test
    void aSwitchWithoutWhatIsAboveItIsOneGroup() {
        var all = Capture.INTEL_SWITCHES.withoutGroups();
        var subtree = all.substring(all.indexOf("01:00.0 PCI bridge"), all.indexOf("15:00.0 Ethernet"));

        assertThat(LspciListing.read(subtree)).hasSize(19).allMatch(function -> function.group() == 0);
    }

    @Test
    void functionsWithoutAGroupGetTheLowestNumbersThatAreFree() {
        var functions = LspciListing.read(Capture.AMD_LAPTOP.text());

        assertThat(Capture.groups(functions, Set.of(Rid.parse("00:00.0"), Rid.parse("00:00.2"))))
                .as("one device, not isolated; the kernel uses 0 to 23")
                .isEqualTo(Map.of(Rid.parse("00:00.0"), 24, Rid.parse("00:00.2"), 24));
    }

    /** PCI Express 6.0, 7.8.9 (PASID), 10.5 (ATS, PRI). lspci prints the width in hexadecimal: 14 means 20 bits. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            capture        | rid     | ats   | pasidBits | pri   | bridge | name
            INTEL_SWITCHES | 00:02.0 | true  | 20        | true  | false  | Intel Corporation HD Graphics P630
            INTEL_SWITCHES | 00:1c.3 | false | 0         | false | true   | Intel Corporation 100 Series/C230 Series Chipset Family PCI Express Root Port #4
            INTEL_SWITCHES | 00:1f.3 | false | 0         | false | false  | Intel Corporation CM238 HD Audio Controller
            INTEL_SWITCHES | 0c:00.0 | false | 0         | false | false  | Xilinx Corporation 7-Series FPGA Hard PCIe block (AXI/debug)
            INTEL_LAPTOP   | 00:02.0 | true  | 20        | true  | false  | Intel Corporation CoffeeLake-H GT2 [UHD Graphics 630]
            INTEL_LAPTOP   | 00:13.0 | false | 0         | false | false  | Intel Corporation Device a37c
            INTEL_LAPTOP   | 00:01.0 | false | 0         | false | true   | Intel Corporation 6th-10th Gen Core Processor PCIe Controller (x16)
            AMD_LAPTOP     | 05:00.0 | true  | 16        | true  | false  | Advanced Micro Devices, Inc. [AMD/ATI] Lucienne
            AMD_LAPTOP     | 06:00.0 | false | 0         | false | false  | Advanced Micro Devices, Inc. [AMD] FCH SATA Controller [AHCI mode]
            AMD_OLD_LAPTOP | 00:01.0 | true  | 16        | true  | false  | Advanced Micro Devices, Inc. [AMD/ATI] Wani [Radeon R5/R6/R7 Graphics]
            SERVER         | 00:05.4 | false | 0         | false | false  | Intel Corporation Xeon E7 v3/Xeon E5 v3/Core i7 I/O APIC
            SERVER         | 00:00.0 | false | 0         | false | false  | Intel Corporation Xeon E7 v3/Xeon E5 v3/Core i7 DMI2
            SERVER         | 07:0e.0 | false | 0         | false | true   | Intel Corporation 21152 PCI-to-PCI Bridge
            """)
    void aFunctionIsWhatTheListingSays(
            Capture capture, String rid, boolean ats, int pasidBits, boolean pri, boolean bridge, String name) {
        assertThat(LspciListing.read(capture.text()))
                .filteredOn(function -> function.rid().equals(Rid.parse(rid)))
                .singleElement()
                .usingRecursiveComparison()
                .ignoringFields("group")
                .isEqualTo(new ListedFunction(Rid.parse(rid), name, ats, pasidBits, pri, bridge, 0));
    }

    /** No truth here: each row is what the rules, or the wires, leave no doubt about. */
    @ParameterizedTest(name = "{0}: {1}")
    @CsvSource(delimiter = '|', textBlock = """
            together | 03:00.0 04:00.0                         | a conventional card takes the RID of its bridge
            apart    | 00:1c.6 03:00.0                         | the port above is known not to pass requests on to its peers
            together | 06:00.0 07:0e.0 08:05.0                 | a card behind two bridges in a row
            together | 00:03.0 00:03.1 06:00.0                 | root ports whose ACS is there but off, and what is below
            together | 00:02.0 00:02.1                         | root ports of one device, ACS off
            apart    | 00:02.0 00:03.0                         | different devices
            apart    | 00:1c.0 00:1c.4 00:1c.6 02:00.0 01:00.0 | root ports of the chipset, and what is below
            together | 01:00.0 01:00.1                         | a graphics card and its sound, without ACS
            apart    | 00:05.0 00:05.1 00:05.2 00:05.4         | integrated endpoints of Intel
            together | 00:1f.0 00:1f.2 00:1f.3                 | conventional functions of one device
            together | ff:14.0 ff:14.1 ff:14.7                 | the same on the bus of another root complex
            apart    | ff:13.0 ff:14.0 ff:1f.0                 | different devices there
            """)
    void theServerIsGroupedAsItsParts(String how, String rids, String why) {
        var some = Arrays.stream(rids.split(" ")).map(Rid::parse).toList();
        var groups = Capture.groups(LspciListing.read(Capture.SERVER.text()), some);

        assertThat(groups).as(why).hasSize(some.size());
        assertThat(new HashSet<>(groups.values())).as(why).hasSize(how.equals("together") ? 1 : some.size());
    }
}
