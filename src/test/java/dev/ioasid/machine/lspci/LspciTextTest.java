package dev.ioasid.machine.lspci;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.type;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Rid;
import java.time.Duration;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is read as a listing, and what is refused as none. */
class LspciTextTest {
    private static final String GOOD = "00:02.0 VGA compatible controller: Acme Card\n\tIOMMU group: 3\n\n";

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            heading                                                                                                     | rid          | bridge | name
            3a:00.0 Ethernet controller: Intel Corporation I210 Gigabit Network Connection (rev 03)                     | 0000:3a:00.0 | false  | Intel Corporation I210 Gigabit Network Connection
            0000:3a:00.0 Ethernet controller [0200]: Intel Corporation I210 [8086:1533] (rev 03)                        | 0000:3a:00.0 | false  | Intel Corporation I210
            00003:3A:1f.7 Ethernet controller: Acme Card                                                                | 0003:3a:1f.7 | false  | Acme Card
            FFFF:ff:1f.7 Ethernet controller: Acme Card                                                                 | ffff:ff:1f.7 | false  | Acme Card
            00:05.4 PIC [0800]: Acme I/O APIC [1234:5678] (rev 02) (prog-if 20 [IO(X)-APIC])                            | 0000:00:05.4 | false  | Acme I/O APIC
            00:1c.0 PCI bridge [0604]: Acme Port (x16) [1234:5678] (rev f0) (prog-if 00 [Normal decode])                | 0000:00:1c.0 | true   | Acme Port (x16)
            00:1c.0 PCI bridge: Acme Port: 1, 27 x 27mm                                                                 | 0000:00:1c.0 | true   | Acme Port: 1, 27 x 27mm
            05:00.0 CardBus bridge [0607]: Acme Slot [1234:5678]                                                        | 0000:05:00.0 | true   | Acme Slot
            00:00.0 Host bridge [0600]: Acme Host [1234:5678]                                                           | 0000:00:00.0 | false  | Acme Host
            00:00.0 ISA bridge [0601]: Acme LPC [1234:5678]                                                             | 0000:00:00.0 | false  | Acme LPC
            00:00.0 Unassigned class [ff00]: Acme Thing [Wide Name] [1234:5678]                                         | 0000:00:00.0 | false  | Acme Thing [Wide Name]
            00:00.0 Serial controller [0700]: Intel Corporation Device [8086:a37c] (rev 10)                             | 0000:00:00.0 | false  | Intel Corporation Device a37c
            00:00.0 Serial controller: Intel Corporation Device a37c (rev 10)                                           | 0000:00:00.0 | false  | Intel Corporation Device a37c
            00:00.0 Serial controller [0700]: Device [1234:5678]                                                        | 0000:00:00.0 | false  | Device 1234:5678
            00:1c.0 0604: 8086:a110 (rev f1)                                                                            | 0000:00:1c.0 | true   | 8086:a110
            """)
    void headings(String heading, String rid, boolean bridge, String name) {
        assertThat(LspciListing.read(heading))
                .containsExactly(new ListedFunction(Rid.parse(rid), name, false, 0, false, bridge, 0));
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            detail                                                          | ats   | pasidBits | pri   | bridge | group
            Capabilities: [100 v1] Address Translation Service (ATS)        | true  | 0         | false | false  | 0
            Capabilities: [100] Address Translation Service (ATS)           | true  | 0         | false | false  | 0
            Capabilities: [100 v1] Page Request Interface (PRI)             | false | 0         | true  | false  | 0
            PASIDCap: Exec+ Priv+, Max PASID Width: 01                      | false | 1         | false | false  | 0
            PASIDCap: Exec+ Priv+, Max PASID Width: 08                      | false | 8         | false | false  | 0
            PASIDCap: Exec+ Priv+, Max PASID Width: 10                      | false | 16        | false | false  | 0
            PASIDCap: Exec+ Priv+, Max PASID Width: 14                      | false | 20        | false | false  | 0
            PASIDCap: Exec+ Priv+, Max PASID Width: 1f                      | false | 20        | false | false  | 0
            PASIDCap: Exec- Priv-, Max PASID Width: 00                      | false | 0         | false | false  | 0
            PASIDCtl: Enable+ Exec- Priv-                                   | false | 0         | false | false  | 0
            Bus: primary=00, secondary=01, subordinate=0f, sec-latency=0    | false | 0         | false | true   | 0
            IOMMU group: 0                                                  | false | 0         | false | false  | 0
            IOMMU group: 123456                                             | false | 0         | false | false  | 123456
            Flags: bus master, fast devsel, IRQ 30, IOMMU group 12          | false | 0         | false | false  | 12
            Capabilities: <access denied>                                   | false | 0         | false | false  | 0
            !!! Unknown header type 7f                                      | false | 0         | false | false  | 0
            Subsystem: Acme Address Translation Service (ATS)               | false | 0         | false | false  | 0
            """)
    void details(String detail, boolean ats, int pasidBits, boolean pri, boolean bridge, int group) {
        assertThat(LspciListing.read("00:02.0 Thing: Acme Card\n\t" + detail + "\n"))
                .containsExactly(
                        new ListedFunction(Rid.parse("00:02.0"), "Acme Card", ats, pasidBits, pri, bridge, group));
    }

    @Test
    void theConfigurationSpaceMayFollow() {
        assertThat(LspciListing.read(GOOD.strip() + "\n00: 86 80 18 59 06 00 90 20 05 00 00 06 00 00 00 00\n100: 01\n"))
                .hasSize(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "\n", " \t\r\n\r\n", "lspci: Cannot open /proc/bus/pci\n"})
    void aListingWithoutFunctionsIsRefused(String text) {
        assertThatThrownBy(() -> LspciListing.read(text))
                .asInstanceOf(type(RefusedException.class))
                .satisfies(refused -> assertThat(refused.errno()).isEqualTo(Errno.EINVAL))
                .satisfies(refused -> assertThat(refused).hasMessageContaining("no functions"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "hello world",
                "{\"rid\": \"0000:3a:00.0\"}",
                "root@host:~# lspci -D -vvv -nn",
                "Slot:\t00:02.0",
                "00:02.0",
                "00:03.0 Ethernet controller",
                "00:03.0 Ethernet controller:",
                "00:03.0 : Acme Card",
                "00:20.0 Ethernet controller: Acme Card",
                "00:03.8 Ethernet controller: Acme Card",
                "0:03.0 Ethernet controller: Acme Card",
                "000:00:03.0 Ethernet controller: Acme Card",
                "0000:00:02.0 Ethernet controller: listed twice",
                "\tIOMMU group: x",
                "\tIOMMU group: -1",
                "\tIOMMU group: 9999999999",
                "\tBus: primary=00, secondary=0x, subordinate=01, sec-latency=0",
                "\u0000\u0001\u0002",
                "00: 86 80 zz",
            })
    void whatLspciDoesNotPrintIsRefusedWithItsLine(String line) {
        var text = line.startsWith("\t") ? "00:02.0 Thing: Acme Card\n\tNUMA node: 0\n\n" : GOOD;
        assertThatThrownBy(() -> LspciListing.read(text + line + "\n" + "00:04.0 Thing: Acme Card\n"))
                .asInstanceOf(type(RefusedException.class))
                .satisfies(refused -> assertThat(refused.errno()).isEqualTo(Errno.EINVAL))
                .satisfies(refused -> assertThat(refused.subjects()).containsEntry("line", 4))
                .satisfies(refused -> assertThat(refused).hasMessageContaining("line 4 '" + line.strip() + "'"));
    }

    @Test
    void whatAVolumeManagementDeviceHidesIsLeftOut() {
        var hidden = "10000:e0:1d.0 PCI bridge [0604]: Intel Corporation Port [8086:a110]\n"
                + "\tBus: primary=e0, secondary=e1, subordinate=e1, sec-latency=0\n\n"
                + "ffffffff:00:02.0 Thing: Acme Card\n\n";
        assertThat(LspciListing.read(hidden + GOOD)).isEqualTo(LspciListing.read(GOOD));
    }

    @Test
    void aDetailOfNoFunctionIsRefused() {
        assertThatThrownBy(() -> LspciListing.read("\tIOMMU group: 3\n" + GOOD))
                .asInstanceOf(type(RefusedException.class))
                .satisfies(refused -> assertThat(refused.subjects()).containsEntry("line", 1));
    }

    @Test
    void linesAreCountedAsAnEditorDoes() {
        assertThatThrownBy(() -> LspciListing.read("\r\n" + GOOD.replace("\n", "\r\n") + "oops\r\n"))
                .asInstanceOf(type(RefusedException.class))
                .satisfies(refused -> assertThat(refused.subjects()).containsEntry("line", 5));
    }

    @Test
    void aRidListedTwiceIsNamed() {
        assertThatThrownBy(() -> LspciListing.read("00:02.0 Thing: Acme Card\n0000:00:02.0 Thing: Acme Card\n"))
                .asInstanceOf(type(RefusedException.class))
                .satisfies(refused -> assertThat(refused.subjects())
                        .containsEntry("line", 2)
                        .containsEntry("rid", Rid.parse("00:02.0")));
    }

    @Test
    void aLongLineIsQuotedInPart() {
        assertThatThrownBy(() -> LspciListing.read("x".repeat(1_000_000)))
                .satisfies(refused -> assertThat(refused.getMessage()).hasSizeLessThan(400));
    }

    /** Eight megabytes of the worst: what would cost more than its length if it were read without care. */
    @Test
    void theWorkIsBoundedByTheLength() {
        int length = 8 << 20;
        var hostile = new String[] {
            "00:02.0 " + " ".repeat(length),
            "00:02.0 Thing: " + " (".repeat(length / 2),
            "00:02.0 Thing: " + "Device ".repeat(length / 7),
            "00:02.0 Thing: Card\n" + "\tIOMMU group\n".repeat(length / 13),
            "00:02.0 Thing: Card\n\tFlags: " + ", IOMMU group".repeat(length / 13),
            "00:02.0 Thing: Card\n" + "00:".repeat(length / 3),
            everyRid(length, rid -> rid + " Thing: Card\n"),
            everyRid(
                    length,
                    rid -> rid + " Thing: Card\n\tIOVCtl: Enable+\n\tInitial VFs: 9, Number of VFs: 65535\n"
                            + "\tVF offset: 1, stride: 1\n"),
            everyRid(length, rid -> rid + " PCI bridge: Card\n\tBus: primary=00, secondary=01, subordinate=ff\n"),
        };
        for (var text : hostile) {
            assertTimeoutPreemptively(Duration.ofSeconds(20), () -> {
                try {
                    LspciListing.read(text);
                } catch (RefusedException refused) {
                    assertThat(refused.errno()).isEqualTo(Errno.EINVAL);
                }
            });
        }
    }

    private static String everyRid(int length, Function<Rid, String> entry) {
        var text = new StringBuilder();
        for (int id = 0; text.length() < length; id++) {
            text.append(entry.apply(Rid.ofSourceId(id >>> 16, id & 0xffff)));
        }
        return text.toString();
    }
}
