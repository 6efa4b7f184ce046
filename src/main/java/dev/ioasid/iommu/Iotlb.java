package dev.ioasid.iommu;

import dev.ioasid.pagetable.Permissions;
import dev.ioasid.pagetable.Walked;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * Translations of whole pages, found by who asks and by an address within the page.
 *
 * <p>Who asks and how an entry is forgotten are numbers that the architecture above makes. What an entry is good for may be less
 * than what it says: a page that no write has been through yet is good for reads only, since a write has to mark the table.
 *
 * <p>Any thread may call, see {@link SetAssociativeCache}.
 */
public final class Iotlb {
    private static final VarHandle HELD;

    static {
        try {
            HELD = MethodHandles.lookup().findVarHandle(Iotlb.class, "held", int.class);
        } catch (ReflectiveOperationException impossible) {
            throw new ExceptionInInitializerError(impossible);
        }
    }

    private static final long PAGE_MASK = (1L << 52) - 1;
    private static final int SIZE_SHIFT = 60;
    private static final int SIZES = 7;
    /** Bits of what is kept that no address has: what it is good for, by {@link Walked#READ} and {@link Walked#WRITE}. */
    private static final long OFFSET = 0xfff;

    /** log2 of the smallest page, of any architecture. */
    private static final int SMALLEST = 12;

    /** Says which entries are to go. */
    @FunctionalInterface
    public interface Doomed {
        boolean test(long who, long tag, long page, int shift);
    }

    /** Is shown entries. */
    @FunctionalInterface
    public interface Visitor {
        /** @param word see {@link Walked}; negative: a refusal that is kept */
        void entry(int set, int way, long who, long tag, long page, int shift, long word);
    }

    private final SetAssociativeCache cache;
    private final int[] shifts;
    /** Bit n: pages of size n have been kept. */
    @SuppressWarnings("UnusedVariable") // written by its handle
    private int held;

    /** @param shifts log2 of the page sizes, eight at most, ascending from 12 */
    public Iotlb(CacheGeometry geometry, CacheEpoch epoch, int... shifts) {
        this.cache = new SetAssociativeCache(geometry, 1, epoch);
        this.shifts = shifts;
    }

    public boolean exists() {
        return cache.exists();
    }

    private static long key(long address, int shift, int size) {
        return SetAssociativeCache.VALID | (long) size << SIZE_SHIFT | address >>> shift & PAGE_MASK;
    }

    /**
     * What is known of an address: see {@link Walked}; a refusal that was kept, which is negative; or 0.
     *
     * @param need {@link Walked#READ} and {@link Walked#WRITE}: what an entry must be good for
     */
    public long find(long who, long address, long need) {
        if (held == 1) { // the common case: pages of the smallest size only
            long word = cache.single(SetAssociativeCache.VALID | address >>> SMALLEST, who);
            return word > 0 ? (word & need) == need ? word & ~OFFSET | address & OFFSET : 0 : word;
        }
        return findAmongSizes(who, address, need);
    }

    private long findAmongSizes(long who, long address, long need) {
        for (int left = held; left != 0; left &= left - 1) {
            int size = Integer.numberOfTrailingZeros(left);
            int shift = shifts[size];
            long word = cache.single(key(address, shift, size), who);
            if (word != 0) {
                return word < 0 ? word : (word & need) == need ? word & ~OFFSET | address & (1L << shift) - 1 : 0;
            }
        }
        return 0;
    }

    /** By what the translation of an address is forgotten; 0 if there is none. */
    public long tag(long who, long address) {
        for (int left = held; left != 0; left &= left - 1) {
            int size = Integer.numberOfTrailingZeros(left);
            long found = cache.find(key(address, shifts[size], size), who);
            if (found != SetAssociativeCache.MISS) {
                long tag = cache.tag(found);
                return cache.holds(found) ? tag : 0;
            }
        }
        return 0;
    }

    /** Counts a request: a hit if the entry found was good for it. */
    public void count(boolean hit) {
        cache.count(hit);
    }

    /**
     * Keeps a translation, in place of one of the same page, unless something was invalidated since.
     *
     * @param since the epoch before the tables were read
     * @param walked with {@link Walked#MARKED}; its page has one of the sizes
     */
    public void keep(int since, long who, long tag, long address, long walked) {
        int shift = Walked.shift(walked);
        long rights = Walked.rights(walked);
        long good = (walked & Walked.MARKED) != 0 ? rights : rights & ~Walked.WRITE;
        fill(since, who, tag, address, shift, walked & ~Walked.MARKED & -1L << shift | good);
    }

    /** Keeps that there is no translation. */
    public void keepRefusal(int since, long who, long tag, long address, long refusal) {
        fill(since, who, tag, address, shifts[0], refusal);
    }

    private void fill(int since, long who, long tag, long address, int shift, long word) {
        int size = size(shift);
        if ((held & 1 << size) == 0) {
            int unused = (int) HELD.getAndBitwiseOr(this, 1 << size);
        }
        cache.fill(since, key(address, shift, size), who, tag, word, 0, 0, 0);
    }

    private int size(int shift) {
        int size = 0;
        while (shifts[size] != shift) {
            size++;
        }
        return size;
    }

    /** Forgets entries. The epoch has been turned before. */
    public void invalidate(Doomed doomed) {
        cache.invalidate((key, who, tag) -> doomed.test(who, tag, page(key), shift(key)));
    }

    private int shift(long key) {
        return shifts[(int) (key >>> SIZE_SHIFT) & SIZES];
    }

    /** First address of the page, without bits that the key has no room for. */
    private long page(long key) {
        int shift = shift(key);
        return (key & PAGE_MASK) << shift;
    }

    /**
     * Whether a page has an address in a range.
     *
     * @param bits addresses are compared by so many of their lowest bits
     */
    public static boolean meets(long page, int shift, long first, long last, int bits) {
        long mask = bits >= Long.SIZE ? -1 : (1L << bits) - 1;
        boolean all = Long.compareUnsigned(last - first, mask) >= 0;
        long number = (page & mask) >>> shift;
        return all || number >= (first & mask) >>> shift && number <= (last & mask) >>> shift;
    }

    /** Shows every entry, by set and way. */
    public void forEach(Visitor visitor) {
        cache.forEach(
                (set, way, key, who, tag, words) -> visitor.entry(set, way, who, tag, page(key), shift(key), words[0]));
    }

    public CacheSummary summary(String name) {
        return cache.summary(name);
    }

    /** Where an entry leads. */
    public static long target(long word) {
        return Walked.address(word) & ~OFFSET;
    }

    /** What an entry lets its requesters do. */
    public static Permissions permissions(long word) {
        return new Permissions(
                (Walked.rights(word) & Walked.READ) != 0, (Walked.rights(word) & Walked.WRITE) != 0, false, false);
    }
}
