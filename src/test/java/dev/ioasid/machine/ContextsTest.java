package dev.ioasid.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ioasid.Architecture;
import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Rid;
import dev.ioasid.iommu.Translation;
import dev.ioasid.iommu.UserTable;
import dev.ioasid.machine.PageRequestSummary.State;
import dev.ioasid.pagetable.Permissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** What contexts own, what they are limited in, and what becomes of it when they are closed. */
@ParameterizedClass
@EnumSource
class ContextsTest {
    private static final long MEMORY = 64L << 20;
    private static final long PAGE = 0x1000;
    private static final Instant START = Instant.parse("2026-01-01T00:00:00Z");
    private static final Duration LEASE = Duration.ofSeconds(30);

    private static final Rid ONE = new Rid(0, 1, 0, 0);
    private static final Rid TWO = new Rid(0, 2, 0, 0);
    /** Of one group. */
    private static final Rid THREE = new Rid(0, 3, 0, 0);

    private static final Rid FOUR = new Rid(0, 3, 0, 1);

    @Parameter
    Architecture on = Architecture.VTD;

    private Machine machine = Machine.create("none", PAGE, List.of(), Preset.EMPTY);
    private long free;

    @BeforeEach
    void make() {
        machine.close();
        machine = Machine.create("m", MEMORY, List.of(), Preset.EMPTY);
        machine.apply(new Command.CreateIommu("u", true, on.capabilities()));
        device(ONE, null);
        device(TWO, null);
        device(THREE, 7);
        device(FOUR, 7);
        machine.apply(new Command.CloseContext(tenant())); // what leads PASIDs is the devices', and stays
        machine.apply(new Command.DeleteProcess(1));
        free = machine.frames().freeBytes();
    }

    @AfterEach
    void close() {
        machine.close();
    }

    private void device(Rid rid, @Nullable Integer group) {
        machine.apply(new Command.CreateDevice(rid, "u", new DeviceTraits(null, 8, true, true, group, List.of())));
    }

    private int context(Map<ContextLimit, Long> limits) {
        return machine.apply(new Command.CreateContext("c", limits, null, START))
                .id();
    }

    private int context() {
        return context(Map.of());
    }

    private int paging(@Nullable Integer context, String format) {
        return machine.apply(new Command.CreateIoasid(IoasidType.PAGING, null, format, null, null, null, context))
                .id();
    }

    private int paging(@Nullable Integer context) {
        return paging(context, on.firstStage());
    }

    private void attach(Route route, int ioasid) {
        machine.apply(new Command.Attach(route, ioasid, Replace.ALLOWED));
    }

    private void map(int ioasid, long iova, long length) {
        machine.apply(new Command.Map(ioasid, List.of(new MapRequest(iova, length, Permissions.READ_WRITE, null))));
    }

    private void bind(Route route, int parent) {
        machine.apply(new Command.Bind(route, parent, on.firstStage(), 48, 0));
    }

    private static Route pasid(Rid rid, int pasid) {
        return new Route(rid, pasid);
    }

    private Map<ContextLimit, Long> used(int context) {
        return machine.read(view -> view.context(context)).used();
    }

    private static Map<ContextLimit, Long> used(long ioasids, long mappings, long pasids, long bytes) {
        return Map.of(
                ContextLimit.IOASIDS, ioasids,
                ContextLimit.MAPPINGS, mappings,
                ContextLimit.PASIDS, pasids,
                ContextLimit.PINNED_BYTES, bytes);
    }

    private RefusedException refused(Command<?> command, Errno errno) {
        try {
            machine.apply(command);
        } catch (RefusedException refused) {
            assertThat(refused.errno()).as("%s", refused.getMessage()).isEqualTo(errno);
            return refused;
        }
        throw new AssertionError(command + " was applied");
    }

    private RefusedException refusedAttach(Route route, int ioasid, Errno errno) {
        return refused(new Command.Attach(route, ioasid, Replace.ALLOWED), errno);
    }

    private List<String> eventsSince(long last) {
        return machine.journal().read(last + 1, 1000).entries().stream()
                .map(entry -> entry.event().getClass().getSimpleName())
                .toList();
    }

    /** Everything that a context can own: both stages, a process, binds on a route that was attached and on one that was not. */
    private int tenant() {
        int context = context();
        int parent = paging(context, on.secondStage());
        map(parent, 0, 16 * PAGE);
        map(parent, 32 * PAGE, PAGE);
        bind(pasid(TWO, 1), parent);
        bind(pasid(TWO, 2), parent);
        if (on == Architecture.VTD) { // on an SMMUv3 a PASID leads past stage 1 by a bind only
            attach(pasid(TWO, 3), parent);
            bind(pasid(TWO, 3), parent);
        } else {
            attach(Route.of(TWO), parent);
        }
        int process = machine.apply(new Command.CreateProcess(on.firstStage(), null, null, true))
                .id();
        int shared = machine.apply(new Command.CreateSvaIoasid(process, null, null, context))
                .id();
        attach(pasid(ONE, 1), shared);
        int own = paging(context);
        attach(pasid(ONE, 2), own);
        attach(Route.of(THREE), own);
        attach(Route.of(FOUR), own);
        return context;
    }

    @Test
    void closingGivesEverythingBackInOneStep() {
        int other = paging(null);
        map(other, 0, PAGE);
        long before = machine.frames().freeBytes();
        int context = tenant();
        assertThat(used(context)).isEqualTo(used(3, 2, on == Architecture.VTD ? 5 : 4, 17 * PAGE));
        long last = machine.journal().last();
        machine.apply(new Command.CloseContext(context));
        int binds = on == Architecture.VTD ? 3 : 2;
        var events = eventsSince(last);
        assertThat(events).filteredOn("Unbound"::equals).hasSize(binds);
        assertThat(events)
                .as("binds, then routes, then IOASIDs")
                .isSortedAccordingTo((one, two) -> Integer.compare(turn(one), turn(two)));
        assertThat(events)
                .containsOnlyOnce("ContextClosed")
                .filteredOn("IoasidDeleted"::equals)
                .hasSize(3);
        assertThat(events).filteredOn("Detached"::equals).hasSize(5);

        assertThat(machine.read(MachineView::contexts)).isEmpty();
        assertThat(machine.read(MachineView::binds)).isEmpty();
        assertThat(machine.read(MachineView::ioasids)).hasSize(1);
        machine.apply(new Command.DeleteProcess(1));
        assertThat(machine.frames().freeBytes()).isEqualTo(before);
        for (var rid : List.of(ONE, TWO, THREE, FOUR)) {
            for (int pasid = 0; pasid <= 3; pasid++) {
                var request = new DmaRequest(rid, pasid == 0 ? DmaRequest.NO_PASID : pasid, 0, Access.READ, false);
                assertThat(machine.apply(new Command.Translate(List.of(request)))
                                .getFirst())
                        .as("%s", request)
                        .isNotInstanceOf(Translation.Translated.class);
            }
            attach(pasid(rid, 1), other); // free again, for whoever comes
        }
    }

    private static int turn(String event) {
        return List.of("Unbound", "Detached", "IoasidDeleted", "ContextClosed").indexOf(event);
    }

    @Test
    void closingNeedsNoMemory() {
        int context = tenant();
        int greedy = paging(null);
        map(greedy, 0, PAGE);
        long page = PAGE;
        try {
            for (; ; page += PAGE) {
                map(greedy, page, page % (PAGE << 10) == 0 ? PAGE << 8 : PAGE);
            }
        } catch (RefusedException full) {
            assertThat(full.errno()).isIn(Errno.ENOMEM, Errno.EEXIST);
        }
        fill(greedy, page);
        assertThat(machine.frames().freeBytes()).isLessThan(2 * PAGE);
        machine.apply(new Command.CloseContext(context));
        assertThat(machine.read(MachineView::binds)).isEmpty();
        machine.apply(new Command.DeleteIoasid(greedy));
        machine.apply(new Command.DeleteProcess(1));
        assertThat(machine.frames().freeBytes()).isEqualTo(free);
    }

    /** Page by page, until there is none. */
    private void fill(int ioasid, long from) {
        long page = from + (1L << 30);
        try {
            for (; ; page += PAGE) {
                map(ioasid, page, PAGE);
            }
        } catch (RefusedException full) {
            assertThat(full.errno()).isEqualTo(Errno.ENOMEM);
        }
    }

    @Test
    void aDeviceThatDoesNotAnswerKeepsNothingOpen() {
        int context = tenant();
        for (var rid : List.of(ONE, TWO, THREE)) {
            machine.apply(new Command.PatchDevice(rid, false, null, null));
        }
        machine.apply(new Command.CloseContext(context));
        assertThat(machine.read(MachineView::contexts)).isEmpty();
        assertThat(machine.read(MachineView::ioasids)).isEmpty();
        machine.apply(new Command.DeleteProcess(1));
        assertThat(machine.frames().freeBytes()).isEqualTo(free);
    }

    @Test
    void whoWaitsForAPageIsToldBeforeTheCallReturns() {
        int context = context();
        attach(pasid(ONE, 1), paging(context));
        attach(pasid(TWO, 1), paging(null));
        var waiting = new ArrayList<Long>();
        for (var rid : List.of(ONE, TWO)) {
            var dma = machine.apply(new Command.StartDma(rid, DmaOrder.read(1, 0x5000, 4)));
            assertThat(dma.isPending()).isTrue();
            waiting.add(dma.id());
        }
        machine.apply(new Command.CloseContext(context));
        var closed = machine.read(view -> view.dma(waiting.getFirst()));
        assertThat(closed.isPending()).isFalse();
        assertThat(closed.results().getFirst().status()).isEqualTo(DmaResult.Status.FAULTED);
        assertThat(machine.read(view -> view.dma(waiting.getLast())).isPending())
                .as("of another owner")
                .isTrue();
        assertThat(machine.read(MachineView::pageRequests))
                .filteredOn(request -> request.state() == State.PENDING)
                .singleElement()
                .satisfies(request -> assertThat(request.rid()).isEqualTo(TWO));
    }

    @Test
    void aGroupHasOneOwner() {
        int first = context();
        int second = context();
        int of1 = paging(first);
        int alsoOf1 = paging(first);
        int of2 = paging(second);
        int ofNobody = paging(null);
        attach(pasid(THREE, 1), of1);
        for (var route : List.of(Route.of(THREE), pasid(THREE, 1), pasid(THREE, 2), Route.of(FOUR), pasid(FOUR, 1))) {
            for (int foreign : List.of(of2, ofNobody)) {
                assertThat(refusedAttach(route, foreign, Errno.EBUSY).subjects())
                        .containsEntry("context", first)
                        .containsEntry("routes", List.of(pasid(THREE, 1)));
            }
        }
        var parent = paging(second, on.secondStage());
        refused(new Command.Bind(pasid(FOUR, 3), parent, wanted()), Errno.EBUSY);
        attach(pasid(FOUR, 2), alsoOf1);
        machine.apply(new Command.Detach(pasid(THREE, 1)));
        refusedAttach(pasid(THREE, 1), of2, Errno.EBUSY);
        machine.apply(new Command.Detach(pasid(FOUR, 2)));
        attach(pasid(THREE, 1), ofNobody);
        assertThat(refusedAttach(pasid(FOUR, 1), of1, Errno.EBUSY).subjects()).doesNotContainKey("context");
        machine.apply(new Command.Detach(pasid(THREE, 1)));
        attach(Route.of(FOUR), of2);
        refusedAttach(Route.of(THREE), of1, Errno.EBUSY);
    }

    private UserTable.Wanted wanted() {
        return UserTable.Wanted.pageTable(on.firstStage(), 48, 0, Set.of());
    }

    @Test
    void aBindClaimsAndUnbindReleases() {
        int first = context();
        int parent = paging(first, on.secondStage());
        int foreign = paging(null);
        bind(pasid(ONE, 1), parent);
        refusedAttach(pasid(ONE, 2), foreign, Errno.EBUSY);
        machine.apply(new Command.Unbind(1));
        assertThat(used(first)).isEqualTo(used(1, 0, 0, 0));
        attach(pasid(ONE, 2), foreign);
        refused(new Command.Bind(pasid(ONE, 1), parent, wanted()), Errno.EBUSY);
    }

    @Test
    void ioasidsAreLimited() {
        int context = context(Map.of(ContextLimit.IOASIDS, 2L));
        int one = paging(context);
        machine.apply(new Command.CreateIoasid(IoasidType.IDENTITY, null, null, null, null, null, context));
        var create = new Command.CreateIoasid(IoasidType.PAGING, null, on.firstStage(), null, null, null, context);
        assertThat(refused(create, Errno.ENOSPC).subjects())
                .containsEntry("context", context)
                .containsEntry("limit", Map.of("name", "ioasids", "value", 2, "used", 2));
        machine.apply(new Command.CreateProcess(on.firstStage(), null, null, true));
        refused(new Command.CreateSvaIoasid(1, null, null, context), Errno.ENOSPC);
        machine.apply(new Command.DeleteIoasid(one));
        machine.apply(new Command.CreateSvaIoasid(1, null, null, context));
        paging(null);
    }

    @Test
    void mappingsAndTheirBytesAreLimited() {
        int context = context(Map.of(ContextLimit.MAPPINGS, 3L, ContextLimit.PINNED_BYTES, 8 * PAGE));
        int one = paging(context);
        int two = paging(context);
        map(one, 0, PAGE);
        map(two, 0, PAGE);
        var both = List.of(
                new MapRequest(0x10000L, PAGE, Permissions.READ_WRITE, null),
                new MapRequest(0x20000L, PAGE, Permissions.READ_WRITE, null));
        assertThat(refused(new Command.Map(one, both), Errno.ENOSPC).subjects())
                .containsEntry("index", 1)
                .containsEntry("limit", Map.of("name", "mappings", "value", 3, "used", 3));
        assertThat(used(context)).as("all or none").isEqualTo(used(2, 2, 0, 2 * PAGE));
        var large = new MapRequest(0x10000L, 7 * PAGE, Permissions.READ_WRITE, null);
        assertThat(refused(new Command.Map(two, List.of(large)), Errno.ENOMEM).subjects())
                .containsEntry("limit", Map.of("name", "pinnedBytes", "value", 8 * PAGE, "used", 2 * PAGE));
        map(two, 0x10000, 6 * PAGE);
        assertThat(used(context)).isEqualTo(used(2, 3, 0, 8 * PAGE));
        machine.apply(new Command.UnmapAll(two));
        assertThat(used(context)).isEqualTo(used(2, 1, 0, PAGE));
        machine.apply(new Command.DeleteIoasid(one));
        assertThat(used(context)).isEqualTo(used(1, 0, 0, 0));
    }

    @Test
    void whatIsMappedByPhysicalAddressCountsEachTime() {
        int context = context(Map.of(ContextLimit.PINNED_BYTES, 3 * PAGE));
        int ioasid = paging(context);
        for (long iova = 0; iova < 3 * PAGE; iova += PAGE) {
            machine.apply(
                    new Command.Map(ioasid, List.of(new MapRequest(iova, PAGE, Permissions.READ_WRITE, 0x200_0000L))));
        }
        assertThat(used(context)).isEqualTo(used(1, 3, 0, 3 * PAGE));
        var fourth = new MapRequest(3 * PAGE, PAGE, Permissions.READ_WRITE, 0x200_0000L);
        refused(new Command.Map(ioasid, List.of(fourth)), Errno.ENOMEM);
    }

    @Test
    void pasidsAreLimited() {
        int context = context(Map.of(ContextLimit.PASIDS, 2L));
        int own = paging(context);
        int other = paging(context);
        int parent = paging(context, on.secondStage());
        attach(pasid(ONE, 1), own);
        bind(pasid(TWO, 1), parent);
        assertThat(refusedAttach(pasid(ONE, 2), own, Errno.ENOSPC).subjects())
                .containsEntry("limit", Map.of("name", "pasids", "value", 2, "used", 2));
        refused(new Command.Bind(pasid(TWO, 2), parent, wanted()), Errno.ENOSPC);
        attach(pasid(ONE, 1), other); // not one more
        attach(Route.of(ONE), own); // no PASID
        machine.apply(new Command.Unbind(1));
        attach(pasid(ONE, 2), own);
        assertThat(used(context)).isEqualTo(used(3, 0, 2, 0));
    }

    @Test
    void aLimitOfNothingAndOneOfEverything() {
        int nothing = context(Map.of(ContextLimit.IOASIDS, 0L));
        refused(new Command.CreateIoasid(IoasidType.BLOCKED, null, null, null, null, null, nothing), Errno.ENOSPC);
        int everything = context(Map.of(ContextLimit.PINNED_BYTES, -1L));
        map(paging(everything), 0, PAGE);
    }

    @Test
    void aLeaseEndsUnlessItIsRenewed() {
        int held = machine.apply(new Command.CreateContext("held", Map.of(), LEASE, START))
                .id();
        int lost = machine.apply(new Command.CreateContext("lost", Map.of(), LEASE, START.plusSeconds(1)))
                .id();
        int closed = context();
        attach(pasid(ONE, 1), paging(lost));
        assertThat(machine.hasExpired(START.plusSeconds(29))).isFalse();
        assertThat(machine.hasExpired(START.plusSeconds(30))).isTrue();
        assertThat(machine.apply(new Command.RenewContext(held, START.plusSeconds(20)))
                        .expires())
                .isEqualTo(START.plusSeconds(50));
        assertThat(machine.hasExpired(START.plusSeconds(30))).isFalse();

        machine.apply(new Command.ExpireContexts(START.plusSeconds(30)));
        assertThat(machine.read(MachineView::contexts)).hasSize(3);
        long last = machine.journal().last();
        machine.apply(new Command.ExpireContexts(START.plusSeconds(31)));
        assertThat(eventsSince(last)).containsExactly("Detached", "IoasidDeleted", "ContextExpired");
        refused(new Command.RenewContext(lost, START.plusSeconds(31)), Errno.ENOENT);
        refused(new Command.RenewContext(held, START.plusSeconds(50)), Errno.ENOENT); // over, if not closed yet
        refused(new Command.RenewContext(closed, START), Errno.EINVAL);
        assertThat(machine.hasExpired(START.plusSeconds(50))).isTrue();
        machine.apply(new Command.ExpireContexts(START.plusSeconds(50)));
        assertThat(machine.hasExpired(Instant.MAX)).isFalse();
        assertThat(machine.read(view -> view.context(closed)).expires()).isNull();
        assertThat(context()).as("the lowest that is free").isEqualTo(held);
    }

    @Test
    void anUnknownOwnerOwnsNothing() {
        for (int id : List.of(0, 1, -1)) {
            var create = new Command.CreateIoasid(IoasidType.PAGING, null, null, null, null, null, id);
            assertThat(refused(create, Errno.ENOENT).subjects()).containsEntry("context", id);
            refused(new Command.CloseContext(id), Errno.ENOENT);
            refused(new Command.RenewContext(id, START), Errno.ENOENT);
            assertThatThrownBy(() -> machine.read(view -> view.context(id))).isInstanceOf(RefusedException.class);
        }
        assertThat(machine.frames().freeBytes()).isEqualTo(free);
    }

    @Test
    void thereAreSoManyAndNotMore() {
        for (int i = 0; i < Contexts.MOST; i++) {
            context();
        }
        var one = new Command.CreateContext("more", Map.of(), null, START);
        assertThat(refused(one, Errno.ENOSPC).subjects()).containsKey("limit");
        machine.apply(new Command.CloseContext(17));
        assertThat(context()).isEqualTo(17);
    }
}
