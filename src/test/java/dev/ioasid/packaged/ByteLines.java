package dev.ioasid.packaged;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;

/** The lines of a stream, one at a time, of which only what is asked for becomes a string: a client that is not to keep the service's processors. */
final class ByteLines {
    private final InputStream in;
    private byte[] bytes;
    private int start;
    private int end;
    private int filled;

    ByteLines(InputStream in, int room) {
        this.in = in;
        this.bytes = new byte[room];
    }

    /** Goes to the next line; false: there is none. */
    boolean next() throws IOException {
        start = end == filled ? end : end + 1;
        end = start;
        while (true) {
            for (; end < filled; end++) {
                if (bytes[end] == '\n') {
                    return true;
                }
            }
            if (!fill()) {
                return end > start;
            }
        }
    }

    private boolean fill() throws IOException {
        if (filled == bytes.length) {
            System.arraycopy(bytes, start, bytes, 0, filled - start);
            filled -= start;
            end -= start;
            start = 0;
            if (filled == bytes.length) {
                bytes = Arrays.copyOf(bytes, 2 * filled);
            }
        }
        int count = in.read(bytes, filled, bytes.length - filled);
        filled += Math.max(count, 0);
        return count >= 0;
    }

    boolean startsWith(byte[] with) {
        return end - start >= with.length && Arrays.equals(bytes, start, start + with.length, with, 0, with.length);
    }

    /** The line from a column on, without the carriage return that ends it. */
    String from(int column) {
        int last = end > start && bytes[end - 1] == '\r' ? end - 1 : end;
        return new String(bytes, start + column, last - start - column, UTF_8);
    }
}
