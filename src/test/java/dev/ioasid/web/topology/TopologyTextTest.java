package dev.ioasid.web.topology;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.machine.IoasidType;
import dev.ioasid.machine.Topology;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class TopologyTextTest {
    @Test
    void theWorkedTopology() {
        assertThat(TopologyText.of(Topologies.siov())).isEqualTo("""
                RID1 (0000:3a:00.0) --- ioasid1 (kernel, IOVA)
                                    |      |-- [RID1]
                                    |
                                    |-- ioasid2 (vm1, GPA)
                                    |      |-- [RID1, PASID-x = 1]
                                    |      |-- [RID1, PASID-a = 3]  nested, bind 1
                                    |      |-- [RID1, PASID-b = 4]  nested, bind 2
                                    |
                                    |-- ioasid3 (vm2, GPA)
                                           |-- [RID1, PASID-y = 2]
                                           |-- [RID1, PASID-c = 5]  nested, bind 3
                                           |-- [RID2 (0000:3b:00.0)]
                                           |-- [RID2 (0000:3b:00.0), PASID-a = 1]  nested, bind 4
                """);
    }

    @Test
    void withoutLabelsTheNumbersStandAlone() {
        var topology = new Topologies()
                .device("3a", null)
                .device("3b", null)
                .paging(1, null, 0, "3a")
                .paging(2, null, 0, "3a 1", "3b 1")
                .named("m1");
        assertThat(TopologyText.of(topology)).isEqualTo("""
                0000:3a:00.0 --- ioasid1
                             |      |-- [0000:3a:00.0]
                             |
                             |-- ioasid2
                                    |-- [0000:3a:00.0, PASID 1]
                                    |-- [0000:3b:00.0, PASID 1]
                """);
    }

    @Test
    void aDeviceHeadsABlockOnlyOfWhatNoBlockAboveHasDrawn() {
        var topology = new Topologies()
                .device("3a", "RID1")
                .device("3b", "RID2")
                .device("3c", "RID3")
                .paging(1, null, 0, "3a", "3b 1 PASID-x", "3c")
                .paging(2, "vm1", 0, "3b", "3c 7")
                .named("m1");
        assertThat(TopologyText.of(topology)).isEqualTo("""
                RID1 (0000:3a:00.0) --- ioasid1
                                           |-- [RID1]
                                           |-- [RID2 (0000:3b:00.0), PASID-x = 1]
                                           |-- [RID3 (0000:3c:00.0)]

                RID2 (0000:3b:00.0) --- ioasid2 (vm1)
                                           |-- [RID2]
                                           |-- [RID3 (0000:3c:00.0), PASID 7]
                """);
    }

    @Test
    void whatHasNoRouteComesLastDevicesFirst() {
        var topology = new Topologies()
                .device("3a", "spare")
                .device("3b", null)
                .device("3c", null)
                .paging(1, null, 0)
                .ioasid(2, null, IoasidType.BLOCKED, 0, "3b")
                .ioasid(3, "dom0", IoasidType.IDENTITY, 0, "3b 1")
                .ioasid(4, null, IoasidType.IDENTITY, 0)
                .paging(5, "vm1", 0)
                .named("m1");
        assertThat(TopologyText.of(topology)).isEqualTo("""
                0000:3b:00.0 --- ioasid2  blocked
                             |      |-- [0000:3b:00.0]
                             |
                             |-- ioasid3 (dom0)  identity
                                    |-- [0000:3b:00.0, PASID 1]

                spare (0000:3a:00.0) --- no route
                0000:3c:00.0 --- no route

                ioasid1  no route
                ioasid4  identity, no route
                ioasid5 (vm1)  no route
                """);
    }

    @Test
    void nothingButDevices() {
        assertThat(TopologyText.of(new Topologies().device("3a", "RID1").named("m1")))
                .isEqualTo("RID1 (0000:3a:00.0) --- no route\n");
    }

    @Test
    void nothingButIoasids() {
        assertThat(TopologyText.of(new Topologies().paging(1, null, 0).named("m1")))
                .isEqualTo("ioasid1  no route\n");
    }

    @Test
    void nothingAtAll() {
        assertThat(TopologyText.of(Topologies.empty())).isEqualTo("m1: no devices, no IOASIDs\n");
    }

    @Test
    void devicesOfOneLabelAreToldApartByTheirNumbers() {
        var topology = new Topologies()
                .device("3a", "nic")
                .device("3b", "nic")
                .paging(1, null, 0, "3a", "3b")
                .named("m1");
        assertThat(TopologyText.of(topology)).isEqualTo("""
                nic (0000:3a:00.0) --- ioasid1
                                          |-- [nic]
                                          |-- [nic (0000:3b:00.0)]
                """);
    }

    @Test
    void aLabelCannotBreakALineOrTurnItsDirection() {
        var topology = new Topologies()
                .device("3a", "a\nb\u2028c\u202ed")
                .paging(1, "\u001b[31mred", 0, "3a 1 x\ty")
                .named("m1");
        assertThat(TopologyText.of(topology)).isEqualTo("""
                a\ufffdb\ufffdc\ufffdd (0000:3a:00.0) --- ioasid1 (\ufffd[31mred)
                                              |-- [a\ufffdb\ufffdc\ufffdd, x\ufffdy = 1]
                """);
    }

    @Test
    void theTrunkHangsFromTheDashHoweverWideTheLabelIs() {
        var topology = new Topologies()
                .device("3a", "网卡 e\u0301") // two wide glyphs, a space, and a letter with its accent apart: 6 columns
                .paging(1, null, 0, "3a")
                .paging(2, null, 0, "3a 1")
                .named("m1");
        assertThat(TopologyText.of(topology)).isEqualTo("""
                网卡 e\u0301 (0000:3a:00.0) --- ioasid1
                                      |      |-- [网卡 e\u0301]
                                      |
                                      |-- ioasid2
                                             |-- [网卡 e\u0301, PASID 1]
                """);
    }

    @Property(tries = 100)
    void everythingIsDrawnOnce(
            @ForAll @IntRange(max = 30) int devices, @ForAll @IntRange(max = 15) int ioasids, @ForAll long seed) {
        var topology = Topologies.random(devices, ioasids, seed);
        var lines = TopologyText.of(topology).lines().toList();
        for (var ioasid : topology.ioasids()) {
            assertThat(lines)
                    .filteredOn(line -> line.matches(".*\\bioasid" + ioasid.id() + "\\b.*"))
                    .hasSize(1);
        }
        for (var device : topology.devices()) {
            assertThat(lines)
                    .filteredOn(line -> line.contains(device.rid().toString()))
                    .isNotEmpty();
        }
        assertThat(lines).filteredOn(line -> line.contains("|-- [")).hasSize(routes(topology));
        assertThat(TopologyText.of(topology))
                .endsWith("\n")
                .doesNotEndWith("\n\n")
                .doesNotContainPattern("(?m) $");
    }

    private static int routes(Topology topology) {
        return topology.ioasids().stream()
                .map(Topology.TopologyIoasid::routes)
                .mapToInt(List::size)
                .sum();
    }
}
