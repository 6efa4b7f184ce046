package dev.ioasid.web;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import java.util.regex.Pattern;

/** What the user calls a machine or an IOMMU: it stands in paths, so it needs no escaping there. */
record Name(String value) {
    static final String PATTERN = "[A-Za-z0-9._-]{1,64}";
    static final String EXPECTED = "a name of 1 to 64 letters, digits, dots, underscores and dashes";

    private static final Pattern FORM = Pattern.compile(PATTERN);

    Name {
        if (!FORM.matcher(value).matches() || value.chars().allMatch(c -> c == '.')) {
            throw new RefusedException(Errno.EINVAL, "'" + value + "' is not " + EXPECTED + ", and not only dots");
        }
    }

    @Override
    public String toString() {
        return value;
    }
}
