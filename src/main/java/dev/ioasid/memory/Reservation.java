package dev.ioasid.memory;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;

/**
 * Address space taken from the system without memory behind it ({@code mmap} with {@code MAP_NORESERVE}): a page costs
 * something from the moment it is written. {@code Arena.allocate} would zero, and so commit, all of it.
 */
final class Reservation implements AutoCloseable {
    // <sys/mman.h> of Linux
    private static final int PROT_READ_WRITE = 1 | 2;
    private static final int MAP_PRIVATE_ANONYMOUS_NORESERVE = 0x02 | 0x20 | 0x4000;
    private static final int MADV_DONTNEED = 4;
    private static final int MADV_NOHUGEPAGE = 15;

    private static final MethodHandle MMAP = downcall(
            "mmap",
            FunctionDescriptor.of(
                    ValueLayout.JAVA_LONG,
                    ValueLayout.JAVA_LONG,
                    ValueLayout.JAVA_LONG,
                    ValueLayout.JAVA_INT,
                    ValueLayout.JAVA_INT,
                    ValueLayout.JAVA_INT,
                    ValueLayout.JAVA_LONG));
    private static final MethodHandle MUNMAP = downcall(
            "munmap", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG));
    private static final MethodHandle MADVISE = downcall(
            "madvise",
            FunctionDescriptor.of(
                    ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT));
    private static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);
    private static final ValueLayout.OfLong PLAIN = ValueLayout.JAVA_LONG_UNALIGNED; // aligned nevertheless: read whole
    private static final VarHandle WORDS = ValueLayout.JAVA_LONG.varHandle().withInvokeExactBehavior();

    private final long base;
    private final long length;

    private Reservation(long base, long length) {
        this.base = base;
        this.length = length;
    }

    /** Takes {@code length} bytes of address space; ENOMEM if the system refuses. */
    static Reservation of(long length) {
        long base = call(
                () -> (long) MMAP.invokeExact(0L, length, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS_NORESERVE, -1, 0L));
        if (base == -1) {
            throw new RefusedException(
                    Errno.ENOMEM, "the host refuses 0x" + Long.toHexString(length) + " bytes of address space");
        }
        advise(
                base,
                length,
                MADV_NOHUGEPAGE); // a touched page costs 4 KiB; a kernel without huge pages refuses: so be it
        return new Reservation(base, length);
    }

    long base() {
        return base;
    }

    /** Sets bit {@code index} of the reservation, seen as a bit set; true if it was clear. */
    boolean setBit(long index) {
        long bit = 1L << index;
        if (bit(index)) {
            return false;
        }
        long before = (long) WORDS.getAndBitwiseOr(ALL, base + (index >>> 6) * Long.BYTES, bit);
        return (before & bit) == 0;
    }

    /** Clears bit {@code index}; true if it was set. */
    boolean clearBit(long index) {
        long bit = 1L << index;
        if (!bit(index)) {
            return false;
        }
        long before = (long) WORDS.getAndBitwiseAnd(ALL, base + (index >>> 6) * Long.BYTES, ~bit);
        return (before & bit) != 0;
    }

    boolean bit(long index) {
        return (word((index >>> 6) * Long.BYTES) >>> index & 1) != 0;
    }

    /** The word at {@code offset} bytes, without any order. */
    long word(long offset) {
        return ALL.get(PLAIN, base + offset);
    }

    void setWord(long offset, long word) {
        ALL.set(PLAIN, base + offset, word);
    }

    /** Adds to the word at {@code offset} bytes; returns what it was. */
    long addWord(long offset, long change) {
        return (long) WORDS.getAndAdd(ALL, base + offset, change);
    }

    void discard(long offset, long bytes) {
        if (!advise(base + offset, bytes, MADV_DONTNEED)) {
            throw new IllegalStateException("madvise failed at offset 0x" + Long.toHexString(offset));
        }
    }

    private static boolean advise(long address, long bytes, int advice) {
        return call(() -> (long) (int) MADVISE.invokeExact(address, bytes, advice)) == 0;
    }

    @Override
    public void close() {
        long result = call(() -> (long) (int) MUNMAP.invokeExact(base, length));
        if (result != 0) {
            throw new IllegalStateException("munmap failed");
        }
    }

    private interface Downcall {
        long run() throws Throwable;
    }

    private static long call(Downcall downcall) {
        try {
            return downcall.run();
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    private static MethodHandle downcall(String name, FunctionDescriptor descriptor) {
        var linker = Linker.nativeLinker();
        return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), descriptor);
    }
}
