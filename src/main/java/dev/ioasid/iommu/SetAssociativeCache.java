package dev.ioasid.iommu;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
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

    private static final VarHandle VERSION = MethodHandles.arrayElementVarHandle(int[].class);
    private static final long MIX = 0x9e37_79b9_7f4a_7c15L;
    private static final int GUESSES = 4096;
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

    private final CacheEpoch epoch;
    private final int sets;
    private final int ways;
    private final int width;
    private final long[] key0;
    private final long[] key1;
    private final long[] tags;
    private final long[] words;
    private final int[] versions;
    private final byte[] next;
    /** The way in which a key was found the last time: a set is searched only where that is wrong. */
    private final byte[] guesses = new byte[GUESSES];

    private final HitCounts counts = new HitCounts();
    private final long[] evictions;

    /** @param width words of an entry, 1 to 4 */
    public SetAssociativeCache(CacheGeometry geometry, int width, CacheEpoch epoch) {
        int entries = geometry.sets() * geometry.ways();
        this.epoch = epoch;
        this.sets = geometry.sets();
        this.ways = geometry.ways();
        this.width = width;
        this.key0 = new long[entries];
        this.key1 = new long[entries];
        this.tags = new long[entries];
        this.words = new long[entries * width];
        this.versions = new int[sets];
        this.next = new byte[sets];
        this.evictions = new long[sets];
    }

    /** Whether there is such a cache at all. */
    public boolean exists() {
        return sets != 0;
    }

    private int set(long k0, long k1) {
        return (int) (k0 + SPREAD * (k1 + (k1 >>> 20) + (k1 >>> 40))) & sets - 1;
    }

    /**
     * The first word of an entry.
     *
     * @param k0 with {@link #VALID}
     * @return 0 if there is no such entry
     */
    public long first(long k0, long k1) {
        if (sets == 0) {
            return 0;
        }
        int set = set(k0, k1);
        int version = (int) VERSION.getAcquire(versions, set);
        int guess = (int) ((k0 * MIX ^ k1) * MIX >>> 52);
        int at = set * ways + guesses[guess];
        if (key0[at] != k0 || key1[at] != k1) {
            at = search(set, k0, k1, guess);
            if (at < 0) {
                return 0;
            }
        }
        long word = words[at * width];
        VarHandle.loadLoadFence();
        return (version & 1) == 0 && (int) VERSION.getOpaque(versions, set) == version ? word : 0;
    }

    private int search(int set, long k0, long k1, int guess) {
        int start = set * ways;
        for (int way = 0; way < ways; way++) {
            if (key0[start + way] == k0 && key1[start + way] == k1) {
                guesses[guess] = (byte) way;
                return start + way;
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
        if (sets == 0) {
            return MISS;
        }
        int set = set(k0, k1);
        int version = (int) VERSION.getAcquire(versions, set);
        int at = search(set, k0, k1, (int) ((k0 * MIX ^ k1) * MIX >>> 52));
        return at < 0 || (version & 1) != 0 ? MISS : (long) version << 32 | at;
    }

    /** A word of what was found; to be used only once {@link #holds} has been asked. */
    public long word(long found, int index) {
        return words[(int) found * width + index];
    }

    /** By what it is forgotten; to be used only once {@link #holds} has been asked. */
    public long tag(long found) {
        return tags[(int) found];
    }

    /** Whether everything that was read of what was found was the entry's. */
    public boolean holds(long found) {
        VarHandle.loadLoadFence();
        return (int) VERSION.getOpaque(versions, (int) found / ways) == (int) (found >>> 32);
    }

    /** Counts a lookup; where there is no cache, there is none. */
    public void count(boolean hit) {
        if (sets == 0) {
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
        if (sets == 0) {
            return;
        }
        int set = set(k0, k1);
        int version = lock(set);
        if (epoch.now() == since) {
            int at = set * ways + victim(set, k0, k1);
            key0[at] = k0;
            key1[at] = k1;
            tags[at] = tag;
            int first = at * width;
            words[first] = word0;
            if (width > 1) {
                words[first + 1] = word1;
            }
            if (width > 2) {
                words[first + 2] = word2;
            }
            if (width > 3) {
                words[first + 3] = word3;
            }
        }
        unlock(set, version);
    }

    private int victim(int set, long k0, long k1) {
        int start = set * ways;
        int free = -1;
        for (int way = ways - 1; way >= 0; way--) {
            if (key0[start + way] == k0 && key1[start + way] == k1) {
                return way;
            }
            if (key0[start + way] == 0) {
                free = way;
            }
        }
        if (free >= 0) {
            return free;
        }
        int way = next[set];
        next[set] = (byte) ((way + 1) % ways);
        evictions[set]++;
        return way;
    }

    /** Forgets entries. The epoch has been turned before. */
    public void invalidate(Doomed doomed) {
        for (int set = 0; set < sets; set++) {
            int version = lock(set);
            for (int at = set * ways; at < (set + 1) * ways; at++) {
                if (key0[at] != 0 && doomed.test(key0[at], key1[at], tags[at])) {
                    key0[at] = 0;
                }
            }
            unlock(set, version);
        }
    }

    private int lock(int set) {
        while (true) {
            int version = (int) VERSION.getOpaque(versions, set);
            if ((version & 1) == 0 && VERSION.compareAndSet(versions, set, version, version + 1)) {
                VarHandle.storeStoreFence(); // nobody sees a change under the version before
                return version;
            }
            Thread.onSpinWait();
        }
    }

    private void unlock(int set, int version) {
        VERSION.setRelease(versions, set, version + 2);
    }

    /** Shows every entry, by set and way. */
    public void forEach(Visitor visitor) {
        for (int set = 0; set < sets; set++) {
            int version = lock(set);
            var there = new boolean[ways];
            var copy = new long[ways][];
            for (int way = 0; way < ways; way++) {
                int at = set * ways + way;
                there[way] = key0[at] != 0;
                copy[way] = Arrays.copyOfRange(words, at * width, (at + 1) * width);
            }
            var k0 = Arrays.copyOfRange(key0, set * ways, (set + 1) * ways);
            var k1 = Arrays.copyOfRange(key1, set * ways, (set + 1) * ways);
            var tag = Arrays.copyOfRange(tags, set * ways, (set + 1) * ways);
            unlock(set, version);
            for (int way = 0; way < ways; way++) {
                if (there[way]) {
                    visitor.entry(set, way, k0[way], k1[way], tag[way], copy[way]);
                }
            }
        }
    }

    /** How it is used. */
    public CacheSummary summary(String name) {
        int used = 0;
        for (long key : key0) {
            used += key != 0 ? 1 : 0;
        }
        long evicted = 0;
        for (long count : evictions) {
            evicted += count;
        }
        return new CacheSummary(name, sets, ways, used, counts.hits(), counts.misses(), evicted);
    }
}
