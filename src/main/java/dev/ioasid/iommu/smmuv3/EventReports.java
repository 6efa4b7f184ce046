package dev.ioasid.iommu.smmuv3;

import dev.ioasid.iommu.Fault;
import dev.ioasid.iommu.Mishap;
import dev.ioasid.iommu.Stage;
import dev.ioasid.pagetable.PageWalk;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLongArray;
import org.jspecify.annotations.Nullable;

/**
 * From a refusal to an event record, and whether it is written. IHI 0070, sections 3.12 and 7.2. Any thread may call; the locks are those of
 * {@link EventQueue} and {@link Stalls}, one after the other.
 */
final class EventReports {
    /** Pages that a translation request asks about. */
    private static final int ONE_PAGE = 1;

    private final EventQueue queue;
    private final Stalls stalls;
    private final AtomicLongArray counts = new AtomicLongArray(SmmuEvent.values().length);

    EventReports(EventQueue queue, Stalls stalls) {
        this.queue = queue;
        this.stalls = stalls;
    }

    /**
     * Reports a refusal as hardware does.
     *
     * @param transaction whose it is
     * @return the refusal, and whether it has been recorded
     */
    long report(long refusal, Transaction transaction) {
        var event = SmmuRefusal.event(refusal);
        if (event == null) {
            return refusal;
        }
        counts.getAndIncrement(event.ordinal());
        if (!SmmuRefusal.isStalled(refusal)) {
            return terminate(refusal, transaction);
        }
        return switch (stalls.add(transaction)) { // before software can hear of it
            case WAITS -> stall(refusal, transaction);
            case TOO_LATE -> SmmuRefusal.ABORT;
            // IHI 0070, 3.12, lets a unit abort what it is asked to stall and cannot; Stall is 0 then
            case NO_ROOM -> terminate(SmmuRefusal.unstalled(refusal), transaction);
        };
    }

    private long terminate(long refusal, Transaction transaction) {
        boolean recorded = !SmmuRefusal.isSilent(refusal)
                && queue.write(record(refusal, transaction).words(), false) == EventQueue.Outcome.WRITTEN;
        return recorded ? SmmuRefusal.recorded(refusal) : refusal;
    }

    private long stall(long refusal, Transaction transaction) {
        while (transaction.stag != Stalls.NONE) {
            var outcome = queue.write(record(refusal, transaction).words(), true);
            if (outcome == EventQueue.Outcome.WRITTEN) {
                return SmmuRefusal.recorded(refusal);
            }
            stalls.unhear(transaction);
            if (queue.isWritable()) { // whoever made room just now did not find it waiting
                stalls.hear(transaction);
            }
        }
        return refusal;
    }

    /** Records what a device hints before a transaction. */
    void hint(Mishap.PageHint hint, Transaction transaction) {
        count(SmmuEvent.E_PAGE_REQUEST);
        var wanted = hint.wanted();
        int rights = (wanted.read() ? 1 : 0) | (wanted.write() ? 2 : 0) | (wanted.execute() ? 4 : 0);
        boolean privileged = wanted.privileged() && transaction.hasSubstream();
        var record = EventRecord.of(SmmuEvent.E_PAGE_REQUEST, transaction.streamId, transaction.substreamId)
                .input(transaction.input)
                .hint(privileged ? rights : 0, privileged ? 0 : rights, hint.pages());
        queue.write(record.words(), false);
    }

    /** The record of a refusal that is an event. */
    static EventRecord record(long refusal, Transaction transaction) {
        var event = SmmuRefusal.event(refusal);
        if (event == null) {
            throw new IllegalArgumentException("no event");
        }
        int how = transaction.how;
        var record = EventRecord.of(event, transaction.streamId, transaction.substreamId)
                .access((how & PageWalk.WRITE) == 0, (how & PageWalk.EXECUTE) != 0, (how & PageWalk.PRIVILEGED) != 0)
                .input(transaction.input);
        if (event == SmmuEvent.F_BAD_ATS_TREQ) {
            int asked = transaction.arrived;
            record.request(
                    (asked & PageWalk.WRITE) != 0,
                    transaction.asksToExecute,
                    (asked & PageWalk.PRIVILEGED) != 0,
                    ONE_PAGE);
        }
        var stage = SmmuRefusal.stage(refusal);
        if (stage == Stage.FIRST) {
            record.stage1(SmmuRefusal.doing(refusal));
        } else if (stage == Stage.SECOND) {
            record.stage2(SmmuRefusal.doing(refusal), transaction.at)
                    .descriptor(!SmmuRefusal.writesDescriptor(refusal));
        }
        if (event.has(EventFields.FETCHADDR)) {
            record.fetch(transaction.at);
        }
        return SmmuRefusal.isStalled(refusal) ? record.stalled(Math.max(transaction.stag, 0)) : record;
    }

    /** The fault as users are shown it. */
    static Fault fault(long refusal, Transaction transaction) {
        var event = SmmuRefusal.event(refusal);
        if (event == null) {
            return new Fault(
                    0,
                    "abort",
                    "terminated, which is not an event: the STE says so (Config 0), or a register",
                    null,
                    null,
                    transaction.input,
                    false,
                    false,
                    List.of());
        }
        var words = Arrays.stream(record(refusal, transaction).words()).boxed().toList();
        return new Fault(
                event.code(),
                event.name(),
                detail(event, refusal),
                SmmuRefusal.stage(refusal),
                SmmuRefusal.level(refusal),
                transaction.input,
                SmmuRefusal.isStalled(refusal),
                SmmuRefusal.isRecorded(refusal),
                SmmuRefusal.isIgnored(refusal),
                words);
    }

    private static String detail(SmmuEvent event, long refusal) {
        var when = switch (SmmuRefusal.doing(refusal)) {
            case CD -> ", when the CD was fetched";
            case TT ->
                SmmuRefusal.writesDescriptor(refusal)
                        ? ", when a stage 1 descriptor was to be marked"
                        : ", when a stage 1 descriptor was fetched";
            case IN -> "";
        };
        var end = SmmuRefusal.isStalled(refusal)
                ? "; the transaction is stalled"
                : SmmuRefusal.isIgnored(refusal) ? "; reads as zero, writes are ignored" : "";
        var stage = SmmuRefusal.stage(refusal);
        return event.detail() + (stage == Stage.SECOND ? when : "") + end;
    }

    /** Events since the unit was made, recorded or not. */
    Map<String, Long> counts() {
        var byName = new LinkedHashMap<String, Long>();
        for (var event : SmmuEvent.values()) {
            long count = counts.get(event.ordinal());
            if (count != 0) {
                byName.put(event.name(), count);
            }
        }
        return byName;
    }

    /** Counts an event that is no transaction's alone. */
    void count(@Nullable SmmuEvent event) {
        if (event != null) {
            counts.getAndIncrement(event.ordinal());
        }
    }
}
