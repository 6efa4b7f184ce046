package dev.ioasid.stress;

import dev.ioasid.memory.FrameAllocator;
import dev.ioasid.memory.FrameCounters;
import dev.ioasid.memory.PhysicalMemory;
import dev.ioasid.memory.Readers;
import dev.ioasid.pagetable.IoPageTable;
import dev.ioasid.pagetable.PageWalk;
import dev.ioasid.pagetable.Permissions;
import dev.ioasid.pagetable.StraightVmsa;
import dev.ioasid.pagetable.StraightWalk;
import dev.ioasid.pagetable.TableCaches;
import dev.ioasid.pagetable.TableFormat;
import dev.ioasid.pagetable.Walked;
import java.util.concurrent.atomic.AtomicLong;

/** Two tables for all rounds of a test, one of VT-d and one of VMSAv8-64; each round has addresses of its own in one of them. */
final class Tables {
    static final long PAGE = 0x1000;
    static final long REGION = 1L << 21;

    private static final int INPUT_BITS = 48;
    private static final long BEYOND = 1L << 40; // physical minus iova
    /** In an address: which table it is for. */
    private static final long ARM = 1L << 46;

    private static final PhysicalMemory MEMORY = new PhysicalMemory(1L << 32);
    private static final FrameAllocator FRAMES = new FrameAllocator(MEMORY);
    private static final FrameCounters COUNTERS = new FrameCounters(MEMORY);
    private static final Readers READERS = new Readers();
    private static final TableFormat VTD_FORMAT =
            TableFormat.vtdSecondStage(4, 52, TableFormat.LEAF_4K | TableFormat.LEAF_2M, true, false);
    private static final TableFormat ARM_FORMAT = TableFormat.armv8Stage1(12, INPUT_BITS, INPUT_BITS, false);
    private static final IoPageTable VTD_TABLE = table(VTD_FORMAT);
    private static final IoPageTable ARM_TABLE = table(ARM_FORMAT);
    private static final StraightWalk VTD_WALK = new StraightWalk(MEMORY, VTD_FORMAT, INPUT_BITS);
    private static final StraightVmsa ARM_WALK = new StraightVmsa(ARM_FORMAT);
    private static final AtomicLong ROUNDS = new AtomicLong();

    private Tables() {}

    private static IoPageTable table(TableFormat format) {
        return new IoPageTable(MEMORY, FRAMES, COUNTERS, READERS, format, INPUT_BITS, TableCaches.NONE);
    }

    /** {@code size} bytes of address space that no round has had for a long while, of either table in turn. */
    static long addresses(long size) {
        long round = ROUNDS.getAndIncrement();
        long address = (round >>> 1) * size & ARM - 1;
        return (round & 1) == 0 ? address : address | ARM;
    }

    private static IoPageTable of(long address) {
        return (address & ARM) == 0 ? VTD_TABLE : ARM_TABLE;
    }

    static void map(long iova, int pages) {
        of(iova).map(iova, pages * PAGE, iova + BEYOND, Permissions.READ_WRITE);
    }

    /** How many pages were mapped. */
    static int unmap(long iova, int pages) {
        return (int) (of(iova).unmap(iova, pages * PAGE) / PAGE);
    }

    static int enter() {
        return READERS.enter();
    }

    static void exit(int stay) {
        READERS.exit(stay);
    }

    /** 0: no page is found; 1: the right one; 2: something else. */
    static int walk(long iova) {
        var table = of(iova);
        long walked = table == VTD_TABLE
                ? VTD_WALK.walk(table.root(), iova, PageWalk.READ)
                : ARM_WALK.walk(MEMORY, table.root(), iova, PageWalk.READ);
        return walked == StraightWalk.UNDECIDED ? 0 : Walked.address(walked) == iova + BEYOND ? 1 : 2;
    }
}
