package dev.ioasid.scenario;

import java.util.Collection;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What one address space should hold, as plain arrays: the pages that its devices may get at, if only once a guest has brought them. All of a
 * test are guarded by one lock.
 */
class Copies {
    private static final int BEYOND = 4;

    private final TreeMap<Long, CopiedPage> pages = new TreeMap<>(); // by address

    void put(long address, CopiedPage page) {
        pages.put(address, page);
    }

    /** Pages that can be read and, if so, written. */
    void add(long address, int count, boolean writable) {
        for (int i = 0; i < count; i++) {
            put(address + (long) i * CopiedPage.SIZE, new CopiedPage(writable));
        }
    }

    @Nullable
    CopiedPage at(long address) {
        return pages.get(address & -CopiedPage.SIZE);
    }

    boolean allows(long address, boolean write) {
        var page = at(address);
        return page != null && page.allows(write);
    }

    /** An address, mostly of a page. */
    long pick(Random random) {
        int range = (int) ((pages.lastKey() - pages.firstKey()) / CopiedPage.SIZE) + 1 + BEYOND;
        return pages.firstKey() + (long) random.nextInt(range) * CopiedPage.SIZE + random.nextInt(CopiedPage.SIZE);
    }

    /** Bytes from an address on up to where nobody gets at, at most {@code length}. */
    int reach(long address, int length, boolean write) {
        int reached = 0;
        while (reached < length && allows(address + reached, write)) {
            reached += untilNextPage(address + reached);
        }
        return Math.min(reached, length);
    }

    private static int untilNextPage(long address) {
        return CopiedPage.SIZE - (int) (address & CopiedPage.SIZE - 1);
    }

    private Collection<CopiedPage> of(long address, int length, boolean write) {
        int reached = reach(address, length, write);
        return reached == 0
                ? List.of()
                : pages.subMap(address & -CopiedPage.SIZE, address + reached).values();
    }

    /** Keeps others away from what DMA may get at; false: somebody is there. */
    boolean take(long address, int length, boolean write) {
        var touched = of(address, length, write);
        if (!touched.stream().allMatch(page -> page.isFree(write))) {
            return false;
        }
        touched.forEach(page -> page.take(write));
        return true;
    }

    void release(long address, int length, boolean write) {
        of(address, length, write).forEach(page -> page.release(write));
    }

    byte[] read(long address, int length) {
        var read = new byte[length];
        for (int done = 0; done < length; ) {
            int count = Math.min(length - done, untilNextPage(address + done));
            System.arraycopy(bytes(address + done), offset(address + done), read, done, count);
            done += count;
        }
        return read;
    }

    void write(long address, byte[] bytes, int length) {
        for (int done = 0; done < length; ) {
            int count = Math.min(length - done, untilNextPage(address + done));
            System.arraycopy(bytes, done, bytes(address + done), offset(address + done), count);
            done += count;
        }
    }

    private byte[] bytes(long address) {
        var page = at(address);
        if (page == null) {
            throw new AssertionError("nothing should be got at 0x%x".formatted(address));
        }
        return page.bytes();
    }

    private static int offset(long address) {
        return (int) (address & CopiedPage.SIZE - 1);
    }

    /** The addresses of the pages. */
    List<Long> addresses() {
        return List.copyOf(pages.keySet());
    }
}
