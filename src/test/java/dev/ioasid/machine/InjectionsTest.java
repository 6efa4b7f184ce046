package dev.ioasid.machine;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ioasid.Architecture;
import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.FaultRecord;
import dev.ioasid.iommu.Invalidation;
import dev.ioasid.iommu.Mishap;
import dev.ioasid.iommu.Rid;
import dev.ioasid.iommu.Translation;
import dev.ioasid.machine.Injection.Flaw;
import dev.ioasid.machine.InvalidationRequest.Target;
import dev.ioasid.machine.PageRequestSummary.Answer;
import dev.ioasid.machine.PageRequestSummary.State;
import dev.ioasid.memory.AddressRange;
import dev.ioasid.pagetable.Permissions;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Faults on purpose: each shows as the architecture has it, so many times, and then no more. */
class InjectionsTest {
    private static final Rid RID = new Rid(0, 0x3a, 0, 0);
    private static final Rid OTHER = new Rid(0, 0x3b, 0, 0);
    private static final String UNIT = "iommu0";

    private Machine machine = Machine.create("none", 64L << 20, List.of(), Preset.EMPTY);

    /** Two devices, attached to one IOASID in which a page is mapped at 0x1000. */
    private void make(Architecture architecture, int pasidBits, boolean pri) {
        machine.close();
        machine = Machine.create("m", 64L << 20, List.of(), Preset.EMPTY);
        machine.apply(new Command.CreateIommu(UNIT, true, architecture.capabilities()));
        machine.apply(new Command.CreateIoasid(IoasidType.PAGING, UNIT, null, null, null));
        for (var rid : List.of(RID, OTHER)) {
            machine.apply(
                    new Command.CreateDevice(rid, UNIT, new DeviceTraits(null, pasidBits, true, pri, null, List.of())));
            machine.apply(new Command.Attach(Route.of(rid), 1, Replace.ALLOWED));
        }
        map(0x1000);
    }

    private void map(long iova) {
        machine.apply(
                new Command.Map(1, List.of(new MapRequest(iova, 0x1000L, Permissions.READ_WRITE, 0x10_0000 + iova))));
    }

    @AfterEach
    void close() {
        machine.close();
    }

    private int inject(Injection injection, @Nullable Integer count) {
        return machine.apply(new Command.Inject(injection, count)).id();
    }

    private InjectionSummary injection(int id) {
        return machine.read(view -> view.injection(id));
    }

    private static DmaRequest request(Rid rid, long iova) {
        return new DmaRequest(rid, DmaRequest.NO_PASID, iova, Access.READ, false);
    }

    private Translation translate(Rid rid, long iova) {
        return machine.apply(new Command.Translate(List.of(request(rid, iova)))).getFirst();
    }

    private static String name(Translation translation) {
        return translation instanceof Translation.Faulted(var fault) ? fault.name() : "translated";
    }

    private List<FaultRecord> faults() {
        return machine.read(view -> view.faults(UNIT));
    }

    private long register(String name) {
        return machine.read(view -> view.registers(UNIT)).getOrDefault(name, -1L);
    }

    /** The request is refused as ever; its record is lost, and the unit says so. */
    @ParameterizedTest
    @EnumSource
    void aFullQueueLosesRecords(Architecture architecture) {
        make(architecture, 8, false);
        int id = inject(new Injection.FullQueue(UNIT, Injection.Queue.FAULTS), 1);
        assertThat(translate(RID, 0x5000))
                .isInstanceOfSatisfying(
                        Translation.Faulted.class,
                        faulted -> assertThat(faulted.fault().recorded()).isFalse());
        assertThat(faults()).isEmpty();
        boolean overflowed = machine.read(view -> view.faultsOverflowed(UNIT));
        assertThat(overflowed).isTrue();
        switch (architecture) {
            case VTD -> assertThat(register("FSTS")).isEqualTo(1); // PFO
            case SMMUV3 -> assertThat(register("EVENTQ_PROD")).isEqualTo(1L << 31); // OVFLG
        }
        assertThat(injection(id))
                .isEqualTo(new InjectionSummary(id, new Injection.FullQueue(UNIT, Injection.Queue.FAULTS), 0, 1, 0));
        machine.apply(new Command.ClearFaults(UNIT));
        assertThat(name(translate(RID, 0x6000))).isNotEqualTo("translated");
        assertThat(faults())
                .singleElement()
                .satisfies(record -> assertThat(record.address()).isEqualTo(0x6000));
    }

    /** What the service does about it: the device loses its ATS. */
    @ParameterizedTest
    @EnumSource
    void aSilentDeviceIsSilentOnce(Architecture architecture) {
        make(architecture, 8, false);
        int id = inject(new Injection.SilentDevice(RID), 1);
        assertThatThrownBy(() -> invalidate(RID))
                .isInstanceOfSatisfying(
                        RefusedException.class,
                        refused -> assertThat(refused.errno()).isEqualTo(Errno.EIO));
        assertThat(injection(id).remaining()).isZero();
        invalidate(OTHER);
        assertThat(injection(id).met()).isEqualTo(1);
    }

    private void invalidate(Rid rid) {
        machine.apply(new Command.Invalidate(List.of(new InvalidationRequest(
                new Target.OfRoute(Route.of(rid)),
                new Invalidation(
                        EnumSet.of(Invalidation.Cache.DEV_IOTLB), Invalidation.Granularity.DEVICE, 0, -1, false)))));
    }

    /** A prefix that is disabled for the device, and one that is wider than its tables. */
    @ParameterizedTest
    @CsvSource(useHeadersInDisplayName = true, textBlock = """
            architecture, pasidBits, pasid,   fault,             code
            VTD,          0,         5,       SCT.6,             0x45
            VTD,          8,         0x12345, SCT.7,             0x46
            SMMUV3,       0,         5,       C_BAD_SUBSTREAMID, 0x8
            SMMUV3,       8,         0x12345, C_BAD_SUBSTREAMID, 0x8
            """)
    void aStrayPasidIsJudgedByTheTables(
            Architecture architecture, int pasidBits, String pasid, String fault, String code) {
        make(architecture, pasidBits, false);
        int stray = Integer.decode(pasid);
        int id = inject(new Injection.MalformedRequest(RID, new Flaw.StrayPasid(stray)), 2);
        var explained = machine.read(view -> view.explain(request(RID, 0x1000)));
        assertThat(name(explained.result())).isEqualTo(fault);
        assertThat(explained.steps().getFirst().decision())
                .isEqualTo("injection %d: the request arrives with PASID %d".formatted(id, stray));
        assertThat(name(translate(RID, 0x1000))).isEqualTo(fault);
        assertThat(faults()).singleElement().satisfies(record -> {
            assertThat(record.pasid()).isEqualTo(stray);
            assertThat(record.code()).isEqualTo(Integer.decode(code));
        });
        assertThat(name(translate(OTHER, 0x1000))).isEqualTo("translated");
        var dma = machine.apply(new Command.StartDma(RID, DmaOrder.read(DmaRequest.NO_PASID, 0x1ff8, 16)))
                .results()
                .getFirst();
        assertThat(requireNonNull(dma.fault()).name()).isEqualTo(fault);
        assertThat(injection(id).remaining()).isZero();
        assertThat(name(translate(RID, 0x1000))).isEqualTo("translated");
    }

    @ParameterizedTest
    @CsvSource(useHeadersInDisplayName = true, textBlock = """
            mishap,                   event,          outcome
            UnsupportedTransaction,   F_UUT,          F_UUT
            ConflictingTranslations,  F_TLB_CONFLICT, F_TLB_CONFLICT
            ConflictingConfiguration, F_CFG_CONFLICT, F_CFG_CONFLICT
            PageHint,                 E_PAGE_REQUEST, translated
            """)
    void whatBefallsATransaction(String mishap, String event, String outcome) {
        make(Architecture.SMMUV3, 8, false);
        Mishap befalls = switch (mishap) {
            case "UnsupportedTransaction" -> new Mishap.UnsupportedTransaction();
            case "ConflictingTranslations" -> new Mishap.ConflictingTranslations();
            case "ConflictingConfiguration" -> new Mishap.ConflictingConfiguration();
            default -> new Mishap.PageHint(new Permissions(true, false, false, false), 3);
        };
        int id = inject(new Injection.MalformedRequest(RID, new Flaw.Befallen(befalls)), 2);
        assertThat(name(machine.read(view -> view.explain(request(RID, 0x1000))).result()))
                .isEqualTo(outcome);
        assertThat(faults()).isEmpty();
        for (int left = 1; left >= 0; left--) {
            assertThat(name(translate(RID, 0x1000))).isEqualTo(outcome);
            assertThat(injection(id).remaining()).isEqualTo(left);
        }
        assertThat(name(translate(RID, 0x1000))).isEqualTo("translated");
        assertThat(faults()).extracting(FaultRecord::name).containsExactly(event, event);
    }

    /** One after the other, in the order of their ids. */
    @Test
    void severalAreTakenInOrder() {
        make(Architecture.SMMUV3, 8, false);
        inject(new Injection.MalformedRequest(RID, new Flaw.Befallen(new Mishap.UnsupportedTransaction())), 1);
        inject(new Injection.MalformedRequest(RID, new Flaw.StrayPasid(0xfffff)), 1);
        int forever = inject(
                new Injection.MalformedRequest(RID, new Flaw.Befallen(new Mishap.ConflictingConfiguration())), null);
        assertThat(name(translate(RID, 0x1000))).isEqualTo("F_UUT");
        assertThat(name(translate(RID, 0x1000))).isEqualTo("C_BAD_SUBSTREAMID");
        for (int i = 0; i < 5; i++) {
            assertThat(name(translate(RID, 0x1000))).isEqualTo("F_CFG_CONFLICT");
        }
        assertThat(injection(forever))
                .extracting(InjectionSummary::remaining, InjectionSummary::met)
                .containsExactly(null, 5L);
        machine.apply(new Command.RemoveInjection(forever));
        assertThat(name(translate(RID, 0x1000))).isEqualTo("translated");
    }

    private DmaSummary dma(long id) {
        return machine.read(view -> view.dma(id));
    }

    private long read(long iova) {
        var dma = machine.apply(new Command.StartDma(RID, DmaOrder.read(DmaRequest.NO_PASID, iova, 4)));
        assertThat(dma.isPending()).isTrue();
        return requireNonNull(dma.id());
    }

    private long pageRequest(long dma) {
        return machine.read(view -> view.pageRequests().stream()
                .filter(request -> request.state() == State.PENDING && Objects.equals(request.dma(), dma))
                .findFirst()
                .orElseThrow()
                .id());
    }

    private State answer(long dma, Answer answer) {
        return machine.apply(new Command.AnswerPageRequest(pageRequest(dma), answer))
                .state();
    }

    /** Both answers are given, and neither is heard until they are released, in order. */
    @ParameterizedTest
    @EnumSource
    void anAnswerIsHeldBackUntilItIsReleased(Architecture architecture) {
        make(architecture, 8, true);
        int id = inject(new Injection.DelayedResponse(RID), 2);
        long first = read(0x5000);
        long second = read(0x6000);
        map(0x5000);
        assertThat(answer(first, Answer.SUCCESS)).isEqualTo(State.PENDING);
        assertThat(answer(second, Answer.INVALID)).isEqualTo(State.PENDING);
        assertThat(dma(first).isPending()).isTrue();
        assertThat(injection(id).held()).isEqualTo(2);
        var released = machine.apply(new Command.ReleaseInjection(id));
        assertThat(released.held()).isZero();
        assertThat(dma(first).results().getFirst().status()).isEqualTo(DmaResult.Status.COMPLETED);
        assertThat(dma(second).results().getFirst().status()).isEqualTo(DmaResult.Status.FAULTED);
        long third = read(0x7000);
        assertThat(answer(third, Answer.INVALID)).isEqualTo(State.ANSWERED);
    }

    /** The device's patience ends meanwhile: nothing is left of the answer when it is delivered. */
    @ParameterizedTest
    @EnumSource
    void whatComesTooLateIsNotHeard(Architecture architecture) {
        make(architecture, 8, true);
        int id = inject(new Injection.DelayedResponse(RID), null);
        long late = read(0x5000);
        long request = pageRequest(late);
        answer(late, Answer.INVALID);
        machine.apply(new Command.ExpirePageRequest(request));
        assertThat(requireNonNull(dma(late).results().getFirst().fault()).detail())
                .endsWith("nobody answered in time");
        long next = read(0x6000); // of the same group index
        machine.apply(new Command.RemoveInjection(id));
        assertThat(dma(next).isPending()).isTrue();
        assertThat(answer(next, Answer.INVALID)).isEqualTo(State.ANSWERED);
    }

    @ParameterizedTest
    @EnumSource
    void aDeviceThatGoesTakesWhatWasHeldBackWithIt(Architecture architecture) {
        make(architecture, 8, true);
        inject(new Injection.DelayedResponse(RID), null);
        inject(new Injection.SilentDevice(OTHER), 1);
        long dma = read(0x5000);
        answer(dma, Answer.INVALID);
        machine.apply(new Command.Detach(Route.of(RID)));
        machine.apply(new Command.DeleteDevice(RID));
        assertThat(dma(dma).isPending()).isFalse();
        assertThat(machine.read(MachineView::injections))
                .extracting(InjectionSummary::id)
                .containsExactly(2);
        assertThat(inject(new Injection.SilentDevice(OTHER), 1)).isEqualTo(1); // the lowest that is free
    }

    /** The page request is lost, which the unit answers by itself: the device tries again, and by then the driver has made room. */
    @ParameterizedTest
    @EnumSource
    void aFullQueueOfPageRequests(Architecture architecture) {
        make(architecture, 8, true);
        int id = inject(new Injection.FullQueue(UNIT, Injection.Queue.PAGE_REQUESTS), 1);
        long dma = read(0x5000);
        assertThat(injection(id).remaining()).isZero();
        assertThat(machine.read(MachineView::pageRequests))
                .extracting(PageRequestSummary::state)
                .containsExactly(State.ANSWERED, State.PENDING);
        switch (architecture) {
            case VTD -> assertThat(register("PRS") & 2).as("PRO is cleared").isZero();
            case SMMUV3 -> {
                assertThat(register("PRIQ_PROD") >>> 31).as("OVFLG").isOne();
                assertThat(register("PRIQ_CONS") >>> 31).as("OVACKFLG").isOne();
            }
        }
        long next = read(0x6000);
        for (long waits : List.of(next, dma)) {
            assertThat(answer(waits, Answer.INVALID)).isEqualTo(State.ANSWERED);
            assertThat(dma(waits).isPending()).isFalse();
        }
    }

    /** It does not get better: the device gives up. */
    @ParameterizedTest
    @EnumSource
    void aQueueOfPageRequestsThatStaysFull(Architecture architecture) {
        make(architecture, 8, true);
        int id = inject(new Injection.FullQueue(UNIT, Injection.Queue.PAGE_REQUESTS), null);
        machine.apply(new Command.PatchDevice(RID, null, null, 2));
        var dma = machine.apply(new Command.StartDma(RID, DmaOrder.read(DmaRequest.NO_PASID, 0x5000, 0x2000)));
        assertThat(requireNonNull(dma.results().getFirst().fault()).detail()).endsWith("tried 16 times");
        assertThat(machine.pageRequests().pending()).isZero();
        machine.apply(new Command.RemoveInjection(id));
        assertThat(answer(read(0x6000), Answer.INVALID)).isEqualTo(State.ANSWERED);
    }

    /** The answer to a group of several pages is held back for ever: the route goes all the same, and the group as a whole. */
    @ParameterizedTest
    @EnumSource
    void aGroupThatHearsNoAnswerIsDrainedAsAWhole(Architecture architecture) {
        make(architecture, 8, true);
        machine.apply(new Command.PatchDevice(RID, null, null, 4));
        inject(new Injection.DelayedResponse(RID), null);
        long dma = requireNonNull(
                machine.apply(new Command.StartDma(RID, DmaOrder.read(DmaRequest.NO_PASID, 0x5000, 0x4000)))
                        .id());
        assertThat(machine.pageRequests().pending()).isEqualTo(4);
        machine.apply(new Command.Detach(Route.of(RID)));
        assertThat(machine.pageRequests().pending()).isZero();
        assertThat(machine.transfers().faulted()).isOne();
        assertThat(requireNonNull(dma(dma).results().getFirst().fault()).detail())
                .endsWith("the page request was answered: invalid");
    }

    /** What is behind it in the same batch leads elsewhere, and waits on. */
    @Test
    void theOrderBehindADrainedGroupIsNotDrainedWithIt() {
        make(Architecture.VTD, 8, true);
        machine.apply(new Command.PatchDevice(RID, null, null, 4));
        machine.apply(new Command.Attach(new Route(RID, 3), 1, Replace.ALLOWED));
        int id = inject(new Injection.DelayedResponse(RID), null);
        var orders = List.of(
                DmaOrder.read(3, 0x5000, 0x4000),
                DmaOrder.read(DmaRequest.NO_PASID, 0x8000, 0x10),
                DmaOrder.read(DmaRequest.NO_PASID, 0x1000, 0x10));
        long dma = requireNonNull(
                machine.apply(new Command.StartDma(RID, orders, true)).id());
        assertThat(machine.pageRequests().pending()).isEqualTo(4);
        machine.apply(new Command.Detach(new Route(RID, 3)));
        assertThat(dma(dma).results())
                .extracting(DmaResult::status)
                .containsExactly(DmaResult.Status.FAULTED, DmaResult.Status.PENDING, DmaResult.Status.PENDING);
        assertThat(requireNonNull(dma(dma).results().getFirst().fault()).detail())
                .endsWith("the page request was answered: invalid");
        assertThat(machine.pageRequests().pending()).isOne();
        machine.apply(new Command.RemoveInjection(id));
        assertThat(answer(dma, Answer.INVALID)).isEqualTo(State.ANSWERED);
        assertThat(dma(dma).results())
                .extracting(DmaResult::status)
                .containsExactly(DmaResult.Status.FAULTED, DmaResult.Status.FAULTED, DmaResult.Status.COMPLETED);
    }

    /** It has no ATS any more, so it sends untranslated requests; what waits goes on that way, too. */
    @ParameterizedTest
    @EnumSource
    void aDeviceThatHasLostItsAtsGoesOnWithoutPageRequests(Architecture architecture) {
        make(architecture, 8, true);
        long waits = read(0x5000);
        inject(new Injection.SilentDevice(RID), 1);
        assertThatThrownBy(() -> invalidate(RID)).isInstanceOf(RefusedException.class);
        map(0x5000);
        answer(waits, Answer.SUCCESS);
        assertThat(dma(waits).results()).extracting(DmaResult::status).containsExactly(DmaResult.Status.COMPLETED);
        var orders =
                List.of(DmaOrder.read(DmaRequest.NO_PASID, 0x1000, 4), DmaOrder.read(DmaRequest.NO_PASID, 0x6000, 4));
        assertThat(machine.apply(new Command.StartDma(RID, orders, true)).results())
                .extracting(DmaResult::status)
                .containsExactly(DmaResult.Status.COMPLETED, DmaResult.Status.FAULTED);
        assertThat(faults())
                .singleElement()
                .satisfies(fault -> assertThat(fault.address()).isEqualTo(0x6000));
        assertThat(machine.pageRequests().pending()).isZero();
    }

    private void word(long address, long word) {
        var bytes =
                ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN).putLong(word);
        machine.apply(new Command.WriteMemory(address, bytes.array()));
    }

    /** Where the user is the driver, the overflow is his to acknowledge, and the device tries again then. */
    @Test
    void aFullQueueOfPageRequestsThatTheServiceDoesNotDrive() {
        machine.apply(new Command.CreateIommu(UNIT, false, Architecture.SMMUV3.capabilities()));
        machine.apply(new Command.CreateDevice(RID, UNIT, new DeviceTraits(null, 8, true, true, null, List.of())));
        word(0x4e_8000, 0x42_000b); // STE of 3a00: V, stage 1, one CD
        word(0x4e_8008, 0x1000_1000_0000L); // EATS 1
        word(0x42_0000, 0x0025_e205_c000_3510L); // T0SZ 16, 4 KiB, EPD1, V, IPS 48 bits, AA64, R, A
        word(0x42_0008, 0x43_0000); // an empty table
        var registers = new LinkedHashMap<String, Long>();
        registers.put("STRTAB_BASE", 0x40_0000L);
        registers.put("STRTAB_BASE_CFG", 16L);
        registers.put("PRIQ_BASE", 0x44_0002L);
        registers.put("CR0", 3L); // SMMUEN, PRIQEN
        machine.apply(new Command.PatchRegisters(UNIT, registers));

        inject(new Injection.FullQueue(UNIT, Injection.Queue.PAGE_REQUESTS), 1);
        long waits = read(0x5000);
        assertThat(dma(waits).isPending()).isTrue();
        assertThat(register("PRIQ_PROD")).isEqualTo(1L << 31);
        assertThat(register("PRIQ_CONS")).isZero();

        var acknowledged = new LinkedHashMap<String, Long>();
        acknowledged.put("PRIQ_CONS", 1L << 31);
        machine.apply(new Command.PatchRegisters(UNIT, acknowledged));
        assertThat(register("PRIQ_PROD")).as("asked again").isEqualTo(1L << 31 | 1);
        assertThat(dma(waits).isPending()).isTrue();
    }

    @Test
    void aUnitThatGoesTakesItsQueueWithIt() {
        machine.apply(new Command.CreateIommu(UNIT, true, Architecture.VTD.capabilities()));
        inject(new Injection.FullQueue(UNIT, Injection.Queue.FAULTS), 3);
        inject(new Injection.PoisonedMemory(new AddressRange(0, 7)), 1);
        machine.apply(new Command.DeleteIommu(UNIT));
        assertThat(machine.read(MachineView::injections))
                .extracting(InjectionSummary::id)
                .containsExactly(2);
    }

    /** What is over makes room; what is not does not. */
    @Test
    void thereCanOnlyBeSoMany() {
        make(Architecture.VTD, 8, false);
        for (int i = 0; i < Injections.MOST; i++) {
            inject(new Injection.SilentDevice(RID), 1);
        }
        assertThatThrownBy(() -> inject(new Injection.SilentDevice(OTHER), 1))
                .isInstanceOfSatisfying(
                        RefusedException.class,
                        refused -> assertThat(refused.errno()).isEqualTo(Errno.ENOSPC));
        assertThatThrownBy(() -> invalidate(RID)).isInstanceOf(RefusedException.class);
        assertThat(injection(1).remaining()).isZero();
        assertThat(inject(new Injection.SilentDevice(OTHER), 7)).isEqualTo(1);
        assertThat(injection(1).remaining()).isEqualTo(7);
    }
}
