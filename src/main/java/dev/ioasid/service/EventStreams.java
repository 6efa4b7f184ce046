package dev.ioasid.service;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.machine.EventJournal;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;
import org.springframework.context.SmartLifecycle;
import org.springframework.stereotype.Service;

/**
 * Those who follow the events of machines. Any thread may call.
 *
 * <p>They are told to end before the web server waits for the requests in flight, of which each is one.
 */
@Service
public class EventStreams implements SmartLifecycle {
    /** Streams of one machine at a time. */
    public static final int MOST_OF_A_MACHINE = 64;
    /** Streams at a time. */
    public static final int MOST = 1024;

    private final Machines machines;
    private final LongAdder missed = new LongAdder();
    private final Map<EventJournal, Integer> byJournal = new HashMap<>(); // guarded by itself
    private int open; // guarded by byJournal
    private volatile boolean ending;

    EventStreams(Machines machines) {
        this.machines = machines;
    }

    /**
     * Opens a stream. ENOENT; EINVAL: no event has the number {@code after} yet; ENOSPC: as many streams as there may be.
     *
     * @param after the last event that is known already; 0: none; null: all that there have been
     */
    public EventStream open(String machine, @Nullable Long after) {
        var journal = machines.machine(machine).journal();
        long last = journal.last();
        if (after != null && (after < 0 || after > last)) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "machine '%s' has had no event %d: its last is %d".formatted(machine, after, last),
                    Map.of("machine", machine));
        }
        synchronized (byJournal) {
            int ofMachine = byJournal.getOrDefault(journal, 0);
            check(ofMachine < MOST_OF_A_MACHINE, "machine '" + machine + "' has", MOST_OF_A_MACHINE);
            check(open < MOST, "the service has", MOST);
            byJournal.put(journal, ofMachine + 1);
            open++;
        }
        return new EventStream(this, journal, (after == null ? last : after) + 1);
    }

    private static void check(boolean room, String whose, int most) {
        if (!room) {
            throw new RefusedException(
                    Errno.ENOSPC,
                    "%s %d event streams, as many as there may be".formatted(whose, most),
                    Map.of("limit", Map.of("name", "streams", "value", most)));
        }
    }

    void closed(EventStream stream) {
        synchronized (byJournal) {
            byJournal.computeIfPresent(stream.journal(), (_, count) -> count == 1 ? null : count - 1);
            open--;
        }
    }

    void missed(long events) {
        missed.add(events);
    }

    /** Streams at this moment. */
    public int open() {
        synchronized (byJournal) {
            return open;
        }
    }

    /** Events that were gone before a stream could take them, ever. */
    public long missed() {
        return missed.sum();
    }

    boolean isEnding() {
        return ending;
    }

    @Override
    public void start() {
        ending = false;
    }

    @Override
    public void stop() {
        ending = true;
    }

    @Override
    public boolean isRunning() {
        return !ending;
    }
}
