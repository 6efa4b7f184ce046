package dev.ioasid.iommu.smmuv3;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Transactions that wait for software, by STAG: the lowest that is free. IHI 0070, sections 3.12.2 and 4.6.
 *
 * <p>Any thread may call; each method is one step under the object's own lock, in which nothing else is called.
 */
final class Stalls {
    /**
     * A transaction as it has arrived.
     *
     * @param how by the constants of {@link dev.ioasid.pagetable.PageWalk}, before what the STE overrides
     */
    record Stalled(int streamId, int substreamId, long input, int how) {}

    private static final int STAGS = 1 << 16;

    private final int most;
    private final BitSet tags = new BitSet();
    private final TreeMap<Integer, Stalled> waiting = new TreeMap<>();
    /** Those for which there was no STAG, or no room to record them: nobody knows of them yet. */
    private final List<Stalled> unheard = new ArrayList<>();

    /** @param most that wait at a time (IDR5.STALL_MAX); 0: as many as there are STAGs, which is what a unit that does not say can do */
    Stalls(int most) {
        this.most = most == 0 ? STAGS : most;
    }

    /** A STAG for a transaction that is going to wait; -1: as many wait as can. */
    synchronized int stag() {
        int stag = tags.nextClearBit(0);
        if (stag >= most) {
            return -1;
        }
        tags.set(stag);
        return stag;
    }

    /** The transaction with this STAG waits, and software has been told. */
    synchronized void add(int stag, Stalled stalled) {
        waiting.put(stag, stalled);
    }

    /** A STAG was not used. */
    synchronized void giveBack(int stag) {
        tags.clear(stag);
    }

    /** The transaction waits until it can be recorded. */
    synchronized void addUnheard(Stalled stalled) {
        unheard.add(stalled);
    }

    /** Takes all that wait to be recorded. */
    synchronized List<Stalled> takeUnheard() {
        var taken = List.copyOf(unheard);
        unheard.clear();
        return taken;
    }

    /** Takes the transaction with this STAG, if it is of this stream; its STAG is free then. */
    synchronized @Nullable Stalled take(int streamId, int stag) {
        var stalled = waiting.get(stag);
        if (stalled == null || stalled.streamId() != streamId) {
            return null;
        }
        waiting.remove(stag);
        tags.clear(stag);
        return stalled;
    }

    /** Forgets every transaction of a stream. */
    synchronized void drop(int streamId) {
        waiting.entrySet().removeIf(entry -> {
            boolean gone = entry.getValue().streamId() == streamId;
            if (gone) {
                tags.clear(entry.getKey());
            }
            return gone;
        });
        unheard.removeIf(stalled -> stalled.streamId() == streamId);
    }

    /** Forgets every transaction. */
    synchronized void dropAll() {
        waiting.clear();
        unheard.clear();
        tags.clear();
    }
}
