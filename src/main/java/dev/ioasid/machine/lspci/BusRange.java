package dev.ioasid.machine.lspci;

import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The buses behind a bridge.
 *
 * @param first the bus just behind it
 * @param last the highest one that is reached through it
 */
record BusRange(int first, int last) {
    private static final Pattern FORM =
            Pattern.compile("Bus: primary=[0-9a-f]{2}, secondary=([0-9a-f]{2}), subordinate=([0-9a-f]{2})\\b.*");

    /** Null for what is no bridge, or one that leads nowhere yet. */
    @Nullable
    static BusRange of(Entry entry, int bus) {
        var line = entry.detail("Bus: primary=");
        if (line == null) {
            return null;
        }
        var form = FORM.matcher(line.text());
        if (!form.matches()) {
            throw line.refused("expected 'Bus: primary=00, secondary=01, subordinate=01, …'");
        }
        int first = Integer.parseInt(form.group(1), 16);
        int last = Integer.parseInt(form.group(2), 16);
        return first > bus ? new BusRange(first, Math.max(first, last)) : null; // downwards only: no way is a circle
    }

    int length() {
        return last - first + 1;
    }
}
