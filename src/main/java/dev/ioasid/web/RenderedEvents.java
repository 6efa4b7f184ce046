package dev.ioasid.web;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.ioasid.machine.EventJournal.Entry;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;
import org.springframework.stereotype.Component;
import tools.jackson.databind.json.JsonMapper;

/**
 * Events as the HTML standard has them on the wire (server-sent events, section 9.2): fields in lines, an empty line behind each event. What has
 * just been written for one reader is kept for the others, of all machines together at most {@value #MOST_KEPT} events and 8 MiB. Any thread may call.
 */
@Component
final class RenderedEvents {
    static final int MOST_KEPT = 4096;
    static final int LARGEST_KEPT = 2048;

    private record Rendered(Entry entry, byte[] bytes) {}

    private final JsonMapper json;
    private final AtomicReferenceArray<@Nullable Rendered> kept = new AtomicReferenceArray<>(MOST_KEPT);

    RenderedEvents(JsonMapper json) {
        this.json = json;
    }

    /** Not to be changed. */
    byte[] of(Entry entry) {
        int slot = (int) entry.id() & MOST_KEPT - 1;
        var known = kept.get(slot);
        if (known != null && known.entry == entry) { // another machine has an event of this number, too
            return known.bytes;
        }
        var bytes = of(entry.id(), WireName.of(EventType.of(entry.event())), EventBodies.of(entry.event()));
        if (bytes.length <= LARGEST_KEPT) {
            kept.set(slot, new Rendered(entry, bytes));
        }
        return bytes;
    }

    byte[] of(long id, String type, Object data) {
        var head = ("id: " + id + "\nevent: " + type + "\ndata: ").getBytes(UTF_8);
        var body = json.writeValueAsBytes(data);
        var bytes = Arrays.copyOf(head, head.length + body.length + 2);
        System.arraycopy(body, 0, bytes, head.length, body.length);
        bytes[bytes.length - 2] = '\n';
        bytes[bytes.length - 1] = '\n';
        return bytes;
    }
}
