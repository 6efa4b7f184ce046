package dev.ioasid.machine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What becomes of the events of a command. */
class CommandEventsTest {
    private static final MachineEvent FIRST = new MachineEvent.IoasidDeleted(1);
    private static final MachineEvent SECOND = new MachineEvent.IoasidDeleted(2);

    private final EventJournal journal = new EventJournal();
    private final CommandEvents events = new CommandEvents(journal);

    private List<MachineEvent> published() {
        return journal.read(1, 99).entries().stream()
                .map(EventJournal.Entry::event)
                .toList();
    }

    @Test
    void whatIsDoneIsPublishedInOrder() {
        events.emit(SECOND);
        events.emit(FIRST);
        assertThat(published()).isEmpty();
        events.publish();
        assertThat(published()).containsExactly(SECOND, FIRST);
    }

    @Test
    void ofWhatIsRefusedOnlyThatIsPublishedWhichStands() {
        events.emit(FIRST);
        events.stand();
        events.emit(SECOND);
        events.refused();
        events.publish();
        assertThat(published()).containsExactly(FIRST);
        events.emit(SECOND);
        events.refused();
        events.emit(FIRST); // what goes on whatever became of the command
        events.publish();
        assertThat(published()).containsExactly(FIRST, FIRST);
    }

    @Test
    void faultsOfARefusedCommandAreForgotten() {
        for (int i = 0; i <= CommandEvents.MOST_FAULTS; i++) {
            events.countFault("F_TRANSLATION");
        }
        events.refused();
        events.publish();
        assertThat(events.countFault("F_TRANSLATION")).isTrue();
        events.publish();
        assertThat(published()).isEmpty();
        for (int i = 0; i <= CommandEvents.MOST_FAULTS; i++) {
            events.countFault("F_TRANSLATION");
        }
        events.publish();
        assertThat(published()).containsExactly(new MachineEvent.FaultsOmitted(1, Map.of("F_TRANSLATION", 1L)));
    }
}
