package dev.ioasid.memory;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Loops over consecutive words of a memory, in shapes that the compiler turns into vector code. Plain accesses: an aligned
 * word is never seen half written, and whoever wants an order publishes afterwards.
 *
 * <p>Callers make sure that the block lies within one table.
 */
public final class WordBlock {
    private static final int MOST = 512;
    private static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);
    private static final ValueLayout.OfLong WORD = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final int SMALLEST_STEP = 12;
    private static final int STEP_BITS = 9;
    private static final long[][] ASCENDING = {ascending(12), ascending(21), ascending(30)};

    private WordBlock() {}

    private static long[] ascending(int stepShift) {
        var offsets = new long[MOST];
        for (int i = 0; i < MOST; i++) {
            offsets[i] = (long) i << stepShift;
        }
        return offsets;
    }

    /** How many of the words are not zero. */
    public static long used(PhysicalMemory memory, long address, int count) {
        return used(memory.base() + (address & memory.fold()), count);
    }

    private static long used(long at, int count) {
        long used = 0;
        for (int i = 0; i < count; i++) {
            long word = ALL.get(WORD, at + i * 8L);
            used += (word | -word) >>> 63;
        }
        return used;
    }

    /** Writes {@code first}, {@code first + 2^stepShift}, and so on: fast with a step of 12, 21 or 30, up to 512 words. */
    public static void fill(PhysicalMemory memory, long address, int count, long first, int stepShift) {
        long at = memory.base() + (address & memory.fold());
        int step = (stepShift - SMALLEST_STEP) / STEP_BITS;
        if (count <= MOST && SMALLEST_STEP + step * STEP_BITS == stepShift && step < ASCENDING.length) {
            fill(at, count, first, ASCENDING[step]);
            return;
        }
        for (int i = 0; i < count; i++) {
            ALL.set(WORD, at + i * 8L, first + ((long) i << stepShift));
        }
    }

    private static void fill(long at, int count, long first, long[] offsets) {
        for (int i = 0; i < count; i++) {
            ALL.set(WORD, at + i * 8L, offsets[i] + first);
        }
    }

    public static void clear(PhysicalMemory memory, long address, int count) {
        clear(memory.base() + (address & memory.fold()), count);
    }

    private static void clear(long at, int count) {
        for (int i = 0; i < count; i++) {
            ALL.set(WORD, at + i * 8L, 0L);
        }
    }
}
