package dev.ioasid.machine.lspci;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The lines on one function: a heading, known by its RID, and indented details. */
record Entry(Line heading, List<Line> details) {
    /** What lspci and its library complain of, where somebody captured that too. */
    private static final Pattern COMPLAINT = Pattern.compile("(?:lspci|pcilib): .*");

    /** A row of the configuration space, which {@code -x} adds. */
    private static final Pattern DUMP = Pattern.compile("[0-9a-f]{2,3}:(?: [0-9a-f?]{2})++");

    /** EINVAL for a line that is neither part of a function nor anything else that lspci prints. */
    static List<Entry> split(String text) {
        var entries = new ArrayList<Entry>();
        int number = 0;
        for (var raw : (Iterable<String>) text.lines()::iterator) {
            var line = Line.of(++number, raw);
            if (line.text().isEmpty() || COMPLAINT.matcher(raw).matches()) {
                continue;
            }
            boolean indented = Character.isWhitespace(raw.charAt(0));
            if (Heading.begins(line)) {
                entries.add(new Entry(line, new ArrayList<>()));
            } else if (!entries.isEmpty()
                    && (indented || DUMP.matcher(line.text()).matches())) {
                entries.getLast().details().add(line);
            } else {
                throw line.refused("is not what lspci prints; expected a function, as in"
                        + " '0000:3a:00.0 Ethernet controller [0200]: …', or an indented line about one");
            }
        }
        return entries;
    }

    /** The first detail that starts with {@code label}. */
    @Nullable
    Line detail(String label) {
        for (var line : details) {
            if (line.text().startsWith(label)) {
                return line;
            }
        }
        return null;
    }

    /** What {@code pattern} finds in the first detail that starts with {@code label}. */
    @Nullable
    Matcher find(String label, Pattern pattern) {
        var line = detail(label);
        if (line == null) {
            return null;
        }
        var matcher = pattern.matcher(line.text());
        return matcher.find() ? matcher : null;
    }

    /** What stands behind the name of a capability, or null for a function that does not have it. */
    @Nullable
    String capability(String name) {
        for (var line : details) {
            if (line.text().startsWith("Capabilities: [")) {
                var capability =
                        line.text().substring(line.text().indexOf(']') + 1).strip();
                if (capability.startsWith(name)) {
                    return capability.substring(name.length());
                }
            }
        }
        return null;
    }
}
