package dev.ioasid.web;

import dev.ioasid.service.EventStream;
import jakarta.servlet.http.HttpServletRequest;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/** Feeds one client with events, on the thread that answers that client. */
final class EventFeed {
    private static final int BATCH = 256;
    /** How long a client may be gone, or the service about to end, until that is noticed. */
    private static final Duration GLANCE = Duration.ofSeconds(1);

    private final EventStream events;
    private final EventFilter filter;
    private final EventWriter writer;
    private final HttpServletRequest client;
    private final long heartbeat;
    private long silentSince = System.nanoTime();

    /** @param heartbeat after how long the client is told that there was nothing */
    EventFeed(
            EventStream events, EventFilter filter, EventWriter writer, HttpServletRequest client, Duration heartbeat) {
        this.events = events;
        this.filter = filter;
        this.writer = writer;
        this.client = client;
        this.heartbeat = heartbeat.toNanos();
    }

    /**
     * Returns when {@code limit} events were sent, or the machine or the service ends, or the client is gone; if {@code follow} is false, when
     * there is nothing more at the moment.
     */
    void run(long limit, boolean follow) throws IOException, InterruptedException {
        long left = limit;
        while (left > 0 && !events.isAbandoned()) {
            boolean last = events.ended() || !follow; // asked before taking: nothing comes after what is taken
            long before = events.position();
            left -= sendBatch(left);
            if (events.position() == before && (last || !waitForMore())) {
                return;
            }
            Thread.yield(); // a virtual thread gives up its turn by itself only, and there may be much to send
        }
    }

    /** Sends what there is of the next batch; answers how many events that were. */
    private long sendBatch(long most) throws IOException {
        var batch = events.take((int) Math.min(most, BATCH));
        if (batch.missed() > 0) {
            writer.missed(batch.missed(), batch.next() - batch.entries().size());
        }
        long sent = 0;
        for (var entry : batch.entries()) {
            if (filter.accepts(entry.event())) {
                writer.write(entry);
                sent++;
            }
        }
        if (writer.send()) {
            silentSince = System.nanoTime();
        }
        return sent;
    }

    /** False: nobody waits any more. */
    private boolean waitForMore() throws IOException, InterruptedException {
        long silent = System.nanoTime() - silentSince;
        if (silent >= heartbeat) {
            writer.heartbeat(events.position());
            writer.send();
            silentSince = System.nanoTime();
            return true;
        }
        events.await(Math.min(heartbeat - silent, GLANCE.toNanos()), TimeUnit.NANOSECONDS);
        return !ClientConnections.isGone(client);
    }
}
