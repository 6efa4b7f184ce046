package dev.ioasid.packaged;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
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
    private static final JsonMapper JSON = new JsonMapper();
    /** Bytes that the system keeps for a reader who is to be kept waiting, and usually. */
    private static final int SMALL = 4096;

    private static final int USUAL = 1 << 17;

    private final Socket socket;
    private final BufferedReader lines;
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
        lines = new BufferedReader(new InputStreamReader(socket.getInputStream(), UTF_8), room);
        assertThat(lines.readLine()).contains(" 200");
        while (!lines.readLine().isEmpty()) {
            // a header
        }
    }

    /** Reads to the end of the stream. */
    StormReader readAll() throws IOException {
        long id = last;
        String type = null;
        for (var line = lines.readLine(); line != null; line = lines.readLine()) {
            if (line.startsWith("id: ")) {
                id = Long.parseLong(line.substring(4));
            } else if (line.startsWith("event: ")) {
                type = line.substring(7);
            } else if (line.startsWith("data: ")) {
                account(id, type, line.substring(6));
                type = null;
            }
        }
        return this;
    }

    private void account(long id, @Nullable String type, String data) {
        if ("missed".equals(type)) {
            var told = JSON.readTree(data);
            assertThat(told.get("next").asLong()).isEqualTo(id + 1);
            assertThat(told.get("missed").asLong()).isEqualTo(id - last);
            missed += id - last;
        } else {
            assertThat(id).isEqualTo(last + 1);
            events.merge(String.valueOf(type), 1L, Long::sum);
            omittedFaults += "faults-omitted".equals(type)
                    ? JSON.readTree(data).get("count").asLong()
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
