package dev.ioasid.machine;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Destination;
import dev.ioasid.pagetable.IoPageTable;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * An IOASID that shares the address space of a process: devices behind one unit use the process's own page table. When the process has ended,
 * the IOASID stays until it is deleted, and so do its routes, but they lead nowhere.
 */
final class SvaIoasid extends Ioasid {
    private final Unit unit;
    private final ProcessShape shape;
    private @Nullable CpuProcess process;

    /** EINVAL: the unit is unmanaged; EOPNOTSUPP: it cannot walk the table, or takes no PASIDs; EEXIST: it shares the process already. */
    SvaIoasid(int id, Context context, @Nullable String name, Unit unit, CpuProcess process) {
        super(id, context, IoasidType.SVA, name);
        this.unit = unit;
        this.shape = process.shape();
        checkUnit();
        process.checkUnshared(unit);
        this.process = process;
        process.share(this);
    }

    private void checkUnit() {
        unit.managedDriver().tableShape(shape.formatName(), shape.addressWidth(), shape.granule());
        if (unit.hardware().capabilities().pasidBits() == 0) {
            throw new RefusedException(
                    Errno.EOPNOTSUPP,
                    unit.name() + " takes no requests with PASID, and others cannot lead to a process",
                    Map.of("iommu", unit.name(), "capability", "pasidBits"));
        }
    }

    Unit unit() {
        return unit;
    }

    /** Whose address space it shares; null when that has ended. */
    @Nullable
    CpuProcess process() {
        return process;
    }

    /** Bytes of its smallest page. */
    long granule() {
        return shape.granule();
    }

    /** The process's page table. EINVAL: the process has ended. */
    IoPageTable table() {
        return live().table();
    }

    private CpuProcess live() {
        if (process == null) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "the process of IOASID %d has ended: it leads nowhere".formatted(id()),
                    Map.of("ioasid", id()));
        }
        return process;
    }

    /** Bytes of the process that are in memory. */
    long residentBytes() {
        return process == null ? 0 : process.residentBytes();
    }

    @Override
    @Nullable
    Destination destination() {
        return process == null ? null : new Destination.Paged(process.table());
    }

    /** EINVAL: a route without PASID, or of another unit, or the process has ended. */
    void checkRoute(Device device, Route route) {
        if (!route.hasPasid()) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "IOASID %d shares a process: requests of %s lead there by RID and PASID only"
                            .formatted(id(), route.rid()),
                    Map.of("ioasid", id(), "rid", route.rid().toString()));
        }
        if (device.unit() != unit) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "IOASID %d shares a process with %s, and %s sits behind %s"
                            .formatted(
                                    id(),
                                    unit.name(),
                                    device.rid(),
                                    device.unit().name()),
                    Map.of("ioasid", id(), "rid", device.rid().toString()));
        }
        live();
    }

    /** The process has ended. The routes are blocked already. */
    void exited() {
        process = null;
    }

    /** It is deleted, and shares the process no more. No route leads here. */
    void close() {
        if (process != null) {
            process.unshare(this);
        }
    }

    @Override
    IoasidSummary summary() {
        return new IoasidSummary(
                id(),
                type(),
                unit.name(),
                shape.formatName(),
                shape.addressWidth(),
                shape.granule(),
                routes().stream()
                        .map(route -> new Attachment(route, id(), null))
                        .toList(),
                name(),
                residentBytes(),
                process == null ? 0 : process.table().tableBytes(),
                process == null ? null : process.id(),
                context().number());
    }
}
