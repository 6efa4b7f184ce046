package dev.ioasid.web;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.DmaRequest;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A PASID on the wire: an integer of 20 bits. Which of them a device may use is for the machine to say.
 */
record Pasid(int value) {
    static final int LARGEST = (1 << 20) - 1;
    static final String EXPECTED = "a PASID: an integer from 0 to " + LARGEST;

    private static final Pattern DECIMAL = Pattern.compile("[0-9]{1,7}");

    Pasid {
        if (value < 0 || value > LARGEST) {
            throw new RefusedException(Errno.EINVAL, value + " is not " + EXPECTED);
        }
    }

    static Pasid parse(String text) {
        if (!DECIMAL.matcher(text).matches()) {
            throw new RefusedException(Errno.EINVAL, "'" + text + "' is not " + EXPECTED);
        }
        return new Pasid(Integer.parseInt(text));
    }

    /** As requests and routes hold it: a number of its own stands for none. */
    static int orNone(@Nullable Pasid pasid) {
        return pasid == null ? DmaRequest.NO_PASID : pasid.value;
    }

    /** Null where a request or a route has none. */
    static @Nullable Pasid of(int pasid) {
        return pasid == DmaRequest.NO_PASID ? null : new Pasid(pasid);
    }

    @Override
    public String toString() {
        return Integer.toString(value);
    }
}
