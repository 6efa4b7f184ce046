package dev.ioasid.machine;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Destination;
import dev.ioasid.iommu.DmaRequest;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Leads routes to IOASIDs. A RID is led together with its whole group: all members go where the attached ones go. Guarded by the
 * machine's lock.
 */
final class Routes {
    /** Routes that a refusal names, of those that are in the way. */
    private static final int MOST_NAMED = 16;

    private final Machine machine;

    Routes(Machine machine) {
        this.machine = machine;
    }

    Attachment attach(Route route, int id, Replace replace) {
        var device = machine.devices().device(route.rid());
        device.unit().managedDriver();
        if (route.hasPasid()) {
            Devices.checkPasid(device, route.pasid(), machine.devices().usablePasidBits(device));
        }
        machine.binds().checkUnbound(device, route);
        var to = machine.ioasids().ioasid(id);
        if (to instanceof SvaIoasid sva) {
            sva.checkRoute(device, route);
        }
        checkClaim(device, to);
        var from = leadsTo(device, route.pasid());
        if (from != null && replace == Replace.FORBIDDEN) {
            throw refused(Errno.EBUSY, route, route + " is attached to IOASID " + from.id());
        }
        if (from == null && replace == Replace.REQUIRED) {
            throw refused(Errno.EINVAL, route, route + " is not attached, so there is nothing to replace");
        }
        if (from != to) {
            if (route.hasPasid()) {
                checkRoom(from, to);
                attachPasid(device, route, from, to, to.destination());
                tell(route, from, to);
            } else if (from == null) {
                attachRid(device, route, to, to.destination());
                tell(route, null, to);
            } else {
                replaceRid(device, from, to);
            }
        }
        return new Attachment(route, id, null);
    }

    /** EBUSY: somebody else holds a device of the group. */
    private void checkClaim(Device device, Ioasid to) {
        var holder = device.group().holder();
        if (holder == null || holder == to.context()) {
            return;
        }
        var held = routes(device.group());
        var subjects = new TreeMap<String, Object>(Map.of("ioasid", to.id(), "routes", held));
        if (holder.number() != null) {
            subjects.put("context", holder.number());
        }
        throw new RefusedException(
                Errno.EBUSY,
                "%s is in group %d, which is held by %s: %s lead there; IOASID %d belongs to %s"
                        .formatted(device.rid(), device.group().number(), holder, held, to.id(), to.context()),
                subjects);
    }

    /** Some routes of members that lead somewhere. */
    private static List<Route> routes(Group group) {
        return group.members().values().stream()
                .flatMap(Device::routes)
                .limit(MOST_NAMED)
                .toList();
    }

    /** ENOSPC: the context has as many PASIDs attached as it may have. */
    private static void checkRoom(@Nullable Ioasid from, Ioasid to) {
        if (from == null) {
            to.context().checkRoom(ContextLimit.PASIDS, 1);
        }
    }

    private void enter(Route route, Ioasid to) {
        to.routes().add(route);
        machine.devices().device(route.rid()).group().claim(to.context());
        if (route.hasPasid()) {
            to.context().take(ContextLimit.PASIDS, 1);
        }
    }

    private void leave(Route route, Ioasid from) {
        from.routes().remove(route);
        machine.devices().device(route.rid()).group().release();
        if (route.hasPasid()) {
            from.context().giveBack(ContextLimit.PASIDS, 1);
        }
    }

    private void tell(Route route, @Nullable Ioasid from, Ioasid to) {
        machine.events()
                .emit(
                        from == null
                                ? new MachineEvent.Attached(route, to.id())
                                : new MachineEvent.Replaced(route, to.id(), from.id()));
    }

    /**
     * Leads a route to {@code parent}, which it may be attached to already, by way of a table nested on that. EBUSY: it is attached to
     * another, or its group's requests lead there as well.
     */
    void bind(Route route, PagingIoasid parent, Destination nested) {
        var device = machine.devices().device(route.rid());
        if (route.hasPasid()) {
            Devices.checkPasid(device, route.pasid(), machine.devices().usablePasidBits(device));
        }
        checkClaim(device, parent);
        var from = leadsTo(device, route.pasid());
        if (from != null && from != parent) {
            throw refused(Errno.EBUSY, route, route + " is attached to IOASID " + from.id());
        }
        for (var member : device.group().members().values()) {
            if (member != device && leadsTo(member, route.pasid()) != null) {
                throw refused(
                        Errno.EBUSY,
                        route,
                        "%s is in the same group and attached as well: a bind would be for both"
                                .formatted(member.rid()));
            }
        }
        if (from == parent) {
            lead(route, nested, parent.destination());
        } else if (route.hasPasid()) {
            checkRoom(null, parent);
            attachPasid(device, route, null, parent, nested);
        } else {
            attachRid(device, route, parent, nested);
        }
    }

    /** Leads a route, and without PASID its group, elsewhere, in place of {@code from}. */
    void lead(Route route, @Nullable Destination to, @Nullable Destination from) {
        var device = machine.devices().device(route.rid());
        if (route.hasPasid()) {
            lead(device, route.pasid(), to);
        } else {
            leadAll(device.group(), to, from);
        }
        drain(device, route.pasid());
    }

    /**
     * What requests of a route, or of its whole group, waited for is answered as invalid: they lead elsewhere. Without PASID all
     * requests: a user's table may have said where those with a PASID lead.
     */
    private void drain(Device device, int pasid) {
        if (pasid != DmaRequest.NO_PASID) {
            machine.pageAnswers().drain(device, pasid);
            return;
        }
        for (var member : device.group().members().values()) {
            machine.pageAnswers().drain(member, pasid);
            machine.pageAnswers().drainUnallocated(member);
        }
    }

    /** What a route is attached to; null if nothing. */
    static @Nullable Ioasid leadsTo(Device device, int pasid) {
        if (pasid == DmaRequest.NO_PASID) {
            return device.attached() ? device.group().ioasid() : null;
        }
        var state = device.pasids().get(pasid);
        return state == null ? null : state.ioasid();
    }

    /** Where a request leads, by its own attachment or by its group's; null if nowhere. ENODEV. */
    @Nullable
    Ioasid of(DmaRequest request) {
        var device = machine.devices().device(request.rid());
        return request.hasPasid()
                ? leadsTo(device, request.pasid())
                : device.group().ioasid();
    }

    private void attachPasid(
            Device device, Route route, @Nullable Ioasid from, Ioasid to, @Nullable Destination destination) {
        for (var member : device.group().members().values()) {
            var other = leadsTo(member, route.pasid());
            if (member != device && other != null && other != to) {
                throw refused(
                        Errno.EINVAL,
                        route,
                        "%s is in the same group, and its PASID %d leads to IOASID %d"
                                .formatted(member.rid(), route.pasid(), other.id()));
            }
        }
        lead(device, route.pasid(), destination);
        if (!device.pasids().containsKey(route.pasid())) {
            machine.events().emit(new MachineEvent.PasidAllocated(route, null));
        }
        device.leadPasid(route.pasid(), to);
        if (from != null) {
            leave(route, from);
            drain(device, route.pasid());
        }
        enter(route, to);
    }

    private void attachRid(Device device, Route route, Ioasid to, @Nullable Destination destination) {
        var group = device.group();
        var leads = group.ioasid();
        if (leads != null && leads != to) {
            throw refused(
                    Errno.EINVAL,
                    route,
                    "%s is in group %d, which %s has attached to IOASID %d"
                            .formatted(
                                    device.rid(),
                                    group.number(),
                                    group.attached().first(),
                                    leads.id()));
        }
        if (to instanceof PagingIoasid paging) {
            paging.space().checkRegions(device);
        }
        if (leads == null) {
            leadAll(group, destination, null);
            group.lead(to);
        }
        group.attached().add(device.rid());
        enter(route, to);
        if (to instanceof PagingIoasid paging) {
            paging.space().cut(device);
        }
    }

    /** All attached members of the group move in one step. */
    private void replaceRid(Device device, Ioasid from, Ioasid to) {
        var group = device.group();
        var attached = group.attached().stream().map(machine.devices()::device).toList();
        if (to instanceof PagingIoasid paging) {
            attached.forEach(paging.space()::checkRegions);
        }
        leadAll(group, to.destination(), from.destination());
        group.lead(to);
        drain(device, DmaRequest.NO_PASID);
        for (var member : attached) {
            if (from instanceof PagingIoasid paging) {
                paging.space().mend(member);
            }
            if (to instanceof PagingIoasid paging) {
                paging.space().cut(member);
            }
            leave(Route.of(member.rid()), from);
            enter(Route.of(member.rid()), to);
            tell(Route.of(member.rid()), from, to);
        }
    }

    /** Leads all members of a group, or, if one of them cannot be, none. */
    private void leadAll(Group group, @Nullable Destination to, @Nullable Destination back) {
        var members = List.copyOf(group.members().values());
        try (var reserve = new Reserve(machine.frames())) {
            if (back != null) {
                // what one gives up another may take before it is known that all can be led
                members.subList(0, members.size() - 1)
                        .forEach(member -> reserve.keep(
                                member.unit().managedDriver().wayBack(member.requester(), DmaRequest.NO_PASID)));
            }
            int led = 0;
            try {
                for (var member : members) {
                    lead(member, DmaRequest.NO_PASID, to);
                    led++;
                }
            } catch (RefusedException refused) {
                while (led-- > 0) {
                    reserve.release(led);
                    lead(members.get(led), DmaRequest.NO_PASID, back);
                }
                throw refused;
            }
        }
    }

    /** Writes the entry of a route; null blocks it. */
    void lead(Device device, int pasid, @Nullable Destination destination) {
        if (destination == null) {
            block(device, pasid);
        } else {
            device.unit().managedDriver().attach(device.requester(), pasid, destination);
        }
    }

    void block(Device device, int pasid) {
        device.unit().managedDriver().detach(device.requester(), pasid);
    }

    void detach(Route route) {
        var from = leadsTo(machine.devices().device(route.rid()), route.pasid());
        if (from != null) {
            leadNowhere(route, from);
            machine.events().emit(new MachineEvent.Detached(route, from.id()));
        }
    }

    /** Blocks a route that leads to {@code from}. */
    void leadNowhere(Route route, Ioasid from) {
        var device = machine.devices().device(route.rid());
        machine.binds().checkUnbound(device, route);
        leave(route, from);
        if (route.hasPasid()) {
            block(device, route.pasid());
            device.leadPasid(route.pasid(), null);
            drain(device, route.pasid());
            return;
        }
        if (from instanceof PagingIoasid paging) {
            paging.space().mend(device);
        }
        var group = device.group();
        group.attached().remove(route.rid());
        if (group.attached().isEmpty()) {
            group.lead(null);
            group.members().values().forEach(member -> block(member, DmaRequest.NO_PASID));
            drain(device, DmaRequest.NO_PASID);
        }
    }

    private static RefusedException refused(Errno errno, Route route, String detail) {
        return new RefusedException(errno, detail, Map.of("routes", List.of(route)));
    }
}
