package dev.ioasid.iommu.smmuv3;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collection;
import java.util.Comparator;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Transactions that wait for software, by STAG: the lowest that is free. Each has a ticket, too, which no other ever has. IHI 0070, sections
 * 3.12.2 and 4.6.
 *
 * <p>Any thread may call; each method is one step under the object's own lock, in which nothing else is called.
 */
final class Stalls {
    /**
     * A transaction as it has arrived.
     *
     * @param how by the constants of {@link dev.ioasid.pagetable.PageWalk}, before what the STE overrides
     */
    record Stalled(long ticket, int streamId, int substreamId, long input, int how) {}

    /** No STAG. */
    static final int NONE = -1;

    /** Transactions that a unit holds beyond those that can have a STAG. */
    static final int BEYOND = 4096;

    private static final int STAGS = 1 << 16;

    private final int most;
    private final BitSet tags = new BitSet();
    private final TreeMap<Integer, Stalled> waiting = new TreeMap<>();
    /** Those for which there was no STAG, or no room to record them, by ticket: nobody knows of them yet. Oldest first. */
    private final LinkedHashMap<Long, Stalled> unheard = new LinkedHashMap<>();

    private long tickets;
    private volatile int era;

    /** @param most that wait at a time (IDR5.STALL_MAX); 0: as many as there are STAGs, which is what a unit that does not say can do */
    Stalls(int most) {
        this.most = most == 0 ? STAGS : most;
    }

    /** What a transaction notes before it looks at registers: it cannot wait if all have been ended since. */
    int era() {
        return era;
    }

    /** Whether a transaction comes to wait. */
    enum Admission {
        WAITS,
        /** Translation has been turned off since it came. */
        TOO_LATE,
        /** The unit holds all that it can. */
        NO_ROOM
    }

    /** A transaction waits from now on, with a ticket, and a STAG if one is free. */
    synchronized Admission add(Transaction transaction) {
        if (transaction.era != era) {
            return Admission.TOO_LATE;
        }
        if (waiting.size() + unheard.size() >= most + BEYOND) {
            return Admission.NO_ROOM;
        }
        transaction.ticket = ++tickets;
        var stalled = new Stalled(
                transaction.ticket,
                transaction.streamId,
                transaction.substreamId,
                transaction.input,
                transaction.arrived);
        place(stalled, transaction);
        return Admission.WAITS;
    }

    private void place(Stalled stalled, Transaction transaction) {
        int stag = tags.nextClearBit(0);
        if (stag < most) {
            tags.set(stag);
            waiting.put(stag, stalled);
            transaction.stag = stag;
        } else {
            unheard.put(stalled.ticket(), stalled);
            transaction.stag = NONE;
        }
    }

    /** A transaction could not be recorded: it waits until it can be, and gives back its STAG. */
    synchronized void unhear(Transaction transaction) {
        var stalled = waiting.get(transaction.stag);
        if (stalled != null && stalled.ticket() == transaction.ticket) {
            free(transaction.stag);
            unheard.put(stalled.ticket(), stalled);
        }
        transaction.stag = NONE;
    }

    /** The same may have another try, if nobody else has seen to it meanwhile. */
    synchronized void hear(Transaction transaction) {
        var stalled = unheard.remove(transaction.ticket);
        if (stalled != null) {
            place(stalled, transaction);
        }
    }

    private void free(int stag) {
        waiting.remove(stag);
        tags.clear(stag);
    }

    /** How many wait to be recorded. */
    synchronized int unheard() {
        return unheard.size();
    }

    /** Takes the oldest that waits to be recorded; null: there is none, or no STAG for it. */
    synchronized @Nullable Stalled takeUnheard() {
        if (unheard.isEmpty() || tags.nextClearBit(0) >= most) {
            return null;
        }
        return unheard.pollFirstEntry().getValue();
    }

    /** Takes the transaction with this STAG, if it is of this stream; its STAG is free then. */
    synchronized @Nullable Stalled take(int streamId, int stag) {
        var stalled = waiting.get(stag);
        if (stalled == null || stalled.streamId() != streamId) {
            return null;
        }
        free(stag);
        return stalled;
    }

    /** Forgets every transaction of a stream; their tickets, oldest first. */
    synchronized List<Long> drop(int streamId) {
        return drop(stalled -> stalled.streamId() == streamId);
    }

    /** Forgets every transaction, and those on their way that would come to wait; their tickets, oldest first. */
    synchronized List<Long> dropAll() {
        era++;
        return drop(stalled -> true);
    }

    private List<Long> drop(Predicate<Stalled> which) {
        var dropped = new ArrayList<Long>();
        remove(waiting.values(), which, dropped);
        remove(unheard.values(), which, dropped);
        tags.clear();
        waiting.keySet().forEach(tags::set);
        dropped.sort(Comparator.naturalOrder());
        return dropped;
    }

    private static void remove(Collection<Stalled> from, Predicate<Stalled> which, List<Long> tickets) {
        for (Iterator<Stalled> each = from.iterator(); each.hasNext(); ) {
            var stalled = each.next();
            if (which.test(stalled)) {
                tickets.add(stalled.ticket());
                each.remove();
            }
        }
    }
}
