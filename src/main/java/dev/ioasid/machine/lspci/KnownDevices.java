package dev.ioasid.machine.lspci;

import static java.util.stream.Collectors.toUnmodifiableSet;

import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Devices that Linux takes for isolated from their peers whatever their ACS capability says, because the vendor vouches
 * for it or Linux sees to it in another way. Where a listing lacks the numeric ids, vendor and device go by name, as far
 * as a name is unmistakable.
 */
final class KnownDevices {
    // spotless:off  columns are the point; a line with # says why for those below it
    private static final String TABLE = """
            # VT-d, Root-Complex Peer to Peer Considerations: what they send to each other is translated first.
            8086 | Intel Corporation      | INTEGRATED_ENDPOINT       | *                        |
            # No ACS capability, but Linux forbids peer requests in the chipset's own registers.
            8086 | Intel Corporation      | ROOT_PORT                 | 3b42-3b51                | 5 Series/3400 Series
            8086 | Intel Corporation      | ROOT_PORT                 | 1c10-1c1f                | 6 Series/C200 Series; Cougar Point
            8086 | Intel Corporation      | ROOT_PORT                 | 1e10-1e1f                | 7 Series/C21; Panther Point
            8086 | Intel Corporation      | ROOT_PORT                 | 1d10 1d12 1d14 1d16      | C600/X79 series; Patsburg
            8086 | Intel Corporation      | ROOT_PORT                 | 1d18 1d1a 1d1c 1d1e      |
            8086 | Intel Corporation      | ROOT_PORT                 | 8c10-8c1f                | 8 Series/C220 Series; Lynx Point PCI
            8086 | Intel Corporation      | ROOT_PORT                 | 9c10-9c1b                | 8 Series PCI; Lynx Point-LP
            8086 | Intel Corporation      | ROOT_PORT                 | 8c90 8c92 8c94 8c96      | 9 Series Chipset
            8086 | Intel Corporation      | ROOT_PORT                 | 8c98 8c9a 8c9c 8c9e      |
            8086 | Intel Corporation      | ROOT_PORT                 | 9c90-9c9b                | Wildcat Point-LP
            8086 | Intel Corporation      | ROOT_PORT                 | 8d10-8d1e                | C610/X99 series; Wellsburg
            # The ACS registers are 32 bits wide: where lspci looks for the control, there is more capability.
            8086 | Intel Corporation      | ROOT_PORT                 | a110-a11f a167-a16a      | 100 Series/C230; 100/C230 Series
            8086 | Intel Corporation      | ROOT_PORT                 | a110-a11f a167-a16a      | Sunrise Point-H
            8086 | Intel Corporation      | ROOT_PORT                 | 9d10-9d1b                | Sunrise Point-LP
            8086 | Intel Corporation      | ROOT_PORT                 | a290-a29f a2e7-a2ee      | 200 Series PCH; 200 Series/Z370
            # No ACS capability, but ports that pass nothing to their peers; most are alone in their segment.
            177d | Cavium                 | ROOT_PORT                 | a000-a7ff af84 b884      | THUNDERX; CN99xx
            10e8 | Applied Micro Circuits | ROOT_PORT                 | e004                     | X-Gene
            1def | Ampere Computing       | ROOT_PORT                 | e005-e00c                | eMAG
            17cb | Qualcomm               | ROOT_PORT                 | 0115 0400 0401           | QDF2432; QDF2400
            1dbf | Guizhou Huaxintong     | ROOT_PORT                 | 0401                     | StarDragon4800
            1c36 | Annapurna Labs         | ROOT_PORT                 | 0031                     |
            14e4 | Broadcom               | ROOT_PORT                 | d714                     |
            1957 | Freescale              | ROOT_PORT                 | 8d80-8d83 8d88-8d8b      |
            1957 | Freescale              | ROOT_PORT                 | 8d90-8d93 8d98-8d9b      |
            1957 | Freescale              | ROOT_PORT                 | 8da0-8da1 8da8-8da9      |
            1957 | Freescale              | ROOT_PORT                 | 8db0-8db1 8db8-8db9      |
            0014 | Loongson               | *                         | 3c09 3c19 3c29 7a09 7a19 | Chipset PCIe
            0014 | Loongson               | *                         | 7a29 7a39 7a49 7a59 7a69 |
            1d17 | Zhaoxin                | ROOT_PORT DOWNSTREAM_PORT | 0710-071e 0721 0723-0752 | PCI Express
            # Devices with several functions that, says the vendor, never send to each other.
            8086 | Intel Corporation      | ENDPOINT                  | 10c6 10db 10dd 10e1 10f1 | 82598EB
            8086 | Intel Corporation      | ENDPOINT                  | 10f7-10fc 1507 1514 151c | 82599; X520
            8086 | Intel Corporation      | ENDPOINT                  | 1529 152a 154d 154f 1551 |
            8086 | Intel Corporation      | ENDPOINT                  | 1558                     |
            8086 | Intel Corporation      | ENDPOINT                  | 1509 150e-1511 1516 1527 | 82580
            8086 | Intel Corporation      | ENDPOINT                  | 10c9 10e6-10e8 150a 150d | 82576
            8086 | Intel Corporation      | ENDPOINT                  | 1518 1526                |
            8086 | Intel Corporation      | ENDPOINT                  | 10a7 10a9 10d6           | 82575
            8086 | Intel Corporation      | ENDPOINT                  | 1521-1524                | I350
            8086 | Intel Corporation      | *                         | 15b7 15b8                | Ethernet Connection (2) I219
            1924 | Solarflare             | ENDPOINT                  | 0903 0923 0a03           | SFC9120; SFC9140; SFC9220
            19a2 | Emulex                 | ENDPOINT                  | 0710                     | OneConnect 10Gb NIC (be3)
            10df | Emulex                 | ENDPOINT                  | 0720                     | OneConnect NIC (Skyhawk)
            14e4 | Broadcom               | ENDPOINT                  | 16d7 1750-1752 1760-1763 | BCM57414; BCM57508; BCM57504
            8088 | Beijing Wangxun        | ENDPOINT                  | 0100-010f 1001 2001 5010 | WX18; SP1000A
            8088 | Beijing Wangxun        | ENDPOINT                  | 5025 5040 5110 5125 5140 |
            177d | Cavium                 | *                         | a026 a059 a060           | THUNDERX BGX; Octeon TX2 CGX
            1d17 | Zhaoxin                | *                         | 3038 3104 9083           |
            # The same of cards with two ports; those with four have a switch without ACS.
            8086 | Intel Corporation      | ENDPOINT                  | 105e 105f 1060 10d9      | 82571EB Dual Port; Controller D0/D1
            # South bridges that do not let their functions send to each other where the machine has an IOMMU.
            1002 | Advanced Micro Devices | *                         | 4383-4385 4399 439c 439d | SBx00; SB7x0/SB8x0/SB9x0
            1022 | Advanced Micro Devices | *                         | 7809 780f                | FCH PCI Bridge; FCH USB OHCI
            """;
    // spotless:on

    private static final List<Known> KNOWN =
            TABLE.lines().filter(row -> !row.startsWith("#")).map(Known::of).toList();

    private KnownDevices() {}

    static boolean isolate(PciFunction function) {
        return KNOWN.stream().anyMatch(known -> known.matches(function));
    }

    /**
     * @param devices ids; empty for any
     * @param names by one of which the device goes that has no id
     */
    private record Known(int vendor, String vendorName, Set<PortType> types, Set<Integer> devices, List<String> names) {

        static Known of(String row) {
            var cells = Arrays.stream(row.split("\\|", -1)).map(String::strip).toList();
            return new Known(
                    hex(cells.get(0)),
                    cells.get(1),
                    cells.get(2).equals("*") ? EnumSet.allOf(PortType.class) : types(cells.get(2)),
                    cells.get(3).equals("*") ? Set.of() : ids(cells.get(3)),
                    Arrays.stream(cells.get(4).split("; "))
                            .filter(name -> !name.isEmpty())
                            .toList());
        }

        boolean matches(PciFunction function) {
            var heading = function.heading();
            boolean made = heading.vendor() == Heading.UNKNOWN
                    ? heading.name().startsWith(vendorName)
                    : heading.vendor() == vendor;
            return made && types.contains(function.type()) && (devices.isEmpty() || is(heading));
        }

        private boolean is(Heading heading) {
            return heading.device() == Heading.UNKNOWN
                    ? names.stream().anyMatch(heading.name()::contains)
                    : devices.contains(heading.device());
        }

        private static Set<PortType> types(String words) {
            return Arrays.stream(words.split(" ")).map(PortType::valueOf).collect(toUnmodifiableSet());
        }

        private static Set<Integer> ids(String ranges) {
            return Stream.of(ranges.split(" "))
                    .map(range -> range.split("-"))
                    .flatMap(ends -> IntStream.rangeClosed(hex(ends[0]), hex(ends[ends.length - 1]))
                            .boxed())
                    .collect(toUnmodifiableSet());
        }

        private static int hex(String digits) {
            return Integer.parseInt(digits, 16);
        }
    }
}
