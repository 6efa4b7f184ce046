package dev.ioasid.machine.lspci;

import dev.ioasid.iommu.Rid;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What a listing says of one function.
 *
 * @param behind the buses that it leads to, if it is a bridge
 * @param pasidBits 0 to 20
 * @param listedGroup the IOMMU group that the kernel gave it, if the listing has that
 */
record PciFunction(
        Heading heading,
        PortType type,
        @Nullable BusRange behind,
        AccessControl accessControl,
        VirtualFunctions virtualFunctions,
        boolean ats,
        int pasidBits,
        boolean pri,
        @Nullable Integer listedGroup) {

    private static final int WIDEST_PASID = 20; // what the prefix on the bus has room for
    private static final Pattern PASID_WIDTH = Pattern.compile("Max PASID Width: ([0-9a-f]{2})"); // hexadecimal
    private static final Pattern GROUP = Pattern.compile("IOMMU group:? ?([0-9]{1,9})");

    /** EINVAL, naming the line, for what lspci would not print. */
    static PciFunction of(Entry entry) {
        var heading = Heading.of(entry.heading());
        return new PciFunction(
                heading,
                PortType.of(entry),
                BusRange.of(entry, heading.rid().bus()),
                AccessControl.of(entry),
                VirtualFunctions.of(entry),
                entry.capability("Address Translation Service") != null,
                pasidBits(entry),
                entry.capability("Page Request Interface") != null,
                group(entry));
    }

    private static int pasidBits(Entry entry) {
        var width = entry.find("PASIDCap:", PASID_WIDTH);
        return width == null ? 0 : Math.min(Integer.parseInt(width.group(1), 16), WIDEST_PASID);
    }

    /** From a line of its own, or, with {@code -v} alone, from the end of the flags. */
    @Nullable
    private static Integer group(Entry entry) {
        var line = entry.detail("IOMMU group");
        if (line != null) {
            var group = GROUP.matcher(line.text());
            if (!group.matches()) {
                throw line.refused("expected a group number, as in 'IOMMU group: 12'");
            }
            return Integer.valueOf(group.group(1));
        }
        var flags = entry.find("Flags: ", GROUP);
        return flags == null ? null : Integer.valueOf(flags.group(1));
    }

    Rid rid() {
        return heading.rid();
    }

    ListedFunction listed(int group) {
        boolean bridge = heading.bridge() || behind != null;
        return new ListedFunction(rid(), heading.name(), ats, pasidBits, pri, bridge, group);
    }
}
