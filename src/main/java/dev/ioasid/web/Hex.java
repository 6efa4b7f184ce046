package dev.ioasid.web;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import java.math.BigInteger;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * A 64-bit quantity on the wire: an address, a length, a register's value. Unsigned; written {@code 0x1f000}.
 *
 * <p>JSON input is such a string or an integer; a path or a query also takes a decimal number.
 */
record Hex(long value) {
    static final String EXPECTED =
            "a string of 0x and 1 to 16 hex digits as in \"0x1f000\", or an integer from 0 to 2^64 - 1";

    private static final Pattern PREFIXED = Pattern.compile("0x[0-9a-fA-F]{1,16}");
    private static final Pattern DECIMAL = Pattern.compile("[0-9]{1,20}");
    private static final BigInteger LARGEST = BigInteger.TWO.pow(Long.SIZE).subtract(BigInteger.ONE);

    /** Reads {@code 0x1f000}; EINVAL for anything else. */
    static Hex parse(String text) {
        if (!PREFIXED.matcher(text).matches()) {
            throw refused(text);
        }
        return new Hex(Long.parseUnsignedLong(text, 2, text.length(), 16));
    }

    /** Reads {@code 0x1f000} or {@code 126976}, as a path or a query has it; EINVAL for anything else. */
    static Hex parseParameter(String text) {
        return DECIMAL.matcher(text).matches() ? of(new BigInteger(text)) : parse(text);
    }

    /** EINVAL for a number below 0 or beyond 64 bits. */
    static Hex of(BigInteger number) {
        if (number.signum() < 0 || number.compareTo(LARGEST) > 0) {
            throw refused(number.toString());
        }
        return new Hex(number.longValue());
    }

    private static RefusedException refused(String text) {
        return new RefusedException(Errno.EINVAL, "'" + text + "' is not " + EXPECTED, Map.of());
    }

    @Override
    public String toString() {
        return "0x" + Long.toHexString(value);
    }
}
