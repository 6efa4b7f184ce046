package dev.ioasid.web.topology;

import dev.ioasid.iommu.Rid;
import dev.ioasid.machine.Topology.TopologyIoasid;
import dev.ioasid.machine.Topology.TopologyRoute;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** What things are called in a drawing: the number always, the user's label with it where there is one. */
final class Names {
    /** What would break a line, turn the writing direction of its neighbours, or may not stand in XML. */
    private static final Pattern UNPRINTABLE =
            Pattern.compile("[\\p{Cc}\\p{Cs}\\p{Zl}\\p{Zp}\\u202a-\\u202e\\u2066-\\u2069\\ufffe\\uffff]");

    private Names() {}

    /** {@code RID1 (0000:3a:00.0)} */
    static String device(@Nullable String label, Rid rid) {
        return label == null ? rid.toString() : printable(label) + " (" + rid + ")";
    }

    /** {@code RID1}, where the number stands nearby */
    static String deviceBriefly(@Nullable String label, Rid rid) {
        return label == null ? rid.toString() : printable(label);
    }

    /** {@code ioasid1 (kernel, IOVA)} */
    static String ioasid(TopologyIoasid ioasid) {
        var label = ioasid.label();
        return label == null ? number(ioasid) : number(ioasid) + " (" + printable(label) + ")";
    }

    /** {@code ioasid1} */
    static String number(TopologyIoasid ioasid) {
        return "ioasid" + ioasid.id();
    }

    /** {@code PASID-x = 1}, {@code PASID 1}; only for a route that has one */
    static String pasid(TopologyRoute route) {
        var label = route.pasidLabel();
        int pasid = route.route().pasid();
        return label == null ? "PASID " + pasid : printable(label) + " = " + pasid;
    }

    /** {@code [RID1, PASID-x = 1]}, for a device named {@code device} */
    static String route(String device, TopologyRoute route) {
        return route.route().hasPasid() ? "[" + device + ", " + pasid(route) + "]" : "[" + device + "]";
    }

    /** {@code text} on one line: what cannot be printed is replaced by U+FFFD, one for one. */
    static String printable(String text) {
        return UNPRINTABLE.matcher(text).replaceAll("\ufffd");
    }
}
