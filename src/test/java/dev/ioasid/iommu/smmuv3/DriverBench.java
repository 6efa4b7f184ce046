package dev.ioasid.iommu.smmuv3;

import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.CacheGeometry;
import dev.ioasid.iommu.Destination;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Requester;
import dev.ioasid.iommu.Translation;
import dev.ioasid.iommu.UserTable;
import dev.ioasid.iommu.WatchedMemory;
import dev.ioasid.memory.BitField;
import dev.ioasid.memory.FrameAllocator;
import dev.ioasid.memory.FrameCounters;
import dev.ioasid.memory.PhysicalMemory;
import dev.ioasid.memory.Readers;
import dev.ioasid.pagetable.IoPageTable;
import dev.ioasid.pagetable.Permissions;
import dev.ioasid.pagetable.TableCaches;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A unit with its driver, tables for it to lead to, and a look at where requests go between any two stores of the driver. */
final class DriverBench implements AutoCloseable {
    static final int NO_PASID = DmaRequest.NO_PASID;
    static final long IOVA = 0x7f00_0000_0000L;
    /** Behind this physical address lies what a parent maps at 0. */
    static final long GUEST_MEMORY = 0x80_0000;

    static final Requester DEVICE = new Requester(0x3a11, 16, true, false);
    static final Requester OTHER = new Requester(0x3a12, 16, false, false);
    static final CacheGeometry CACHE = new CacheGeometry(16, 4);
    static final SmmuCacheGeometries CACHES = new SmmuCacheGeometries(CACHE, CACHE, CACHE, CACHE);
    static final SmmuCacheGeometries NO_CACHES =
            new SmmuCacheGeometries(CacheGeometry.NONE, CacheGeometry.NONE, CacheGeometry.NONE, CacheGeometry.NONE);

    /** What a route that leads nowhere meets, depending on what is there beside it. */
    private static final List<String> BLOCKED =
            List.of("C_BAD_STREAMID", "C_BAD_STE", "C_BAD_SUBSTREAMID", "F_STREAM_DISABLED", "C_BAD_CD", "abort");

    final PhysicalMemory memory = new PhysicalMemory(256L << 20);
    final FrameAllocator frames = new FrameAllocator(memory);
    final FrameCounters counters = new FrameCounters(memory);
    final Readers readers = new Readers();
    final long freeAtFirst = frames.freeBytes();
    final WatchedMemory watched = new WatchedMemory(memory, frames, readers);
    final SmmuHardware hardware;
    final SmmuDriver driver;

    private long looked;

    DriverBench(SmmuCapabilities capabilities, SmmuCacheGeometries geometries) {
        this.hardware = new SmmuHardware(memory, capabilities, geometries);
        hardware.connect(DEVICE);
        hardware.connect(OTHER);
        this.driver = new SmmuDriver(hardware, watched);
        this.looked = register("CMDQ_CONS");
    }

    /** The capabilities of a current server but for a field of a register. */
    static SmmuCapabilities with(SmmuCapabilities unit, int register, BitField field, long value) {
        long[] idr = {unit.idr0(), unit.idr1(), unit.idr2(), unit.idr3(), 0, unit.idr5()};
        idr[register] = idr[register] & ~field.mask() | field.of(value);
        return new SmmuCapabilities(idr[0], idr[1], idr[2], idr[3], idr[5], unit.aidr());
    }

    long register(String name) {
        return Objects.requireNonNull(hardware.registers().get(name));
    }

    /** A table of the service's, whose unmapped pages the driver hears of. */
    IoPageTable table(String format, @Nullable Integer width, @Nullable Long granule) {
        var shape = driver.tableShape(format, width, granule);
        var itself = new IoPageTable[1];
        var caches = new TableCaches() {
            @Override
            public void invalidate(long first, long last, boolean tables) {
                driver.changed(itself[0], first, last, tables);
            }

            @Override
            public void added(long first, long last) {
                driver.added(itself[0], first, last);
            }
        };
        itself[0] = new IoPageTable(memory, frames, counters, readers, shape.format(), shape.inputBits(), caches);
        return itself[0];
    }

    /** One that maps {@link #IOVA}. */
    IoPageTable table(String format, long physical) {
        var table = table(format, null, null);
        table.map(IOVA, 0x1000, physical, Permissions.READ_WRITE);
        return table;
    }

    IoPageTable stage1(long physical) {
        return table("armv8-stage1", physical);
    }

    /** A parent that maps {@link #IOVA}, and the guest's memory at 0. */
    IoPageTable stage2(long physical) {
        var parent = table("armv8-stage2", physical);
        parent.map(0, 0x4_0000, GUEST_MEMORY, Permissions.READ_WRITE);
        return parent;
    }

    /** Four pages from guest physical {@code root} on that map {@link #IOVA} to {@code page}. */
    void writeUserTable(long root, long page) {
        for (int level = 0; level <= 3; level++) {
            long index = IOVA >>> 39 - 9 * level & 0x1ff;
            long entry = level == 3 ? page | 0xf43 : root + (level + 1) * 0x1000L | 3;
            memory.release(GUEST_MEMORY + root + level * 0x1000L + index * 8, entry);
        }
    }

    /** A CD for 48 bits and 4 KiB pages. */
    void writeUserCd(long at, long root, long asid) {
        memory.release(GUEST_MEMORY + at + 8, root);
        memory.release(GUEST_MEMORY + at + 24, 0x4_44ff);
        memory.release(GUEST_MEMORY + at, asid << 48 | 0xe205_c000_3510L);
    }

    Destination.Nested nested(Object domain, IoPageTable parent, long root) {
        return nested(domain, parent, root, null);
    }

    Destination.Nested nested(Object domain, IoPageTable parent, long root, @Nullable Integer asid) {
        var wanted = new UserTable.Wanted("armv8-stage1", 48, root, Set.of(), null, asid, null, null);
        return new Destination.Nested(domain, parent, driver.userTable(wanted));
    }

    Destination.Nested cdTable(Object domain, IoPageTable parent, long root, int s1cdmax) {
        var wanted = new UserTable.Wanted("smmuv3-cd-table", null, root, Set.of(), null, null, s1cdmax, 0);
        return new Destination.Nested(domain, parent, driver.userTable(wanted));
    }

    /** Where a write goes, {@code blocked}, or by which event it fails. */
    String look(Requester device, int pasid) {
        return look(device, pasid, IOVA);
    }

    String look(Requester device, int pasid, long iova) {
        var request = new DmaRequest(device.rid(), pasid, iova + 0xabc, Access.WRITE, false);
        return switch (hardware.translate(request)) {
            case Translation.Translated translated -> "0x%x".formatted(translated.address());
            case Translation.Faulted faulted ->
                BLOCKED.contains(faulted.fault().name())
                        ? "blocked"
                        : faulted.fault().name();
            case Translation.Stalled stalled -> "stalled";
            case Translation.Completed completed -> throw new AssertionError(completed);
        };
    }

    /** What a change showed between its stores, without repetitions, and shows now. */
    List<String> during(Requester device, int pasid, Runnable change) {
        var seen = new ArrayList<String>();
        seen.add(look(device, pasid));
        watched.watch(() -> add(seen, look(device, pasid)));
        try {
            change.run();
        } finally {
            watched.watch(null);
        }
        add(seen, look(device, pasid));
        return seen;
    }

    private static void add(List<String> seen, String sight) {
        if (!seen.getLast().equals(sight)) {
            seen.add(sight);
        }
    }

    /** What the queue was given since the last time, as it stands in the ring. */
    List<String> asked() {
        long ring = register("CMDQ_BASE") & 0xf_ffff_ffff_f000L;
        long consumed = register("CMDQ_CONS") & 0xf_ffff; // without ERR
        var names = new ArrayList<String>();
        for (; looked != consumed; looked = looked + 1 & 0x1ff) {
            long at = ring + (looked & 0xff) * 16;
            long w0 = memory.acquire(at);
            names.add(Objects.requireNonNull(CommandType.of(w0))
                    .issued(w0, memory.acquire(at + 8))
                    .name());
        }
        return names;
    }

    /** The words of a StreamID's STE in a two-level table. */
    long[] ste(int streamId) {
        long top = register("STRTAB_BASE") & 0xf_ffff_ffff_ffc0L;
        long link = memory.acquire(top + (streamId >>> 8) * 8L);
        return words((link & 0xf_ffff_ffff_ffc0L) + (streamId & 0xff) * 64L);
    }

    long[] words(long at) {
        var words = new long[8];
        for (int i = 0; i < 8; i++) {
            words[i] = memory.acquire(at + i * 8L);
        }
        return words;
    }

    @Override
    public void close() {
        counters.close();
        frames.close();
        memory.close();
    }
}
