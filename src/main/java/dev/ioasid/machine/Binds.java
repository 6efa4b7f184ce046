package dev.ioasid.machine;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Destination;
import dev.ioasid.iommu.UserTable;
import java.util.List;
import java.util.Map;
import java.util.Set;
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

    BindSummary create(
            Route route,
            int parentId,
            String format,
            @Nullable Integer addressWidth,
            long root,
            Set<UserTable.Option> options) {
        var device = machine.devices().device(route.rid());
        var driver = device.unit().managedDriver();
        var parent = parent(parentId, device);
        var table = driver.userTable(UserTable.Wanted.pageTable(format, addressWidth, root, options));
        checkUnbound(device, route);
        boolean wasAttached = Routes.leadsTo(device, route.pasid()) == parent;
        var bind = new Bind(LowestFree.of(byId.navigableKeySet()), route, parent, wasAttached, table);
        machine.routes().bind(route, parent, bind.destination(table));
        byId.put(bind.id, bind);
        byRoute.put(route, bind);
        return bind.summary();
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
    BindSummary replace(
            int id,
            @Nullable String format,
            @Nullable Integer addressWidth,
            long root,
            @Nullable Set<UserTable.Option> options) {
        var bind = bind(id);
        var driver = machine.devices().device(bind.route.rid()).unit().managedDriver();
        var table = driver.userTable(UserTable.Wanted.pageTable(
                format == null ? bind.table.format() : format,
                addressWidth == null ? bind.table.addressWidth() : addressWidth,
                root,
                options == null ? bind.table.options() : options));
        machine.routes().lead(bind.route, bind.destination(table), bind.destination(bind.table));
        bind.table = table;
        return bind.summary();
    }

    /** Takes a table away again: the route is blocked, or leads to the parent as it did before. ENOENT. */
    void delete(int id) {
        var bind = bind(id);
        if (bind.wasAttached) {
            machine.routes().lead(bind.route, bind.parent.destination(), bind.destination(bind.table));
        }
        byId.remove(id);
        byRoute.remove(bind.route);
        if (!bind.wasAttached) {
            machine.routes().detach(bind.route);
        }
    }

    /** EBUSY if a route is bound; without PASID, if one of the group's is, since they share what they lead to. */
    void checkUnbound(Device device, Route route) {
        var routes = route.hasPasid()
                ? List.of(route)
                : device.group().members().keySet().stream().map(Route::of).toList();
        for (var candidate : routes) {
            var bind = byRoute.get(candidate);
            if (bind != null) {
                throw new RefusedException(
                        Errno.EBUSY,
                        "%s is bound by bind %d: delete that first".formatted(candidate, bind.id),
                        Map.of("bind", bind.id, "routes", List.of(candidate)));
            }
        }
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
