package dev.ioasid.web;

import dev.ioasid.machine.EventJournal;
import jakarta.servlet.http.HttpServletResponse;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;

/** Writes events to one client, several at a time. */
final class EventWriter {
    private final RenderedEvents events;
    private final OutputStream client;
    private final ByteArrayOutputStream batch = new ByteArrayOutputStream();
    private long written;

    /** Starts the answer, so that the client knows that it will miss nothing from here on. */
    static EventWriter start(HttpServletResponse response, RenderedEvents events, long after) throws IOException {
        response.setContentType(Web.EVENTS + ";charset=UTF-8");
        response.setHeader("Cache-Control", "no-store");
        response.setHeader("X-Accel-Buffering", "no"); // a proxy is not to collect what it passes on
        var writer = new EventWriter(events, response.getOutputStream(), after);
        response.flushBuffer();
        return writer;
    }

    private EventWriter(RenderedEvents events, OutputStream client, long after) {
        this.events = events;
        this.client = client;
        this.written = after;
    }

    void write(EventJournal.Entry entry) {
        batch.writeBytes(events.of(entry));
        written = entry.id();
    }

    /** The client resumes behind what it has missed. */
    void missed(long count, long next) {
        batch.writeBytes(events.of(next - 1, "missed", new EventBodies.MissedBody(count, next)));
        written = next - 1;
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
