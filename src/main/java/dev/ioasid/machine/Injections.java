package dev.ioasid.machine;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Explanation;
import dev.ioasid.iommu.IommuType;
import dev.ioasid.iommu.Mishap;
import dev.ioasid.iommu.PageRequest;
import dev.ioasid.iommu.Rid;
import dev.ioasid.iommu.Step;
import dev.ioasid.machine.Injection.Flaw;
import dev.ioasid.machine.PageRequests.Waiting;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * What goes wrong on purpose: by id, and of several for one occasion the first that is still due. Guarded by the machine's lock.
 *
 * <p>What has been met as often as it was to be stays to be seen until it is removed, or until there are too many.
 */
final class Injections {
    static final int MOST = 1024;

    private final Machine machine;
    private final TreeMap<Integer, ActiveInjection> byId = new TreeMap<>();
    /** What has just befallen, or was to befall, a request on its way. */
    private @Nullable ActiveInjection underWay;

    Injections(Machine machine) {
        this.machine = machine;
    }

    // ---- what clients say

    /** @param count null: until it is removed */
    InjectionSummary add(Injection injection, @Nullable Integer count) {
        if (count != null && count < 1) {
            throw new RefusedException(
                    Errno.EINVAL, "count is %d, expected 1 or more".formatted(count), Map.of("property", "count"));
        }
        var over = over();
        new InjectionChecks(machine).check(injection);
        if (over != null) {
            byId.remove(over.id());
        }
        var active = new ActiveInjection(LowestFree.of(byId.navigableKeySet()), injection, count);
        byId.put(active.id(), active);
        begin(active);
        return active.summary();
    }

    /** One that has to make room for another; null: there is room. ENOSPC. */
    private @Nullable ActiveInjection over() {
        if (byId.size() < MOST) {
            return null;
        }
        for (var active : byId.values()) {
            if (active.isOver()) {
                return active;
            }
        }
        throw new RefusedException(
                Errno.ENOSPC,
                MOST + " injections are under way, the most there can be",
                Map.of("limit", Map.of("name", "injections", "value", MOST)));
    }

    private void begin(ActiveInjection active) {
        switch (active.injection()) {
            case Injection.PoisonedMemory poisoned -> machine.memory().poison(Objects.requireNonNull(active.poison()));
            case Injection.SilentDevice silent ->
                disturb(machine.devices().device(silent.rid()).unit());
            case Injection.FullQueue full -> disturb(machine.units().unit(full.iommu()));
            case Injection.MalformedRequest malformed -> arm(machine.devices().device(malformed.rid()));
            case Injection.DelayedResponse delayed -> {}
        }
    }

    private void disturb(Unit unit) {
        unit.hardware().disturb(new UnitDisturbances(machine, unit));
    }

    /** ENOENT; EINVAL: it holds nothing back. */
    InjectionSummary release(int id) {
        var active = active(id);
        if (!(active.injection() instanceof Injection.DelayedResponse)) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "injection %d holds nothing back: only a delayed response is released".formatted(id),
                    Map.of("injection", id));
        }
        deliver(active);
        return active.summary();
    }

    private void deliver(ActiveInjection active) {
        var held = List.copyOf(active.held());
        active.held().clear();
        for (var answer : held) {
            var heard = answer.group().stream().filter(Waiting::isPending).toList();
            machine.pageAnswers().answered(heard, answer.response());
        }
    }

    void remove(int id) {
        var active = active(id);
        byId.remove(id);
        end(active);
        deliver(active);
    }

    private void end(ActiveInjection active) {
        if (active.poison() != null) {
            machine.memory().cure(active.poison());
        }
        if (active.injection() instanceof Injection.MalformedRequest malformed) {
            arm(machine.devices().device(malformed.rid()));
        }
    }

    /** A device goes: so does what was to happen to it, and what was held back from it. */
    void forget(Device device) {
        forget(active -> switch (active.injection()) {
            case Injection.SilentDevice silent -> silent.rid().equals(device.rid());
            case Injection.DelayedResponse delayed -> delayed.rid().equals(device.rid());
            case Injection.MalformedRequest malformed -> malformed.rid().equals(device.rid());
            case Injection.PoisonedMemory poisoned -> false;
            case Injection.FullQueue full -> false;
        });
    }

    /** The same of a unit. */
    void forget(Unit unit) {
        forget(active -> active.injection() instanceof Injection.FullQueue full
                && full.iommu().equals(unit.name()));
    }

    private void forget(Predicate<ActiveInjection> gone) {
        for (var active : byId.values().stream().filter(gone).toList()) {
            byId.remove(active.id());
            end(active);
        }
    }

    private ActiveInjection active(int id) {
        var active = byId.get(id);
        if (active == null) {
            throw new RefusedException(Errno.ENOENT, "there is no injection " + id, Map.of("injection", id));
        }
        return active;
    }

    /** ENOENT. */
    InjectionSummary summary(int id) {
        return active(id).summary();
    }

    List<InjectionSummary> all() {
        return byId.values().stream().map(ActiveInjection::summary).toList();
    }

    // ---- what happens

    private @Nullable ActiveInjection due(Predicate<Injection> occasion) {
        for (var active : byId.values()) {
            if (active.isDue() && occasion.test(active.injection())) {
                return active;
            }
        }
        return null;
    }

    /** Whether something is due; if so, that is one occasion of it. */
    boolean taken(Predicate<Injection> occasion) {
        var active = due(occasion);
        if (active != null) {
            active.count();
        }
        return active != null;
    }

    private @Nullable ActiveInjection malforming(Rid rid) {
        return byId.isEmpty()
                ? null
                : due(injection -> injection instanceof Injection.MalformedRequest malformed
                        && malformed.rid().equals(rid));
    }

    /** A command begins: what was only explained has met nothing. */
    void begin() {
        for (var active : byId.values()) {
            boolean unused = active.poison() != null && active.poison().takeMet();
        }
    }

    /** A request as it arrives at the unit instead; null: there is nothing wrong with it. */
    @Nullable
    DmaRequest malformed(Device device, DmaRequest request) {
        var active = malforming(device.rid());
        var arriving = active == null ? null : arriving(active, device, request);
        if (active != null && arriving != null) {
            underWay = active;
            arm(device);
            active.count();
        }
        return arriving;
    }

    private static @Nullable DmaRequest arriving(ActiveInjection active, Device device, DmaRequest request) {
        if (!(active.injection() instanceof Injection.MalformedRequest malformed)) {
            return null;
        }
        return switch (malformed.flaw()) {
            case Flaw.StrayPasid(int pasid) ->
                new DmaRequest(
                        request.rid(),
                        pasid,
                        request.iova(),
                        request.access(),
                        request.privileged(),
                        request.kind(),
                        request.noWrite());
            case Flaw.Befallen befallen -> {
                boolean met = request.kind() == DmaRequest.Kind.UNTRANSLATED
                        && !device.unit().hardware().remembers(request);
                yield met ? request : null;
            }
        };
    }

    /** Has the unit do to the device's next request what is due. */
    private void arm(Device device) {
        var active = malforming(device.rid());
        if (active != null
                && active.injection() instanceof Injection.MalformedRequest malformed
                && malformed.flaw() instanceof Flaw.Befallen(var mishap)) {
            device.unit().hardware().befall(device.sourceId(), mishap, 1);
        } else if (device.unit().type() == IommuType.SMMUV3) {
            device.unit().hardware().befall(device.sourceId(), new Mishap.UnsupportedTransaction(), 0);
        }
    }

    /** A request has been dealt with: what it has met is counted. */
    void requestIsOver() {
        if (byId.isEmpty()) {
            return;
        }
        for (var active : byId.values()) {
            var poison = active.poison();
            if (poison != null && active.isDue() && poison.takeMet()) {
                active.count();
                if (!active.isDue()) {
                    machine.memory().cure(poison);
                }
            }
        }
        if (underWay != null && underWay.injection() instanceof Injection.MalformedRequest malformed) {
            underWay = null;
            arm(machine.devices().device(malformed.rid()));
        }
    }

    /** What {@code unit} explains of a request, as that would arrive. */
    Explanation explained(Device device, DmaRequest request, Function<DmaRequest, Explanation> unit) {
        var active = malforming(device.rid());
        var arriving = active == null ? null : arriving(active, device, request);
        if (active == null || arriving == null) {
            return unit.apply(request);
        }
        var explanation = unit.apply(arriving);
        var steps = new ArrayList<Step>();
        var wrong = arriving.pasid() == request.pasid() ? "malformed" : "with PASID " + arriving.pasid();
        steps.add(new Step(
                "injection",
                null,
                null,
                null,
                List.of(),
                null,
                "injection %d: the request arrives %s".formatted(active.id(), wrong)));
        steps.addAll(explanation.steps());
        return new Explanation(explanation.result(), List.copyOf(steps));
    }

    /** Whether a request has been answered, and its device has not heard that yet. */
    boolean holdsBack(Waiting asked) {
        return byId.values().stream()
                .flatMap(active -> active.held().stream())
                .anyMatch(answer -> answer.group().contains(asked));
    }

    /** Whether a device does not hear yet what has been said to a group of its requests. */
    boolean holdsBack(List<Waiting> group, PageRequest.Response response) {
        if (group.isEmpty() || byId.isEmpty()) {
            return false;
        }
        var rid = group.getFirst().device().rid();
        var active = due(injection -> injection instanceof Injection.DelayedResponse delayed
                && delayed.rid().equals(rid));
        if (active == null) {
            return false;
        }
        active.count();
        active.held().add(new ActiveInjection.Held(group, response));
        return true;
    }
}
