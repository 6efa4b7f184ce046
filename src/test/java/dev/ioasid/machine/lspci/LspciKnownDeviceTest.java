package dev.ioasid.machine.lspci;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Devices that are isolated although their capabilities do not say so: two functions of them are two groups. */
class LspciKnownDeviceTest {
    @ParameterizedTest(name = "{1}, {0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            type                             | name                                                                           | groups
            Root Port (Slot+)                | Intel Corporation Port [8086:3b41]                                             | 1
            Root Port (Slot+)                | Intel Corporation Port [8086:3b42]                                             | 2
            Root Port (Slot+)                | Intel Corporation Port [8086:3b51]                                             | 2
            Root Port (Slot+)                | Intel Corporation Port [8086:3b52]                                             | 1
            Root Port (Slot+)                | Intel Corporation Port [8086:1d10]                                             | 2
            Root Port (Slot+)                | Intel Corporation Port [8086:1d11]                                             | 1
            Root Port (Slot+)                | Intel Corporation Port [8086:8c9e]                                             | 2
            Root Port (Slot+)                | Intel Corporation Port [8086:8d1e]                                             | 2
            Root Port (Slot+)                | Intel Corporation Port [8086:8d1f]                                             | 1
            Root Port (Slot+)                | Intel Corporation Port [8086:a110]                                             | 2
            Root Port (Slot+)                | Intel Corporation Port [8086:a16a]                                             | 2
            Root Port (Slot+)                | Intel Corporation Port [8086:a16b]                                             | 1
            Root Port (Slot+)                | Intel Corporation Port [8086:a2ee]                                             | 2
            Root Port (Slot+)                | Intel Corporation Port [8086:9d1b]                                             | 2
            Root Port (Slot+)                | Intel Corporation 300 series, its ACS is in order [8086:a338]                  | 1
            Root Port (Slot+)                | Acme Port [1234:a110]                                                          | 1
            Endpoint                         | Intel Corporation, no port [8086:a110]                                         | 1
            Root Port (Slot+)                | Intel Corporation Device a115                                                  | 2
            Root Port (Slot+)                | Intel Corporation Device a125                                                  | 1
            Root Port (Slot+)                | Intel Corporation 5 Series/3400 Series Chipset PCI Express Root Port 1         | 2
            Root Port (Slot+)                | Intel Corporation 6 Series/C200 Series Chipset Family PCI Express Root Port 1  | 2
            Root Port (Slot+)                | Intel Corporation 7 Series/C210 Series Chipset Family PCI Express Root Port 1  | 2
            Root Port (Slot+)                | Intel Corporation 7 Series/C216 Chipset Family PCI Express Root Port 1         | 2
            Root Port (Slot+)                | Intel Corporation 8 Series/C220 Series Chipset Family PCI Express Root Port #1 | 2
            Root Port (Slot+)                | Intel Corporation 8 Series PCI Express Root Port 1                             | 2
            Root Port (Slot+)                | Intel Corporation 9 Series Chipset Family PCI Express Root Port 1              | 2
            Root Port (Slot+)                | Intel Corporation Wildcat Point-LP PCI Express Root Port #1                    | 2
            Root Port (Slot+)                | Intel Corporation C600/X79 series chipset PCI Express Root Port 1              | 2
            Root Port (Slot+)                | Intel Corporation C610/X99 series chipset PCI Express Root Port #1             | 2
            Root Port (Slot+)                | Intel Corporation 100 Series/C230 Series Chipset Family PCI Express Root Port  | 2
            Root Port (Slot+)                | Intel Corporation 100/C230 Series Chipset Family PCIe Root Port #1             | 2
            Root Port (Slot+)                | Intel Corporation 200 Series PCH PCI Express Root Port #1                      | 2
            Root Port (Slot+)                | Intel Corporation 200 Series/Z370 Chipset Family PCIe Root Port #1             | 2
            Root Port (Slot+)                | Intel Corporation Sunrise Point-LP PCI Express Root Port #1                    | 2
            Root Port (Slot+)                | Intel Corporation Cannon Lake PCH PCI Express Root Port #9                     | 1
            Root Port (Slot+)                | Intel Corporation C620 Series Chipset Family PCIe Root Port #0                 | 1
            Root Port (Slot+)                | Intel Corporation Xeon E7 v3/Xeon E5 v3/Core i7 PCI Express Root Port 2        | 1
            Root Port (Slot+)                | Acme 100 Series/C230 Series Chipset Family PCI Express Root Port               | 1
            Root Complex Integrated Endpoint | Intel Corporation Whatever                                                     | 2
            Root Complex Integrated Endpoint | Intel Corporation Whatever [8086:1234]                                         | 2
            Root Complex Integrated Endpoint | Acme Whatever [1234:1234]                                                      | 1
            Root Port (Slot+)                | Cavium, Inc. CN99xx [ThunderX2] Integrated PCI Express RP Bridge [177d:af84]   | 2
            Root Port (Slot+)                | Freescale Semiconductor Inc Device [1957:8db9]                                 | 2
            Downstream Port (Slot+)          | Zhaoxin ZX-200 Downstream Port of PCI Express Switch [1d17:0721]               | 2
            Downstream Port (Slot+)          | Zhaoxin Port [1d17:0722]                                                       | 1
            Endpoint                         | Intel Corporation 82599ES 10-Gigabit SFI/SFP+ Network Connection [8086:10fb]   | 2
            Endpoint                         | Intel Corporation 82599ES 10-Gigabit SFI/SFP+ Network Connection               | 2
            Endpoint                         | Intel Corporation I350 Gigabit Network Connection [8086:1521]                  | 2
            Endpoint                         | Intel Corporation I350 Gigabit Network Connection                              | 2
            Endpoint                         | Intel Corporation 82571EB with four ports [8086:10a4]                          | 1
            Endpoint                         | Intel Corporation 82571EB Gigabit Ethernet Controller                          | 1
            Endpoint                         | Broadcom Inc. and subsidiaries BCM57414 NetXtreme-E 10Gb/25Gb [14e4:16d7]      | 2
            -                                | Advanced Micro Devices, Inc. [AMD/ATI] SBx00 SMBus Controller [1002:4385]      | 2
            -                                | Advanced Micro Devices, Inc. [AMD] FCH LPC Bridge [1022:790e]                  | 1
            -                                | Advanced Micro Devices, Inc. [AMD] FCH LPC Bridge                              | 1
            """)
    void twoFunctionsOfOneDevice(String type, String name, int groups) {
        var express = type.equals("-") ? "" : "\tCapabilities: [40] Express (v2) " + type + ", MSI 00\n";
        var functions = LspciListing.read("00:1c.0 Thing: %s (rev 05)\n%s\n00:1c.1 Thing: %s (rev 05)\n%s"
                .formatted(name, express, name, express));

        assertThat(functions).extracting(ListedFunction::group).containsExactly(0, groups - 1);
    }
}
