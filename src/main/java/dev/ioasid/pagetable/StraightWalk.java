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
    private static final long ADDRESS = TableFormat.ADDRESS;

    private final PhysicalMemory memory;
    private final int levels;
    private final int inputBits;
    private final long badTable;
    private final long badPage;
    private final long badLargePage;
    private final long badHugePage;

    /**
     * @param inputBits inputs have fewer bits than this
     */
    public StraightWalk(PhysicalMemory memory, TableFormat format, int inputBits) {
        boolean plainRights = format.read() == Walked.READ && format.write() == Walked.WRITE;
        this.memory = memory;
        this.levels = format.levels();
        this.inputBits = inputBits;
        this.badTable = format.mustBeZero(2, false) | ADDRESS & ~memory.fold();
        // where rights are kept elsewhere, or a level has no leaves, every leaf is bad here and is walked exactly
        this.badPage = plainRights ? format.mustBeZero(1, true) : -1;
        this.badLargePage = plainRights && format.allowsLeaf(2) ? format.mustBeZero(2, true) : -1;
        this.badHugePage = plainRights && format.allowsLeaf(3) ? format.mustBeZero(3, true) : -1;
    }

    /**
     * @param need {@link Walked#READ} and {@link Walked#WRITE}
     * @return what was found, or {@link #UNDECIDED}; see {@link Walked}
     */
    public long walk(long root, long input, long need) {
        long table = root;
        long any = root & badTable & ADDRESS;
        long common = -1;
        if (levels > 3) {
            if (levels > 4) {
                long e5 = memory.folded(table + (input >>> 48 & 511) * 8);
                any |= e5;
                common &= e5;
                table = e5 & ADDRESS;
            }
            long e4 = memory.folded(table + (input >>> 39 & 511) * 8);
            any |= e4;
            common &= e4;
            table = e4 & ADDRESS;
        }
        long e3 = memory.folded(table + (input >>> 30 & 511) * 8);
        if ((e3 & PAGE_SIZE_BIT) != 0) {
            return hugePage(any, common, e3, input, need);
        }
        long e2 = memory.folded((e3 & ADDRESS) + (input >>> 21 & 511) * 8);
        any |= e3;
        common &= e3 & e2;
        if ((e2 & PAGE_SIZE_BIT) != 0) {
            long address = e2 & ADDRESS & -1L << 21 | input & (1 << 21) - 1;
            long bad = any & badTable | e2 & badLargePage | need & ~common | input >>> inputBits;
            return bad == 0 && address >>> 20 != 0xfee ? Walked.found(address, 21, common & 3) : UNDECIDED;
        }
        long e1 = memory.folded((e2 & ADDRESS) + (input >>> 12 & 511) * 8);
        common &= e1;
        long address = e1 & ADDRESS | input & (1 << 12) - 1;
        long bad = (any | e2) & badTable | e1 & badPage | need & ~common | input >>> inputBits;
        return bad == 0 && address >>> 20 != 0xfee ? Walked.found(address, 12, common & 3) : UNDECIDED;
    }

    private long hugePage(long any, long common, long e3, long input, long need) {
        long rights = common & e3;
        long address = e3 & ADDRESS & -1L << 30 | input & (1 << 30) - 1;
        long bad = any & badTable | e3 & badHugePage | need & ~rights | input >>> inputBits;
        return bad == 0 && address >>> 20 != 0xfee ? Walked.found(address, 30, rights & 3) : UNDECIDED;
    }
}
