package dev.ioasid.machine;

import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;

/**
 * The events of the command that is being applied. They are published when it has been applied, in the order in which they were emitted, and
 * forgotten if it is refused. Guarded by the machine's lock.
 */
final class CommandEvents {
    /** Faults of one command that have an event each. */
    static final int MOST_FAULTS = 1000;

    private final EventJournal journal;
    private final List<MachineEvent> events = new ArrayList<>();
    /** How many of them stand, whatever becomes of the command. */
    private int standing;

    private int faults;
    private long omitted;
    private final TreeMap<String, Long> omittedByReason = new TreeMap<>();

    CommandEvents(EventJournal journal) {
        this.journal = journal;
    }

    void emit(MachineEvent event) {
        events.add(event);
    }

    /** What was emitted so far has happened, even if the command is refused. */
    void stand() {
        standing = events.size();
    }

    /**
     * Counts a fault. False: the command has had its {@value #MOST_FAULTS}, and this one makes no event; how many there were of those is told by
     * an event in the end.
     */
    boolean countFault(String reason) {
        if (faults < MOST_FAULTS) {
            faults++;
            return true;
        }
        omitted++;
        omittedByReason.merge(reason, 1L, Long::sum);
        return false;
    }

    /** The command has been applied. */
    void done() {
        if (omitted > 0) {
            emit(new MachineEvent.FaultsOmitted(omitted, new TreeMap<>(omittedByReason)));
        }
        stand();
    }

    /** Publishes what stands, and forgets the rest. */
    void publish() {
        for (int i = 0; i < standing; i++) {
            journal.append(events.get(i));
        }
        events.clear();
        omittedByReason.clear();
        standing = 0;
        faults = 0;
        omitted = 0;
    }
}
