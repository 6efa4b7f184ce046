package dev.ioasid.web;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;

/** How many items a list answers at once. */
record Limit(int value) {
    static final int LARGEST = 10_000;
    static final String DEFAULT = "1000";

    Limit {
        if (value < 1 || value > LARGEST) {
            throw refused(Integer.toString(value));
        }
    }

    static Limit parse(String text) {
        if (!text.matches("[0-9]{1,9}")) {
            throw refused(text);
        }
        return new Limit(Integer.parseInt(text));
    }

    private static RefusedException refused(String text) {
        return new RefusedException(Errno.EINVAL, "'" + text + "' is not an integer from 1 to " + LARGEST);
    }
}
