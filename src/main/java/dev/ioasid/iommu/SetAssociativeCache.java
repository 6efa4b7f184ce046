package dev.ioasid.iommu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.lang.ref.Reference;
import java.util.Arrays;

/**
 * A set-associative cache of a few words an entry, found by a key of two words and forgotten by a tag of one.
 *
 * <p><b>Replacement.</b> An entry with the same key is replaced; else the lowest free way is taken; else the ways of the set in turn
 * (first in, first out). A hit changes nothing, so contents follow from the order of fills and invalidations alone.
 *
 * <p><b>Who may call.</b> Any thread. A lookup takes no lock and allocates nothing. Fills and invalidations hold the lock of one
 * set at a time, which is the lowest bit of its version: a lookup reads the version, the entry, and the version again, and has found
 * nothing if it changed or was odd. Nothing else is locked, called or waited for under it.
 *
 * <p>A lookup that goes on reading words of what it found asks {@link #holds} at the end.
 */
public final class SetAssociativeCache {
    /** Nothing was found. */
    public static final long MISS = -1;

    /** In the first word of the key of every entry. */
    public static final long VALID = 1L << 63;

    private static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);
    private static final ValueLayout.OfLong PLAIN = ValueLayout.JAVA_LONG_UNALIGNED; // aligned nevertheless: read whole
    private static final VarHandle VERSION = ValueLayout.JAVA_LONG.varHandle().withInvokeExactBehavior();
    private static final long MIX = 0x9e37_79b9_7f4a_7c15L;
    /** So much of a version fits into what was found, which is not negative. */
    private static final long VERSION_BITS = 0x7fff_ffff;

    /** No bits of an address, or of where a set is, are lost to these; they tell the compiler that {@link #ALL} has room for it. */
    private static final long ADDRESSES = (1L << 47) - 1;

    private static final long OFFSETS = (1L << 40) - 1;

    private static final int LINE = 64;
    private static final int GUESS_BITS = 12;
    private static final int GUESSES = 1 << GUESS_BITS;
    /** The sets of neighbouring domains begin so far apart. */
    private static final int SPREAD = 16;

    /** Says which entries are to go. */
    @FunctionalInterface
    public interface Doomed {
        boolean test(long key0, long key1, long tag);
    }

    /** Is shown entries. */
    @FunctionalInterface
    public interface Visitor {
        /** @param words the entry's, not to be kept */
        void entry(int set, int way, long key0, long key1, long tag, long[] words);
    }

    // The block: guesses, a byte each, and then the sets. A set: its version, and then entry by entry: key, tag, words.
    // Off the heap, where a lookup pays for no bounds; it has made sure of them itself, since sets and ways are
    // counted.
    private static final int KEY1 = 1;
    private static final int TAG = 2;
    private static final int WORDS = 3;
    private static final int SMALL_SHIFT = 2;
    private static final int LARGE_SHIFT = 3;

    private final CacheEpoch epoch;
    private final CacheGeometry geometry;
    private final int ways;
    private final int width;
    private final int strideShift;
    private final int row;
    private final int lastSet;
    private final long rowBytes;
    private final int length;
    private final MemorySegment block;
    private final long base;
    private final byte[] next;

    private final HitCounts counts = new HitCounts();
    private final long[] evictions;

    /** @param width words of an entry, 1 to 4 */
    public SetAssociativeCache(CacheGeometry geometry, int width, CacheEpoch epoch) {
        int sets = Math.max(geometry.sets(), 1); // of a cache that is none, one that stays empty
        this.epoch = epoch;
        this.geometry = geometry;
        this.ways = geometry.ways();
        this.width = width;
        this.strideShift = width == 1 ? SMALL_SHIFT : LARGE_SHIFT;
        this.row = ways + 1 << strideShift;
        this.lastSet = sets - 1;
        this.rowBytes = (long) row * Long.BYTES;
        this.length = sets * row;
        this.block = Arena.ofAuto().allocate((long) length * Long.BYTES + GUESSES, LINE);
        this.base = block.address();
        this.next = new byte[sets];
        this.evictions = new long[sets];
    }

    /** Whether there is such a cache at all. */
    public boolean exists() {
        return geometry.sets() != 0;
    }

    /** Where the set of a key begins. */
    private int start(long k0, long k1) {
        return ((int) (k0 + SPREAD * (k1 + (k1 >>> 20))) & lastSet) * row;
    }

    private long load(int at) {
        long word = ALL.get(PLAIN, base + GUESSES + (long) at * Long.BYTES);
        Reference.reachabilityFence(this);
        return word;
    }

    private void store(int at, long word) {
        ALL.set(PLAIN, base + GUESSES + (long) at * Long.BYTES, word);
        Reference.reachabilityFence(this);
    }

    private long version(int start) {
        return (long) VERSION.getOpaque(ALL, base + GUESSES + (long) start * Long.BYTES);
    }

    /** Where the way is noted, counted from 1, in which a key was put or found the last time: a set is searched only where that is wrong. */
    private static int guess(long k0, long k1) {
        return (int) ((k0 + Long.rotateLeft(k1, 29)) * MIX >>> Long.SIZE - GUESS_BITS);
    }

    /**
     * The word of an entry, in a cache of one word each.
     *
     * @param k0 with {@link #VALID}
     * @return 0 if there is no such entry
     */
    public long single(long k0, long k1) {
        long known = base & ADDRESSES;
        long way = ALL.get(ValueLayout.JAVA_BYTE, known + guess(k0, k1));
        long set = known + GUESSES + ((k0 + SPREAD * (k1 + (k1 >>> 20)) & lastSet) * rowBytes & OFFSETS);
        long at = set + (way << SMALL_SHIFT + 3);
        long version = ALL.get(PLAIN, set);
        VarHandle.loadLoadFence();
        if ((ALL.get(PLAIN, at) ^ k0 | ALL.get(PLAIN, at + KEY1 * Long.BYTES) ^ k1) != 0) {
            int found = search(start(k0, k1), k0, k1);
            if (found < 0) {
                return 0;
            }
            at = known + GUESSES + ((long) found * Long.BYTES & OFFSETS);
        }
        long word = ALL.get(PLAIN, at + WORDS * Long.BYTES);
        VarHandle.loadLoadFence();
        boolean whole = (version & 1 | ALL.get(PLAIN, set) ^ version) == 0;
        Reference.reachabilityFence(this); // the block goes when nobody has it any more
        return whole ? word : 0;
    }

    private void note(long k0, long k1, int way) {
        ALL.set(ValueLayout.JAVA_BYTE, base + guess(k0, k1), (byte) (way + 1));
    }

    private int search(int start, long k0, long k1) {
        for (int way = 0; way < ways; way++) {
            int at = start + (way + 1 << strideShift);
            if (load(at) == k0 && load(at + KEY1) == k1) {
                note(k0, k1, way);
                return at;
            }
        }
        return -1;
    }

    /**
     * Finds an entry.
     *
     * @return what {@link #word} and {@link #holds} want to have, or {@link #MISS}
     */
    public long find(long k0, long k1) {
        int start = start(k0, k1);
        long version = (long) VERSION.getAcquire(ALL, base + GUESSES + (long) start * Long.BYTES);
        int at = search(start, k0, k1);
        return at < 0 || (version & 1) != 0 ? MISS : (version & VERSION_BITS) << 32 | at;
    }

    /** A word of what was found; to be used only once {@link #holds} has been asked. */
    public long word(long found, int index) {
        return load((int) found + WORDS + index);
    }

    /** By what it is forgotten; to be used only once {@link #holds} has been asked. */
    public long tag(long found) {
        return load((int) found + TAG);
    }

    /** Whether everything that was read of what was found was the entry's. */
    public boolean holds(long found) {
        VarHandle.loadLoadFence();
        int start = (int) found / row * row;
        return (version(start) & VERSION_BITS) == found >>> 32;
    }

    /** Counts a lookup; where there is no cache, there is none. */
    public void count(boolean hit) {
        if (!exists()) {
            return;
        }
        if (hit) {
            counts.hit();
        } else {
            counts.miss();
        }
    }

    /**
     * Puts an entry in, unless something was invalidated since.
     *
     * @param since the epoch before anything of it was read from memory
     */
    public void fill(int since, long k0, long k1, long tag, long word0, long word1, long word2, long word3) {
        if (!exists()) {
            return;
        }
        int start = start(k0, k1);
        lock(start);
        if (epoch.now() == since) {
            int way = victim(start, k0, k1);
            int at = start + (way + 1 << strideShift);
            store(at, k0);
            store(at + KEY1, k1);
            store(at + TAG, tag);
            store(at + WORDS, word0);
            note(k0, k1, way);
            if (width > 1) {
                store(at + WORDS + 1, word1);
                store(at + WORDS + 2, word2);
                store(at + WORDS + 3, word3);
            }
        }
        unlock(start);
    }

    private int victim(int start, long k0, long k1) {
        int free = -1;
        for (int way = ways - 1; way >= 0; way--) {
            int at = start + (way + 1 << strideShift);
            if (load(at) == k0 && load(at + KEY1) == k1) {
                return way;
            }
            if (load(at) == 0) {
                free = way;
            }
        }
        if (free >= 0) {
            return free;
        }
        int set = start / row;
        int way = next[set];
        next[set] = (byte) ((way + 1) % ways);
        evictions[set]++;
        return way;
    }

    /** Forgets entries. The epoch has been turned before. */
    public void invalidate(Doomed doomed) {
        for (int start = 0; start < length; start += row) {
            lock(start);
            for (int way = 1; way <= ways; way++) {
                int at = start + (way << strideShift);
                if (load(at) != 0 && doomed.test(load(at), load(at + KEY1), load(at + TAG))) {
                    store(at, 0);
                }
            }
            unlock(start);
        }
    }

    private void lock(int start) {
        while (true) {
            long version = version(start);
            long at = base + GUESSES + (long) start * Long.BYTES;
            if ((version & 1) == 0 && VERSION.compareAndSet(ALL, at, version, version + 1)) {
                VarHandle.storeStoreFence(); // nobody sees a change under the version before
                return;
            }
            Thread.onSpinWait();
        }
    }

    private void unlock(int start) {
        VERSION.setRelease(ALL, base + GUESSES + (long) start * Long.BYTES, load(start) + 1);
    }

    /** Shows every entry, by set and way. */
    public void forEach(Visitor visitor) {
        for (int start = 0; start < length; start += row) {
            lock(start);
            var copy = block.asSlice(GUESSES + (long) start * Long.BYTES, (long) row * Long.BYTES)
                    .toArray(ValueLayout.JAVA_LONG);
            unlock(start);
            for (int way = 0; way < ways; way++) {
                int at = way + 1 << strideShift;
                if (copy[at] != 0) {
                    var words = Arrays.copyOfRange(copy, at + WORDS, at + WORDS + width);
                    visitor.entry(start / row, way, copy[at], copy[at + KEY1], copy[at + TAG], words);
                }
            }
        }
    }

    /** How it is used. */
    public CacheSummary summary(String name) {
        int used = 0;
        for (int start = 0; start < length; start += row) {
            for (int way = 1; way <= ways; way++) {
                used += load(start + (way << strideShift)) != 0 ? 1 : 0;
            }
        }
        long evicted = Arrays.stream(evictions).sum();
        return new CacheSummary(name, geometry.sets(), ways, used, counts.hits(), counts.misses(), evicted);
    }
}
