package dev.ioasid.iommu.smmuv3;

import dev.ioasid.iommu.DeviceMessage;
import dev.ioasid.iommu.DeviceMessages;
import java.util.List;
import java.util.function.Function;

/**
 * How stalled transactions go on or end, and that their devices are told. IHI 0070, sections 3.12.2 and 4.6.
 *
 * <p>Any thread may call; {@link Stalls} says under which lock each step is.
 */
final class StalledTransactions {
    private final Stalls stalls;
    private final EventQueue events;
    private final DeviceMessages messages;
    private final Function<Stalls.Stalled, DeviceMessage.Resumed> again;

    /** @param again translates a transaction once more, as if it had just arrived, which is past what its device knows */
    StalledTransactions(
            Stalls stalls,
            EventQueue events,
            DeviceMessages messages,
            Function<Stalls.Stalled, DeviceMessage.Resumed> again) {
        this.stalls = stalls;
        this.events = events;
        this.messages = messages;
        this.again = again;
    }

    /** What software says of one of them; nothing if there is none with this STAG in this stream. */
    void resume(int streamId, int stag, boolean retry, boolean abort) {
        var stalled = stalls.take(streamId, stag);
        if (stalled != null && retry) {
            arrive(stalled);
        } else if (stalled != null) {
            messages.add(new DeviceMessage.Terminated(stalled.ticket(), abort));
        }
        retryUnheard();
    }

    private void arrive(Stalls.Stalled stalled) {
        messages.add(again.apply(stalled));
    }

    /** Aborts those of a stream. */
    void abort(int streamId) {
        aborted(stalls.drop(streamId));
        retryUnheard();
    }

    /** Aborts all, and those on their way that would come to wait. */
    void abortAll() {
        aborted(stalls.dropAll());
    }

    private void aborted(List<Long> tickets) {
        tickets.forEach(ticket -> messages.add(new DeviceMessage.Terminated(ticket, true)));
    }

    /** Those that could not be recorded try again, oldest first, as long as there is room. */
    void retryUnheard() {
        for (int left = stalls.unheard(); left > 0 && events.isWritable(); left--) {
            var stalled = stalls.takeUnheard();
            if (stalled == null) {
                return;
            }
            arrive(stalled);
        }
    }
}
