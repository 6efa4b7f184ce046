package dev.ioasid.memory;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A machine's physical memory: addresses 0 to {@code size - 1}, off-heap, zero until written, of which only touched
 * pages cost anything. Addresses in a hole, and from {@code size} on, are backed by nothing: hardware asks {@link #backs}
 * before it fetches and reports a failed fetch.
 *
 * <p><b>Who may call.</b> Any thread. Words are read and written whole; the name of each word method is its memory order.
 *
 * <p><b>Life.</b> {@link #close} gives the memory back to the system at once. Who closes must first have made sure that
 * nobody is inside: see {@link Readers}. Words are read without a check of their own, for speed, so a read after close
 * would end the JVM; with {@code -Dioasid.memory.checked=true} every access is checked and throws instead.
 *
 * <p><b>Why folding.</b> The reservation is a power of two. {@link #folded} cuts an address down to it, so that a walk
 * may follow an entry before it has judged it: the read lands inside the reservation whatever the entry says, and what
 * lies beyond {@code size} or in a hole reads as zero because no method writes there.
 */
public final class PhysicalMemory implements AutoCloseable {
    /** The smallest unit that is committed or allocated: 4 KiB. */
    public static final int PAGE_SHIFT = 12;

    public static final long PAGE_SIZE = 1L << PAGE_SHIFT;

    /** Sizes from 4 KiB up to this. */
    public static final long LARGEST = 1L << 42;

    private static final boolean CHECKED = Boolean.getBoolean("ioasid.memory.checked");
    private static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);
    private static final ValueLayout.OfLong PLAIN = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle WORDS =
            ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN).varHandle().withInvokeExactBehavior();

    private final long size;
    private final long base;
    private final long fold;
    private final long pages;
    private final List<AddressRange> holes;
    private final Arena arena;
    private final MemorySegment checked;
    private final Reservation words;
    private final Reservation committed;
    private final AtomicLong committedPages = new AtomicLong();
    private volatile List<PoisonedRange> poison = List.of();
    private volatile boolean poisoned;

    /**
     * @param size bytes, a multiple of 4 KiB
     * @param holes ranges within it that are backed by nothing, whole pages each
     */
    @SuppressWarnings("MustBeClosed") // close() closes the arena
    public PhysicalMemory(long size, List<AddressRange> holes) {
        if (size <= 0 || size % PAGE_SIZE != 0 || size > LARGEST) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "memory size 0x%x is not a multiple of 0x1000 between 0x1000 and 0x%x".formatted(size, LARGEST),
                    Map.of("memory", size));
        }
        for (var hole : holes) {
            if (hole.first() % PAGE_SIZE != 0 || (hole.last() + 1) % PAGE_SIZE != 0) {
                throw new RefusedException(Errno.EINVAL, "hole " + hole + " does not consist of whole 4 KiB pages");
            }
        }
        this.size = size;
        this.holes = holes.stream()
                .sorted(Comparator.comparing(AddressRange::first, Long::compareUnsigned))
                .toList();
        long reserved = Math.max(PAGE_SIZE, Long.highestOneBit(size) == size ? size : Long.highestOneBit(size) << 1);
        this.fold = reserved - Long.BYTES;
        this.pages = reserved - PAGE_SIZE;
        this.words = Reservation.of(reserved);
        this.committed = Reservation.of(Math.max(PAGE_SIZE, (size >>> PAGE_SHIFT) / Byte.SIZE + Long.BYTES));
        this.base = words.base();
        this.arena = Arena.ofShared();
        this.checked = MemorySegment.ofAddress(base).reinterpret(reserved, arena, null);
    }

    public PhysicalMemory(long size) {
        this(size, List.of());
    }

    public long size() {
        return size;
    }

    public List<AddressRange> holes() {
        return holes;
    }

    /** Whether a fetch of the word, or byte, at {@code address} finds memory. */
    public boolean backs(long address) {
        return Long.compareUnsigned(address, size) < 0 && !inHole(address);
    }

    /** Whether every byte of the range is memory. */
    public boolean backs(AddressRange range) {
        return Long.compareUnsigned(range.last(), size) < 0 && holes.stream().noneMatch(range::intersects);
    }

    /** Whether any byte of the range is memory. */
    public boolean meets(AddressRange range) {
        long at = range.first();
        for (var hole : holes) {
            if (hole.contains(at)) {
                at = hole.last() + 1;
            }
        }
        return Long.compareUnsigned(at, size) < 0 && Long.compareUnsigned(at, range.last()) <= 0;
    }

    private boolean inHole(long address) {
        for (int i = 0; i < holes.size(); i++) {
            if (holes.get(i).contains(address)) {
                return true;
            }
        }
        return false;
    }

    /** Whether hardware that fetches so many bytes gets them: they are memory, and none of them is poisoned. */
    public boolean fetches(long address, int bytes) {
        return backs(address) && !(poisoned && poisons(AddressRange.of(address, bytes)));
    }

    /** Whether any byte of this memory is poisoned: then the short ways, which do not ask {@link #fetches}, must not be gone. */
    public boolean isPoisoned() {
        return poisoned;
    }

    /** Whether a byte of the range is poisoned, which the poison notes. */
    public boolean poisons(AddressRange range) {
        boolean found = false;
        for (var each : poison) {
            found |= each.meets(range);
        }
        return found;
    }

    /** From now on, hardware fails to fetch a range. */
    public synchronized void poison(PoisonedRange range) {
        var all = new ArrayList<>(poison);
        all.add(range);
        poison = List.copyOf(all);
        poisoned = true;
    }

    /** A range that was poisoned is so no more. */
    public synchronized void cure(PoisonedRange range) {
        poison = poison.stream().filter(other -> other != range).toList();
        poisoned = !poison.isEmpty();
    }

    /** The bits of an address that {@link #folded} keeps. */
    public long fold() {
        return fold | Long.BYTES - 1;
    }

    /** The word at {@code address} cut down to the reservation, without any order: for a walk that judges afterwards. */
    public long folded(long address) {
        long offset = address & fold;
        return CHECKED ? checked.get(PLAIN, offset) : ALL.get(PLAIN, base + offset);
    }

    /**
     * The word at {@code offset} of the page that a link, an address among other bits, leads to; folded like {@link #folded}.
     *
     * @param offset a multiple of 8 below the page size
     */
    public long entry(long link, long offset) {
        long page = link & pages;
        // what does not wait for the link is added first: a walk is a chain of these
        return CHECKED ? checked.get(PLAIN, page + offset) : ALL.get(PLAIN, page + (base + offset));
    }

    /** Writes a word without any order, at {@code address} cut down as by {@link #folded}. The page must be committed. */
    public void setFolded(long address, long word) {
        long offset = address & fold;
        if (CHECKED) {
            checked.set(PLAIN, offset, word);
        } else {
            ALL.set(PLAIN, base + offset, word);
        }
    }

    /** The word at {@code address}, and everything that was written before it was released. */
    public long acquire(long address) {
        long offset = inside(address);
        return CHECKED ? (long) WORDS.getAcquire(checked, offset) : (long) WORDS.getAcquire(ALL, base + offset);
    }

    /** Publishes {@code word} after all earlier writes of this thread. The page must be committed. */
    public void release(long address, long word) {
        long offset = inside(address);
        if (CHECKED) {
            WORDS.setRelease(checked, offset, word);
        } else {
            WORDS.setRelease(ALL, base + offset, word);
        }
    }

    /** Sets the word if it still is {@code expected}; false if the hardware or another thread was faster. */
    public boolean swap(long address, long expected, long word) {
        long offset = inside(address);
        return CHECKED
                ? WORDS.compareAndSet(checked, offset, expected, word)
                : WORDS.compareAndSet(ALL, base + offset, expected, word);
    }

    /** Where the reservation starts in this process. For loops over whole tables in {@code pagetable} only. */
    public long base() {
        return base;
    }

    /** Copies bytes out; refuses (EINVAL) a range that is not all memory. */
    public byte[] read(long address, int length) {
        var bytes = new byte[length];
        if (length > 0) {
            MemorySegment.copy(segment(address, length), ValueLayout.JAVA_BYTE, 0, bytes, 0, length);
        }
        return bytes;
    }

    /** Copies bytes in; refuses (EINVAL) a range that is not all memory, and then nothing is written. */
    public void write(long address, byte[] bytes) {
        if (bytes.length > 0) {
            var segment = segment(address, bytes.length);
            commit(AddressRange.of(address, bytes.length));
            MemorySegment.copy(bytes, 0, segment, ValueLayout.JAVA_BYTE, 0, bytes.length);
        }
    }

    private MemorySegment segment(long address, long length) {
        if (length < 0 || Long.compareUnsigned(address + length - 1, address) < 0) {
            throw unbacked(address, length);
        }
        check(AddressRange.of(address, length));
        return checked.asSlice(address, length);
    }

    /** Refuses (EINVAL) a range that is not all memory. */
    public void check(AddressRange range) {
        if (!backs(range)) {
            throw unbacked(range.first(), range.length());
        }
    }

    private RefusedException unbacked(long address, long length) {
        return new RefusedException(
                Errno.EINVAL,
                "0x%x bytes at 0x%x are not all memory: it has 0x%x bytes and %d holes"
                        .formatted(length, address, size, holes.size()),
                Map.of("address", address, "length", length));
    }

    /** Marks the pages of the range as touched. Whoever writes words of a page for the first time calls this before. */
    public void commit(AddressRange range) {
        for (long page = range.first() >>> PAGE_SHIFT; page <= range.last() >>> PAGE_SHIFT; page++) {
            if (committed.setBit(page)) {
                committedPages.incrementAndGet();
            }
        }
    }

    /** Makes whole pages zero and untouched again: the system has their memory back. */
    public void discard(AddressRange range) {
        words.discard(range.first(), range.length());
        for (long page = range.first() >>> PAGE_SHIFT; page <= range.last() >>> PAGE_SHIFT; page++) {
            if (committed.clearBit(page)) {
                committedPages.decrementAndGet();
            }
        }
    }

    /** Bytes of the pages that were touched. */
    public long committedBytes() {
        return committedPages.get() << PAGE_SHIFT;
    }

    private long inside(long address) {
        if (Long.compareUnsigned(address, size) >= 0) {
            throw new IndexOutOfBoundsException("0x" + Long.toHexString(address) + " is beyond memory");
        }
        return address;
    }

    @Override
    public void close() {
        arena.close();
        words.close();
        committed.close();
    }
}
