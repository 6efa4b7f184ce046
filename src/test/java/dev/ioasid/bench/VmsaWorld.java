package dev.ioasid.bench;

import dev.ioasid.iommu.Destination;
import dev.ioasid.iommu.Requester;
import dev.ioasid.iommu.smmuv3.SmmuCacheGeometries;
import dev.ioasid.iommu.smmuv3.SmmuCapabilities;
import dev.ioasid.iommu.smmuv3.SmmuDriver;
import dev.ioasid.iommu.smmuv3.SmmuHardware;
import dev.ioasid.memory.FrameAllocator;
import dev.ioasid.memory.FrameCounters;
import dev.ioasid.memory.PhysicalMemory;
import dev.ioasid.memory.Readers;
import dev.ioasid.pagetable.IoPageTable;
import dev.ioasid.pagetable.PageWalk;
import dev.ioasid.pagetable.Permissions;
import dev.ioasid.pagetable.StraightVmsa;
import dev.ioasid.pagetable.TableCaches;
import dev.ioasid.pagetable.TableFormat;
import dev.ioasid.pagetable.VmsaDescriptor;
import dev.ioasid.pagetable.Walked;
import java.util.ArrayList;
import java.util.List;

/** The tables of {@link World} in VMSAv8-64, and an SMMUv3 over them: as many accesses to memory for the same requests. */
public final class VmsaWorld implements AutoCloseable {
    private static final long PAGE = 1L << 12;
    private static final long AREA = 1L << 21;
    private static final long GIB = 1L << 30;
    private static final int INPUT_BITS = 48;
    private static final TableFormat STAGE_1 = TableFormat.armv8Stage1(12, INPUT_BITS, 48, false);
    private static final TableFormat STAGE_2 = TableFormat.armv8Stage2(12, 4, INPUT_BITS, 48, false);
    private static final int RID = 0x3a00;

    public final Readers readers = new Readers();
    private final PhysicalMemory memory = new PhysicalMemory(4 * GIB);
    private final FrameAllocator frames = new FrameAllocator(memory);
    private final FrameCounters counters = new FrameCounters(memory);
    private final List<IoPageTable> tables = new ArrayList<>();
    private final SmmuHardware hardware = new SmmuHardware(memory, SmmuCapabilities.DEFAULT, SmmuCacheGeometries.NONE);
    private final long smallBase = 0x7F12_3440_0000L;
    private final long base = 0x7F00_0000_0000L;
    private final long guestBase = 0x5555_0000_0000L;
    private final StraightVmsa stage1 = new StraightVmsa(STAGE_1);
    private final StraightVmsa stage2 = new StraightVmsa(STAGE_2);
    private long root;
    private long guestRoot;
    private long nextGuestFrame = 0x1000_0000L;

    private IoPageTable table(TableFormat format) {
        var table = new IoPageTable(memory, frames, counters, readers, format, INPUT_BITS, TableCaches.NONE);
        tables.add(table);
        return table;
    }

    /** 512 pages. */
    public VmsaWorld small(boolean second) {
        var table = table(second ? STAGE_2 : STAGE_1);
        mapByPage(table, smallBase, AREA, 0x1_0000_0000L);
        root = table.root();
        return this;
    }

    /** By 4 KiB, whatever larger leaves would do. */
    private static void mapByPage(IoPageTable table, long iova, long length, long physical) {
        for (long at = 0; at < length; at += PAGE) {
            table.map(iova + at, PAGE, physical + at, Permissions.READ_WRITE);
        }
    }

    /** 256 MiB by 4 KiB in a stage 1, whose tables and pages a stage 2 maps one by one. */
    public VmsaWorld nested() {
        var parent = table(STAGE_2);
        mapByPage(parent, 0, 256 << 20, 0x3_0000_0000L);
        root = parent.root();
        guestRoot = guestFrame(parent);
        for (long page = 0; page < 65536; page++) {
            long table = guestRoot;
            for (int level = 4; level > 1; level--) {
                long at = Walked.address(parent.lookup(table + offset(guestBase + page * PAGE, level)));
                if (memory.acquire(at) == 0) {
                    memory.release(at, guestFrame(parent) | 3);
                }
                table = memory.acquire(at) & TableFormat.ADDRESS;
            }
            long at = Walked.address(parent.lookup(table + offset(guestBase + page * PAGE, 1)));
            memory.release(at, page * PAGE | 3 | VmsaDescriptor.AF.mask() | VmsaDescriptor.AP1.mask());
        }
        return this;
    }

    private static long offset(long input, int level) {
        return STAGE_1.geometry().offset(input, level);
    }

    private long guestFrame(IoPageTable parent) {
        long guest = nextGuestFrame;
        nextGuestFrame += PAGE;
        parent.map(guest, PAGE, frames.allocate(), Permissions.READ_WRITE);
        return guest;
    }

    /** 128 routes, from 16 requesters with 8 PASIDs each, to 16 tables of 512 pages. */
    public VmsaWorld routes() {
        var driver = new SmmuDriver(hardware, memory, frames, readers);
        var ioasids = new IoPageTable[16];
        for (int i = 0; i < ioasids.length; i++) {
            ioasids[i] = table(STAGE_1);
            mapByPage(ioasids[i], base + i * GIB, AREA, 0x4_0000_0000L + i * AREA);
        }
        for (int requester = 0; requester < 16; requester++) {
            for (int k = 0; k < 8; k++) {
                driver.attach(
                        new Requester(RID + requester, 10, false, false),
                        100 + 77 * k,
                        new Destination.Paged(ioasids[(requester * 8 + k) % 16]));
            }
        }
        return this;
    }

    long walkStage1(long random) {
        return walk(stage1, random);
    }

    long walkStage2(long random) {
        return walk(stage2, random);
    }

    private long walk(StraightVmsa straight, long random) {
        return plain(straight.walk(memory, root, smallBase | random & AREA - 1, need(random)));
    }

    long walkNested(long random) {
        long iova = guestBase | random & 0xfff_ffff;
        return plain(stage1.walk(memory, guestRoot, iova, need(random), stage2, root, 0));
    }

    long translate(long random) {
        int k = (int) random & 7;
        int requester = (int) (random >>> 4) & 15;
        long iova = base | (long) ((requester * 8 + k) % 16) << 30 | random >>> 8 & AREA - 1;
        return plain(hardware.translate(RID + requester, 100 + 77 * k, iova, need(random)));
    }

    /** As VT-d's short walks say it, which do not tell that a page is marked. */
    private static long plain(long found) {
        return found & ~Walked.MARKED;
    }

    private static int need(long random) {
        return PageWalk.READ | (int) (random >>> 62) & PageWalk.WRITE;
    }

    @Override
    public void close() {
        tables.forEach(IoPageTable::close);
        frames.close();
        counters.close();
        memory.close();
    }
}
