package dev.ioasid.pagetable;

import dev.ioasid.memory.PhysicalMemory;

/**
 * The short way through a second-stage table, for a request that will be translated: all levels are loaded at once, and the
 * OR and the AND of the entries are judged once. Whatever fails is walked again by {@link PageWalk}, which names the fault;
 * so the two never disagree about one.
 *
 * <p><b>Who may call.</b> Any thread, inside a stay of {@link dev.ioasid.memory.Readers}. No lock, no allocation.
 *
 * <p><b>Why plain loads are enough.</b> Each load needs the value of the one before for its address, so neither the compiler
 * nor a processor can make it earlier; an aligned word is never seen half written. A table is zero before its link is released, so
 * a walk that finds the link finds the table. Folding keeps the load inside the reservation whatever the entry says.
 */
public final class StraightWalk {
    /** Not found this way: walk exactly. */
    public static final long UNDECIDED = -1;

    private static final long PAGE_SIZE_BIT = 1 << 7;
    private static final int REQUEST = PageWalk.READ | PageWalk.WRITE;
    private static final long ADDRESS = TableFormat.ADDRESS;

    private final PhysicalMemory memory;
    private final int levels;
    private final long accessed;
    private final long dirty;
    private final long badInput;
    private final long beyondMemory;
    private final long badTable;
    private final long badPage;
    private final long badLargePage;
    private final long badHugePage;

    /**
     * @param inputBits inputs have fewer bits than this
     */
    public StraightWalk(PhysicalMemory memory, TableFormat format, int inputBits) {
        boolean plainRights = format.read() == PageWalk.READ && format.write() == PageWalk.WRITE;
        this.memory = memory;
        this.levels = format.levels();
        this.accessed = format.accessed();
        this.dirty = format.dirty();
        this.badInput = -1L << inputBits;
        this.beyondMemory = ~memory.fold();
        this.badTable = format.mustBeZero(2, false) | ADDRESS & ~memory.fold();
        // where rights are kept elsewhere, or a level has no leaves, every leaf is bad here and is walked exactly
        this.badPage = plainRights ? odd(format, 1) : -1;
        this.badLargePage = plainRights && format.allowsLeaf(2) ? odd(format, 2) : -1;
        this.badHugePage = plainRights && format.allowsLeaf(3) ? odd(format, 3) : -1;
    }

    /** The bits of a leaf that must be zero, and that of snooping, which the exact walk tells. */
    private static long odd(TableFormat format, int level) {
        return format.mustBeZero(level, true) | TableFormat.SNOOP;
    }

    /**
     * @param how {@link PageWalk#READ}, {@link PageWalk#WRITE} and {@link PageWalk#ACCESSED_DIRTY}; the rest does not matter here
     * @return what was found, or {@link #UNDECIDED}; see {@link Walked}
     */
    public long walk(long root, long input, int how) {
        return walk(root, input, how, false);
    }

    /** The word at the address that is found; 0 if it is not found this way, or is beyond memory. */
    long wordAt(long root, long input, int how) {
        return walk(root, input, how, true);
    }

    private long walk(long root, long input, int how, boolean word) {
        if (levels == 4) {
            long e4 = memory.entry(root, Levels512.offset(input, 4));
            return below(e4, (root & ADDRESS | e4) & badTable, e4, input, how, word);
        }
        return levels == 3
                ? below(root, root & ADDRESS & badTable, -1, input, how, word)
                : walk5(root, input, how, word);
    }

    private long walk5(long root, long input, int how, boolean word) {
        long e5 = memory.entry(root, Levels512.offset(input, 5));
        long e4 = memory.entry(e5, Levels512.offset(input, 4));
        return below(e4, (root & ADDRESS | e5 | e4) & badTable, e5 & e4, input, how, word);
    }

    /** The last three levels. {@code link} leads to them; {@code bad} and {@code common} are of what is above. */
    private long below(long link, long bad, long common, long input, int how, boolean word) {
        long e3 = memory.entry(link, Levels512.offset(input, 3));
        if ((e3 & PAGE_SIZE_BIT) != 0) {
            return page(e3, 30, bad | e3 & badHugePage, common & e3, input, how, word);
        }
        long e2 = memory.entry(e3, Levels512.offset(input, 2));
        if ((e2 & PAGE_SIZE_BIT) != 0) {
            return page(e2, 21, bad | e3 & badTable | e2 & badLargePage, common & e3 & e2, input, how, word);
        }
        long e1 = memory.entry(e2, Levels512.offset(input, 1));
        return page(e1, 12, bad | (e3 | e2) & badTable | e1 & badPage, common & e3 & e2 & e1, input, how, word);
    }

    private long page(long leaf, int shift, long bad, long common, long input, int how, boolean word) {
        long missing = how & REQUEST & ~common;
        if ((how & PageWalk.ACCESSED_DIRTY) != 0) {
            missing |= accessed & ~common | ((how & PageWalk.WRITE) != 0 ? dirty & ~leaf : 0);
        }
        long address = leaf & ADDRESS & -1L << shift | input & (1L << shift) - 1;
        boolean fine = (bad | missing | input & badInput) == 0 && !PageWalk.isInterrupt(address);
        if (word) {
            return fine && (address & beyondMemory) == 0 ? memory.folded(address) : 0;
        }
        return fine ? Walked.found(address, shift, common & REQUEST) : UNDECIDED;
    }
}
