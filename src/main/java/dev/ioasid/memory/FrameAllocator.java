package dev.ioasid.memory;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Gives out frames of a machine's memory: always the lowest that fit, so that the same requests get the same frames. The search
 * begins at {@link #firstChoice}; what lies below is the user's, and is given out only when all else is taken.
 *
 * <p><b>Who may call.</b> Any thread; one lock guards everything. Nothing is called back under it.
 *
 * <p><b>What is in a frame.</b> Zero. A free frame is zero unless someone wrote to it from outside, which is noted by
 * {@link #written} and made good when the frame is given out. Tables are empty when they come back, so {@link #freeZeroed}
 * leaves them as they are; {@link #free} gives the frame's memory back to the system.
 *
 * <p>A <em>claimed</em> range is memory that a user has named himself, as the target of a mapping. It is nobody's frame, is
 * never freed, and is not given out while the claim lasts.
 */
public final class FrameAllocator implements AutoCloseable {
    private static final int PAGE_SHIFT = PhysicalMemory.PAGE_SHIFT;
    private static final long PAGE_SIZE = PhysicalMemory.PAGE_SIZE;
    private static final int BLOCK_SHIFT = 21;
    private static final long BLOCK_SIZE = 1L << BLOCK_SHIFT;
    private static final int FRAMES_IN_BLOCK = 1 << BLOCK_SHIFT - PAGE_SHIFT;
    private static final long LARGE_MEMORY = 64L << 20;
    private static final long LEFT_TO_USER = 16L << 20;

    private final PhysicalMemory memory;
    private final ReentrantLock lock = new ReentrantLock();
    private final Reservation taken;
    private final Reservation written;
    private final short[] takenInBlock;
    private final ClaimedRanges claims = new ClaimedRanges();
    private final long end;
    private final long start;
    /** No free frame lies between {@link #start} and this. */
    private long hint;

    private long free;

    public FrameAllocator(PhysicalMemory memory) {
        this.memory = memory;
        this.end = memory.size();
        long frames = end >>> PAGE_SHIFT;
        long bitmap = Math.max(PAGE_SIZE, (frames + 511) / 512 * 64);
        this.taken = Reservation.of(bitmap);
        this.written = Reservation.of(bitmap);
        this.takenInBlock = new short[Math.toIntExact((end + BLOCK_SIZE - 1) >>> BLOCK_SHIFT)];
        this.start = end >= LARGE_MEMORY ? LEFT_TO_USER : 0;
        this.hint = start;
        this.free = frames;
        mark(0, PAGE_SIZE, true); // an address of 0 means nothing, in too many places
        for (var hole : memory.holes()) {
            for (long at = Math.max(hole.first(), PAGE_SIZE); at <= Math.min(hole.last(), end - 1); at += PAGE_SIZE) {
                mark(at, PAGE_SIZE, true);
            }
        }
    }

    /** The lowest address that is given out while others are left. */
    public long firstChoice() {
        return start;
    }

    /** Frames that nobody has, in bytes. Claims do not count. */
    public long freeBytes() {
        lock.lock();
        try {
            return free << PAGE_SHIFT;
        } finally {
            lock.unlock();
        }
    }

    /** A frame of 4 KiB that is about to be written. ENOMEM. */
    public long allocate() {
        long address = allocate(PAGE_SIZE, PAGE_SIZE);
        memory.commit(AddressRange.of(address, PAGE_SIZE));
        return address;
    }

    /** So many frames of 4 KiB that are about to be written, or none at all: ENOMEM. */
    public long[] allocate(int frames) {
        var addresses = new long[frames];
        for (int i = 0; i < frames; i++) {
            try {
                addresses[i] = allocate();
            } catch (RefusedException refused) {
                while (i > 0) {
                    freeZeroed(addresses[--i]);
                }
                throw refused;
            }
        }
        return addresses;
    }

    /** Memory in one piece. ENOMEM. */
    public long allocate(long bytes, long alignment) {
        long address = tryAllocate(bytes, alignment);
        if (address < 0) {
            throw new RefusedException(
                    Errno.ENOMEM,
                    "simulated memory has no 0x%x bytes left in one piece, aligned to 0x%x; 0x%x bytes are free"
                            .formatted(bytes, alignment, freeBytes()),
                    Map.of("length", bytes));
        }
        return address;
    }

    /**
     * Memory in one piece, zero and committed on first use.
     *
     * @param bytes a multiple of 4 KiB
     * @param alignment a power of two, from 4 KiB
     * @return its address, or -1 if there is none
     */
    public long tryAllocate(long bytes, long alignment) {
        lock.lock();
        try {
            if (bytes >>> PAGE_SHIFT > free) {
                return -1;
            }
            long found = search(hint, end, bytes, alignment);
            if (found < 0) {
                found = search(0, Math.min(end, start + bytes), bytes, alignment);
            }
            if (found >= 0) {
                if (bytes == PAGE_SIZE && found >= start && (claims.isEmpty() || claims.firstWithin(hint, found) < 0)) {
                    hint = found + PAGE_SIZE;
                }
                mark(found, bytes, true);
                cleanse(found, bytes);
            }
            return found;
        } finally {
            lock.unlock();
        }
    }

    /** Gives memory back, whatever is in it. */
    public void free(long address, long bytes) {
        memory.discard(AddressRange.of(address, bytes));
        lock.lock();
        try {
            for (long at = address; at < address + bytes; at += PAGE_SIZE) {
                written.clearBit(at >>> PAGE_SHIFT);
            }
            giveBack(address, bytes);
        } finally {
            lock.unlock();
        }
    }

    /** Gives back a frame of 4 KiB that is zero, but for what was written from outside. */
    public void freeZeroed(long address) {
        lock.lock();
        try {
            giveBack(address, PAGE_SIZE);
        } finally {
            lock.unlock();
        }
    }

    private void giveBack(long address, long bytes) {
        mark(address, bytes, false);
        if (address >= start) {
            hint = Math.min(hint, address);
        }
    }

    /** Someone wrote into memory without having been given it. */
    public void written(AddressRange range) {
        lock.lock();
        try {
            for (long page = range.first() >>> PAGE_SHIFT; page <= range.last() >>> PAGE_SHIFT; page++) {
                written.setBit(page);
            }
        } finally {
            lock.unlock();
        }
    }

    /** A user counts on this memory: it is not given out, unless it is already. */
    public void claim(AddressRange range) {
        lock.lock();
        try {
            claims.claim(range);
        } finally {
            lock.unlock();
        }
    }

    /** Takes one claim back. */
    public void release(AddressRange range) {
        lock.lock();
        try {
            claims.release(range);
            hint = start;
        } finally {
            lock.unlock();
        }
    }

    private long search(long from, long to, long bytes, long alignment) {
        for (long at = alignUp(from, alignment); at >= 0 && at + bytes <= to; ) {
            long conflict = conflict(at, at + bytes);
            if (conflict < 0) {
                return at;
            }
            at = alignUp(nextFree(conflict), alignment);
        }
        return -1;
    }

    private static long alignUp(long address, long alignment) {
        return address < 0 ? -1 : address + alignment - 1 & -alignment;
    }

    /** The first address in {@code first..end-1} that is taken or claimed; -1 if all of it is free. */
    private long conflict(long first, long end) {
        for (long at = first; at < end; ) {
            int block = (int) (at >>> BLOCK_SHIFT);
            long blockEnd = at + BLOCK_SIZE & -BLOCK_SIZE;
            if (takenInBlock[block] != 0) {
                long stop = Math.min(blockEnd, end);
                for (; at < stop; at += PAGE_SIZE) {
                    if (taken.bit(at >>> PAGE_SHIFT)) {
                        return at;
                    }
                }
            }
            at = blockEnd;
        }
        return claims.isEmpty() ? -1 : claims.firstWithin(first, end - 1);
    }

    /** The first free address above a taken or claimed one; -1 if there is none. */
    private long nextFree(long conflict) {
        long at = conflict;
        while (at < end) {
            long claimed = claims.isEmpty() ? -1 : claims.lastOfPieceAt(at);
            if (claimed >= 0) {
                at = claimed + 1;
            } else if (takenInBlock[(int) (at >>> BLOCK_SHIFT)] == FRAMES_IN_BLOCK) {
                at = at + BLOCK_SIZE & -BLOCK_SIZE;
            } else if (taken.bit(at >>> PAGE_SHIFT)) {
                at += PAGE_SIZE;
            } else {
                return at;
            }
        }
        return -1;
    }

    private void mark(long address, long bytes, boolean take) {
        for (long at = address; at < address + bytes; at += PAGE_SIZE) {
            boolean changed = take ? taken.setBit(at >>> PAGE_SHIFT) : taken.clearBit(at >>> PAGE_SHIFT);
            if (!changed) {
                throw new IllegalStateException(
                        "frame 0x" + Long.toHexString(at) + " is " + (take ? "taken" : "free") + " already");
            }
            takenInBlock[(int) (at >>> BLOCK_SHIFT)] += (short) (take ? 1 : -1);
            free += take ? -1 : 1;
        }
    }

    private void cleanse(long address, long bytes) {
        for (long at = address; at < address + bytes; at += PAGE_SIZE) {
            if (written.bit(at >>> PAGE_SHIFT)) {
                written.clearBit(at >>> PAGE_SHIFT);
                memory.discard(AddressRange.of(at, PAGE_SIZE));
            }
        }
    }

    @Override
    public void close() {
        taken.close();
        written.close();
    }
}
