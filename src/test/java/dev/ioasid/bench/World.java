package dev.ioasid.bench;

import dev.ioasid.iommu.CacheEpoch;
import dev.ioasid.iommu.CacheGeometry;
import dev.ioasid.iommu.Iotlb;
import dev.ioasid.iommu.vtd.CacheGeometries;
import dev.ioasid.iommu.vtd.NamedCapabilities;
import dev.ioasid.iommu.vtd.VtdCapabilities;
import dev.ioasid.iommu.vtd.VtdHardware;
import dev.ioasid.memory.FrameAllocator;
import dev.ioasid.memory.FrameCounters;
import dev.ioasid.memory.PhysicalMemory;
import dev.ioasid.memory.Readers;
import dev.ioasid.pagetable.IoPageTable;
import dev.ioasid.pagetable.Levels512;
import dev.ioasid.pagetable.PageWalk;
import dev.ioasid.pagetable.Permissions;
import dev.ioasid.pagetable.StraightFirstStage;
import dev.ioasid.pagetable.StraightWalk;
import dev.ioasid.pagetable.TableCaches;
import dev.ioasid.pagetable.TableFormat;
import dev.ioasid.pagetable.Walked;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;

/**
 * 4 GiB of memory with the tables of {@code src/jmh/c/walk.c}. Bases are fields and not constants, as there: a compiler that
 * knows them folds half of a walk away.
 */
public final class World implements AutoCloseable {
    private static final long PAGE = 1L << 12;
    private static final long AREA = 1L << 21;
    private static final long GIB = 1L << 30;
    private static final TableFormat PAGES = TableFormat.vtdSecondStage(4, 48, TableFormat.LEAF_4K, true, false);
    private static final TableFormat LARGE_PAGES =
            TableFormat.vtdSecondStage(4, 48, TableFormat.LEAF_4K | TableFormat.LEAF_2M, true, false);
    private static final TableFormat FIRST_STAGE =
            TableFormat.x8664(4, 48, TableFormat.LEAF_4K | TableFormat.LEAF_2M | TableFormat.LEAF_1G);

    /** 2,048 pages of 128 routes, and the 128 entries that lead there. */
    private static final CacheGeometries WARM = new CacheGeometries(
            new CacheGeometry(16, 4),
            new CacheGeometry(64, 4),
            new CacheGeometry(32, 4),
            new CacheGeometry(32, 4),
            new CacheGeometry(512, 8),
            CacheGeometry.NONE);

    public final Readers readers = new Readers();
    private final PhysicalMemory memory = new PhysicalMemory(4 * GIB);
    private final FrameAllocator frames = new FrameAllocator(memory);
    private final FrameCounters counters = new FrameCounters(memory);
    private final StraightWalk straight = new StraightWalk(memory, LARGE_PAGES, 48);
    private final StraightFirstStage firstStage = new StraightFirstStage(memory, FIRST_STAGE);
    private final List<IoPageTable> tables = new ArrayList<>();
    private VtdHardware hardware = new VtdHardware(memory, capabilities(), CacheGeometries.NONE);
    private final Iotlb iotlb = new Iotlb(new CacheGeometry(64, 8), new CacheEpoch(), 12, 21, 30);
    private final long smallBase = 0x7F12_3440_0000L;
    private final long base = 0x7F00_0000_0000L;
    private final long guestBase = 0x5555_0000_0000L;
    private long root;
    private long guestRoot;
    private long nextGuestFrame = 0x1000_0000L;

    private static VtdCapabilities capabilities() {
        return VtdCapabilities.named(new NamedCapabilities(
                48, 48, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null));
    }

    /** An empty table, with leaves of 4 KiB only or of 2 MiB, too. */
    public IoPageTable table(boolean large) {
        var table =
                new IoPageTable(memory, frames, counters, readers, large ? LARGE_PAGES : PAGES, 48, TableCaches.NONE);
        tables.add(table);
        return table;
    }

    /** 512 pages. */
    public World small() {
        var table = table(false);
        table.map(smallBase, AREA, 0x1_0000_0000L, Permissions.READ_WRITE);
        root = table.root();
        return this;
    }

    /** 1 GiB by 4 KiB. */
    public IoPageTable large() {
        var table = table(false);
        table.map(base, GIB, 0x2_0000_0000L, Permissions.READ_WRITE);
        root = table.root();
        return table;
    }

    /** 64 GiB, by 4 KiB or by 2 MiB. */
    public World far(boolean large) {
        var table = table(large);
        table.map(base, 64 * GIB, 0x10_0000_0000L, Permissions.READ_WRITE);
        root = table.root();
        return this;
    }

    /** 256 MiB by 4 KiB in a first stage, whose tables and pages a second stage maps one by one. */
    public World nested() {
        var parent = table(false);
        parent.map(0, 256 << 20, 0x3_0000_0000L, Permissions.READ_WRITE);
        root = parent.root();
        guestRoot = guestFrame(parent);
        for (long page = 0; page < 65536; page++) {
            long table = guestRoot;
            for (int level = 4; level > 1; level--) {
                long at = Walked.address(parent.lookup(table + Levels512.offset(guestBase + page * PAGE, level)));
                if (memory.acquire(at) == 0) {
                    memory.release(at, guestFrame(parent) | 0x27);
                }
                table = memory.acquire(at) & TableFormat.ADDRESS;
            }
            long at = Walked.address(parent.lookup(table + Levels512.offset(guestBase + page * PAGE, 1)));
            memory.release(at, page * PAGE | 0x67);
        }
        return this;
    }

    private long guestFrame(IoPageTable parent) {
        long guest = nextGuestFrame;
        nextGuestFrame += PAGE;
        parent.map(guest, PAGE, frames.allocate(), Permissions.READ_WRITE);
        return guest;
    }

    /** 128 routes, from 16 requesters with 8 PASIDs each, to 16 tables of 512 pages. */
    public World routes() {
        var ioasids = new long[16];
        for (int i = 0; i < ioasids.length; i++) {
            var table = table(false);
            table.map(base + i * GIB, AREA, 0x4_0000_0000L + i * AREA, Permissions.READ_WRITE);
            ioasids[i] = table.root();
        }
        long rootTable = frames.allocate();
        long contexts = frames.allocate();
        memory.release(rootTable + 0x3a * 16, contexts | 1);
        for (int requester = 0; requester < 16; requester++) {
            long directory = frames.allocate();
            memory.release(contexts + requester * 32L, directory | 9); // P, PASIDE
            for (int k = 0; k < 8; k++) {
                int pasid = 100 + 77 * k;
                long link = directory + (pasid >> 6) * 8L;
                if (memory.acquire(link) == 0) {
                    memory.release(link, frames.allocate() | 1);
                }
                long entry = (memory.acquire(link) & TableFormat.ADDRESS) + (pasid & 63) * 64L;
                int ioasid = (requester * 8 + k) % 16;
                memory.release(entry, ioasids[ioasid] | 2 << 6 | 2 << 2 | 1); // second stage, 4 levels, P
                memory.release(entry + 8, 1L << 23 | ioasid + 1); // PWSNP, domain
            }
        }
        write("RTADDR", rootTable | 1 << 10);
        write("GCMD", 1L << 30);
        write("GCMD", 1L << 31);
        return this;
    }

    private void write(String register, long value) {
        var values = new LinkedHashMap<String, Long>();
        values.put(register, value);
        hardware.write(values);
    }

    /** What {@code did} 1 to 4 and {@code pasid} 1 to 4 know of 16 pages: 4 ways of each set. */
    public World known() {
        for (long did = 1; did <= 4; did++) {
            for (long pasid = 1; pasid <= 4; pasid++) {
                for (long page = 0; page < 16; page++) {
                    long found = Walked.untranslated(0x1_0000_0000L + page * PAGE, 12) | Walked.MARKED;
                    iotlb.keep(0, did << 20 | pasid, 0, smallBase + page * PAGE, found);
                }
            }
        }
        return this;
    }

    /** The routes of {@link #routes}, whose first 16 pages each are in the IOTLB of a unit that has room for them. */
    public World knownRoutes() {
        hardware = new VtdHardware(memory, capabilities(), WARM);
        routes();
        for (int requester = 0; requester < 16; requester++) {
            for (int k = 0; k < 8; k++) {
                for (long page = 0; page < 16; page++) {
                    long iova = base | (long) ((requester * 8 + k) % 16) << 30 | page * PAGE;
                    long unused = hardware.translate(0x3a00 + requester, 100 + 77 * k, iova, PageWalk.READ);
                }
            }
        }
        return this;
    }

    long find(long random) {
        long who = 1 + (random & 3) << 20 | 1 + (random >>> 2 & 3);
        return iotlb.find(who, smallBase | random >>> 4 & 0xffff, need(random));
    }

    long translateKnown(long random) {
        int k = (int) random & 7;
        int requester = (int) (random >>> 4) & 15;
        long iova = base | (long) ((requester * 8 + k) % 16) << 30 | random >>> 8 & 0xffff;
        return hardware.translate(0x3a00 + requester, 100 + 77 * k, iova, need(random));
    }

    long walkSmall(long random) {
        return walk(smallBase | random & AREA - 1, need(random));
    }

    long walkLarge(long random) {
        return walk(base | random & GIB - 1, need(random));
    }

    long walkFar(long random) {
        return walk(base | random & 64 * GIB - 1, need(random));
    }

    private long walk(long iova, int need) {
        return straight.walk(root, iova, need);
    }

    long walkNested(long random) {
        long iova = guestBase | random & 0xfff_ffff;
        return firstStage.walk(guestRoot, iova, need(random), straight, root, 0);
    }

    long translate(long random) {
        int k = (int) random & 7;
        int requester = (int) (random >>> 4) & 15;
        long iova = base | (long) ((requester * 8 + k) % 16) << 30 | random >>> 8 & AREA - 1;
        return hardware.translate(0x3a00 + requester, 100 + 77 * k, iova, need(random));
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
