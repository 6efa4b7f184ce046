package dev.ioasid.pagetable;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import java.util.Map;

/**
 * What may be done with a page. Printed {@code r}, {@code w}, {@code rw}, with {@code x} and {@code p} where they apply.
 *
 * @param privileged only privileged requests may
 */
public record Permissions(boolean read, boolean write, boolean execute, boolean privileged) {
    public static final Permissions READ = new Permissions(true, false, false, false);
    public static final Permissions WRITE = new Permissions(false, true, false, false);
    public static final Permissions READ_WRITE = new Permissions(true, true, false, false);

    /** Reads any of {@code r}, {@code w}, {@code x}, {@code p}, each at most once. EINVAL for anything else. */
    public static Permissions parse(String text) {
        if (text.isEmpty() || !text.matches("r?w?x?p?")) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "permissions '" + text + "' are not r, w or rw, with x and p behind where the format has them",
                    Map.of("permissions", text));
        }
        return new Permissions(
                text.indexOf('r') >= 0, text.indexOf('w') >= 0, text.indexOf('x') >= 0, text.indexOf('p') >= 0);
    }

    /** Whether anything may be done. */
    public boolean any() {
        return read || write || execute;
    }

    /** How many bits {@link #bits} has. */
    static final int BITS = 4;

    /** A number for each combination. */
    int bits() {
        return (read ? 1 : 0) | (write ? 2 : 0) | (execute ? 4 : 0) | (privileged ? 8 : 0);
    }

    static Permissions ofBits(int bits) {
        return new Permissions((bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0);
    }

    @Override
    public String toString() {
        return (read ? "r" : "") + (write ? "w" : "") + (execute ? "x" : "") + (privileged ? "p" : "");
    }
}
