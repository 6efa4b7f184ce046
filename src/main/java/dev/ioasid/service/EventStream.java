package dev.ioasid.service;

import dev.ioasid.machine.EventJournal;
import java.util.concurrent.TimeUnit;

/** Reads the events of one machine from some number on. For one thread; {@link #close} when it is not read any more. */
public final class EventStream implements AutoCloseable {
    private final EventStreams streams;
    private final EventJournal journal;
    private long next;
    private boolean open = true;

    EventStream(EventStreams streams, EventJournal journal, long next) {
        this.streams = streams;
        this.journal = journal;
        this.next = next;
    }

    EventJournal journal() {
        return journal;
    }

    /** The number of the last event that was taken, or missed, or that it began after. */
    public long position() {
        return next - 1;
    }

    /** What comes next: at most {@code most} events, or none if there is none at this moment. */
    public EventJournal.Batch take(int most) {
        var batch = journal.read(next, most);
        next = batch.next();
        streams.missed(batch.missed());
        return batch;
    }

    /** Whether nothing will come any more: the machine has been deleted, and all was taken. */
    public boolean ended() {
        return journal.endsBefore(next);
    }

    /** Whether the service is ending, and nobody is to follow any more. */
    public boolean isAbandoned() {
        return streams.isEnding();
    }

    /** Waits until there is something to take, or will be nothing any more, or for that long. */
    public void await(long time, TimeUnit unit) throws InterruptedException {
        journal.await(next, unit.toNanos(time));
    }

    @Override
    public void close() {
        if (open) {
            open = false;
            streams.closed(this);
        }
    }
}
