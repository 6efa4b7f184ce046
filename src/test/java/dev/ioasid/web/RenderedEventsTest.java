package dev.ioasid.web;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.machine.EventJournal.Entry;
import dev.ioasid.machine.MachineEvent;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.json.JsonMapper;

/** Whoever asks gets the event that is asked for, whatever is kept. */
class RenderedEventsTest {
    private final RenderedEvents events = new RenderedEvents(new JsonMapper());

    private static Entry entry(long id, String name) {
        return new Entry(id, new MachineEvent.IommuDeleted(name));
    }

    private void looks(Entry entry, String text) {
        assertThat(new String(events.of(entry), UTF_8)).isEqualTo(text);
    }

    @Test
    void whatHasBeenWrittenIsKept() {
        var entry = entry(7, "u0");
        looks(entry, "id: 7\nevent: iommu-deleted\ndata: {\"name\":\"u0\"}\n\n");
        assertThat(events.of(entry)).isSameAs(events.of(entry));
    }

    /** Two machines have an event of the same number, and of numbers that share a place. */
    @Test
    void nobodyGetsTheEventOfAnother() {
        looks(entry(7, "u0"), "id: 7\nevent: iommu-deleted\ndata: {\"name\":\"u0\"}\n\n");
        looks(entry(7, "u1"), "id: 7\nevent: iommu-deleted\ndata: {\"name\":\"u1\"}\n\n");
        long same = 7 + RenderedEvents.MOST_KEPT;
        looks(entry(same, "u0"), "id: " + same + "\nevent: iommu-deleted\ndata: {\"name\":\"u0\"}\n\n");
    }

    @Test
    void whatIsLargeIsNotKept() {
        int around = new String(events.of(entry(7, "")), UTF_8).length();
        var largest = entry(7, "n".repeat(RenderedEvents.LARGEST_KEPT - around));
        var larger = entry(8, "n".repeat(RenderedEvents.LARGEST_KEPT - around + 1));
        assertThat(events.of(largest)).isSameAs(events.of(largest));
        assertThat(events.of(larger)).isNotSameAs(events.of(larger)).isEqualTo(events.of(larger));
    }
}
