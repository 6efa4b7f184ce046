package dev.ioasid.machine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.Architecture;
import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Rid;
import dev.ioasid.pagetable.Permissions;
import java.time.Duration;
import java.time.Instant;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Contexts are opened, closed, renewed and forgotten at random, IOASIDs made, attached and mapped in them, beside plain maps of who owns what. Each
 * command does, or is refused as, what the model says; after each, all counts are the model's. At the end everything is back.
 */
class ContextModelTest {
    private static final int OPERATIONS = 20_000;
    private static final long PAGE = 0x1000;
    private static final int MOST_CONTEXTS = 6;
    private static final int MOST_IOASIDS = 12;
    private static final int PASIDS = 3;
    private static final Instant START = Instant.parse("2026-01-01T00:00:00Z");
    /** Of no context. */
    private static final int COMMON = 0;

    /** A context; {@code expires} is null without a lease. */
    private record Owner(
            Map<ContextLimit, Long> limits,
            @Nullable Duration lease,
            @Nullable Instant expires) {}

    /** An IOASID; its mappings are of so many pages each. */
    private record Space(int owner, TreeMap<Long, Integer> mappings) {
        long pages() {
            return mappings.values().stream().mapToInt(Integer::intValue).sum();
        }
    }

    private final TreeMap<Integer, Owner> owners = new TreeMap<>();
    private final TreeMap<Integer, Space> spaces = new TreeMap<>();
    private final TreeMap<Route, Integer> attached = new TreeMap<>();
    private final Map<Errno, Integer> refusals = new EnumMap<>(Errno.class);
    /** The first two are of one group. */
    private final List<Rid> rids = List.of(new Rid(0, 1, 0, 0), new Rid(0, 1, 0, 1), new Rid(0, 2, 0, 0));

    private Architecture on = Architecture.VTD;
    private Random random = new Random();
    private Instant now = START;
    private int expired;

    @ParameterizedTest
    @CsvSource({"VTD, 1", "VTD, 2", "SMMUV3, 3", "SMMUV3, 4"})
    void aMachineDoesWhatTheModelDoes(Architecture architecture, long seed) {
        on = architecture;
        random = new Random(seed);
        try (var machine = Machine.create("model", 1L << 26, List.of(), Preset.EMPTY)) {
            machine.apply(new Command.CreateIommu("u", true, on.capabilities()));
            long free = machine.frames().freeBytes();
            for (var rid : rids) {
                int group = rid.bus();
                machine.apply(
                        new Command.CreateDevice(rid, "u", new DeviceTraits(null, 8, true, true, group, List.of())));
            }
            for (int i = 0; i < OPERATIONS; i++) {
                change(machine);
                check(machine);
            }
            assertThat(refusals.keySet())
                    .isEqualTo(Set.of(Errno.EBUSY, Errno.EINVAL, Errno.ENOENT, Errno.ENOSPC, Errno.ENOMEM));
            assertThat(refusals.values()).allMatch(count -> count > OPERATIONS / 1000);
            assertThat(expired).isGreaterThan(OPERATIONS / 1000);

            List.copyOf(owners.keySet()).forEach(id -> close(machine, id));
            List.copyOf(attached.keySet()).forEach(route -> detach(machine, route));
            spaces.keySet().forEach(id -> machine.apply(new Command.DeleteIoasid(id)));
            rids.forEach(rid -> machine.apply(new Command.DeleteDevice(rid)));
            assertThat(machine.frames().freeBytes()).as("all frames are back").isEqualTo(free);
        }
    }

    private void change(Machine machine) {
        switch (random.nextInt(16)) {
            case 0 -> open(machine);
            case 1 -> close(machine, random.nextInt(MOST_CONTEXTS + 2));
            case 2 -> renew(machine, random.nextInt(MOST_CONTEXTS + 2));
            case 3 -> pass(machine);
            case 4, 5, 6 -> create(machine, random.nextInt(MOST_CONTEXTS + 2));
            case 7 -> delete(machine, 1 + random.nextInt(MOST_IOASIDS));
            case 8, 9, 10 -> attach(machine, route(), 1 + random.nextInt(MOST_IOASIDS));
            case 11 -> detach(machine, route());
            case 12, 13, 14 -> map(machine, 1 + random.nextInt(MOST_IOASIDS));
            default -> unmap(machine, 1 + random.nextInt(MOST_IOASIDS));
        }
    }

    private Route route() {
        var rid = rids.get(random.nextInt(rids.size()));
        int pasid = random.nextInt(PASIDS + 1);
        return pasid == 0 ? Route.of(rid) : new Route(rid, pasid);
    }

    // ---- contexts

    private void open(Machine machine) {
        if (owners.size() == MOST_CONTEXTS) {
            return;
        }
        var limits = new EnumMap<ContextLimit, Long>(ContextLimit.class);
        for (var limit : ContextLimit.values()) {
            if (random.nextInt(3) == 0) {
                limits.put(limit, random.nextInt(6) * (limit == ContextLimit.PINNED_BYTES ? PAGE : 1));
            }
        }
        var lease = random.nextBoolean() ? Duration.ofSeconds(1 + random.nextInt(20)) : null;
        int id = LowestFree.of(owners.navigableKeySet());
        assertThat(machine.apply(new Command.CreateContext("c", limits, lease, now))
                        .id())
                .isEqualTo(id);
        owners.put(id, new Owner(limits, lease, lease == null ? null : now.plus(lease)));
    }

    private void close(Machine machine, int id) {
        if (expect(machine, new Command.CloseContext(id), owners.containsKey(id) ? null : Errno.ENOENT)) {
            forget(id);
        }
    }

    private void forget(int id) {
        owners.remove(id);
        attached.values().removeIf(ioasid -> owner(ioasid) == id);
        spaces.values().removeIf(space -> space.owner == id);
    }

    private void renew(Machine machine, int id) {
        var owner = owners.get(id);
        var refusal = owner == null || isOver(owner) ? Errno.ENOENT : owner.lease == null ? Errno.EINVAL : null;
        if (expect(machine, new Command.RenewContext(id, now), refusal) && owner != null && owner.lease != null) {
            owners.put(id, new Owner(owner.limits, owner.lease, now.plus(owner.lease)));
        }
    }

    private boolean isOver(Owner owner) {
        return owner.expires != null && !now.isBefore(owner.expires);
    }

    /** Time passes; now and then somebody looks at the clock. */
    private void pass(Machine machine) {
        now = now.plusSeconds(random.nextInt(3));
        var over = new TreeSet<Integer>();
        owners.forEach((id, owner) -> {
            if (isOver(owner)) {
                over.add(id);
            }
        });
        assertThat(machine.hasExpired(now)).isEqualTo(!over.isEmpty());
        if (random.nextBoolean()) {
            machine.apply(new Command.ExpireContexts(now));
            over.forEach(this::forget);
            expired += over.size();
        }
    }

    // ---- what they own

    private int owner(int ioasid) {
        return Objects.requireNonNull(spaces.get(ioasid)).owner;
    }

    private void create(Machine machine, int context) {
        if (spaces.size() == MOST_IOASIDS) {
            return;
        }
        var command = new Command.CreateIoasid(
                IoasidType.PAGING, null, on.firstStage(), null, null, null, context == COMMON ? null : context);
        var refusal = context != COMMON && !owners.containsKey(context)
                ? Errno.ENOENT
                : hasRoom(context, ContextLimit.IOASIDS, 1) ? null : Errno.ENOSPC;
        int id = LowestFree.of(spaces.navigableKeySet());
        if (expect(machine, command, refusal)) {
            spaces.put(id, new Space(context, new TreeMap<>()));
        }
    }

    private void delete(Machine machine, int id) {
        var refusal = !spaces.containsKey(id) ? Errno.ENOENT : attached.containsValue(id) ? Errno.EBUSY : null;
        if (expect(machine, new Command.DeleteIoasid(id), refusal)) {
            spaces.remove(id);
        }
    }

    private void attach(Machine machine, Route route, int to) {
        if (expect(machine, new Command.Attach(route, to, Replace.ALLOWED), refusal(route, to))) {
            attached.put(route, to);
            if (!route.hasPasid()) { // all attached members of its group move
                attached.replaceAll((other, led) -> !other.hasPasid() && together(other, route) ? to : led);
            }
        }
    }

    private static boolean together(Route one, Route two) {
        return one.rid().bus() == two.rid().bus();
    }

    private @Nullable Errno refusal(Route route, int to) {
        if (!spaces.containsKey(to)) {
            return Errno.ENOENT;
        }
        var held = new HashSet<Integer>();
        attached.forEach((other, led) -> {
            if (together(other, route)) {
                held.add(owner(led));
            }
        });
        if (!held.isEmpty() && !held.contains(owner(to))) {
            return Errno.EBUSY;
        }
        var from = attached.get(route);
        if (from != null && from == to) {
            return null;
        }
        if (route.hasPasid() && from == null && !hasRoom(owner(to), ContextLimit.PASIDS, 1)) {
            return Errno.ENOSPC;
        }
        boolean elsewhere = attached.entrySet().stream()
                .anyMatch(other -> !other.getKey().rid().equals(route.rid())
                        && together(other.getKey(), route)
                        && other.getKey().pasid() == route.pasid()
                        && other.getValue() != to);
        return elsewhere && (route.hasPasid() || from == null) ? Errno.EINVAL : null;
    }

    private void detach(Machine machine, Route route) {
        machine.apply(new Command.Detach(route));
        attached.remove(route);
    }

    private void map(Machine machine, int id) {
        int pages = 1 + random.nextInt(2);
        long iova = 2 * random.nextInt(8) * PAGE;
        var space = spaces.get(id);
        var refusal = space == null
                ? Errno.ENOENT
                : space.mappings.containsKey(iova)
                        ? Errno.EEXIST
                        : !hasRoom(space.owner, ContextLimit.MAPPINGS, 1)
                                ? Errno.ENOSPC
                                : hasRoom(space.owner, ContextLimit.PINNED_BYTES, pages * PAGE) ? null : Errno.ENOMEM;
        if (refusal == Errno.EEXIST) {
            return;
        }
        var request = new MapRequest(iova, pages * PAGE, Permissions.READ_WRITE, null);
        if (expect(machine, new Command.Map(id, List.of(request)), refusal) && space != null) {
            space.mappings.put(iova, pages);
        }
    }

    private void unmap(Machine machine, int id) {
        var space = spaces.get(id);
        if (space == null) {
            expect(machine, new Command.UnmapAll(id), Errno.ENOENT);
        } else if (space.mappings.isEmpty() || random.nextInt(4) == 0) {
            machine.apply(new Command.UnmapAll(id));
            space.mappings.clear();
        } else {
            var first = Objects.requireNonNull(space.mappings.pollFirstEntry());
            machine.apply(new Command.Unmap(id, first.getKey(), first.getValue() * PAGE));
        }
    }

    // ---- what they use

    private boolean hasRoom(int context, ContextLimit limit, long more) {
        var owner = owners.get(context);
        var most = owner == null ? null : owner.limits.get(limit);
        return most == null || used(context, limit) + more <= most;
    }

    private long used(int context, ContextLimit limit) {
        var owned = spaces.values().stream().filter(space -> space.owner == context);
        return switch (limit) {
            case IOASIDS -> owned.count();
            case MAPPINGS -> owned.mapToLong(space -> space.mappings.size()).sum();
            case PINNED_BYTES -> owned.mapToLong(Space::pages).sum() * PAGE;
            case PASIDS ->
                attached.entrySet().stream()
                        .filter(entry -> entry.getKey().hasPasid() && owner(entry.getValue()) == context)
                        .count();
        };
    }

    /** Whether the command was applied; fails if that is not as expected. */
    private boolean expect(Machine machine, Command<?> command, @Nullable Errno refusal) {
        try {
            machine.apply(command);
        } catch (RefusedException refused) {
            assertThat(refused.errno())
                    .as("%s: %s", command, refused.getMessage())
                    .isEqualTo(refusal);
            refusals.merge(refused.errno(), 1, Integer::sum);
            return false;
        }
        assertThat(refusal).as("%s was applied", command).isNull();
        return true;
    }

    private void check(Machine machine) {
        var contexts = machine.read(MachineView::contexts);
        assertThat(contexts).extracting(ContextSummary::id).containsExactlyElementsOf(owners.keySet());
        for (var context : contexts) {
            for (var limit : ContextLimit.values()) {
                assertThat(context.used()).as("%s", context).containsEntry(limit, used(context.id(), limit));
            }
            assertThat(context.expires()).isEqualTo(Objects.requireNonNull(owners.get(context.id())).expires);
        }
        var ioasids = machine.read(MachineView::ioasids);
        assertThat(ioasids).extracting(IoasidSummary::id).containsExactlyElementsOf(spaces.keySet());
        for (var ioasid : ioasids) {
            int owner = owner(ioasid.id());
            assertThat(ioasid.context()).isEqualTo(owner == COMMON ? null : Integer.valueOf(owner));
            assertThat(ioasid.routes())
                    .extracting(Attachment::route)
                    .containsExactlyElementsOf(attached.entrySet().stream()
                            .filter(entry -> entry.getValue() == ioasid.id())
                            .map(Map.Entry::getKey)
                            .toList());
        }
    }
}
