package dev.ioasid.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ioasid.Architecture;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.FaultRecord;
import dev.ioasid.iommu.Invalidation;
import dev.ioasid.iommu.RecordedRequest;
import dev.ioasid.iommu.Rid;
import dev.ioasid.machine.EventJournal.Entry;
import dev.ioasid.machine.InvalidationRequest.Target;
import dev.ioasid.machine.lspci.ListedFunction;
import dev.ioasid.pagetable.Permissions;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Which events commands make. */
class MachineEventsTest {
    private static final Rid RID1 = new Rid(0, 0x3a, 0, 0);
    private static final Rid RID2 = new Rid(0, 0x3b, 0, 0);

    private final Machine machine = Machine.create("m", 1L << 32, List.of(), Preset.SIOV);
    private long seen = machine.journal().last();

    @AfterEach
    void close() {
        machine.close();
    }

    private static List<MachineEvent> events(Machine of, long after) {
        return of.journal().read(after + 1, Integer.MAX_VALUE).entries().stream()
                .map(Entry::event)
                .toList();
    }

    /** The events since this was asked last. */
    private List<MachineEvent> news() {
        var news = events(machine, seen);
        seen = machine.journal().last();
        return news;
    }

    private List<MachineEvent> after(Command<?> command) {
        machine.apply(command);
        return news();
    }

    private void refused(Command<?> command) {
        assertThatThrownBy(() -> machine.apply(command)).isInstanceOf(RefusedException.class);
    }

    private static MapRequest page(Long iova) {
        return new MapRequest(iova, 0x1000, Permissions.READ_WRITE, null);
    }

    private static DmaRequest read(long iova) {
        return new DmaRequest(RID2, DmaRequest.NO_PASID, iova, Access.READ, false);
    }

    /** What a reader knows who has only the events. */
    private static final class Mirror {
        final TreeMap<Rid, TreeSet<Integer>> pasids = new TreeMap<>();
        final TreeMap<Integer, TreeMap<Long, Long>> mappings = new TreeMap<>();
        final TreeMap<Route, Integer> routes = new TreeMap<>();

        void apply(MachineEvent event) {
            switch (event) {
                case MachineEvent.DeviceAdded(var device) -> pasids.put(device.rid(), new TreeSet<>(device.pasids()));
                case MachineEvent.DeviceRemoved(var rid) -> pasids.remove(rid);
                case MachineEvent.PasidAllocated(var route, var _) ->
                    assertThat(pasidsOf(route.rid()).add(route.pasid())).isTrue();
                case MachineEvent.PasidFreed(var route) ->
                    assertThat(pasidsOf(route.rid()).remove(route.pasid())).isTrue();
                case MachineEvent.IoasidCreated(var ioasid) -> mappings.put(ioasid.id(), new TreeMap<>());
                case MachineEvent.IoasidDeleted(int id) -> mappings.remove(id);
                case MachineEvent.Attached(var route, int ioasid) ->
                    assertThat(routes.put(route, ioasid)).isNull();
                case MachineEvent.Replaced(var route, int ioasid, int from) ->
                    assertThat(routes.put(route, ioasid)).isEqualTo(from);
                case MachineEvent.Detached(var route, int ioasid) ->
                    assertThat(routes.remove(route)).isEqualTo(ioasid);
                case MachineEvent.Mapped(int ioasid, var mapping) ->
                    mappingsOf(ioasid).put(mapping.iova(), mapping.length());
                case MachineEvent.Unmapped(int ioasid, long iova, long length, long unmapped) -> {
                    var gone = length == -1
                            ? mappingsOf(ioasid)
                            : mappingsOf(ioasid).subMap(iova, iova + length);
                    assertThat(gone.values().stream().mapToLong(Long::longValue).sum())
                            .isEqualTo(unmapped);
                    gone.clear();
                }
                default -> {}
            }
        }

        private TreeSet<Integer> pasidsOf(Rid rid) {
            return Objects.requireNonNull(pasids.get(rid));
        }

        private TreeMap<Long, Long> mappingsOf(int ioasid) {
            return Objects.requireNonNull(mappings.get(ioasid));
        }

        static Mirror of(MachineView view) {
            var mirror = new Mirror();
            for (var device : view.devices()) {
                mirror.pasids.put(device.rid(), new TreeSet<>(device.pasids()));
            }
            for (var ioasid : view.ioasids()) {
                ioasid.routes().forEach(attachment -> mirror.routes.put(attachment.route(), ioasid.id()));
                var mapped = new TreeMap<Long, Long>();
                if (ioasid.type() == IoasidType.PAGING) {
                    view.mappings(ioasid.id(), null, 9999)
                            .forEach(mapping -> mapped.put(mapping.iova(), mapping.length()));
                }
                mirror.mappings.put(ioasid.id(), mapped);
            }
            return mirror;
        }
    }

    @ParameterizedTest
    @EnumSource
    void whoeverReadsTheEventsKnowsTheMachine(Architecture architecture) {
        for (long seed = 1; seed <= 20; seed++) {
            var mirror = new Mirror();
            try (var random = Machine.create("r", 384L << 10, List.of(), Preset.EMPTY)) {
                for (var command : MachineCommandTest.randomCommands(architecture, seed, 300)) {
                    long last = random.journal().last();
                    try {
                        random.apply(command);
                    } catch (RefusedException refused) {
                        assertThat(random.journal().last()).as("%s", command).isEqualTo(last);
                    }
                    events(random, last).forEach(mirror::apply);
                    assertThat(mirror)
                            .as("seed %d, after %s", seed, command)
                            .usingRecursiveComparison()
                            .isEqualTo(random.read(Mirror::of));
                }
            }
        }
    }

    @Test
    void theSameCommandsMakeTheSameEvents() {
        try (var other = Machine.create("m", 1L << 32, List.of(), Preset.SIOV)) {
            assertThat(events(other, 0)).isEqualTo(events(machine, 0)).hasSize(20);
        }
    }

    @Test
    void mappingsThatAreMadeTogetherHaveAnEventEach() {
        assertThat(after(new Command.Map(3, List.of(page(0x1000L), page(0x3000L)))))
                .extracting(event -> ((MachineEvent.Mapped) event).mapping().iova())
                .containsExactly(0x1000L, 0x3000L);
        refused(new Command.Map(3, List.of(page(0x5000L), page(0x1000L))));
        assertThat(news()).isEmpty();
        assertThat(after(new Command.Unmap(3, 0, 0x8000)))
                .containsExactly(new MachineEvent.Unmapped(3, 0, 0x8000, 0x2000));
        assertThat(after(new Command.UnmapAll(3))).isEmpty();
    }

    @Test
    void whatChangesNothingMakesNoEvent() {
        assertThat(after(new Command.Attach(Route.of(RID2), 3, Replace.ALLOWED)))
                .isEmpty();
        assertThat(after(new Command.Detach(new Route(RID2, 9)))).isEmpty();
        var listed = new ListedFunction(new Rid(0, 4, 0, 0), "x", false, 0, false, false, 9);
        assertThat(after(new Command.ImportDevices(null, List.of(listed), true)))
                .isEmpty();
        assertThat(after(new Command.ImportDevices(null, List.of(listed), false)))
                .singleElement()
                .isInstanceOf(MachineEvent.DeviceAdded.class);
    }

    @Test
    void aGroupMovesMemberByMember() {
        var other = new Rid(0, 0x3b, 0, 1);
        machine.apply(new Command.CreateDevice(
                other, "iommu0", new DeviceTraits(null, null, false, false, 1, List.of()))); // RID2's group
        machine.apply(new Command.Attach(Route.of(other), 3, Replace.FORBIDDEN));
        news();
        assertThat(after(new Command.Attach(Route.of(other), 2, Replace.REQUIRED)))
                .isEqualTo(List.of(
                        new MachineEvent.Replaced(Route.of(RID2), 2, 3),
                        new MachineEvent.Replaced(Route.of(other), 2, 3)));
    }

    @Test
    void aBindIsOneEventWhateverItTakes() {
        var route = new Route(RID2, 7);
        var bound = after(new Command.Bind(route, 3, "x86-64", null, 0x1000));
        assertThat(bound).hasSize(2);
        assertThat(bound.getFirst()).isEqualTo(new MachineEvent.PasidAllocated(route, null));
        int bind = ((MachineEvent.Bound) bound.getLast()).bind().id();
        assertThat(after(new Command.ReplaceBind(bind, null, null, 0x2000)))
                .extracting(event ->
                        ((MachineEvent.BindReplaced) event).bind().table().root())
                .containsExactly(0x2000L);
        assertThat(after(new Command.Unbind(bind)))
                .singleElement()
                .isInstanceOfSatisfying(
                        MachineEvent.Unbound.class,
                        unbound -> assertThat(unbound.route()).isEqualTo(route));
        assertThat(after(new Command.FreePasid(RID2, 7))).containsExactly(new MachineEvent.PasidFreed(route));
    }

    @Test
    void ofAListThatIsDoneInPartThatPartHasEvents() {
        var what = new Invalidation(EnumSet.of(Invalidation.Cache.IOTLB), Invalidation.Granularity.PASID, 0, -1, false);
        var good = new InvalidationRequest(new Target.OfRoute(Route.of(RID1)), what);
        var bind = new InvalidationRequest(new Target.OfBind(4), what);
        refused(new Command.Invalidate(
                List.of(good, bind, new InvalidationRequest(new Target.OfIoasid(99), what), good)));
        assertThat(news())
                .isEqualTo(List.of(
                        new MachineEvent.Invalidated(good, Route.of(RID1), 1),
                        new MachineEvent.Invalidated(bind, new Route(RID2, 1), 3)));
        var fence = List.of(0x45L, 0L); // an invalidation wait with FN
        var none = List.of(0xe0fL, 0L); // of no type
        refused(new Command.Submit("iommu0", List.of(fence, fence, none)));
        assertThat(news()).containsExactly(new MachineEvent.CommandsDone("iommu0", 2));
    }

    @Test
    void aPageRequestThatFaultsHasTheEventOfAFault() {
        machine.apply(new Command.PatchDevice(RID2, null, null, 2));
        seen = machine.journal().last();
        var news = after(new Command.StartDma(RID2, DmaOrder.read(9, 0x9010, 0x1000)));
        assertThat(news.stream().filter(MachineEvent.Faulted.class::isInstance))
                .hasSize(2)
                .allSatisfy(event -> assertThat(event).isInstanceOfSatisfying(MachineEvent.Faulted.class, faulted -> {
                    assertThat(faulted.type()).isEqualTo(RecordedRequest.PAGE_REQUEST);
                    assertThat(faulted.request().pasid()).isEqualTo(9);
                    assertThat(faulted.request().access()).isEqualTo(Access.READ);
                    assertThat(faulted.fault().name()).isEqualTo("SPT.2");
                    assertThat(faulted.fault().recorded()).isTrue();
                    assertThat(faulted.fault().address())
                            .isEqualTo(faulted.request().iova());
                }))
                .extracting(event -> ((MachineEvent.Faulted) event).request().iova())
                .containsExactly(0x9000L, 0xa000L);
        List<FaultRecord> records = machine.read(view -> view.faults("iommu0"));
        assertThat(records).hasSize(2);
    }

    /** A device asks for the translations of a group's further pages as it does for that of the first. */
    @Test
    void aTranslationRequestThatFaultsHasOneWhateverItIsFor() {
        machine.apply(new Command.PatchDevice(RID2, null, null, 2));
        machine.apply(new Command.Map(3, List.of(page(0xa000L))));
        var leaf = machine.read(view -> view.explain(read(0xa000))).steps().getLast();
        var reserved = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
        reserved.putLong(leaf.raw().getFirst() | 1L << 62);
        machine.apply(new Command.WriteMemory(Objects.requireNonNull(leaf.address()), reserved.array()));
        seen = machine.journal().last();
        var news = after(new Command.StartDma(RID2, DmaOrder.read(DmaRequest.NO_PASID, 0x9010, 0x1000)));
        assertThat(news.stream().filter(MachineEvent.Faulted.class::isInstance))
                .singleElement()
                .isInstanceOfSatisfying(MachineEvent.Faulted.class, faulted -> {
                    assertThat(faulted.type()).isEqualTo(RecordedRequest.TRANSLATION_REQUEST);
                    assertThat(faulted.request().iova()).isEqualTo(0xa000);
                    assertThat(faulted.fault().name()).isEqualTo("SSS.3");
                });
    }

    @Test
    void eachFaultHasAnEventUpToABoundAndTheRestIsCounted() {
        assertThat(after(new Command.Translate(List.of(read(0x1234)))))
                .singleElement()
                .isInstanceOfSatisfying(MachineEvent.Faulted.class, faulted -> {
                    assertThat(faulted.request()).isEqualTo(read(0x1234));
                    assertThat(faulted.fault().name()).isEqualTo("SSS.2");
                    assertThat(faulted.ioasid()).isEqualTo(3);
                    assertThat(faulted.stalled()).isFalse();
                });
        assertThat(after(new Command.Translate(Collections.nCopies(1000, read(0)))))
                .hasSize(1000);
        var requests = new ArrayList<>(Collections.nCopies(1234, read(0)));
        requests.addAll(Collections.nCopies(7, read(1L << 60)));
        var flood = after(new Command.Translate(requests));
        assertThat(flood).hasSize(1001);
        assertThat(flood.getLast()).isEqualTo(new MachineEvent.FaultsOmitted(241, Map.of("SSS.2", 234L, "SGN.5", 7L)));
        assertThat(after(new Command.Translate(List.of(read(0))))).hasSize(1); // each command has its own bound
    }

    @Test
    void whatIsTranslatedMakesNoEvent() {
        machine.apply(new Command.Map(3, List.of(page(0x1000L))));
        news();
        assertThat(after(new Command.Translate(Collections.nCopies(100, read(0x1000)))))
                .isEmpty();
        // a translation request that is granted nothing is answered, not faulted
        assertThat(after(new Command.Translate(List.of(new DmaRequest(
                        RID2,
                        DmaRequest.NO_PASID,
                        0x9000,
                        Access.READ,
                        false,
                        DmaRequest.Kind.TRANSLATION_REQUEST,
                        false)))))
                .isEmpty();
    }

    @Test
    void theLastEventIsThatItIsGone() {
        machine.close();
        assertThat(news()).containsExactly(new MachineEvent.MachineDeleted("m"));
        refused(new Command.UnmapAll(3));
        assertThat(news()).isEmpty();
        assertThat(machine.journal().endsBefore(seen + 1)).isTrue();
    }
}
