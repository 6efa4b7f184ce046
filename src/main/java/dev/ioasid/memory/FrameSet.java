package dev.ioasid.memory;

/**
 * A set of frames: a bit for each, off-heap, of which only touched parts cost anything. 512 frames are a block; blocks that are
 * full or empty are passed over whole. Guarded by its owner's lock.
 */
final class FrameSet implements AutoCloseable {
    private static final int WORD_SHIFT = 6;
    private static final int BLOCK_SHIFT = 9;
    private static final int FRAMES_IN_BLOCK = 1 << BLOCK_SHIFT;

    private final Reservation bits;
    private final short[] inBlock;
    private long size;

    /** Empty, for frames 0 to {@code frames - 1}. */
    FrameSet(long frames) {
        long blocks = (frames + FRAMES_IN_BLOCK - 1) >>> BLOCK_SHIFT;
        this.bits = Reservation.of(blocks * (FRAMES_IN_BLOCK / Byte.SIZE));
        this.inBlock = new short[Math.toIntExact(blocks)];
    }

    long size() {
        return size;
    }

    boolean contains(long frame) {
        return (word(frame) >>> frame & 1) != 0;
    }

    /** Adds {@code first} to {@code end - 1}, whichever are missing. */
    void add(long first, long end) {
        for (long at = first; at < end; at = nextWord(at)) {
            long before = word(at);
            put(at, before, before | mask(at, end));
        }
    }

    /** Removes {@code first} to {@code end - 1}, whichever are there. */
    void remove(long first, long end) {
        for (long at = first; at < end; at = nextWord(at)) {
            long before = word(at);
            put(at, before, before & ~mask(at, end));
        }
    }

    /** The first member in {@code first..end-1}; {@code end} if there is none. */
    long nextMember(long first, long end) {
        return next(first, end, 0, 0);
    }

    /** The first frame in {@code first..end-1} that is no member; {@code end} if there is none. */
    long nextOther(long first, long end) {
        return next(first, end, -1, FRAMES_IN_BLOCK);
    }

    /** Finds the first bit that differs from {@code same}, which blocks with {@code passed} members are made of. */
    private long next(long first, long end, long same, int passed) {
        for (long at = first; at < end; ) {
            if (inBlock[block(at)] == passed) {
                at = (at | FRAMES_IN_BLOCK - 1) + 1;
            } else {
                long different = (word(at) ^ same) >>> at;
                if (different != 0) {
                    return Math.min(at + Long.numberOfTrailingZeros(different), end);
                }
                at = nextWord(at);
            }
        }
        return end;
    }

    private void put(long frame, long before, long after) {
        int more = Long.bitCount(after) - Long.bitCount(before);
        bits.setWord(offset(frame), after);
        inBlock[block(frame)] += (short) more;
        size += more;
    }

    private long word(long frame) {
        return bits.word(offset(frame));
    }

    private static long offset(long frame) {
        return (frame >>> WORD_SHIFT) * Long.BYTES;
    }

    private static int block(long frame) {
        return (int) (frame >>> BLOCK_SHIFT);
    }

    private static long nextWord(long frame) {
        return (frame | Long.SIZE - 1) + 1;
    }

    /** The bits of {@code at..end-1} within the word of {@code at}. */
    private static long mask(long at, long end) {
        long above = end >= nextWord(at) ? -1 : (1L << end) - 1; // shifts count modulo 64
        return above & -1L << at;
    }

    @Override
    public void close() {
        bits.close();
    }
}
