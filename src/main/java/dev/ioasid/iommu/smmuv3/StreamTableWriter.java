package dev.ioasid.iommu.smmuv3;

import dev.ioasid.iommu.DriverMemory;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The Stream table as the driver keeps it: two levels where the unit has them and StreamIDs are wider than one table of the second,
 * which exists while one of its STEs is in use; one level otherwise.
 *
 * <p><b>How an STE changes under the hardware's eyes.</b> It has eight words, and each store is one. If one word differs, it is stored. If
 * all words but one can be changed while the hardware does not look at what changes in them, they are, then that one, and then what
 * the hardware looks at no longer. Otherwise, with two levels, the second is copied with the new STE in it, and one word leads there
 * instead; with one level, the stream is aborted for a moment, since the table cannot move while the unit is on. After each step
 * the unit is told to forget the STE, and whoever may be reading it is waited for.
 *
 * <p>Not safe for several threads: {@link SmmuDriver} calls under its lock.
 */
final class StreamTableWriter {
    /** StreamID bits of the second level, of the values that SPLIT can have. */
    private static final int SPLIT = 8;
    /** Wider StreamIDs than this are not served: the first level would be larger than 32 KiB. */
    private static final int WIDEST = 20;
    /** With one level: a table of 4 MiB. */
    private static final int WIDEST_LINEAR = 16;

    private static final long LEAF_BYTES = (long) Ste.SIZE << SPLIT;

    private final DriverMemory memory;
    private final CommandWriter queue;
    private final boolean twoLevels;
    private final int streamBits;
    private final long top;
    private final Map<Integer, Integer> inUse = new HashMap<>(); // STEs, by number of the second-level table

    /** An empty table: every StreamID is unknown. ENOMEM. */
    StreamTableWriter(SmmuCapabilities capabilities, DriverMemory memory, CommandWriter queue) {
        this.memory = memory;
        this.queue = queue;
        this.twoLevels = capabilities.twoLevelStreamTable() && capabilities.sidBits() > SPLIT;
        this.streamBits = Math.min(capabilities.sidBits(), twoLevels ? WIDEST : WIDEST_LINEAR);
        this.top = memory.allocate(topBytes(), Math.max(topBytes(), 1 << 12));
    }

    private long topBytes() {
        return twoLevels ? (long) StreamTableDescriptor.SIZE << streamBits - SPLIT : (long) Ste.SIZE << streamBits;
    }

    /** Bits of the StreamIDs that it reaches. */
    int streamBits() {
        return streamBits;
    }

    /** STRTAB_BASE. */
    long base() {
        return Strtab.ADDR.address(top) | Strtab.RA.of(1);
    }

    /** STRTAB_BASE_CFG. */
    long configuration() {
        return twoLevels
                ? Strtab.LOG2SIZE.of(streamBits) | Strtab.SPLIT.of(SPLIT) | Strtab.FMT.of(Strtab.TWO_LEVEL)
                : Strtab.LOG2SIZE.of(streamBits) | Strtab.FMT.of(Strtab.LINEAR);
    }

    private long link(int streamId) {
        return top + (long) (streamId >>> SPLIT) * StreamTableDescriptor.SIZE;
    }

    private long leaf(int streamId) {
        return StreamTableDescriptor.L2PTR.address(memory.word(link(streamId)));
    }

    private long address(int streamId) {
        return twoLevels
                ? leaf(streamId) + (long) (streamId & (1 << SPLIT) - 1) * Ste.SIZE
                : top + (long) streamId * Ste.SIZE;
    }

    /** Makes room for the STE of a stream that has none. ENOMEM; then nothing has changed. */
    void add(int streamId) {
        if (twoLevels && memory.word(link(streamId)) == 0) {
            long table = memory.allocate(LEAF_BYTES, LEAF_BYTES);
            memory.publish(
                    link(streamId),
                    StreamTableDescriptor.L2PTR.address(table) | StreamTableDescriptor.SPAN.of(SPLIT + 1));
        }
        inUse.merge(streamId >>> SPLIT, 1, Integer::sum);
    }

    /** Takes away the STE of a stream: it is unknown again. */
    void remove(int streamId) {
        if (Ste.V.isSet(memory.word(address(streamId)))) {
            memory.store(address(streamId), 0);
            forget(streamId);
            memory.empty(address(streamId), Ste.WORDS);
        }
        if (inUse.merge(streamId >>> SPLIT, -1, Integer::sum) == 0) {
            inUse.remove(streamId >>> SPLIT);
            if (twoLevels) {
                long table = leaf(streamId);
                memory.publish(link(streamId), 0);
                forgetTable(streamId);
                memory.free(table, LEAF_BYTES);
            }
        }
    }

    /** The words of a stream's STE. */
    long[] read(int streamId) {
        return read(address(streamId));
    }

    private long[] read(long address) {
        var words = new long[Ste.WORDS];
        for (int i = 0; i < words.length; i++) {
            words[i] = memory.word(address + (long) i * Long.BYTES);
        }
        return words;
    }

    /** Changes a stream's STE. ENOMEM; then nothing has changed. What differs in one word alone needs no memory. */
    void write(int streamId, long[] words) {
        long at = address(streamId);
        var before = read(at);
        if (Arrays.equals(before, words)) {
            return;
        }
        var between = between(before, words);
        int decisive = decisiveWord(between, words);
        if (decisive >= 0) {
            step(streamId, between);
            between[decisive] = words[decisive];
            step(streamId, between);
            step(streamId, words);
        } else if (twoLevels) {
            replaceInCopy(streamId, words);
        } else {
            replaceWithGap(streamId, words);
        }
    }

    /** The memory that it takes to change an STE, whatever differs: bytes of pieces. */
    List<Long> needed() {
        return twoLevels ? List.of(LEAF_BYTES) : List.of();
    }

    /** What the hardware looks at is as it was, what it does not look at is new already. */
    private static long[] between(long[] before, long[] after) {
        var looked = lookedAt(before);
        var between = new long[Ste.WORDS];
        for (int i = 0; i < between.length; i++) {
            between[i] = before[i] & looked[i] | after[i] & ~looked[i];
        }
        return between;
    }

    /** The word that alone makes one STE mean what another does; -1: there are several, and it takes more than one. */
    private static int decisiveWord(long[] from, long[] to) {
        var looked = lookedAt(to);
        int decisive = -1;
        for (int i = 0; i < from.length; i++) {
            if (((from[i] ^ to[i]) & looked[i]) != 0) {
                if (decisive >= 0) {
                    return -1;
                }
                decisive = i;
            }
        }
        return Math.max(decisive, 0);
    }

    /** The bits of an STE that the hardware looks at. IHI 0070, section 5.2. */
    private static long[] lookedAt(long[] ste) {
        var looked = new long[Ste.WORDS];
        looked[0] = Ste.V.mask() | Ste.CONFIG.mask();
        int config = (int) Ste.CONFIG.get(ste);
        if (!Ste.V.isSet(ste[0]) || config < Ste.BYPASS) {
            return looked;
        }
        boolean substreams = config != Ste.BYPASS && config != Ste.STAGE_2 && Ste.S1CDMAX.get(ste) != 0;
        looked[1] = substreams ? -1 : ~Ste.S1DSS.mask();
        switch (config) {
            case Ste.STAGE_1 -> {
                looked[0] = -1;
                looked[2] = Ste.S2VMID.mask(); // a tag of its translations
            }
            case Ste.STAGE_2 -> {
                looked[2] = -1;
                looked[3] = -1;
            }
            case Ste.NESTED -> {
                looked[0] = -1;
                looked[2] = -1;
                looked[3] = -1;
            }
            default -> {}
        }
        return looked;
    }

    /** Stores what differs. All of it but one word is nothing that the hardware looks at, so that the order does not matter. */
    private void step(int streamId, long[] words) {
        long at = address(streamId);
        boolean stored = false;
        for (int i = 0; i < words.length; i++) {
            if (memory.word(at + (long) i * Long.BYTES) != words[i]) {
                memory.store(at + (long) i * Long.BYTES, words[i]);
                stored = true;
            }
        }
        if (stored) {
            forget(streamId);
            memory.await();
        }
    }

    private void replaceInCopy(int streamId, long[] words) {
        long table = leaf(streamId);
        long copy = memory.allocate(LEAF_BYTES, LEAF_BYTES);
        memory.copy(table, copy, LEAF_BYTES);
        memory.fill(copy + (address(streamId) - table), words);
        memory.publish(link(streamId), memory.word(link(streamId)) - table + copy);
        forgetTable(streamId);
        memory.free(table, LEAF_BYTES);
    }

    private void replaceWithGap(int streamId, long[] words) {
        var aborted = read(streamId);
        aborted[0] = Ste.V.of(1);
        step(streamId, aborted);
        var filled = words.clone();
        filled[0] = Ste.V.of(1);
        step(streamId, filled);
        step(streamId, words);
    }

    private void forget(int streamId) {
        queue.submit(Commands.cfgiSte(streamId, !twoLevels));
    }

    /** No stream of a second-level table that is linked no more, or in another place, is found there, and nobody is in it. */
    private void forgetTable(int streamId) {
        queue.submit(List.of(Commands.cfgiSteRange(streamId & -1 << SPLIT, SPLIT - 1)));
        memory.await();
    }

    /** Gives back everything. The unit is off. */
    void close() {
        for (int table : inUse.keySet()) {
            if (twoLevels) {
                memory.free(leaf(table << SPLIT), LEAF_BYTES);
            }
        }
        memory.free(top, topBytes());
    }
}
