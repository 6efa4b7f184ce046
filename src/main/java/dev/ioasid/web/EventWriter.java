package dev.ioasid.web;

import dev.ioasid.machine.EventJournal;
import jakarta.servlet.http.HttpServletResponse;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import tools.jackson.databind.json.JsonMapper;

/** Writes events as the HTML standard has them (server-sent events, section 9.2): fields in lines, an empty line behind each event. */
final class EventWriter {
    private final JsonMapper json;
    private final OutputStream client;
    private final ByteArrayOutputStream batch = new ByteArrayOutputStream();
    private long written;

    /** Starts the answer, so that the client knows that it will miss nothing from here on. */
    static EventWriter start(HttpServletResponse response, JsonMapper json, long after) throws IOException {
        response.setContentType(Web.EVENTS + ";charset=UTF-8");
        response.setHeader("Cache-Control", "no-store");
        response.setHeader("X-Accel-Buffering", "no"); // a proxy is not to collect what it passes on
        var writer = new EventWriter(json, response.getOutputStream(), after);
        response.flushBuffer();
        return writer;
    }

    private EventWriter(JsonMapper json, OutputStream client, long after) {
        this.json = json;
        this.client = client;
        this.written = after;
    }

    void write(EventJournal.Entry entry) {
        write(entry.id(), WireName.of(EventType.of(entry.event())), EventBodies.of(entry.event()));
    }

    /** The client resumes behind what it has missed. */
    void missed(long events, long next) {
        write(next - 1, "missed", new EventBodies.MissedBody(events, next));
    }

    private void write(long id, String type, Object data) {
        line("id: " + id);
        line("event: " + type);
        batch.writeBytes("data: ".getBytes(StandardCharsets.UTF_8));
        batch.writeBytes(json.writeValueAsBytes(data));
        line("");
        line("");
        written = id;
    }

    /** Says that there was nothing, and, if there was something that the client did not ask for, up to where it need not ask again. */
    void heartbeat(long position) {
        line(": nothing new");
        if (position > written) {
            line("id: " + position);
            written = position;
        }
        line("");
    }

    private void line(String text) {
        batch.writeBytes((text + "\n").getBytes(StandardCharsets.UTF_8));
    }

    /**
     * Sends what was written, if anything was. The client may take its time, until the server's patience ends: then it counts as gone.
     */
    boolean send() throws IOException {
        if (batch.size() == 0) {
            return false;
        }
        batch.writeTo(client);
        client.flush();
        batch.reset();
        return true;
    }
}
