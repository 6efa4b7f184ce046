package dev.ioasid.memory;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Gives out frames of a machine's memory: always the lowest that fit, so that the same requests get the same frames. The search
 * begins at {@link #firstChoice}, in the middle of all but small memories; what lies below is the user's, who may have an image of a
 * guest there, and is given out only when all else is taken.
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
    private static final long LARGE_MEMORY = 64L << 20;
    private static final long LARGE_PAGE = 2L << 20;
    private static final long LAST = 512;

    private final PhysicalMemory memory;
    private final ReentrantLock lock = new ReentrantLock();
    private final FrameSet taken;
    private final FrameSet written;
    private final ClaimedRanges claims = new ClaimedRanges();
    private final long end;
    private final long frames;
    private final long start;
    /** Between {@link #start} and this, each frame is taken or claimed. */
    private long hint;

    public FrameAllocator(PhysicalMemory memory) {
        this.memory = memory;
        this.end = memory.size();
        this.frames = end >>> PAGE_SHIFT;
        this.taken = new FrameSet(frames);
        this.written = new FrameSet(frames);
        this.start = end >= LARGE_MEMORY ? end / 2 & -LARGE_PAGE : 0;
        this.hint = start;
        taken.add(0, 1); // an address of 0 means nothing, in too many places
        for (var hole : memory.holes()) {
            taken.add(hole.first() >>> PAGE_SHIFT, Math.min(hole.last() + 1 >>> PAGE_SHIFT, frames));
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
            return frames - taken.size() << PAGE_SHIFT;
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

    /**
     * So many pieces that are about to be written, or none at all: ENOMEM.
     *
     * @param bytes of each, a power of two from 4 KiB, which is what it is aligned to
     */
    public long[] allocate(int count, long bytes) {
        var addresses = new long[count];
        if (!lowest(addresses, bytes)) {
            throw full(count * bytes, bytes);
        }
        for (long address : addresses) {
            memory.commit(AddressRange.of(address, bytes));
        }
        return addresses;
    }

    private boolean lowest(long[] addresses, long bytes) {
        lock.lock();
        try {
            for (int i = 0; i < addresses.length; i++) {
                addresses[i] = lowest(bytes, bytes);
                if (addresses[i] < 0) {
                    while (i > 0) {
                        giveBack(addresses[--i], bytes);
                    }
                    return false;
                }
            }
            return true;
        } finally {
            lock.unlock();
        }
    }

    /** Memory in one piece. ENOMEM. */
    public long allocate(long bytes, long alignment) {
        long address = tryAllocate(bytes, alignment);
        if (address < 0) {
            throw full(bytes, alignment);
        }
        return address;
    }

    private RefusedException full(long bytes, long alignment) {
        return new RefusedException(
                Errno.ENOMEM,
                "simulated memory has no 0x%x bytes left, aligned to 0x%x; 0x%x bytes are free"
                        .formatted(bytes, alignment, freeBytes()),
                Map.of("length", bytes));
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
            return lowest(bytes, alignment);
        } finally {
            lock.unlock();
        }
    }

    /**
     * A frame of 4 KiB, zero and committed on first use: the highest of the last {@value #LAST} if one of them is free, so that those
     * that come in order are not moved by it; otherwise as any. ENOMEM.
     */
    public long allocateLast() {
        lock.lock();
        try {
            long lowest = Math.max(0, end - LAST * PAGE_SIZE);
            for (long at = end - PAGE_SIZE; at >= lowest; at -= PAGE_SIZE) {
                if (conflict(at, at + PAGE_SIZE) < 0) {
                    taken.add(at >>> PAGE_SHIFT, (at >>> PAGE_SHIFT) + 1);
                    cleanse(at, PAGE_SIZE);
                    return at;
                }
            }
        } finally {
            lock.unlock();
        }
        return allocate(PAGE_SIZE, PAGE_SIZE);
    }

    private long lowest(long bytes, long alignment) {
        if (bytes >>> PAGE_SHIFT > frames - taken.size()) {
            return -1;
        }
        long found = search(hint, end, bytes, alignment);
        if (found >= 0 && bytes == PAGE_SIZE && alignment == PAGE_SIZE) {
            hint = found + PAGE_SIZE;
        }
        if (found < 0) {
            found = search(0, Math.min(start + bytes - PAGE_SIZE, end), bytes, alignment);
        }
        if (found >= 0) {
            taken.add(found >>> PAGE_SHIFT, found + bytes >>> PAGE_SHIFT);
            cleanse(found, bytes);
        }
        return found;
    }

    /** The lowest piece in {@code from..to-1} that is neither taken nor claimed; -1 if there is none. */
    private long search(long from, long to, long bytes, long alignment) {
        long at = alignUp(from, alignment);
        while (at + bytes <= to) {
            long conflict = conflict(at, at + bytes);
            if (conflict < 0) {
                return at;
            }
            at = alignUp(nextFree(conflict), alignment);
        }
        return -1;
    }

    private static long alignUp(long address, long alignment) {
        return address + alignment - 1 & -alignment;
    }

    /** The first address in {@code first..stop-1} that is taken, or that is claimed; -1 if all of it is free. */
    private long conflict(long first, long stop) {
        long member = taken.nextMember(first >>> PAGE_SHIFT, stop >>> PAGE_SHIFT) << PAGE_SHIFT;
        if (member < stop) {
            return member;
        }
        return claims.isEmpty() ? -1 : claims.firstWithin(first, stop - 1);
    }

    /** The first page from a taken or claimed address on that is not taken, nor claimed where it begins; or the end of memory. */
    private long nextFree(long conflict) {
        for (long at = conflict; at < end; ) {
            long claimed = claims.isEmpty() ? -1 : claims.lastOfPieceAt(at);
            long next = claimed >= 0
                    ? alignUp(claimed + 1, PAGE_SIZE)
                    : taken.nextOther(at >>> PAGE_SHIFT, frames) << PAGE_SHIFT;
            if (next == at) {
                return at;
            }
            at = next;
        }
        return end;
    }

    /** Makes zero what was written while it was nobody's. */
    private void cleanse(long address, long bytes) {
        long stop = address + bytes >>> PAGE_SHIFT;
        for (long page = written.nextMember(address >>> PAGE_SHIFT, stop); page < stop; ) {
            long behind = written.nextOther(page, stop);
            written.remove(page, behind);
            memory.discard(AddressRange.of(page << PAGE_SHIFT, behind - page << PAGE_SHIFT));
            page = written.nextMember(behind, stop);
        }
    }

    /** Gives memory back, whatever is in it. */
    public void free(long address, long bytes) {
        lock.lock();
        try {
            written.remove(address >>> PAGE_SHIFT, address + bytes >>> PAGE_SHIFT);
        } finally {
            lock.unlock();
        }
        memory.discard(AddressRange.of(address, bytes)); // what is written from now on is noted again
        lock.lock();
        try {
            giveBack(address, bytes);
        } finally {
            lock.unlock();
        }
    }

    /** Gives back memory that is zero, but for what was written from outside. */
    public void freeZeroed(long address, long bytes) {
        lock.lock();
        try {
            giveBack(address, bytes);
        } finally {
            lock.unlock();
        }
    }

    private void giveBack(long address, long bytes) {
        long first = address >>> PAGE_SHIFT;
        long stop = address + bytes >>> PAGE_SHIFT;
        if (taken.nextOther(first, stop) != stop) {
            throw new IllegalStateException(AddressRange.of(address, bytes) + " is not all taken");
        }
        taken.remove(first, stop);
        lowerHint(address);
    }

    private void lowerHint(long address) {
        if (address >= start) {
            hint = Math.min(hint, address);
        }
    }

    /** Someone has written into memory without having been given it. To be told after the writing. */
    public void written(AddressRange range) {
        lock.lock();
        try {
            written.add(range.first() >>> PAGE_SHIFT, Math.min(range.last() >>> PAGE_SHIFT, frames - 1) + 1);
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
            lowerHint(Math.max(start, range.first() & -PAGE_SIZE));
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void close() {
        taken.close();
        written.close();
    }
}
