package dev.ioasid.machine;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Invalidation;
import dev.ioasid.iommu.IssuedCommand;
import dev.ioasid.machine.InvalidationRequest.Target;
import dev.ioasid.pagetable.IoPageTable;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;

/** Has the units of a machine forget what they and the devices were answered. Guarded by the machine's lock. */
final class Invalidations {
    /** Of what has pages of several granules, or none. */
    private static final long SMALLEST_GRANULE = 1L << 12;

    private final Machine machine;

    Invalidations(Machine machine) {
        this.machine = machine;
    }

    /** In order; the first that cannot be done ends it. */
    List<IssuedCommand> invalidate(List<InvalidationRequest> requests) {
        var issued = new ArrayList<IssuedCommand>();
        for (int index = 0; index < requests.size(); index++) {
            try {
                issued.addAll(invalidate(requests.get(index)));
                tell(requests.get(index));
            } catch (RefusedException refused) {
                throw refused.with("index", index).with("completed", index);
            }
        }
        return List.copyOf(issued);
    }

    /** It has been done, even if a later one cannot be. */
    private void tell(InvalidationRequest request) {
        machine.events()
                .emit(
                        switch (request.target()) {
                            case Target.OfBind(int id) -> {
                                var bind = machine.binds().summary(id);
                                yield new MachineEvent.Invalidated(request, bind.route(), bind.parent());
                            }
                            case Target.OfIoasid(int id) -> new MachineEvent.Invalidated(request, null, id);
                            case Target.OfRoute(var route) -> {
                                var ioasid = Routes.leadsTo(machine.devices().device(route.rid()), route.pasid());
                                yield new MachineEvent.Invalidated(request, route, ioasid == null ? null : ioasid.id());
                            }
                        });
        machine.events().stand();
    }

    private List<IssuedCommand> invalidate(InvalidationRequest request) {
        checkCaches(request.what());
        return switch (request.target()) {
            case Target.OfBind(int bind) ->
                ofRoute(machine.binds().summary(bind).route(), request.what());
            case Target.OfIoasid(int id) ->
                machine.ioasids().ioasid(id) instanceof SvaIoasid sva
                        ? ofTable(sva.table(), sva.unit(), request.what())
                        : ofIoasid(machine.ioasids().paging(id), request.what());
            case Target.OfRoute(var route) ->
                request.what().granularity() == Invalidation.Granularity.DEVICE && !route.hasPasid()
                        ? ofDevice(route, request.what())
                        : ofRoute(route, request.what());
        };
    }

    /** At its own unit, and at others whose devices are attached. */
    private List<IssuedCommand> ofIoasid(PagingIoasid ioasid, Invalidation what) {
        var units = new LinkedHashSet<>(List.of(ioasid.unit()));
        ioasid.routes()
                .forEach(
                        route -> units.add(machine.devices().device(route.rid()).unit()));
        var issued = new ArrayList<IssuedCommand>();
        for (var unit : units) {
            issued.addAll(ofTable(ioasid.table(), unit, what));
        }
        return issued;
    }

    private static List<IssuedCommand> ofTable(IoPageTable table, Unit unit, Invalidation what) {
        checkPages(what, 1L << table.format().granuleShift());
        checkWidth(what, table.inputBits());
        return unit.managedDriver().invalidate(table, what);
    }

    private List<IssuedCommand> ofRoute(Route route, Invalidation what) {
        var device = machine.devices().device(route.rid());
        var driver = device.unit().managedDriver();
        if (Routes.leadsTo(device, route.pasid()) == null) {
            throw new RefusedException(Errno.ENOENT, route + " is not attached", Map.of("routes", List.of(route)));
        }
        checkPages(what, granule(device, route));
        return driver.invalidate(device.requester(), route.pasid(), what);
    }

    /** Bytes of the smallest page of the table that a route's addresses go through first. */
    private long granule(Device device, Route route) {
        var bind = machine.binds().of(route);
        if (bind != null) {
            var granule = machine.binds().summary(bind).table().granule();
            return granule == null ? SMALLEST_GRANULE : granule;
        }
        return switch (Routes.leadsTo(device, route.pasid())) {
            case PagingIoasid paging -> paging.granule();
            case SvaIoasid sva -> sva.granule();
            case null, default -> SMALLEST_GRANULE;
        };
    }

    private List<IssuedCommand> ofDevice(Route route, Invalidation what) {
        var device = machine.devices().device(route.rid());
        var issued = new ArrayList<IssuedCommand>();
        if (device.attached()) {
            issued.addAll(ofRoute(route, what));
        }
        for (var pasid : List.copyOf(device.pasids().keySet())) {
            if (Routes.leadsTo(device, pasid) != null) {
                issued.addAll(ofRoute(new Route(route.rid(), pasid), what));
            }
        }
        if (issued.isEmpty()) {
            return ofRoute(new Route(route.rid(), DmaRequest.NO_PASID), what);
        }
        return issued;
    }

    private static void checkCaches(Invalidation what) {
        boolean range = what.granularity() == Invalidation.Granularity.RANGE;
        if (range && what.caches().contains(Invalidation.Cache.PASID)) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "the PASID cache knows no addresses: granularity 'range' is for iotlb and dev-iotlb",
                    Map.of("cache", "pasid"));
        }
    }

    private static void checkPages(Invalidation what, long granule) {
        if (what.granularity() != Invalidation.Granularity.RANGE) {
            return;
        }
        long length = what.last() - what.first() + 1;
        boolean wraps = Long.compareUnsigned(what.last(), what.first()) < 0;
        if (wraps || ((what.first() | length) & granule - 1) != 0) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "0x%x bytes at iova 0x%x are not whole pages of 0x%x bytes"
                            .formatted(length, what.first(), granule),
                    Map.of("iova", what.first(), "length", length));
        }
    }

    private static void checkWidth(Invalidation what, int inputBits) {
        if (what.granularity() == Invalidation.Granularity.RANGE && what.last() >>> inputBits != 0) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "0x%x lies beyond the %d bits of the IOASID".formatted(what.last(), inputBits),
                    Map.of("iova", what.first()));
        }
    }
}
