package dev.ioasid.machine;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.Architecture;
import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.CacheGeometry;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Fault;
import dev.ioasid.iommu.Rid;
import dev.ioasid.iommu.Step;
import dev.ioasid.iommu.Translation;
import dev.ioasid.iommu.UserTable;
import dev.ioasid.memory.AddressRange;
import dev.ioasid.pagetable.Permissions;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Each structure on the way of a request, poisoned: the fetch fails as if there were no memory, and only that one. */
class PoisonedMemoryTest {
    private static final long MEMORY = 64L << 20;
    private static final Rid RID = new Rid(0, 0x3a, 0, 0);
    private static final int PASID = 3;
    private static final long IOVA = 0x1234;
    /** The guest's table: four levels from here on, guest physical as host physical. */
    private static final long GUEST = 0x10_0000;

    private static final CacheGeometry NONE = CacheGeometry.NONE;

    private static Machine machine(Architecture architecture, boolean caches) {
        var machine = Machine.create("m", MEMORY, List.of(), Preset.EMPTY);
        var shapes = caches
                ? Map.<String, CacheGeometry>of()
                : architecture == Architecture.VTD
                        ? Map.of(
                                "context-cache", NONE,
                                "pasid-cache", NONE,
                                "first-stage-paging-structure-cache", NONE,
                                "second-stage-paging-structure-cache", NONE,
                                "iotlb", NONE)
                        : Map.of("ste", NONE, "cd", NONE, "tlb", NONE);
        machine.apply(new Command.CreateIommu("u", true, architecture.capabilities(), shapes));
        machine.apply(new Command.CreateDevice(RID, "u", new DeviceTraits(null, 8, false, false, null, List.of())));
        machine.apply(new Command.CreateIoasid(IoasidType.PAGING, "u", architecture.secondStage(), null, null));
        machine.apply(
                new Command.Map(1, List.of(new MapRequest(0x10_0000L, 0x1_0000L, Permissions.READ_WRITE, GUEST))));
        machine.apply(
                new Command.Map(1, List.of(new MapRequest(0x20_0000L, 0x1000L, Permissions.READ_WRITE, 0x50_0000L))));
        var table = UserTable.Wanted.pageTable(architecture.firstStage(), 48, GUEST, Set.of());
        machine.apply(new Command.Bind(new Route(RID, PASID), 1, table));
        long link = architecture == Architecture.VTD ? 0x27 : 3;
        long leaf = architecture == Architecture.VTD ? 0x67 : 0xc43;
        word(machine, GUEST, GUEST + 0x1000 | link);
        word(machine, GUEST + 0x1000, GUEST + 0x2000 | link);
        word(machine, GUEST + 0x2000, GUEST + 0x3000 | link);
        word(machine, GUEST + 0x3008, 0x20_0000 | leaf);
        return machine;
    }

    private static void word(Machine machine, long address, long word) {
        var bytes = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(word);
        machine.apply(new Command.WriteMemory(address, bytes.array()));
    }

    private static DmaRequest request() {
        return new DmaRequest(RID, PASID, IOVA, Access.READ, false);
    }

    private static Translation translate(Machine machine) {
        return machine.apply(new Command.Translate(List.of(request()))).getFirst();
    }

    private static InjectionSummary poison(Machine machine, long first, long last, @Nullable Integer count) {
        return machine.apply(new Command.Inject(new Injection.PoisonedMemory(new AddressRange(first, last)), count));
    }

    private static String expected(Architecture architecture, Step step, boolean root) {
        return switch (step.structure()) {
            case "root-entry" -> "SRT.1";
            case "context-entry" -> "SCT.1";
            case "pasid-directory-entry" -> "SPD.1";
            case "pasid-table-entry" -> "SPT.1";
            case "first-stage-entry" -> root ? "SFS.4" : "SFS.1";
            case "second-stage-entry" -> root ? "SSS.4" : "SSS.1";
            case "l1-stream-table-descriptor", "ste" -> "F_STE_FETCH";
            case "l1-cd-descriptor", "cd" -> "F_CD_FETCH";
            default -> "F_WALK_EABT";
        };
    }

    @ParameterizedTest
    @EnumSource
    void everyStructureOnTheWayIsFetched(Architecture architecture) {
        try (var machine = machine(architecture, false)) {
            var good = translate(machine);
            assertThat(good).isInstanceOf(Translation.Translated.class);
            var steps = machine.read(view -> view.explain(request())).steps().stream()
                    .filter(step -> step.address() != null)
                    .toList();
            assertThat(steps).hasSizeGreaterThan(20);
            for (var step : steps) {
                long at = requireNonNull(step.address());
                boolean root = Integer.valueOf(4).equals(step.level());
                // the last byte of a structure is as bad as the first
                int id = poison(
                                machine,
                                at + 8 * step.raw().size() - 1,
                                at + 8 * step.raw().size() - 1,
                                1)
                        .id();
                var explained = machine.read(view -> view.explain(request()));
                var fault = fault(explained.result());
                assertThat(fault.name()).as("%s", step).isEqualTo(expected(architecture, step, root));
                assertThat(explained.steps().getLast().decision()).contains("poisoned");
                machine.apply(new Command.ClearFaults("u")); // explained, and not met, whatever command comes next
                assertThat(machine.read(view -> view.injection(id)).remaining()).isEqualTo(1);
                assertThat(fault(translate(machine)).name()).isEqualTo(fault.name());
                var gone = machine.read(view -> view.injection(id));
                assertThat(gone.remaining()).isZero();
                assertThat(gone.met()).isEqualTo(1);
                if (architecture == Architecture.SMMUV3) {
                    assertThat(fault.words().get(3)).as("FetchAddr of %s", step).isEqualTo(at & -8);
                }
                assertThat(translate(machine)).isEqualTo(good);
                machine.apply(new Command.RemoveInjection(id));
            }
        }
    }

    private static Fault fault(Translation translation) {
        assertThat(translation).isInstanceOf(Translation.Faulted.class);
        return ((Translation.Faulted) translation).fault();
    }

    /** What is recorded is what was met, although hardware looks a second time where it was. */
    @Test
    void theEventNamesThePlaceEvenOfTheLastTime() {
        try (var machine = machine(Architecture.SMMUV3, false)) {
            poison(machine, GUEST + 0x2000, GUEST + 0x2007, 1);
            translate(machine);
            var record = machine.read(view -> view.faults("u")).getFirst();
            assertThat(record.name()).isEqualTo("F_WALK_EABT");
            assertThat(record.words().get(3)).isEqualTo(GUEST + 0x2000);
        }
    }

    @ParameterizedTest
    @EnumSource
    void whatIsRememberedNeedsNoFetch(Architecture architecture) {
        try (var machine = machine(architecture, true)) {
            var good = translate(machine);
            int id = poison(machine, 0, MEMORY - 1, null).id();
            assertThat(translate(machine)).isEqualTo(good);
            assertThat(machine.read(view -> view.injection(id)).met()).isZero();
            assertThat(machine.apply(new Command.Translate(
                                    List.of(new DmaRequest(RID, PASID, 0x5000, Access.READ, false))))
                            .getFirst())
                    .isInstanceOf(Translation.Faulted.class);
            assertThat(machine.read(view -> view.injection(id)).met()).isEqualTo(1);
            machine.apply(new Command.Unbind(1)); // the service edits tables as a processor does
        }
    }

    @ParameterizedTest
    @EnumSource
    void countedByRequests(Architecture architecture) {
        try (var machine = machine(architecture, false)) {
            int id = poison(machine, GUEST, GUEST + 0x3fff, 2).id();
            var results = machine.apply(new Command.Translate(List.of(request(), request(), request())));
            var kinds = new ArrayList<Boolean>();
            results.forEach(result -> kinds.add(result instanceof Translation.Faulted));
            assertThat(kinds).containsExactly(true, true, false);
            var over = machine.read(view -> view.injection(id));
            assertThat(over.remaining()).isZero();
            assertThat(over.met()).isEqualTo(2);
            assertThat(machine.memory().isPoisoned()).isFalse();
        }
    }

    /** The page of DMA that meets it is not moved, neither way; what was before has been. */
    @ParameterizedTest
    @CsvSource({"VTD, READ", "VTD, WRITE", "SMMUV3, READ", "SMMUV3, WRITE"})
    void dmaIsAborted(Architecture architecture, Access access) {
        try (var machine = machine(architecture, false)) {
            machine.apply(new Command.Map(
                    1, List.of(new MapRequest(0x30_0000L, 0x2000L, Permissions.READ_WRITE, 0x60_0000L))));
            machine.apply(new Command.Attach(Route.of(RID), 1, Replace.ALLOWED));
            int id = poison(machine, 0x60_1800, 0x60_1800, 1).id();
            var data = new byte[0x1000];
            Arrays.fill(data, (byte) 7);
            var order = access == Access.READ
                    ? DmaOrder.read(DmaRequest.NO_PASID, 0x30_0900, 0x1000)
                    : DmaOrder.write(DmaRequest.NO_PASID, 0x30_0900, data);
            var result =
                    machine.apply(new Command.StartDma(RID, order)).results().getFirst();
            assertThat(result.status()).isEqualTo(DmaResult.Status.FAULTED);
            assertThat(result.transferred()).isEqualTo(0x700);
            assertThat(requireNonNull(result.fault()).name()).isEqualTo("poisoned");
            assertThat(machine.memory().read(0x60_1000, 0x1000)).containsOnly(0);
            assertThat(machine.read(view -> view.injection(id)).remaining()).isZero();
            assertThat(machine.apply(new Command.StartDma(RID, order))
                            .results()
                            .getFirst()
                            .status())
                    .isEqualTo(DmaResult.Status.COMPLETED);
        }
    }
}
