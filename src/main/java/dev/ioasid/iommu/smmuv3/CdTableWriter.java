package dev.ioasid.iommu.smmuv3;

import dev.ioasid.iommu.DriverMemory;
import dev.ioasid.iommu.smmuv3.CdPlace.Piece;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The CDs of one stream, as the driver keeps them: in one table where 64 are enough, or where the unit has no others; otherwise in tables of
 * 64, each of which exists while one of its CDs is in use. A CD in use is replaced in a copy of its table, to which one word then
 * leads: an L1CD, or, where there is one table only, the first word of the STE.
 *
 * <p>Not safe for several threads: {@link SmmuDriver} calls under its lock.
 */
final class CdTableWriter {
    /** log2 of the CDs of a second-level table: 4 KiB. */
    private static final int SPLIT = 6;

    private static final long LEAF_BYTES = (long) Cd.SIZE << SPLIT;

    private final DriverMemory memory;
    private final CommandWriter queue;
    private final int streamId;
    private final CdPlace place;
    private final int bits;
    private final boolean twoLevels;
    private final Map<Integer, Piece> leaves = new HashMap<>(); // by the number of the L1CD
    private final BitSet inUse = new BitSet();
    private Piece top;
    /** The table before it was replaced, which an STE may still lead to. */
    private @Nullable Piece former;

    /**
     * A table without CDs. ENOMEM, EBUSY.
     *
     * @param bits of the SubstreamIDs that it reaches; 0: there is one CD only
     */
    CdTableWriter(
            DriverMemory memory, CommandWriter queue, int streamId, CdPlace place, int bits, boolean twoLevelsAllowed) {
        this.memory = memory;
        this.queue = queue;
        this.streamId = streamId;
        this.place = place;
        this.bits = bits;
        this.twoLevels = bits > SPLIT && twoLevelsAllowed;
        this.top = place.allocate(twoLevels ? (long) L1Cd.SIZE << bits - SPLIT : (long) Cd.SIZE << bits);
    }

    CdPlace place() {
        return place;
    }

    /** What the first word of an STE says of it. */
    long inSte() {
        return Ste.S1CONTEXTPTR.address(top.address())
                | Ste.S1FMT.of(twoLevels ? Ste.TWO_LEVEL_4K : Ste.LINEAR)
                | Ste.S1CDMAX.of(bits);
    }

    boolean isEmpty() {
        return inUse.isEmpty();
    }

    boolean has(int substreamId) {
        return inUse.get(substreamId);
    }

    private static long offset(int substreamId) {
        return (long) (substreamId & (1 << SPLIT) - 1) * Cd.SIZE;
    }

    private long link(int substreamId) {
        return top.physical() + (long) (substreamId >>> SPLIT) * L1Cd.SIZE;
    }

    private long address(int substreamId) {
        if (!twoLevels) {
            return top.physical() + (long) substreamId * Cd.SIZE;
        }
        var leaf = leaves.get(substreamId >>> SPLIT);
        if (leaf == null) {
            throw new IllegalStateException("no table for SubstreamID " + substreamId);
        }
        return leaf.physical() + offset(substreamId);
    }

    /** Writes a CD in place of the one before, if there is one. ENOMEM, EBUSY; then nothing has changed. */
    void put(int substreamId, long[] words) {
        if (inUse.get(substreamId)) {
            replace(substreamId, words);
        } else {
            add(substreamId, words);
        }
    }

    private void add(int substreamId, long[] words) {
        if (twoLevels && !leaves.containsKey(substreamId >>> SPLIT)) {
            var leaf = place.allocate(LEAF_BYTES);
            memory.fill(leaf.physical() + offset(substreamId), words);
            leaves.put(substreamId >>> SPLIT, leaf);
            lead(substreamId, leaf);
        } else {
            memory.fill(address(substreamId), words);
        }
        inUse.set(substreamId);
        forget(substreamId);
    }

    private void lead(int substreamId, Piece leaf) {
        memory.publish(link(substreamId), L1Cd.L2PTR.address(leaf.address()) | L1Cd.V.of(1));
    }

    private void replace(int substreamId, long[] words) {
        if (!twoLevels) {
            var copy = copy(top, (long) substreamId * Cd.SIZE, words);
            former = top;
            top = copy;
            return; // nobody sees it before the STE leads there
        }
        var before = leaves.get(substreamId >>> SPLIT);
        if (before == null) {
            throw new IllegalStateException("no table for SubstreamID " + substreamId);
        }
        var copy = copy(before, offset(substreamId), words);
        leaves.put(substreamId >>> SPLIT, copy);
        lead(substreamId, copy);
        forgetTable();
        place.free(before);
    }

    /** The memory that it takes to have a CD that is there, if there is no table yet: bytes of pieces. */
    List<Long> needed(int substreamId) {
        var pieces = new ArrayList<>(place.needed(top));
        var leaf = leaves.get(substreamId >>> SPLIT);
        if (leaf != null) {
            pieces.addAll(place.needed(leaf));
        }
        return pieces;
    }

    private Piece copy(Piece from, long offset, long[] words) {
        var copy = place.allocate(from.bytes());
        memory.copy(from.physical(), copy.physical(), from.bytes());
        memory.fill(copy.physical() + offset, words);
        return copy;
    }

    /** The STE is as {@link #inSte} says, and the unit has forgotten the one before. */
    void settled() {
        if (former != null) {
            place.free(former);
            former = null;
        }
    }

    /** Takes a CD away. */
    void remove(int substreamId) {
        long at = address(substreamId);
        memory.store(at, 0);
        forget(substreamId);
        memory.empty(at, Cd.WORDS);
        inUse.clear(substreamId);
        int first = substreamId & -1 << SPLIT;
        int next = inUse.nextSetBit(first);
        if (twoLevels && (next < 0 || next >= first + (1 << SPLIT))) {
            var leaf = leaves.remove(substreamId >>> SPLIT);
            memory.store(link(substreamId), 0);
            forgetTable();
            if (leaf != null) {
                place.free(leaf);
            }
        }
    }

    private void forget(int substreamId) {
        queue.submit(Commands.cfgiCd(streamId, substreamId, false));
    }

    /** A table has moved, or is gone: all its CDs, and the way there, may be remembered. */
    private void forgetTable() {
        queue.submit(Commands.cfgiCdAll(streamId));
        memory.await();
    }

    /** Gives back everything. No STE leads here any more, and the unit has forgotten the one that did. */
    void close() {
        leaves.values().forEach(place::free);
        place.free(top);
    }
}
