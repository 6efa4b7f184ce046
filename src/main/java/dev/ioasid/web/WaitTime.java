package dev.ioasid.web;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import java.time.Duration;
import java.util.regex.Pattern;

/** How long something may wait, as {@code 500ms}, {@code 30s}, {@code 5m} or {@code 1h}. */
record WaitTime(Duration value) {
    static final String EXPECTED = "a time as in 500ms, 30s or 5m, at most 1h";
    static final String NONE = "0s";

    private static final Duration LONGEST = Duration.ofHours(1);
    private static final Pattern WRITTEN = Pattern.compile("([0-9]{1,7})(ms|s|m|h)");

    static WaitTime parse(String text) {
        var parts = WRITTEN.matcher(text);
        if (!parts.matches()) {
            throw refused(text);
        }
        long number = Long.parseLong(parts.group(1));
        var time = switch (parts.group(2)) {
            case "ms" -> Duration.ofMillis(number);
            case "s" -> Duration.ofSeconds(number);
            case "m" -> Duration.ofMinutes(number);
            default -> Duration.ofHours(number);
        };
        if (time.compareTo(LONGEST) > 0) {
            throw refused(text);
        }
        return new WaitTime(time);
    }

    private static RefusedException refused(String text) {
        return new RefusedException(Errno.EINVAL, "'" + text + "' is not " + EXPECTED);
    }

    @Override
    public String toString() {
        long millis = value.toMillis();
        return millis % 1000 == 0 ? millis / 1000 + "s" : millis + "ms";
    }
}
