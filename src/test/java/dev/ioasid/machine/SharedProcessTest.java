package dev.ioasid.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.CacheGeometry;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.DmaRequest.Kind;
import dev.ioasid.iommu.Invalidation;
import dev.ioasid.iommu.IommuCapabilities;
import dev.ioasid.iommu.Rid;
import dev.ioasid.iommu.Translation;
import dev.ioasid.iommu.smmuv3.SmmuCapabilities;
import dev.ioasid.iommu.vtd.NamedCapabilities;
import dev.ioasid.iommu.vtd.VtdCapabilities;
import dev.ioasid.pagetable.Permissions;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Devices that share the address space of a process: what they see is what the process sees, whatever units and devices remember. */
class SharedProcessTest {
    private static final long MEMORY = 64L << 20;
    private static final Rid RID1 = new Rid(0, 0x3a, 0, 0);
    private static final Rid RID2 = new Rid(0, 0x3b, 0, 0);
    private static final Rid RID3 = new Rid(0, 0x3c, 0, 0);

    /** Two units of an architecture, and a process that both can walk. */
    enum Architecture {
        VTD("x86-64", 4, 0x1000, VtdCapabilities.DEFAULT, "0x71"),
        VTD_5_LEVELS("x86-64", 5, 0x1000, VtdCapabilities.DEFAULT, "0x71"),
        SMMUV3("armv8-stage1", 4, 0x1000, SmmuCapabilities.DEFAULT, "0x10"),
        SMMUV3_SHORT("armv8-stage1", 3, 0x1000, SmmuCapabilities.DEFAULT, "0x10"),
        SMMUV3_16K("armv8-stage1", 2, 0x4000, SmmuCapabilities.DEFAULT, "0x10"),
        SMMUV3_64K("armv8-stage1", 3, 0x1_0000, SmmuCapabilities.DEFAULT, "0x10");

        private final String format;
        private final int levels;
        private final long granule;
        private final IommuCapabilities capabilities;
        private final String absent;

        /** @param absent what a page that is not there is, as a fault */
        Architecture(String format, int levels, long granule, IommuCapabilities capabilities, String absent) {
            this.format = format;
            this.levels = levels;
            this.granule = granule;
            this.capabilities = capabilities;
            this.absent = absent;
        }

        boolean isVtd() {
            return format.equals("x86-64");
        }
    }

    private static Map<String, CacheGeometry> caches(Architecture architecture, CacheGeometry geometry) {
        var names = architecture.isVtd()
                ? List.of("iotlb", "first-stage-paging-structure-cache", "pasid-cache", "context-cache", "device-tlb")
                : List.of("ste", "cd", "tlb", "atc");
        var caches = new HashMap<String, CacheGeometry>();
        names.forEach(name -> caches.put(name, geometry));
        return caches;
    }

    /** Two devices behind iommu0, one of which has a TLB of its own, and one behind iommu1, which has one, too. */
    private static Machine machine(Architecture architecture, CacheGeometry geometry) {
        var machine = Machine.create("m", MEMORY, List.of(), Preset.EMPTY);
        for (var name : List.of("iommu0", "iommu1")) {
            machine.apply(
                    new Command.CreateIommu(name, true, architecture.capabilities, caches(architecture, geometry)));
        }
        device(machine, RID1, "iommu0", true);
        device(machine, RID2, "iommu0", false);
        device(machine, RID3, "iommu1", true);
        return machine;
    }

    private static void device(Machine machine, Rid rid, String iommu, boolean ats) {
        machine.apply(new Command.CreateDevice(rid, iommu, new DeviceTraits(null, 10, ats, false, null, List.of())));
    }

    private static ProcessSummary process(Machine machine, Architecture architecture, boolean demandPaging) {
        return machine.apply(new Command.CreateProcess(
                architecture.format, architecture.levels, architecture.granule, demandPaging));
    }

    /** IOASIDs 1 and 2 of process 1, and four routes. */
    private static List<Route> share(Machine machine) {
        machine.apply(new Command.CreateSvaIoasid(1, "iommu0", null));
        machine.apply(new Command.CreateSvaIoasid(1, "iommu1", null));
        var routes = List.of(new Route(RID1, 1), new Route(RID1, 2), new Route(RID2, 7), new Route(RID3, 1));
        routes.forEach(route -> attach(machine, route, route.rid().equals(RID3) ? 2 : 1));
        return routes;
    }

    private static void attach(Machine machine, Route route, int ioasid) {
        machine.apply(new Command.Attach(route, ioasid, Replace.ALLOWED));
    }

    private static Translation translate(Machine machine, Route route, long address, Access access, Kind kind) {
        var request = new DmaRequest(route.rid(), route.pasid(), address, access, false, kind, false);
        return machine.apply(new Command.Translate(List.of(request))).getFirst();
    }

    private static String answer(Machine machine, Route route, long address) {
        return switch (translate(machine, route, address, Access.READ, Kind.UNTRANSLATED)) {
            case Translation.Translated page -> "translated";
            case Translation.Faulted(var fault) -> "0x%x".formatted(fault.code());
            case Translation.Stalled stalled -> throw new AssertionError(stalled);
            case Translation.Completed completed -> throw new AssertionError(completed);
        };
    }

    private static long word(Machine machine, long address) {
        return ByteBuffer.wrap(machine.read(view -> view.readMemory(address, 8)))
                .order(ByteOrder.LITTLE_ENDIAN)
                .getLong();
    }

    private static byte[] bytes(long word) {
        return ByteBuffer.allocate(8)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(word)
                .array();
    }

    private static void refused(Errno errno, String subject, ThrowingCallable call) {
        assertThatThrownBy(call).isInstanceOfSatisfying(RefusedException.class, refused -> {
            assertThat(refused.errno()).as(refused.getMessage()).isEqualTo(errno);
            assertThat(refused.subjects()).containsKey(subject);
        });
    }

    /** A page of the model. @param tag what its first word is; null: not touched yet */
    private record Page(Permissions permissions, @Nullable Long tag) {}

    private static final int NAMED = 40;
    private static final int STEPS = 12_000;

    private final TreeMap<Long, Page> model = new TreeMap<>(); // by address
    private SplittableRandom random = new SplittableRandom();
    private long granule;
    private int translated;
    private int faulted;

    /**
     * Random changes to a process whose devices go on with their DMA. Each page has a number of its own in its first word, by which the memory that a
     * request is led to is known; a page that is not there must not be led to.
     */
    @ParameterizedTest
    @CsvSource({
        "VTD,          true,  1, 64, 8",
        "VTD,          false, 2, 1,  2",
        "VTD_5_LEVELS, false, 3, 16, 4",
        "SMMUV3,       true,  4, 64, 8",
        "SMMUV3_SHORT, false, 5, 1,  2",
        "SMMUV3_16K,   false, 6, 16, 4",
        "SMMUV3_64K,   true,  7, 16, 4"
    })
    void devicesSeeWhatTheProcessSees(Architecture architecture, boolean demandPaging, long seed, int sets, int ways) {
        random = new SplittableRandom(seed);
        granule = architecture.granule;
        try (var machine = machine(architecture, new CacheGeometry(sets, ways))) {
            process(machine, architecture, demandPaging);
            var routes = share(machine);
            for (long step = 1; step <= STEPS; step++) {
                change(machine, demandPaging, step);
                for (int i = 0; i < 4; i++) {
                    request(machine, routes.get(random.nextInt(routes.size())));
                }
            }
            assertThat(translated).isGreaterThan(STEPS / 2);
            assertThat(faulted).isGreaterThan(STEPS / 4);
        }
    }

    /** One of few pages, of two tables of the lowest level. */
    private long address() {
        return (8192 - NAMED / 2 + random.nextInt(NAMED)) * granule;
    }

    private void change(Machine machine, boolean demandPaging, long step) {
        long first = address();
        long length = (1 + random.nextInt(6)) * granule;
        switch (random.nextInt(8)) {
            case 0, 1 -> {
                if (model.subMap(first, first + length).isEmpty()) {
                    var permissions = Permissions.parse(random.nextInt(3) == 0 ? "r" : "rwx");
                    machine.apply(new Command.MapProcess(1, first, length, permissions));
                    for (long at = first; at < first + length; at += granule) {
                        model.put(at, new Page(permissions, demandPaging ? null : 0L));
                    }
                }
            }
            case 2 -> {
                machine.apply(new Command.UnmapProcess(1, first, length));
                model.subMap(first, first + length).clear();
            }
            default -> {
                var page = model.get(first);
                if (page != null && page.permissions().write()) {
                    machine.apply(new Command.WriteProcess(1, first, bytes(step)));
                    model.put(first, new Page(page.permissions(), step));
                } else if (page != null) {
                    assertThat(machine.apply(new Command.ReadProcess(1, first, 8)))
                            .containsOnly(0);
                    model.put(first, new Page(page.permissions(), 0L));
                }
            }
        }
    }

    private void request(Machine machine, Route route) {
        long address = address();
        long offset = random.nextInt((int) granule);
        boolean ask = !route.rid().equals(RID2) && random.nextInt(4) == 0;
        var access = !ask && random.nextBoolean() ? Access.WRITE : Access.READ;
        var answer =
                translate(machine, route, address + offset, access, ask ? Kind.TRANSLATION_REQUEST : Kind.UNTRANSLATED);
        var page = model.get(address);
        var tag = page == null || access == Access.WRITE && !page.permissions().write() ? null : page.tag();
        var led = led(answer);
        if (tag == null) {
            assertThat(led)
                    .as("%s of %s at 0x%x: nothing is there", access, route, address)
                    .isNull();
            faulted++;
        } else {
            assertThat(led).as("%s of %s at 0x%x", access, route, address).isNotNull();
            assertThat(word(machine, (led == null ? 0 : led) - offset)).isEqualTo(tag);
            translated++;
        }
    }

    private static @Nullable Long led(Translation answer) {
        return switch (answer) {
            case Translation.Translated page -> page.address();
            case Translation.Faulted faulted -> null;
            case Translation.Stalled stalled -> throw new AssertionError(stalled);
            case Translation.Completed completed -> completed.fault() == null ? completed.address() : null;
        };
    }

    /** Every route knows the page, by the unit and by its own TLB, until it is unmapped. */
    @ParameterizedTest
    @EnumSource(Architecture.class)
    void whatIsUnmappedIsGoneOnEveryRouteOfEveryUnit(Architecture architecture) {
        try (var machine = machine(architecture, new CacheGeometry(16, 4))) {
            process(machine, architecture, false);
            var routes = share(machine);
            long at = 16 * architecture.granule;
            machine.apply(new Command.MapProcess(1, at, 4 * architecture.granule, Permissions.READ_WRITE));
            for (var route : routes) {
                if (!route.rid().equals(RID2)) {
                    translate(machine, route, at, Access.READ, Kind.TRANSLATION_REQUEST);
                }
                assertThat(answer(machine, route, at)).isEqualTo("translated");
                assertThat(answer(machine, route, at + architecture.granule)).isEqualTo("translated");
            }
            machine.apply(new Command.UnmapProcess(1, at, architecture.granule));
            for (var route : routes) {
                assertThat(answer(machine, route, at)).as(route.toString()).isEqualTo(architecture.absent);
                assertThat(answer(machine, route, at + architecture.granule)).isEqualTo("translated");
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Architecture.class)
    void whenTheProcessEndsItsRoutesAreBlockedAndItsMemoryIsFree(Architecture architecture) {
        try (var machine = machine(architecture, new CacheGeometry(16, 4))) {
            long free = machine.frames().freeBytes();
            process(machine, architecture, false);
            var routes = share(machine);
            long at = 16 * architecture.granule;
            machine.apply(new Command.MapProcess(1, at, architecture.granule, Permissions.READ_WRITE));
            for (var route : routes) {
                if (!route.rid().equals(RID2)) {
                    translate(machine, route, at, Access.READ, Kind.TRANSLATION_REQUEST);
                }
                assertThat(answer(machine, route, at)).isEqualTo("translated");
            }

            machine.apply(new Command.DeleteProcess(1));
            for (var route : routes) {
                assertThat(answer(machine, route, at)).as(route.toString()).isNotIn("translated", architecture.absent);
                assertThat(machine.read(view -> view.attachment(route)).ioasid())
                        .isBetween(1, 2);
            }
            assertThat(machine.read(view -> view.ioasid(1)).process()).isNull();
            assertThat(machine.read(view -> view.ioasid(1)).mappedBytes()).isZero();
            assertThat(machine.read(view -> view.ioasid(1)).routes()).hasSize(3);
            refused(Errno.EINVAL, "ioasid", () -> attach(machine, new Route(RID2, 8), 1));
            refused(Errno.EBUSY, "routes", () -> machine.apply(new Command.DeleteIoasid(1)));

            // the next process with that number is another
            process(machine, architecture, false);
            assertThat(machine.read(view -> view.process(1)).ioasids()).isEmpty();
            machine.apply(new Command.CreateSvaIoasid(1, "iommu0", null));
            attach(machine, new Route(RID1, 1), 3);
            machine.apply(new Command.MapProcess(1, at, architecture.granule, Permissions.READ));
            assertThat(answer(machine, new Route(RID1, 1), at)).isEqualTo("translated");
            assertThat(answer(machine, new Route(RID1, 2), at)).isNotEqualTo("translated");

            routes.forEach(route -> machine.apply(new Command.Detach(route)));
            for (int id = 1; id <= 3; id++) {
                machine.apply(new Command.DeleteIoasid(id));
            }
            machine.apply(new Command.DeleteProcess(1));
            List.of(RID1, RID2, RID3).forEach(rid -> machine.apply(new Command.DeleteDevice(rid)));
            assertThat(machine.frames().freeBytes()).isEqualTo(free);
        }
    }

    @ParameterizedTest
    @EnumSource(Architecture.class)
    void aDeviceThatDoesNotAnswerKeepsNothing(Architecture architecture) {
        try (var machine = machine(architecture, new CacheGeometry(16, 4))) {
            process(machine, architecture, false);
            var routes = share(machine);
            long at = 16 * architecture.granule;
            machine.apply(new Command.MapProcess(1, at, architecture.granule, Permissions.READ_WRITE));
            translate(machine, routes.getFirst(), at, Access.READ, Kind.TRANSLATION_REQUEST);
            machine.apply(new Command.PatchDevice(RID1, false, null, null));
            machine.apply(new Command.UnmapProcess(1, at, architecture.granule));
            assertThat(answer(machine, routes.getFirst(), at)).isEqualTo(architecture.absent);
        }
    }

    @Test
    void onlyAPasidBehindTheUnitLeadsToAProcess() {
        try (var machine = machine(Architecture.VTD, new CacheGeometry(16, 4))) {
            process(machine, Architecture.VTD, true);
            assertThatThrownBy(() -> machine.apply(new Command.CreateSvaIoasid(1, null, null)))
                    .isInstanceOf(RefusedException.class)
                    .hasMessageContaining("several managed iommus");
            share(machine);
            refused(Errno.EINVAL, "rid", () -> attach(machine, Route.of(RID1), 1));
            refused(Errno.EINVAL, "rid", () -> attach(machine, new Route(RID3, 3), 1));
            refused(Errno.EINVAL, "pasid", () -> attach(machine, new Route(RID1, 1 << 10), 1));
            refused(Errno.EINVAL, "pasid", () -> attach(machine, new Route(RID1, 0), 1));
            refused(Errno.EEXIST, "ioasid", () -> machine.apply(new Command.CreateSvaIoasid(1, "iommu0", null)));
            refused(Errno.ENOENT, "process", () -> machine.apply(new Command.CreateSvaIoasid(2, "iommu0", null)));
            refused(Errno.ENOENT, "iommu", () -> machine.apply(new Command.CreateSvaIoasid(1, "iommu2", null)));
            refused(Errno.EINVAL, "ioasid", () -> machine.apply(new Command.UnmapAll(1)));
            refused(
                    Errno.EINVAL,
                    "ioasid",
                    () -> machine.apply(new Command.Bind(new Route(RID1, 5), 1, "x86-64", 48, 0)));
            assertThat(machine.read(view -> view.process(1)).ioasids()).containsExactly(1, 2);
        }
    }

    @Test
    void aUnitHasToWalkTheTable() {
        try (var machine = Machine.create("m", MEMORY, List.of(), Preset.EMPTY)) {
            machine.apply(new Command.CreateIommu("vtd", true, VtdCapabilities.DEFAULT));
            machine.apply(new Command.CreateIommu("none", true, VtdCapabilities.named(firstStage(false, 20))));
            machine.apply(new Command.CreateIommu("rids", true, VtdCapabilities.named(firstStage(true, 0))));
            machine.apply(new Command.CreateIommu("smmu", true, SmmuCapabilities.DEFAULT));
            machine.apply(new Command.CreateIommu("user", false, VtdCapabilities.DEFAULT));
            process(machine, Architecture.VTD, true);
            process(machine, Architecture.SMMUV3, true);
            refused(Errno.EOPNOTSUPP, "format", () -> machine.apply(new Command.CreateSvaIoasid(1, "smmu", null)));
            refused(Errno.EOPNOTSUPP, "format", () -> machine.apply(new Command.CreateSvaIoasid(2, "vtd", null)));
            refused(Errno.EOPNOTSUPP, "capability", () -> machine.apply(new Command.CreateSvaIoasid(1, "none", null)));
            refused(Errno.EOPNOTSUPP, "capability", () -> machine.apply(new Command.CreateSvaIoasid(1, "rids", null)));
            refused(Errno.EINVAL, "iommu", () -> machine.apply(new Command.CreateSvaIoasid(1, "user", null)));
            assertThat(machine.read(MachineView::ioasids)).isEmpty();
            machine.apply(new Command.CreateSvaIoasid(1, "vtd", "p1"));
            refused(Errno.EBUSY, "ioasid", () -> machine.apply(new Command.DeleteIommu("vtd")));
            machine.apply(new Command.DeleteIoasid(1));
            machine.apply(new Command.DeleteIommu("vtd"));
            assertThat(machine.read(view -> view.process(1)).ioasids()).isEmpty();
        }
    }

    /** A unit of few address bits walks the table of a process in a memory that is no wider. */
    @Test
    void aNarrowUnitWalksTheTableOfASmallMachine() {
        try (var machine = Machine.create("m", MEMORY, List.of(), Preset.EMPTY)) {
            machine.apply(new Command.CreateIommu("model", true, SmmuCapabilities.DEFAULT));
            var identification = new HashMap<>(machine.read(view -> view.registers("model")));
            identification.keySet().removeIf(name -> !name.matches("IDR[0-5]"));
            identification.merge("IDR5", 7L, (idr5, oas) -> idr5 & ~oas); // OAS 0: 32 bits
            machine.apply(new Command.CreateIommu("iommu0", true, SmmuCapabilities.raw(identification)));
            device(machine, RID1, "iommu0", false);
            process(machine, Architecture.SMMUV3, false);
            machine.apply(new Command.CreateSvaIoasid(1, "iommu0", null));
            attach(machine, new Route(RID1, 1), 1);
            machine.apply(new Command.MapProcess(1, 0x10_0000L, 0x1000, Permissions.READ));
            assertThat(answer(machine, new Route(RID1, 1), 0x10_0000)).isEqualTo("translated");
        }
    }

    private static NamedCapabilities firstStage(boolean has, int pasidBits) {
        return new NamedCapabilities(
                null, null, pasidBits, null, null, has, null, null, null, null, null, null, null, null, null, null,
                null);
    }

    /** What the user has edited behind the service's back can be invalidated, as with any table. */
    @ParameterizedTest
    @EnumSource(
            value = Architecture.class,
            names = {"VTD", "SMMUV3_16K"})
    void aTableThatIsEditedInMemoryIsInvalidatedByHand(Architecture architecture) {
        try (var machine = machine(architecture, new CacheGeometry(16, 4))) {
            process(machine, architecture, false);
            var routes = share(machine);
            long at = 16 * architecture.granule;
            machine.apply(new Command.MapProcess(1, at, architecture.granule, Permissions.READ_WRITE));
            var route = routes.getLast();
            assertThat(answer(machine, route, at)).isEqualTo("translated");
            machine.apply(new Command.WriteMemory(
                    machine.read(view -> view.process(1)).root(), new byte[8]));
            assertThat(answer(machine, route, at)).as("it remembers").isEqualTo("translated");
            var all = new Invalidation(
                    Set.of(Invalidation.Cache.IOTLB, Invalidation.Cache.DEV_IOTLB),
                    Invalidation.Granularity.RANGE,
                    at,
                    at + architecture.granule - 1,
                    false);
            machine.apply(new Command.Invalidate(
                    List.of(new InvalidationRequest(new InvalidationRequest.Target.OfIoasid(2), all))));
            assertThat(answer(machine, route, at)).isEqualTo(architecture.absent);
            var cut = new Invalidation(
                    Set.of(Invalidation.Cache.IOTLB),
                    Invalidation.Granularity.RANGE,
                    at,
                    at + architecture.granule / 2 - 1,
                    false);
            for (var target : List.of(
                    new InvalidationRequest.Target.OfIoasid(2), new InvalidationRequest.Target.OfRoute(route))) {
                refused(
                        Errno.EINVAL,
                        "index",
                        () -> machine.apply(new Command.Invalidate(List.of(new InvalidationRequest(target, cut)))));
            }
        }
    }
}
