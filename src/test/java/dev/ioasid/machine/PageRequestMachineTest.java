package dev.ioasid.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import dev.ioasid.iommu.DeviceMessage.GroupAnswered;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Fault;
import dev.ioasid.iommu.PageRequest;
import dev.ioasid.iommu.PageRequest.Outcome;
import dev.ioasid.iommu.PageRequest.Response;
import dev.ioasid.iommu.Rid;
import dev.ioasid.iommu.vtd.VtdCapabilities;
import dev.ioasid.machine.PageRequestSummary.Answer;
import dev.ioasid.machine.PageRequestSummary.State;
import dev.ioasid.memory.AddressRange;
import dev.ioasid.pagetable.Permissions;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/** Page requests at the units of a machine: of one whose driver the user is, and of one that the service drives. */
class PageRequestMachineTest {
    private static final Rid RID = new Rid(0, 0x3a, 2, 1);
    private static final Permissions NOTHING = new Permissions(false, false, false, false);

    private static void write(Machine machine, long address, long... words) {
        var bytes = ByteBuffer.allocate(words.length * Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        for (long word : words) {
            bytes.putLong(word);
        }
        machine.apply(new Command.WriteMemory(address, bytes.array()));
    }

    private static void patch(Machine machine, String register, long value) {
        var values = new LinkedHashMap<String, Long>();
        values.put(register, value);
        machine.apply(new Command.PatchRegisters("u", values));
    }

    private static long register(Machine machine, String iommu, String name) {
        return Objects.requireNonNull(
                machine.read(view -> view.registers(iommu)).get(name));
    }

    private static Outcome ask(Machine machine, String iommu, PageRequest request) {
        return machine.units().unit(iommu).hardware().request(request);
    }

    /** A unit that the test drives, and a device with PRI: the root table is latched, translation is off. Nothing is present for PASID 1234. */
    private static Machine unmanaged() {
        var machine = Machine.create("m", 64L << 20, List.of(), Preset.EMPTY);
        machine.apply(new Command.CreateIommu("u", false, VtdCapabilities.DEFAULT));
        machine.apply(new Command.CreateDevice(RID, "u", new DeviceTraits(null, 20, true, true, null, List.of())));
        write(machine, 0x1003a0, 0x101001);
        write(machine, 0x101220, 0x10201d, 5); // P, DTE, PASIDE, PRE; RID_PASID 5
        write(machine, 0x102240, 0x104001);
        write(machine, 0x104d00, 0x105089, 33); // a second stage of 4 levels
        patch(machine, "RTADDR", 0x100400);
        patch(machine, "GCMD", 0x4000_0000L);
        return machine;
    }

    /** Tables, ring and registers by hand; the device asks for a page, and gets an answer that came through the invalidation queue. */
    @Test
    void anUnmanagedUnitIsDrivenByHand() {
        try (var machine = unmanaged()) {
            write(machine, 0x104d00, 0x101, 0x800033); // PASID 1234: pass-through, domain 33
            patch(machine, "PQA", 0x200000);
            patch(machine, "PECTL", 0);
            patch(machine, "IQA", 0x210800);
            patch(machine, "GCMD", 0x8400_0000L);

            var request = new PageRequest(RID, 0x3a11, 0x1234, 0x5555_1234_5000L, Permissions.READ_WRITE, 0x55, true);
            assertThat(ask(machine, "u", request)).isEqualTo(new Outcome.Queued());
            assertThat(register(machine, "u", "PQT")).isEqualTo(0x20);
            assertThat(register(machine, "u", "PRS")).isEqualTo(1);
            assertThat(machine.memory().acquire(0x200000)).isEqualTo(0x0000_1234_3a11_0101L);
            assertThat(machine.memory().acquire(0x200008)).isEqualTo(0x0000_5555_1234_52afL);
            patch(machine, "PQH", 0x20);
            patch(machine, "PRS", 1);
            write(machine, 0x210000, 0x0000_1234_3a11_0019L, 0x2a8, 0, 0);
            var hardware = machine.units().unit("u").hardware(); // a command of the machine's would take the message
            hardware.write(new LinkedHashMap<>(Map.of("IQT", 0x20L)));
            assertThat(hardware.takeMessages())
                    .containsExactly(new GroupAnswered(0x3a11, 0x1234, 0x55, Response.SUCCESS));

            // without the right in its context entry, the group is invalid at once
            write(machine, 0x101220, 0x10200d);
            machine.apply(new Command.Submit("u", List.of(List.of(0x00003a1100000031L, 0L))));
            assertInvalid(ask(machine, "u", request), "SCT.8");
            var fault = machine.read(view -> view.faults("u")).getFirst();
            assertThat(fault.name()).isEqualTo("SCT.8");
            assertThat(fault.words()).containsExactly(0x0000_5555_1234_5000L, 0x8012_3447_9000_3a11L);
        }
    }

    /** Nobody drives the unit: the device is told that its requests are invalid, and the orders behind do not wait in its place. */
    @Test
    void aDeviceThatGoesTakesEveryOrderWithIt() {
        try (var machine = unmanaged()) {
            patch(machine, "GCMD", 0x8000_0000L);
            patch(machine, "PQA", 0x200000);
            var orders = List.of(
                    DmaOrder.read(0x1234, 0x1000, 8),
                    DmaOrder.read(0x1234, 0x2000, 8),
                    DmaOrder.read(0x1234, 0x3000, 8));
            long id = Objects.requireNonNull(
                    machine.apply(new Command.StartDma(RID, orders, true)).id());
            assertThat(register(machine, "u", "PQT")).isEqualTo(0x20);
            machine.apply(new Command.DeleteDevice(RID));
            assertThat(machine.pageRequests().pending()).isZero();
            assertThat(machine.transfers().waiting()).isZero();
            var results = machine.read(view -> view.dma(id)).results();
            assertThat(results).extracting(DmaResult::status).containsOnly(DmaResult.Status.FAULTED);
        }
    }

    /** The device has given up, and the driver does not know: its answer is to nobody, and not to who has come after. */
    @Test
    void anAnswerThatComesTooLateIsToNobody() {
        try (var machine = unmanaged()) {
            patch(machine, "IQA", 0x210800);
            patch(machine, "GCMD", 0x8400_0000L);
            patch(machine, "PQA", 0x200000);
            var orders = List.of(DmaOrder.read(0x1234, 0x1000, 8), DmaOrder.read(0x1234, 0x2000, 8));
            long dma = Objects.requireNonNull(
                    machine.apply(new Command.StartDma(RID, orders, true)).id());
            assertThat(groups(machine, State.PENDING)).containsExactly(0);
            machine.apply(new Command.ExpirePageRequest(1));
            assertThat(groups(machine, State.PENDING))
                    .as("the order behind it waits by another index")
                    .containsExactly(1);
            answer(machine, 0, 1);
            assertThat(machine.read(view -> view.dma(dma)).isPending()).isTrue();
            start(machine, 0x3000);
            assertThat(groups(machine, State.PENDING))
                    .as("0 is answered, and free")
                    .containsExactly(1, 0);
            answer(machine, 1, 1);
            assertThat(machine.read(view -> view.dma(dma)).isPending()).isFalse();
        }
    }

    /** What finds the ring full is a success to the device at once; it asks again when the driver has acknowledged the overflow. */
    @Test
    void whatFindsTheRingFullAsksAgain() {
        try (var machine = unmanaged()) {
            patch(machine, "IQA", 0x210800);
            patch(machine, "GCMD", 0x8400_0000L);
            patch(machine, "PQA", 0x200000);
            var dmas = LongStream.range(0, 132)
                    .map(page -> start(machine, page << 12))
                    .boxed()
                    .toList();
            assertThat(register(machine, "u", "PQT")).isEqualTo(127 * 0x20);
            assertThat(register(machine, "u", "PRS")).as("PPR, PRO").isEqualTo(3);
            assertThat(machine.transfers().waiting()).isEqualTo(132);
            patch(machine, "PQH", 126 * 0x20); // room, but not acknowledged
            assertThat(register(machine, "u", "PQT")).isEqualTo(127 * 0x20);
            machine.apply(new Command.ExpirePageRequest(132)); // the last of those that were lost
            assertThat(machine.read(view -> view.dma(dmas.getLast())).isPending())
                    .isFalse();
            patch(machine, "PRS", 3);
            assertThat(register(machine, "u", "PQT")).isEqualTo(3 * 0x20);
            assertThat(register(machine, "u", "PRS")).isEqualTo(1);
            assertThat(machine.transfers().waiting()).isEqualTo(131);
            assertThat(groups(machine, State.EXPIRED)).as("and stays so").hasSize(1);
            for (int slot = 127; slot < 131; slot++) {
                assertThat(machine.memory().acquire(0x200008 + slot % 128 * 0x20L) >>> 12)
                        .as("page")
                        .isEqualTo(slot);
            }
            start(machine, 131 << 12);
            assertThat(groups(machine, State.PENDING))
                    .as("nobody will answer it")
                    .endsWith(131);
            machine.apply(new Command.DeleteDevice(RID));
            assertThat(machine.transfers().waiting()).isZero();
        }
    }

    /** It is only tried again when there may be room, and each time one may find the ring full once more. */
    @Test
    void aRingThatIsFullAgainLosesRequestsAgain() {
        try (var machine = unmanaged()) {
            patch(machine, "GCMD", 0x8000_0000L);
            patch(machine, "PQA", 0x200000);
            LongStream.range(0, 130).forEach(page -> start(machine, page << 12));
            for (int times = 0; times < 60; times++) {
                patch(machine, "PRS", 3);
                assertThat(register(machine, "u", "PRS")).as("full: PRO again").isEqualTo(2);
                assertThat(machine.transfers().waiting()).isEqualTo(130);
            }
            patch(machine, "PQH", 0x20);
            patch(machine, "PRS", 3);
            assertThat(register(machine, "u", "PRS")).as("room for one").isEqualTo(3);
            assertThat(register(machine, "u", "PQT")).isZero();
            assertThat(machine.transfers().waiting()).isEqualTo(130);
            machine.apply(new Command.DeleteDevice(RID));
            assertThat(machine.pageRequests().pending()).isZero();
            assertThat(machine.transfers().waiting()).isZero();
        }
    }

    /** Told to try again, and to try again: as long as somebody says so, a device does. */
    @Test
    void aDeviceTriesAsOftenAsItIsTold() {
        try (var machine = unmanaged()) {
            patch(machine, "IQA", 0x210800);
            patch(machine, "GCMD", 0x8400_0000L);
            patch(machine, "PQA", 0x200000);
            long dma = start(machine, 0x1000);
            for (int tries = 1; tries <= 40; tries++) {
                answer(machine, 0, 0);
                assertThat(groups(machine, State.PENDING)).containsExactly(0);
                assertThat(groups(machine, State.ANSWERED)).hasSize(tries);
            }
            answer(machine, 0, 1);
            assertThat(machine.read(view -> view.dma(dma)).isPending()).isFalse();
        }
        try (var machine = Machine.create("m", 1L << 32, List.of(), Preset.SIOV)) {
            var rid = new Rid(0, 0x3b, 0, 0);
            machine.apply(new Command.StartDma(rid, DmaOrder.read(DmaRequest.NO_PASID, 0x1000, 8)));
            for (long tries = 1; tries <= 40; tries++) {
                machine.apply(new Command.AnswerPageRequest(tries, Answer.SUCCESS));
            }
            assertThat(machine.pageRequests().pending()).isOne();
        }
    }

    /** Nobody ever answers: there is an index nevertheless. */
    @Test
    void thereIsAnIndexAlthoughNobodyEverAnswers() {
        try (var machine = unmanaged()) {
            patch(machine, "GCMD", 0x8000_0000L);
            patch(machine, "PQA", 0x200007);
            for (int request = 1; request <= PageRequest.GROUPS; request++) {
                start(machine, 0x1000);
                assertThat(groups(machine, State.PENDING)).containsExactly(request - 1);
                machine.apply(new Command.ExpirePageRequest(request));
            }
            start(machine, 0x1000);
            assertThat(groups(machine, State.PENDING)).containsExactly(0);
            machine.apply(new Command.DeleteDevice(RID));
            machine.apply(new Command.CreateDevice(RID, "u", new DeviceTraits(null, 20, true, true, null, List.of())));
            start(machine, 0x1000);
            assertThat(groups(machine, State.PENDING)).as("a new device").containsExactly(0);
        }
    }

    private static void assertInvalid(Outcome outcome, String fault) {
        assertThat(outcome).isInstanceOfSatisfying(Outcome.Answered.class, answered -> {
            assertThat(answered.response()).isEqualTo(Response.INVALID);
            assertThat(answered.fault()).extracting(Fault::name).isEqualTo(fault);
        });
    }

    private static long start(Machine machine, long iova) {
        return Objects.requireNonNull(machine.apply(new Command.StartDma(RID, DmaOrder.read(0x1234, iova, 8)))
                .id());
    }

    private static List<Integer> groups(Machine machine, State state) {
        return machine.read(view -> view.pageRequests().stream()
                .filter(request -> request.state() == state)
                .map(PageRequestSummary::group)
                .toList());
    }

    /** A page group response of the driver's, by the ring. */
    private static void answer(Machine machine, int group, int code) {
        long tail = register(machine, "u", "IQT");
        write(machine, 0x210000 + tail, 0x0000_1234_3a11_0019L | (long) code << 12, (long) group << 3, 0, 0);
        patch(machine, "IQT", tail + 0x20);
    }

    /** A device asks nobody for a page of another of its group, neither for its translation nor for the page. */
    @Test
    void whatIsReachedDirectlyIsNotAskedFor() {
        try (var machine = Machine.create("m", 64L << 20, List.of(), Preset.EMPTY)) {
            var peer = new Rid(0, 0x3a, 2, 2);
            machine.apply(new Command.CreateIommu("u", true, VtdCapabilities.DEFAULT));
            machine.apply(new Command.CreateIoasid(IoasidType.PAGING, "u", null, null, null));
            machine.apply(new Command.CreateDevice(RID, "u", new DeviceTraits(null, 20, true, true, 7, List.of())));
            var region = AddressRange.of(0x1_0000_0000L, 0x1000);
            machine.apply(new Command.CreateDevice(
                    peer, "u", new DeviceTraits(null, 0, false, false, 7, List.of(), null, List.of(region))));
            machine.apply(new Command.Attach(Route.of(RID), 1, Replace.ALLOWED));
            machine.apply(new Command.PatchDevice(RID, null, null, 3));
            var order = DmaOrder.read(DmaRequest.NO_PASID, 0xffff_eff8L, 0x1010);
            machine.apply(new Command.StartDma(RID, order));
            assertThat(machine.read(MachineView::pageRequests))
                    .extracting(PageRequestSummary::address, PageRequestSummary::last)
                    .containsExactly(tuple(0xffff_e000L, false), tuple(0xffff_f000L, true));
        }
    }

    /** Both of the preset's devices may ask for pages, by RID and by PASID. */
    @Test
    void aManagedUnitHasItsRingReady() {
        try (var machine = Machine.create("m", 1L << 32, List.of(), Preset.SIOV)) {
            var rid1 = new Rid(0, 0x3a, 0, 0);
            var rid2 = new Rid(0, 0x3b, 0, 0);
            assertThat(register(machine, "iommu0", "PQA")).isEqualTo(0xffff_f000L);
            var driver = machine.units().unit("iommu0").managedDriver();
            var first = new PageRequest(rid1, 0x3a00, 2, 0x1000, Permissions.READ, 7, true);
            var second = new PageRequest(rid2, 0x3b00, DmaRequest.NO_PASID, 0x2000, Permissions.WRITE, 7, true);
            assertThat(ask(machine, "iommu0", first)).isEqualTo(new Outcome.Queued());
            assertThat(ask(machine, "iommu0", new PageRequest(rid1, 0x3a00, 2, 0, NOTHING, 7, true)))
                    .isEqualTo(new Outcome.Queued());
            assertThat(ask(machine, "iommu0", second)).isEqualTo(new Outcome.Queued());
            assertThat(driver.takePageRequests()).containsExactly(first, second);
            machine.apply(new Command.Detach(new Route(rid1, 2)));
            assertInvalid(ask(machine, "iommu0", first), "SPT.2");
            driver.respond(first, Response.INVALID);
            assertThat(machine.units().unit("iommu0").hardware().takeMessages())
                    .containsExactly(new GroupAnswered(0x3a00, 2, 7, Response.INVALID));
        }
    }
}
