package dev.ioasid.machine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.IommuCapabilities;
import dev.ioasid.iommu.IommuType;
import dev.ioasid.iommu.Rid;
import dev.ioasid.iommu.Translation;
import dev.ioasid.iommu.smmuv3.SmmuCapabilities;
import dev.ioasid.iommu.vtd.NamedCapabilities;
import dev.ioasid.iommu.vtd.VtdCapabilities;
import dev.ioasid.pagetable.Permissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Random changes to a machine, beside the plainest model there is: a sorted map for each IOASID, and a map from routes to
 * IOASIDs. After each change requests on random routes must come out as the model says; at the end every frame is back.
 */
class MachineModelTest {
    private static final int OPERATIONS = 110_000;
    private static final long MEMORY = 1L << 30;
    private static final long PAGE = 4096;
    private static final int IOASIDS = 6;

    private final Map<Integer, TreeMap<Long, Mapping>> spaces = new HashMap<>();
    private final Map<Route, Integer> routes = new HashMap<>();
    private final Map<String, Integer> outcomes = new TreeMap<>();
    private Random random = new Random();

    /** A unit, and the tables of its IOASIDs. */
    enum Kind {
        VTD_SCALABLE(VtdCapabilities.DEFAULT, null, true),
        VTD_LEGACY(VtdCapabilities.named(legacy()), null, false),
        /** So that PASIDs can lead to them, too. */
        SMMUV3_FIRST_STAGE(SmmuCapabilities.DEFAULT, "armv8-stage1", true),
        SMMUV3_SECOND_STAGE(SmmuCapabilities.DEFAULT, "armv8-stage2", false);

        private final IommuCapabilities capabilities;
        private final @Nullable String format;
        private final boolean pasids;

        Kind(IommuCapabilities capabilities, @Nullable String format, boolean pasids) {
            this.capabilities = capabilities;
            this.format = format;
            this.pasids = pasids;
        }

        static Stream<Arguments> seeds() {
            return Arrays.stream(values())
                    .flatMap(kind -> LongStream.rangeClosed(1, kind == VTD_LEGACY ? 1 : 2)
                            .mapToObj(seed -> Arguments.of(kind, seed)));
        }
    }

    @ParameterizedTest
    @MethodSource("dev.ioasid.machine.MachineModelTest$Kind#seeds")
    void aMachineDoesWhatTheModelDoes(Kind kind, long seed) {
        random = new Random(seed);
        boolean scalable = kind.pasids;
        try (var machine = Machine.create("model", MEMORY, List.of(), Preset.EMPTY)) {
            machine.apply(new Command.CreateIommu("iommu0", true, kind.capabilities));
            long free = machine.frames().freeBytes();
            var rids = List.of(new Rid(0, 0x3a, 0, 0), new Rid(0, 0x3a, 0x1f, 7), new Rid(0, 0xff, 0x10, 0));
            for (var rid : rids) {
                machine.apply(new Command.CreateDevice(
                        rid, "iommu0", new DeviceTraits(null, null, false, false, null, List.of())));
            }
            for (int id = 1; id <= IOASIDS; id++) {
                machine.apply(new Command.CreateIoasid(IoasidType.PAGING, null, kind.format, null, null));
                spaces.put(id, new TreeMap<>());
            }
            for (int i = 0; i < OPERATIONS; i++) {
                change(machine, rids, scalable);
                check(machine, rids, scalable);
            }
            assertThat(outcomes.values().stream().mapToInt(Integer::intValue).sum())
                    .isEqualTo(OPERATIONS);
            assertThat(outcomes.keySet()).contains("map", "unmap", "attach", "detach", "EEXIST", "ENOENT");

            List.copyOf(routes.keySet()).forEach(route -> machine.apply(new Command.Detach(route)));
            for (int id = 1; id <= IOASIDS; id++) {
                machine.apply(new Command.DeleteIoasid(id));
            }
            rids.forEach(rid -> machine.apply(new Command.DeleteDevice(rid)));
            assertThat(machine.frames().freeBytes()).as("all frames are back").isEqualTo(free);
            if (kind.capabilities.type() == IommuType.VTD) {
                long afterRootAndQueue = machine.frames().firstChoice() + 3 * PAGE;
                assertThat(machine.memory().read(afterRootAndQueue, (int) PAGE)).containsOnly(0);
            }
        }
    }

    private static NamedCapabilities legacy() {
        return new NamedCapabilities(
                39, null, null, null, false, null, null, null, null, null, null, null, null, null, null, null, null);
    }

    private void change(Machine machine, List<Rid> rids, boolean scalable) {
        int id = 1 + random.nextInt(IOASIDS);
        String outcome;
        try {
            outcome = switch (random.nextInt(8)) {
                case 0, 1, 2 -> map(machine, id);
                case 3, 4 -> unmap(machine, id);
                case 5, 6 -> attach(machine, route(rids, scalable), id);
                default -> detach(machine, route(rids, scalable));
            };
        } catch (RefusedException refused) {
            outcome = refused.errno().name();
        }
        outcomes.merge(outcome, 1, Integer::sum);
    }

    private String map(Machine machine, int id) {
        long pages = random.nextInt(20) == 0 ? 512L * (1 + random.nextInt(3)) : 1 + random.nextInt(8);
        long iova = random.nextInt(20) == 0
                ? random.nextLong(1L << 38) & -(1L << 21)
                : 0x4000_0000L + random.nextInt(2048) * PAGE;
        boolean anywhere = random.nextInt(4) == 0;
        boolean named = random.nextInt(3) == 0;
        long physical = random.nextInt(4096) * PAGE * (pages >= 512 ? 32 : 1);
        var permissions = List.of(Permissions.READ, Permissions.WRITE, Permissions.READ_WRITE)
                .get(random.nextInt(3));
        var request = new MapRequest(anywhere ? null : iova, pages * PAGE, permissions, named ? physical : null);
        var space = space(id);
        boolean taken = !anywhere && overlaps(space, iova, pages * PAGE);
        try {
            var mapping = machine.apply(new Command.Map(id, List.of(request))).getFirst();
            assertThat(taken).as("mapped over something").isFalse();
            assertThat(overlaps(space, mapping.iova(), mapping.length())).isFalse();
            if (named) {
                assertThat(mapping.physicalAddress()).isEqualTo(physical);
            }
            space.put(mapping.iova(), mapping);
            return "map";
        } catch (RefusedException refused) {
            if (refused.errno() == Errno.EEXIST) {
                assertThat(taken).isTrue();
            } else {
                assertThat(refused.errno()).isIn(Errno.EINVAL, Errno.ENOMEM, Errno.ENOSPC);
            }
            throw refused;
        }
    }

    private TreeMap<Long, Mapping> space(int id) {
        return Objects.requireNonNull(spaces.get(id));
    }

    private static boolean overlaps(TreeMap<Long, Mapping> space, long iova, long length) {
        var below = space.lowerEntry(iova + length);
        return below != null && below.getValue().last() >= iova;
    }

    private String unmap(Machine machine, int id) {
        var space = space(id);
        long iova = 0x4000_0000L + random.nextInt(2048) * PAGE;
        long length = (1 + random.nextInt(64)) * PAGE;
        if (!space.isEmpty() && random.nextInt(3) > 0) {
            var some = space.ceilingEntry(random.nextLong(1L << 38));
            var mapping = (some == null ? space.firstEntry() : some).getValue();
            iova = mapping.iova();
            length = mapping.length() - (random.nextInt(10) == 0 ? 1 : 0);
        }
        long first = iova;
        long last = iova + length - 1;
        var met = space.values().stream()
                .filter(mapping -> mapping.iova() <= last && mapping.last() >= first)
                .toList();
        boolean whole = met.stream().allMatch(mapping -> mapping.iova() >= first && mapping.last() <= last);
        try {
            long unmapped = machine.apply(new Command.Unmap(id, iova, length));
            assertThat(whole && !met.isEmpty()).isTrue();
            assertThat(unmapped)
                    .isEqualTo(met.stream().mapToLong(Mapping::length).sum());
            met.forEach(mapping -> space.remove(mapping.iova()));
            return "unmap";
        } catch (RefusedException refused) {
            assertThat(refused.errno()).isEqualTo(Errno.ENOENT);
            assertThat(whole && !met.isEmpty()).isFalse();
            throw refused;
        }
    }

    private Route route(List<Rid> rids, boolean scalable) {
        var rid = rids.get(random.nextInt(rids.size()));
        return !scalable || random.nextBoolean()
                ? Route.of(rid)
                : new Route(rid, List.of(1, 2, 63, 64, 0x2000, 0xffff).get(random.nextInt(6)));
    }

    private String attach(Machine machine, Route route, int id) {
        machine.apply(new Command.Attach(route, id, Replace.ALLOWED));
        routes.put(route, id);
        return "attach";
    }

    private String detach(Machine machine, Route route) {
        machine.apply(new Command.Detach(route));
        routes.remove(route);
        return "detach";
    }

    /** Requests to a few random addresses, on a random route. */
    private void check(Machine machine, List<Rid> rids, boolean scalable) {
        var route = route(rids, scalable);
        var id = routes.get(route);
        var space = id == null ? new TreeMap<Long, Mapping>() : space(id);
        var requests = new ArrayList<DmaRequest>();
        for (int i = 0; i < 3; i++) {
            long iova = 0x4000_0000L + random.nextInt(2048 * 4096);
            var near = random.nextBoolean() ? space.floorEntry(random.nextLong(1L << 38)) : null;
            if (near != null) {
                iova = near.getKey() + random.nextLong(near.getValue().length());
            }
            requests.add(new DmaRequest(
                    route.rid(), route.pasid(), iova, random.nextBoolean() ? Access.READ : Access.WRITE, false));
        }
        var answers = machine.apply(new Command.Translate(requests));
        for (int i = 0; i < requests.size(); i++) {
            var request = requests.get(i);
            assertThat(address(answers.get(i))).as(() -> request.toString()).isEqualTo(expected(space, request));
        }
    }

    private static @Nullable Long address(Translation answer) {
        return answer instanceof Translation.Translated translated ? translated.address() : null;
    }

    private static @Nullable Long expected(TreeMap<Long, Mapping> space, DmaRequest request) {
        var below = space.floorEntry(request.iova());
        if (below == null || below.getValue().last() < request.iova()) {
            return null;
        }
        var mapping = below.getValue();
        boolean allowed = request.access() == Access.READ
                ? mapping.permissions().read()
                : mapping.permissions().write();
        long offset = request.iova() - mapping.iova();
        for (var extent : mapping.extents()) {
            if (offset < extent.length()) {
                return allowed ? extent.physicalAddress() + offset : null;
            }
            offset -= extent.length();
        }
        throw new IllegalStateException("extents do not cover the mapping");
    }
}
