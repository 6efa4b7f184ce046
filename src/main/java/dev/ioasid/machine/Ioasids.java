package dev.ioasid.machine;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** The IOASIDs of a machine, by id. */
final class Ioasids {
    private final Machine machine;
    private final TreeMap<Integer, Ioasid> byId = new TreeMap<>();

    Ioasids(Machine machine) {
        this.machine = machine;
    }

    IoasidSummary create(
            IoasidType type,
            @Nullable String iommu,
            @Nullable String format,
            @Nullable Integer addressWidth,
            @Nullable Long granule,
            @Nullable String name,
            @Nullable Integer context) {
        var owner = owner(context);
        int id = LowestFree.of(byId.navigableKeySet());
        var ioasid = switch (type) {
            case PAGING -> {
                var unit = iommu == null ? onlyManaged() : machine.units().unit(iommu);
                yield new PagingIoasid(
                        machine, id, owner, name, unit, unit.managedDriver().tableShape(format, addressWidth, granule));
            }
            case SVA -> throw new RefusedException(Errno.EINVAL, "an IOASID of type sva has a process that it shares");
            case IDENTITY, BLOCKED -> {
                if (format != null || addressWidth != null || granule != null) {
                    throw new RefusedException(
                            Errno.EINVAL,
                            "an IOASID of type " + type.name().toLowerCase(java.util.Locale.ROOT)
                                    + " has no table, so no format, no addressWidth and no granule");
                }
                if (iommu != null) {
                    machine.units().unit(iommu);
                }
                yield new Ioasid(id, owner, type, name);
            }
        };
        return add(ioasid);
    }

    /** ENOENT; ENOSPC: it may have no more. */
    private Context owner(@Nullable Integer context) {
        var owner = machine.contexts().owner(context);
        owner.checkRoom(ContextLimit.IOASIDS, 1);
        return owner;
    }

    private IoasidSummary add(Ioasid ioasid) {
        byId.put(ioasid.id(), ioasid);
        ioasid.context().take(ContextLimit.IOASIDS, 1);
        var summary = ioasid.summary();
        machine.events().emit(new MachineEvent.IoasidCreated(summary));
        return summary;
    }

    /** One that shares a process. */
    IoasidSummary share(int process, @Nullable String iommu, @Nullable String name, @Nullable Integer context) {
        var owner = owner(context);
        var shared = machine.processes().process(process);
        var unit = iommu == null ? onlyManaged() : machine.units().unit(iommu);
        return add(new SvaIoasid(LowestFree.of(byId.navigableKeySet()), owner, name, unit, shared));
    }

    private Unit onlyManaged() {
        var managed = machine.units().all().stream().filter(Unit::managed).toList();
        if (managed.size() != 1) {
            throw new RefusedException(
                    Errno.EINVAL,
                    managed.isEmpty()
                            ? "the machine has no managed iommu that an IOASID with a table could be for"
                            : "the machine has several managed iommus, name one: "
                                    + managed.stream().map(Unit::name).toList());
        }
        return managed.getFirst();
    }

    void delete(int id) {
        var ioasid = ioasid(id);
        if (!ioasid.routes().isEmpty()) {
            throw new RefusedException(
                    Errno.EBUSY,
                    "IOASID %d is in use: %s lead to it".formatted(id, ioasid.routes()),
                    Map.of("ioasid", id, "routes", List.copyOf(ioasid.routes())));
        }
        switch (ioasid) {
            case PagingIoasid paging -> paging.close();
            case SvaIoasid sva -> sva.close();
            default -> {} // it holds nothing
        }
        byId.remove(id);
        ioasid.context().giveBack(ContextLimit.IOASIDS, 1);
        machine.events().emit(new MachineEvent.IoasidDeleted(id));
    }

    Collection<Ioasid> all() {
        return byId.values();
    }

    /** ENOENT. */
    Ioasid ioasid(int id) {
        var ioasid = byId.get(id);
        if (ioasid == null) {
            throw new RefusedException(Errno.ENOENT, "there is no IOASID " + id, Map.of("ioasid", id));
        }
        return ioasid;
    }

    /** ENOENT; EINVAL: not a paging one. */
    PagingIoasid paging(int id) {
        if (ioasid(id) instanceof PagingIoasid paging) {
            return paging;
        }
        throw new RefusedException(
                Errno.EINVAL,
                "IOASID %d is of type %s: only a paging one has mappings"
                        .formatted(id, ioasid(id).type().name().toLowerCase(java.util.Locale.ROOT)),
                Map.of("ioasid", id));
    }

    /** One of the IOASIDs whose table that unit walks; null if there is none. */
    @Nullable
    Ioasid of(Unit unit) {
        for (var ioasid : byId.values()) {
            var whose = switch (ioasid) {
                case PagingIoasid paging -> paging.unit();
                case SvaIoasid sva -> sva.unit();
                default -> null;
            };
            if (whose == unit) {
                return ioasid;
            }
        }
        return null;
    }
}
