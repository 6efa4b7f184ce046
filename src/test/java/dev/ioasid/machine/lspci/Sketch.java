package dev.ioasid.machine.lspci;

import java.util.Arrays;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * A machine in a line, and the listing that it stands for. Functions are separated by commas; each has a RID, a type,
 * and any of
 *
 * <ul>
 *   <li>{@code to=02-05}: leads to buses 2 to 5, as a bridge does
 *   <li>{@code acs}: everything that matters implemented and on; {@code acs-off}: implemented and off
 *   <li>{@code acs-without=X}: all on that is implemented, and {@code X} is not; {@code acs-but=X}: all on but {@code X}
 *   <li>{@code vfs=4+128/2}: 4 virtual functions, the first 128 RIDs on, 2 apart
 *   <li>{@code group=3}: what the kernel said
 *   <li>{@code is=…}: the name, {@code _} for a blank; else there is a name that nobody knows
 * </ul>
 */
final class Sketch {
    private static final String[] SERVICES = {"SrcValid", "ReqRedir", "CmpltRedir", "UpstreamFwd"};

    private Sketch() {}

    static String listing(String sketch) {
        return Arrays.stream(sketch.split(","))
                .map(function -> entry(function.strip().split(" +")))
                .collect(Collectors.joining("\n"));
    }

    /** The groups that come of it, as {@code 00:01.0 01:00.0 | 01:00.1}. */
    static String groups(String sketch) {
        var groups = new TreeMap<Integer, String>();
        for (var function : LspciListing.read(listing(sketch))) {
            var rid = function.rid().toString();
            groups.merge(
                    function.group(),
                    rid.startsWith("0000:") ? rid.substring(5) : rid,
                    (one, other) -> one + " " + other);
        }
        return String.join(" | ", groups.values());
    }

    private static String entry(String[] words) {
        var name = "Acme Card";
        var details = new StringBuilder();
        for (int i = 2; i < words.length; i++) {
            var value = words[i].substring(words[i].indexOf('=') + 1);
            switch (words[i].replaceAll("=.*", "")) {
                case "to" ->
                    details.append("\tBus: primary=00, secondary=%s, subordinate=%s, sec-latency=0\n"
                            .formatted((Object[]) value.split("-")));
                case "acs" -> details.append(acs("", ""));
                case "acs-off" -> details.append(acs("", String.join(" ", SERVICES)));
                case "acs-without" -> details.append(acs(value, value));
                case "acs-but" -> details.append(acs("", value));
                case "vfs" -> {
                    var numbers = value.split("[+/]");
                    details.append("\tCapabilities: [160 v1] Single Root I/O Virtualization (SR-IOV)\n")
                            .append("\t\tIOVCtl:\tEnable+ Migration- Interrupt- MSE+ ARIHierarchy+\n")
                            .append(
                                    "\t\tInitial VFs: 64, Total VFs: 64, Number of VFs: %s, Function Dependency Link: 00\n"
                                            .formatted(numbers[0]))
                            .append("\t\tVF offset: %s, stride: %s, Device ID: 154c\n"
                                    .formatted(numbers[1], numbers[2]));
                }
                case "group" -> details.append("\tIOMMU group: ").append(value).append('\n');
                case "is" -> name = value.replace('_', ' ');
                default -> throw new IllegalArgumentException(words[i]);
            }
        }
        return words[0] + " " + (words[1].matches("root|up|down|.*pci") ? "PCI bridge: " : "Thing: ") + name + "\n"
                + express(words[1]) + details;
    }

    private static String express(String type) {
        var name = switch (type) {
            case "root" -> "Root Port (Slot+), MSI 00";
            case "up" -> "Upstream Port, MSI 00";
            case "down" -> "Downstream Port (Slot-), IntMsgNum 0";
            case "endpoint" -> "Endpoint, MSI 00";
            case "legacy" -> "Legacy Endpoint, IntMsgNum 0";
            case "integrated" -> "Root Complex Integrated Endpoint, MSI 00";
            case "collector" -> "Root Complex Event Collector, MSI 00";
            case "to-pci" -> "PCI-Express to PCI/PCI-X Bridge, MSI 00";
            case "from-pci" -> "PCI/PCI-X to PCI-Express Bridge (Slot-), MSI 00";
            case "pci" -> null;
            default -> throw new IllegalArgumentException(type);
        };
        return name == null ? "" : "\tCapabilities: [40] Express (v2) " + name + "\n";
    }

    private static String acs(String missing, String off) {
        return "\tCapabilities: [148 v1] Access Control Services\n"
                + "\t\tACSCap:\t" + flags(missing) + " EgressCtrl- DirectTrans+\n"
                + "\t\tACSCtl:\t" + flags(off) + " EgressCtrl- DirectTrans-\n";
    }

    private static String flags(String cleared) {
        return Arrays.stream(SERVICES)
                .map(service -> service + (cleared.contains(service) ? "-" : "+"))
                .collect(Collectors.joining(" "));
    }
}
