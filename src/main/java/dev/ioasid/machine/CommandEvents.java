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

    /** The command has been refused, and what does not stand has not happened. */
    void refused() {
        events.subList(standing, events.size()).clear();
        forgetFaults();
    }

    /** Publishes what was emitted, and is ready for the next command. */
    void publish() {
        events.forEach(journal::append);
        if (omitted > 0) {
            journal.append(new MachineEvent.FaultsOmitted(omitted, new TreeMap<>(omittedByReason)));
        }
        events.clear();
        standing = 0;
        forgetFaults();
    }

    private void forgetFaults() {
        faults = 0;
        omitted = 0;
        omittedByReason.clear();
    }
}
