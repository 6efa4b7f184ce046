package dev.ioasid.machine.lspci;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * A line of a listing.
 *
 * @param number from 1
 * @param written without the white space around it
 * @param text the same with one blank for each run of white space
 */
record Line(int number, String written, String text) {
    private static final Pattern WHITE_SPACE = Pattern.compile("\\s+");
    private static final int QUOTED = 80;

    static Line of(int number, String raw) {
        var written = raw.strip();
        return new Line(number, written, WHITE_SPACE.matcher(written).replaceAll(" "));
    }

    /** EINVAL that names and quotes this line. */
    RefusedException refused(String reason) {
        var quoted = written.length() <= QUOTED ? written : written.substring(0, QUOTED) + "…";
        return new RefusedException(
                Errno.EINVAL, "line " + number + " '" + quoted + "': " + reason, Map.of("line", number));
    }
}
