package dev.ioasid.machine;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.machine.ProcessRegions.Region;
import dev.ioasid.machine.ResidentPages.Run;
import dev.ioasid.pagetable.IoPageTable;
import dev.ioasid.pagetable.Permissions;
import dev.ioasid.pagetable.TableCaches;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A process on the machine's CPUs: regions of anonymous memory, and the page table that leads to their pages. IOASIDs of type {@code sva} share it,
 * at most one for each unit. Created and ended by {@link Processes}; guarded by the machine's lock.
 */
final class CpuProcess {
    /** Bytes that can be mapped at once if they are all to be in memory: their tables are memory of the service's, too. */
    static final long MOST_AT_ONCE = 16L << 30;

    private final Machine machine;
    private final int id;
    private final ProcessShape shape;
    private final boolean demandPaging;
    private final ProcessRegions regions;
    private final ProcessPages pages;
    private final TreeMap<Integer, SvaIoasid> sharers = new TreeMap<>(); // by id

    /** ENOMEM. */
    CpuProcess(Machine machine, int id, ProcessShape shape, boolean demandPaging) {
        this.machine = machine;
        this.id = id;
        this.shape = shape;
        this.demandPaging = demandPaging;
        this.regions = new ProcessRegions(id, shape.userBits(), shape.granule());
        this.pages = new ProcessPages(machine, id, shape, new UnitCaches());
    }

    /** What the units have read whose devices share the table: a CPU's kernel tells them as it tells its other CPUs. */
    private final class UnitCaches implements TableCaches {
        @Override
        public void invalidate(long first, long last, boolean tables) {
            sharers.values().forEach(sharer -> sharer.unit().managedDriver().changed(table(), first, last, tables));
        }

        @Override
        public void added(long first, long last) {
            sharers.values().forEach(sharer -> sharer.unit().managedDriver().added(table(), first, last));
        }
    }

    int id() {
        return id;
    }

    ProcessShape shape() {
        return shape;
    }

    IoPageTable table() {
        return pages.table();
    }

    long residentBytes() {
        return pages.residentBytes();
    }

    /** The regions above an address, ascending. */
    List<ProcessMapping> mappings(@Nullable Long after, int limit) {
        var all = regions.all();
        var rest = after == null ? all : after < 0 ? all.headMap(0L, false) : all.tailMap(after, false);
        return rest.values().stream().limit(limit).map(this::mapping).toList();
    }

    private ProcessMapping mapping(Region region) {
        return new ProcessMapping(region.address(), region.length(), region.permissions(), pages.residentBytes(region));
    }

    /** Makes a region; its pages appear when they are touched, or, without demand paging, at once. */
    ProcessMapping map(@Nullable Long wanted, long length, Permissions permissions) {
        checkPermissions(permissions);
        regions.checkLength(length);
        checkAtOnce(length);
        long address = wanted == null ? regions.lowestFree(length) : wanted;
        regions.checkFree(address, length);
        regions.checkCount(1);
        if (!demandPaging) {
            var region = new Region(address, length, permissions);
            pages.appear(region, region.address(), region.last());
        }
        return mapping(regions.add(address, length, permissions));
    }

    private void checkPermissions(Permissions permissions) {
        if (!permissions.read() || permissions.privileged()) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "permissions '%s': pages of a process are r, rw, rx or rwx".formatted(permissions),
                    Map.of("process", id, "permissions", permissions.toString()));
        }
    }

    private void checkAtOnce(long length) {
        if (!demandPaging && length > MOST_AT_ONCE) {
            throw new RefusedException(
                    Errno.E2BIG,
                    "length 0x%x is more than 0x%x, the most that is mapped at once without demand paging"
                            .formatted(length, MOST_AT_ONCE),
                    Map.of("process", id, "length", length, "limit", Map.of("name", "length", "value", MOST_AT_ONCE)));
        }
    }

    /** Unmaps a range, whatever of it is mapped; answers how much was. Regions are cut where the range ends. */
    long unmap(long address, long length) {
        regions.checkRange(address, length);
        long unmapped = regions.remove(address, length);
        pages.vanish(address, address + length - 1);
        return unmapped;
    }

    /** Bytes as a program reads them. ENOENT: not all mapped; EPERM: not all readable; ENOMEM: no room for pages to appear. */
    byte[] read(long address, int length) {
        var appeared = touchAll(address, length, Permissions.READ);
        try {
            return pages.read(address, length);
        } catch (RefusedException refused) {
            pages.undo(appeared);
            throw refused;
        }
    }

    /** Writes bytes as a program does, all or none. ENOENT: not all mapped; EPERM: not all writable; ENOMEM. */
    void write(long address, byte[] bytes) {
        var appeared = touchAll(address, bytes.length, Permissions.WRITE);
        try {
            pages.write(address, bytes);
        } catch (RefusedException refused) {
            pages.undo(appeared);
            throw refused;
        }
    }

    /**
     * A page is needed for an access: makes it appear if it is not there. False, and nothing has changed: the address is not mapped, a
     * right is missing, or memory is full.
     *
     * @param wanted of these, being privileged does not matter: it adds no right to a user's page
     */
    boolean touch(long address, Permissions wanted) {
        var region = regions.at(address);
        if (region == null || !region.allows(wanted)) {
            return false;
        }
        try {
            pages.appear(region, address, address);
            return true;
        } catch (RefusedException full) {
            return false;
        }
    }

    /** Makes all pages of a range appear; answers those that were not there. ENOENT, EPERM, ENOMEM: none has appeared. */
    private List<Run> touchAll(long address, int length, Permissions wanted) {
        var touched = new ArrayList<Region>();
        for (long done = 0; done < length; ) {
            var region = allowing(address + done, wanted);
            touched.add(region);
            done = region.last() - address + 1;
        }
        long last = address + length - 1;
        var appeared = new ArrayList<Run>();
        try {
            touched.forEach(region -> appeared.addAll(pages.appear(region, address, last)));
        } catch (RefusedException refused) {
            pages.undo(appeared);
            throw refused;
        }
        return appeared;
    }

    private Region allowing(long address, Permissions wanted) {
        var region = regions.at(address);
        var subjects = Map.of("process", id, "address", address);
        if (region == null) {
            throw new RefusedException(Errno.ENOENT, "nothing is mapped at 0x%x".formatted(address), subjects);
        }
        if (!region.allows(wanted)) {
            throw new RefusedException(
                    Errno.EPERM,
                    "the mapping 0x%x..0x%x is '%s'".formatted(region.address(), region.last(), region.permissions()),
                    subjects);
        }
        return region;
    }

    /** EEXIST: an IOASID of that unit shares the table already. */
    void checkUnshared(Unit unit) {
        for (var sharer : sharers.values()) {
            if (sharer.unit() == unit) {
                throw new RefusedException(
                        Errno.EEXIST,
                        "IOASID %d shares process %d with %s already: attach to that"
                                .formatted(sharer.id(), id, unit.name()),
                        Map.of("process", id, "ioasid", sharer.id(), "iommu", unit.name()));
            }
        }
    }

    void share(SvaIoasid with) {
        sharers.put(with.id(), with);
    }

    void unshare(SvaIoasid with) {
        sharers.remove(with.id());
    }

    /** Ends: whatever leads to the table is blocked first, DMA that waits for its pages fails, and only then they are given back. */
    void exit() {
        for (var sharer : sharers.values()) {
            for (var route : sharer.routes()) {
                var device = machine.devices().device(route.rid());
                machine.routes().block(device, route.pasid());
                machine.pageAnswers().drain(device, route.pasid());
            }
            sharer.exited();
        }
        sharers.clear();
        pages.close();
    }

    ProcessSummary summary() {
        return new ProcessSummary(
                id,
                shape.formatName(),
                shape.levels(),
                shape.addressWidth(),
                shape.granule(),
                demandPaging,
                table().root(),
                List.copyOf(sharers.keySet()),
                regions.bytes(),
                pages.residentBytes(),
                table().tableBytes());
    }
}
