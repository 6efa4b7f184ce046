package dev.ioasid.machine;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Destination;
import dev.ioasid.iommu.UserTable;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The binds of a machine, by id. The route of a bind leads to the parent, by way of the user's table. Guarded by the machine's
 * lock.
 */
final class Binds {
    private static final class Bind {
        private final int id;
        private final Route route;
        private final PagingIoasid parent;
        /** Whether the route led to the parent before, and does again afterwards. */
        private final boolean wasAttached;

        private UserTable table;

        Bind(int id, Route route, PagingIoasid parent, boolean wasAttached, UserTable table) {
            this.id = id;
            this.route = route;
            this.parent = parent;
            this.wasAttached = wasAttached;
            this.table = table;
        }

        Destination destination(UserTable through) {
            return new Destination.Nested(this, parent.table(), through);
        }

        BindSummary summary() {
            return new BindSummary(id, route, parent.id(), table);
        }
    }

    private final Machine machine;
    private final TreeMap<Integer, Bind> byId = new TreeMap<>();
    private final TreeMap<Route, Bind> byRoute = new TreeMap<>();

    Binds(Machine machine) {
        this.machine = machine;
    }

    BindSummary create(Route route, int parentId, UserTable.Wanted wanted) {
        var device = machine.devices().device(route.rid());
        device.unit().managedDriver();
        var parent = parent(parentId, device);
        var table = table(device, route, wanted);
        checkUnbound(device, route);
        boolean wasAttached = Routes.leadsTo(device, route.pasid()) == parent;
        var bind = new Bind(LowestFree.of(byId.navigableKeySet()), route, parent, wasAttached, table);
        machine.routes().bind(route, parent, bind.destination(table));
        byId.put(bind.id, bind);
        byRoute.put(route, bind);
        var summary = bind.summary();
        machine.events().emit(new MachineEvent.Bound(summary));
        return summary;
    }

    /** What the unit of a device makes of what is wanted; a table that names PASIDs is for a RID none of whose PASIDs leads anywhere. */
    private static UserTable table(Device device, Route route, UserTable.Wanted wanted) {
        checkForm(route, wanted);
        var table = device.unit().managedDriver().userTable(wanted);
        if (table.namesPasids()) {
            for (var member : device.group().members().values()) {
                member.pasids().forEach((pasid, state) -> {
                    if (state.ioasid() != null) {
                        var other = new Route(member.rid(), pasid);
                        throw new RefusedException(
                                Errno.EBUSY,
                                "%s is attached, and the table of %s would say where PASIDs lead"
                                        .formatted(other, route),
                                Map.of("routes", List.of(other)));
                    }
                });
            }
        }
        return table;
    }

    /** EINVAL: properties of a page table and of a table of context descriptors, mixed. */
    private static void checkForm(Route route, UserTable.Wanted wanted) {
        if (!wanted.format().equals(UserTable.CD_TABLE)) {
            checkAbsent(wanted, "s1cdmax", wanted.s1cdmax());
            checkAbsent(wanted, "s1fmt", wanted.s1fmt());
            return;
        }
        checkAbsent(wanted, "pasid", route.hasPasid() ? Integer.valueOf(route.pasid()) : null);
        checkAbsent(wanted, "addressWidth", wanted.addressWidth());
        checkAbsent(wanted, "granule", wanted.granule());
        checkAbsent(wanted, "asid", wanted.asid());
        checkAbsent(wanted, "options", wanted.options().isEmpty() ? null : wanted.options());
        if (wanted.s1cdmax() == null || wanted.s1fmt() == null) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "a table of format %s has an s1cdmax and an s1fmt".formatted(wanted.format()),
                    Map.of("format", wanted.format()));
        }
    }

    private static void checkAbsent(UserTable.Wanted wanted, String property, @Nullable Object value) {
        if (value != null) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "a table of format %s has no %s".formatted(wanted.format(), property),
                    Map.of("format", wanted.format(), "property", property));
        }
    }

    private PagingIoasid parent(int id, Device device) {
        if (!(machine.ioasids().ioasid(id) instanceof PagingIoasid parent) || !parent.isSecondStage()) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "IOASID %d is no parent: only a paging one with a second-stage table is".formatted(id),
                    Map.of("ioasid", id));
        }
        if (parent.unit() != device.unit()) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "IOASID %d has a table of %s, and %s sits behind %s"
                            .formatted(
                                    id,
                                    parent.unit().name(),
                                    device.rid(),
                                    device.unit().name()),
                    Map.of("ioasid", id, "rid", device.rid().toString()));
        }
        return parent;
    }

    /** Installs another table in place of the one before, without a moment between them. ENOENT. */
    BindSummary replace(Command.ReplaceBind change) {
        var bind = bind(change.id());
        var table = table(machine.devices().device(bind.route.rid()), bind.route, change.over(bind.table));
        machine.routes().lead(bind.route, bind.destination(table), bind.destination(bind.table));
        bind.table = table;
        var summary = bind.summary();
        machine.events().emit(new MachineEvent.BindReplaced(summary));
        return summary;
    }

    /** Takes a table away again: the route is blocked, or leads to the parent as it did before. ENOENT. */
    void delete(int id) {
        var bind = bind(id);
        if (bind.wasAttached) {
            machine.routes().lead(bind.route, bind.parent.destination(), bind.destination(bind.table));
        }
        forget(bind);
    }

    /**
     * Takes the tables away that are nested on an IOASID which is about to go. Routes that led to it before stay attached, and are still led by the
     * user's table until they are detached: going back would take memory.
     */
    void dissolve(Ioasid parent) {
        for (var bind : List.copyOf(byId.values())) {
            if (bind.parent == parent) {
                forget(bind);
            }
        }
    }

    private void forget(Bind bind) {
        byId.remove(bind.id);
        byRoute.remove(bind.route);
        if (!bind.wasAttached) {
            machine.routes().leadNowhere(bind.route, bind.parent);
        }
        machine.events().emit(new MachineEvent.Unbound(bind.summary()));
    }

    /**
     * EBUSY if a route is bound; without PASID, if one of the group's is, since they share what they lead to; with one, if a table of the
     * user's says where all PASIDs lead.
     */
    void checkUnbound(Device device, Route route) {
        if (route.hasPasid()) {
            var bind = byRoute.get(route);
            if (bind != null) {
                throw bound(bind, route, "is bound by");
            }
        }
        for (var rid : device.group().members().keySet()) {
            var candidate = Route.of(rid);
            var bind = byRoute.get(candidate);
            if (bind != null && !route.hasPasid()) {
                throw bound(bind, candidate, "is bound by");
            }
            if (bind != null && bind.table.namesPasids()) {
                throw bound(bind, candidate, "has its PASIDs led by the table of");
            }
        }
    }

    private static RefusedException bound(Bind bind, Route route, String how) {
        return new RefusedException(
                Errno.EBUSY,
                "%s %s bind %d: delete that first".formatted(route, how, bind.id),
                Map.of("bind", bind.id, "routes", List.of(route)));
    }

    /** The bind of a route; null if it has none. */
    @Nullable
    Integer of(Route route) {
        var bind = byRoute.get(route);
        return bind == null ? null : Integer.valueOf(bind.id);
    }

    List<BindSummary> all() {
        return byId.values().stream().map(Bind::summary).toList();
    }

    BindSummary summary(int id) {
        return bind(id).summary();
    }

    private Bind bind(int id) {
        var bind = byId.get(id);
        if (bind == null) {
            throw new RefusedException(Errno.ENOENT, "there is no bind " + id, Map.of("bind", id));
        }
        return bind;
    }
}
