package dev.ioasid.packaged;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;

/**
 * Reads the events of a machine from the first on, and keeps the books: each has the number after the one before, or the stream says how many are
 * missing between the two. Speaks HTTP/1.0, of which an answer ends with its connection.
 */
final class StormReader implements AutoCloseable {
    private static final byte[] ID = "id: ".getBytes(UTF_8);
    private static final byte[] EVENT = "event: ".getBytes(UTF_8);
    private static final byte[] DATA = "data: ".getBytes(UTF_8);
    private static final JsonMapper JSON = new JsonMapper();
    /** Bytes that the system keeps for a reader who is to be kept waiting, and usually. */
    private static final int SMALL = 4096;

    private static final int USUAL = 1 << 17;

    private final Socket socket;
    private final ByteLines lines;
    private final TreeMap<String, Long> events = new TreeMap<>();
    private long last;
    private long missed;
    private long omittedFaults;

    /** Opens the stream. */
    StormReader(int port, String path) throws IOException {
        this(port, path, USUAL);
    }

    /** Opens the stream, and there is little room for what is not read. */
    static StormReader stalled(int port, String path) throws IOException {
        return new StormReader(port, path, SMALL);
    }

    private StormReader(int port, String path, int room) throws IOException {
        socket = new Socket();
        socket.setReceiveBufferSize(room);
        socket.connect(new InetSocketAddress("localhost", port));
        socket.getOutputStream().write(("GET " + path + " HTTP/1.0\r\n\r\n").getBytes(UTF_8));
        lines = new ByteLines(socket.getInputStream(), room);
        assertThat(lines.next()).isTrue();
        assertThat(lines.from(0)).contains(" 200");
        while (lines.next() && !lines.from(0).isEmpty()) {
            // a header
        }
    }

    /** Reads to the end of the stream. */
    StormReader readAll() throws IOException {
        long id = last;
        String type = null;
        while (lines.next()) {
            if (lines.startsWith(ID)) {
                id = Long.parseLong(lines.from(ID.length));
            } else if (lines.startsWith(EVENT)) {
                type = lines.from(EVENT.length);
            } else if (lines.startsWith(DATA)) {
                account(id, type);
                type = null;
            }
        }
        return this;
    }

    /** The line is what the event says. */
    private void account(long id, @Nullable String type) {
        if ("missed".equals(type)) {
            var told = JSON.readTree(lines.from(DATA.length));
            assertThat(told.get("next").asLong()).isEqualTo(id + 1);
            assertThat(told.get("missed").asLong()).isEqualTo(id - last);
            missed += id - last;
        } else {
            assertThat(id).isEqualTo(last + 1);
            events.merge(String.valueOf(type), 1L, Long::sum);
            omittedFaults += "faults-omitted".equals(type)
                    ? JSON.readTree(lines.from(DATA.length)).get("count").asLong()
                    : 0;
        }
        last = id;
    }

    /** The number of the last event. */
    long last() {
        return last;
    }

    /** Events that it was told it had missed. */
    long missed() {
        return missed;
    }

    long events(String type) {
        return events.getOrDefault(type, 0L);
    }

    /** All that have come. */
    long events() {
        return events.values().stream().mapToLong(Long::longValue).sum();
    }

    /** Faults without an event of their own, as far as it was told of them. */
    long omittedFaults() {
        return omittedFaults;
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
