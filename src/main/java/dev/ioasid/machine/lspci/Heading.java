package dev.ioasid.machine.lspci;

import dev.ioasid.iommu.Rid;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The first line on a function: {@code 3a:00.0 Ethernet controller [0200]: Intel Corporation I210 [8086:1533] (rev 03)}.
 *
 * @param name vendor and device in words
 * @param bridge the class is that of a PCI or CardBus bridge
 * @param vendor 16 bits, or {@link #UNKNOWN}
 * @param device 16 bits, or {@link #UNKNOWN}
 */
record Heading(Rid rid, String name, boolean bridge, int vendor, int device) {
    static final int UNKNOWN = -1;

    // spotless:off  columns are the point
    private static final Pattern BEGIN    = Pattern.compile("(?:([0-9a-fA-F]{4,8}):)?([0-9a-fA-F]{2}:[01][0-9a-fA-F]\\.[0-7]) ");
    private static final Pattern FORM     = Pattern.compile("[^ ]++ ([^:]++): ?(.+)", Pattern.DOTALL);
    private static final Pattern BRIDGE   = Pattern.compile("^(?:PCI|CardBus) bridge|\\b060[47]\\b");
    private static final Pattern REVISION = Pattern.compile(" \\((?:rev|prog-if) [0-9a-fA-F]{2}");
    private static final Pattern IDS      = Pattern.compile("(?:\\[|^|Device )([0-9a-fA-F]{4}):([0-9a-fA-F]{4})\\]?$");
    private static final Pattern NAMELESS = Pattern.compile("Device ([0-9a-fA-F]{4})$");
    // spotless:on

    static boolean begins(Line line) {
        return BEGIN.matcher(line.text()).lookingAt();
    }

    /**
     * Whether the function lies in a segment of more than 16 bits. Linux numbers so what a Volume Management Device hides
     * behind itself: its requests carry that device's RID, and an IOMMU does not know it.
     */
    static boolean isHidden(Line line) {
        var begin = BEGIN.matcher(line.text());
        return begin.lookingAt() && begin.group(1) != null && Long.parseLong(begin.group(1), 16) > 0xffff;
    }

    /** EINVAL for a line without class or name. */
    static Heading of(Line line) {
        var begin = BEGIN.matcher(line.text());
        var form = FORM.matcher(line.text());
        if (!begin.lookingAt() || !form.matches()) {
            throw line.refused("expected a class and a name, as in 'Ethernet controller: …'");
        }
        var rid = rid(begin.group(1), begin.group(2));
        boolean bridge = BRIDGE.matcher(form.group(1)).find();
        var name = withoutRevision(form.group(2));
        var ids = IDS.matcher(name);
        if (ids.find()) {
            return new Heading(rid, withoutIds(name, ids), bridge, hex(ids.group(1)), hex(ids.group(2)));
        }
        var nameless = NAMELESS.matcher(name);
        return new Heading(rid, name, bridge, UNKNOWN, nameless.find() ? hex(nameless.group(1)) : UNKNOWN);
    }

    private static Rid rid(@Nullable String segment, String rest) {
        return Rid.parse(segment == null ? rest : segment.substring(segment.length() - 4) + ":" + rest);
    }

    private static String withoutRevision(String name) {
        var revision = REVISION.matcher(name);
        return (revision.find() ? name.substring(0, revision.start()) : name).strip();
    }

    /** What lspci calls the device without {@code -nn}; where it knows no name it says the numbers then, too. */
    private static String withoutIds(String name, MatchResult ids) {
        if (name.charAt(ids.start()) != '[') {
            return name;
        }
        var words = name.substring(0, ids.start()).strip();
        if (words.isEmpty() || words.equals("Device")) {
            return "Device " + ids.group(1) + ":" + ids.group(2);
        }
        return words.endsWith(" Device") ? words + " " + ids.group(2) : words;
    }

    private static int hex(String digits) {
        return Integer.parseInt(digits, 16);
    }
}
