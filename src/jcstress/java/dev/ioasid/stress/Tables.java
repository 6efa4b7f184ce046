package dev.ioasid.stress;

import dev.ioasid.memory.FrameAllocator;
import dev.ioasid.memory.FrameCounters;
import dev.ioasid.memory.PhysicalMemory;
import dev.ioasid.memory.Readers;
import dev.ioasid.pagetable.IoPageTable;
import dev.ioasid.pagetable.PageWalk;
import dev.ioasid.pagetable.Permissions;
import dev.ioasid.pagetable.StraightWalk;
import dev.ioasid.pagetable.TableCaches;
import dev.ioasid.pagetable.TableFormat;
import dev.ioasid.pagetable.Walked;
import java.util.concurrent.atomic.AtomicLong;

/** One table for all rounds of a test; each round has addresses of its own in it. */
final class Tables {
    static final long PAGE = 0x1000;
    static final long REGION = 1L << 21;

    private static final int INPUT_BITS = 48;
    private static final long BEYOND = 1L << 40; // physical minus iova
    private static final PhysicalMemory MEMORY = new PhysicalMemory(1L << 32);
    private static final Readers READERS = new Readers();
    private static final TableFormat FORMAT =
            TableFormat.vtdSecondStage(4, 52, TableFormat.LEAF_4K | TableFormat.LEAF_2M, true, false);
    private static final IoPageTable TABLE = new IoPageTable(
            MEMORY,
            new FrameAllocator(MEMORY),
            new FrameCounters(MEMORY),
            READERS,
            FORMAT,
            INPUT_BITS,
            TableCaches.NONE);
    private static final StraightWalk WALK = new StraightWalk(MEMORY, FORMAT, INPUT_BITS);
    private static final AtomicLong ROUNDS = new AtomicLong();

    private Tables() {}

    /** {@code size} bytes of address space that no round has had for a long while. */
    static long addresses(long size) {
        return ROUNDS.getAndIncrement() * size & (1L << 46) - 1;
    }

    static void map(long iova, int pages) {
        TABLE.map(iova, pages * PAGE, iova + BEYOND, Permissions.READ_WRITE);
    }

    /** How many pages were mapped. */
    static int unmap(long iova, int pages) {
        return (int) (TABLE.unmap(iova, pages * PAGE) / PAGE);
    }

    static int enter() {
        return READERS.enter();
    }

    static void exit(int stay) {
        READERS.exit(stay);
    }

    /** 0: no page is found; 1: the right one; 2: something else. */
    static int walk(long iova) {
        long walked = WALK.walk(TABLE.root(), iova, PageWalk.READ);
        return walked == StraightWalk.UNDECIDED ? 0 : Walked.address(walked) == iova + BEYOND ? 1 : 2;
    }
}
