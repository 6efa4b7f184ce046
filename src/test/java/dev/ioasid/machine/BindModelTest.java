package dev.ioasid.machine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.Architecture;
import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Rid;
import dev.ioasid.iommu.Translation;
import dev.ioasid.pagetable.Permissions;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Random binds, attachments and what takes them back, beside a map from routes to what they lead to. After each a request on a
 * random route comes out as the model says, through real tables; at the end every frame is back. Where an SMMUv3 has less than
 * VT-d, one stage 2 for all routes of a device and none for a PASID alone, the model says so, too.
 */
class BindModelTest {
    private static final int OPERATIONS = 30_000;
    private static final long PAGE = 4096;
    private static final int PARENTS = 2;
    private static final int IDENTITY = 3;
    private static final int FIRST_STAGE = 4;
    private static final int IOASIDS = 4;
    private static final int TABLES = 4;
    /** Guest physical: table r begins at r times this, and maps address 0 to a page of its own. */
    private static final long TABLE_SPACE = 4 * PAGE;

    private static final long TARGETS = TABLES * TABLE_SPACE;

    private record Bound(Route route, int parent, int table, boolean wasAttached) {}

    private final Map<Route, Integer> attached = new HashMap<>();
    private final TreeMap<Integer, Bound> binds = new TreeMap<>();
    private final Map<Errno, Integer> refusals = new EnumMap<>(Errno.class);
    private final List<Rid> rids = List.of(new Rid(0, 1, 0, 0), new Rid(0, 2, 0, 0));
    private int translated;
    private int nested;
    private Architecture on = Architecture.VTD;
    private Random random = new Random();

    @ParameterizedTest
    @CsvSource({"VTD, 1", "VTD, 2", "SMMUV3, 3", "SMMUV3, 4"})
    void aMachineDoesWhatTheModelDoes(Architecture architecture, long seed) {
        on = architecture;
        random = new Random(seed);
        try (var machine = Machine.create("model", 1L << 28, List.of(), Preset.EMPTY)) {
            machine.apply(new Command.CreateIommu("u", true, on.capabilities()));
            long free = machine.frames().freeBytes();
            rids.forEach(rid -> machine.apply(
                    new Command.CreateDevice(rid, "u", new DeviceTraits(null, 8, true, true, null, List.of()))));
            for (int parent = 1; parent <= PARENTS; parent++) {
                machine.apply(new Command.CreateIoasid(IoasidType.PAGING, "u", null, null, null));
                machine.apply(new Command.Map(
                        parent, List.of(new MapRequest(0L, 1L << 20, Permissions.READ_WRITE, memoryOf(parent)))));
                writeTables(machine, parent);
            }
            machine.apply(new Command.CreateIoasid(IoasidType.IDENTITY, null, null, null, null));
            machine.apply(new Command.CreateIoasid(IoasidType.PAGING, "u", on.firstStage(), null, null));
            machine.apply(new Command.Map(
                    FIRST_STAGE, List.of(new MapRequest(0L, PAGE, Permissions.READ_WRITE, memoryOf(FIRST_STAGE)))));
            for (int i = 0; i < OPERATIONS; i++) {
                change(machine);
                check(machine, route());
            }
            assertThat(refusals).containsKeys(Errno.EBUSY, Errno.EINVAL, Errno.ENOENT);
            assertThat(refusals.containsKey(Errno.EOPNOTSUPP)).isEqualTo(on == Architecture.SMMUV3);
            assertThat(translated).isGreaterThan(OPERATIONS / 4);
            assertThat(nested).isGreaterThan(OPERATIONS / 10);

            binds.keySet().forEach(id -> machine.apply(new Command.Unbind(id)));
            rids.forEach(rid -> {
                for (int pasid = 0; pasid <= 2; pasid++) {
                    machine.apply(new Command.Detach(route(rid, pasid)));
                }
            });
            for (int id = 1; id <= IOASIDS; id++) {
                machine.apply(new Command.DeleteIoasid(id));
            }
            rids.forEach(rid -> machine.apply(new Command.DeleteDevice(rid)));
            assertThat(machine.frames().freeBytes()).as("all frames are back").isEqualTo(free);
        }
    }

    private static long memoryOf(int parent) {
        return parent * 0x10_0000L;
    }

    private void writeTables(Machine machine, int parent) {
        for (int table = 0; table < TABLES; table++) {
            long root = table * TABLE_SPACE;
            for (int level = 0; level < 3; level++) {
                write(machine, parent, root + level * PAGE, on.tableEntry(root + (level + 1) * PAGE));
            }
            write(machine, parent, root + 3 * PAGE, on.pageEntry(TARGETS + table * PAGE));
        }
    }

    private static void write(Machine machine, int parent, long at, long word) {
        var bytes =
                ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN).putLong(word);
        machine.apply(new Command.WriteThrough(parent, at, bytes.array()));
    }

    private Route route() {
        return route(rids.get(random.nextInt(rids.size())), random.nextInt(3));
    }

    private static Route route(Rid rid, int pasid) {
        return pasid == 0 ? Route.of(rid) : new Route(rid, pasid);
    }

    private void change(Machine machine) {
        switch (random.nextInt(6)) {
            case 0 -> attach(machine, route(), 1 + random.nextInt(IOASIDS));
            case 1 -> detach(machine, route());
            case 2, 3 -> bind(machine, route(), 1 + random.nextInt(IOASIDS), random.nextInt(TABLES));
            case 4 -> replace(machine, 1 + random.nextInt(6), random.nextInt(TABLES));
            default -> unbind(machine, 1 + random.nextInt(6));
        }
    }

    private @Nullable Bound bindOf(Route route) {
        return binds.values().stream()
                .filter(bind -> bind.route().equals(route))
                .findFirst()
                .orElse(null);
    }

    private void attach(Machine machine, Route route, int ioasid) {
        var refusal = bindOf(route) != null ? Errno.EBUSY : unlike(route, ioasid, false);
        if (expect(machine, new Command.Attach(route, ioasid, Replace.ALLOWED), refusal)) {
            attached.put(route, ioasid);
        }
    }

    private void detach(Machine machine, Route route) {
        if (expect(machine, new Command.Detach(route), bindOf(route) != null ? Errno.EBUSY : null)) {
            attached.remove(route);
        }
    }

    private void bind(Machine machine, Route route, int parent, int table) {
        var leads = attached.get(route);
        var refusal = parent > PARENTS
                ? Errno.EINVAL
                : bindOf(route) != null || leads != null && leads != parent ? Errno.EBUSY : unlike(route, parent, true);
        var command = new Command.Bind(route, parent, on.firstStage(), null, table * TABLE_SPACE);
        if (expect(machine, command, refusal)) {
            int id = LowestFree.of(binds.navigableKeySet());
            binds.put(id, new Bound(route, parent, table, leads != null));
            attached.put(route, parent);
            var made = machine.read(view -> view.bind(id));
            assertThat(made.route()).isEqualTo(route);
        }
    }

    /**
     * What an SMMUv3 does not have: requests with PASID that go past stage 1; routes of a device of which one goes by another stage 2 than
     * the others.
     */
    private @Nullable Errno unlike(Route route, int ioasid, boolean bound) {
        if (on == Architecture.VTD || !bound && Objects.equals(attached.get(route), ioasid)) {
            return null;
        }
        boolean pastStage1 = route.hasPasid() && !bound && ioasid != FIRST_STAGE;
        boolean another = attached.entrySet().stream()
                .filter(other -> other.getKey().rid().equals(route.rid())
                        && !other.getKey().equals(route))
                .anyMatch(other -> secondStage(other.getValue()) != secondStage(ioasid));
        return pastStage1 || another ? Errno.EOPNOTSUPP : null;
    }

    /** The parent through which a route to an IOASID goes; 0 for none. */
    private static int secondStage(int ioasid) {
        return ioasid <= PARENTS ? ioasid : 0;
    }

    private void replace(Machine machine, int id, int table) {
        var bind = binds.get(id);
        var command = new Command.ReplaceBind(id, null, null, table * TABLE_SPACE);
        if (expect(machine, command, bind == null ? Errno.ENOENT : null) && bind != null) {
            binds.put(id, new Bound(bind.route(), bind.parent(), table, bind.wasAttached()));
        }
    }

    private void unbind(Machine machine, int id) {
        var bind = binds.remove(id);
        if (expect(machine, new Command.Unbind(id), bind == null ? Errno.ENOENT : null)
                && bind != null
                && !bind.wasAttached()) {
            attached.remove(bind.route());
        }
    }

    /** Whether the command was applied; fails if that is not as expected. */
    private boolean expect(Machine machine, Command<?> command, @Nullable Errno refusal) {
        try {
            machine.apply(command);
        } catch (RefusedException refused) {
            assertThat(refused.errno()).as("%s", command).isEqualTo(refusal);
            refusals.merge(refused.errno(), 1, Integer::sum);
            return false;
        }
        assertThat(refusal).as("%s was applied", command).isNull();
        return true;
    }

    private void check(Machine machine, Route route) {
        var request = new DmaRequest(route.rid(), route.pasid(), 0x8, Access.WRITE, false);
        var answer = machine.apply(new Command.Translate(List.of(request))).getFirst();
        var leads = attached.get(route);
        if (leads == null) {
            assertThat(answer).as("%s", route).isInstanceOf(Translation.Faulted.class);
            return;
        }
        var bind = bindOf(route);
        long space = leads == IDENTITY ? 0 : memoryOf(leads);
        translated++;
        nested += bind == null ? 0 : 1;
        long expected = bind == null ? space + 8 : memoryOf(bind.parent()) + TARGETS + bind.table() * PAGE + 8;
        assertThat(answer).as("%s", route).isInstanceOf(Translation.Translated.class);
        assertThat(((Translation.Translated) answer).address()).as("%s", route).isEqualTo(expected);
        var attachment = machine.read(view -> view.attachment(route));
        assertThat(attachment.ioasid()).isEqualTo(Objects.requireNonNull(leads));
        assertThat(attachment.bind() != null).isEqualTo(bind != null);
    }
}
