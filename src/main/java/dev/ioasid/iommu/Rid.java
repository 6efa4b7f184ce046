package dev.ioasid.iommu;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import java.util.HexFormat;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * The id that a device's requests carry: segment, bus, device and function. Printed {@code 0000:3a:00.0}.
 *
 * @param segment 0 to 0xffff
 * @param bus 0 to 0xff
 * @param device 0 to 0x1f
 * @param function 0 to 7
 */
public record Rid(int segment, int bus, int device, int function) implements Comparable<Rid> {
    private static final HexFormat HEX = HexFormat.of();
    private static final Pattern FORM =
            Pattern.compile("(?:([0-9a-fA-F]{4}):)?([0-9a-fA-F]{2}):([01][0-9a-fA-F])\\.([0-7])");

    public Rid {
        if ((segment & ~0xffff | bus & ~0xff | device & ~0x1f | function & ~7) != 0) {
            throw new IllegalArgumentException("no such rid: %x:%x:%x.%x".formatted(segment, bus, device, function));
        }
    }

    /** Reads {@code 0000:3a:00.0}; the segment may be left out. EINVAL for anything else. */
    public static Rid parse(String text) {
        var matcher = FORM.matcher(text);
        if (!matcher.matches()) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "'" + text + "' is not a rid: expected segment:bus:device.function as in 0000:3a:00.0",
                    Map.of("rid", text));
        }
        var segment = matcher.group(1);
        return new Rid(
                segment == null ? 0 : Integer.parseInt(segment, 16),
                Integer.parseInt(matcher.group(2), 16),
                Integer.parseInt(matcher.group(3), 16),
                Integer.parseInt(matcher.group(4)));
    }

    public static Rid ofSourceId(int segment, int sourceId) {
        return new Rid(segment, sourceId >>> 8 & 0xff, sourceId >>> 3 & 0x1f, sourceId & 7);
    }

    /** Bus, device and function as the 16 bits that travel in a request: {@code bus << 8 | device << 3 | function}. */
    public int sourceId() {
        return bus << 8 | device << 3 | function;
    }

    /** The low byte of the source id, by which context entries are indexed. */
    public int devfn() {
        return device << 3 | function;
    }

    @Override
    public int compareTo(Rid other) {
        return Integer.compareUnsigned(segment << 16 | sourceId(), other.segment << 16 | other.sourceId());
    }

    @Override
    public String toString() {
        var parts = String.join(
                ":", HEX.toHexDigits((short) segment), HEX.toHexDigits((byte) bus), HEX.toHexDigits((byte) device));
        return parts + '.' + function;
    }
}
