package dev.ioasid.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ioasid.Architecture;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Rid;
import dev.ioasid.machine.PageRequestSummary.Answer;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Devices that fault without end: every fault is counted, and none of them is kept for ever. */
class FaultFloodTest {
    private static final int FLOOD = 1_000_000;
    private static final int BATCH = 1_000;
    private static final int ASKED = 20_000;
    /** Bytes of the heap that may come and go; if each fault left something there would be several times as many. */
    private static final long NOISE = 16L << 20;

    private static final Rid PLAIN = new Rid(0, 0x3a, 0, 0);
    private static final Rid ASKING = new Rid(0, 0x3b, 0, 0);
    private static final Route QUEUE = new Route(ASKING, 1);

    /** Two devices that lead to IOASIDs in which nothing is mapped, of which one asks for pages. */
    private static Machine machine(Architecture architecture) {
        var machine = Machine.create("m", 64L << 20, List.of(), Preset.EMPTY);
        machine.apply(new Command.CreateIommu("iommu0", true, architecture.capabilities()));
        for (var rid : List.of(PLAIN, ASKING)) {
            boolean asks = rid.equals(ASKING);
            machine.apply(
                    new Command.CreateDevice(rid, "iommu0", new DeviceTraits(null, 8, asks, asks, null, List.of())));
        }
        for (int id = 1; id <= 2; id++) {
            machine.apply(new Command.CreateIoasid(IoasidType.PAGING, null, architecture.firstStage(), null, null));
        }
        machine.apply(new Command.Attach(Route.of(PLAIN), 1, Replace.FORBIDDEN));
        machine.apply(new Command.Attach(QUEUE, 2, Replace.FORBIDDEN));
        return machine;
    }

    private static void flood(Machine machine, int faults) {
        var orders = Collections.nCopies(BATCH, DmaOrder.read(DmaRequest.NO_PASID, 0x1234_5000, 64));
        for (int done = 0; done < faults; done += BATCH) {
            machine.apply(new Command.StartDma(PLAIN, orders, true));
        }
    }

    private static long counted(Machine machine) {
        return machine.read(MachineView::counts).faultsByReason().values().stream()
                .mapToLong(Long::longValue)
                .sum();
    }

    /** Bytes that are in use, the least of what is found. */
    private static long heap() {
        var runtime = Runtime.getRuntime();
        long least = Long.MAX_VALUE;
        for (int i = 0; i < 3; i++) {
            System.gc();
            least = Math.min(least, runtime.totalMemory() - runtime.freeMemory());
        }
        return least;
    }

    /** Half of them are recorded as long as there is room, the other half once that has been made. */
    @ParameterizedTest
    @EnumSource
    void everyFaultIsCountedAndNoneIsKeptForEver(Architecture architecture) {
        int room = architecture == Architecture.VTD ? 8 : 256;
        try (var machine = machine(architecture)) {
            var view = new View(machine);
            flood(machine, FLOOD / 10);
            long committed = view.summary().committedBytes();
            long heap = heap();
            flood(machine, FLOOD * 4 / 10);
            assertThat(view.faults("iommu0")).hasSize(room);
            assertThat(view.faultsDropped("iommu0")).isEqualTo(FLOOD / 2 - room);

            machine.apply(new Command.ClearFaults("iommu0"));
            flood(machine, FLOOD / 2);
            assertThat(view.faults("iommu0")).hasSize(room);
            assertThat(view.faultsOverflowed("iommu0")).isTrue();
            assertThat(view.faultsDropped("iommu0")).isEqualTo(FLOOD - 2 * room);
            assertThat(view.counts().faultsDropped()).isEqualTo(FLOOD - 2 * room);
            assertThat(counted(machine)).isEqualTo(FLOOD);
            assertThat(machine.transfers().faulted()).isEqualTo(FLOOD);
            assertThat(machine.transfers().movedBytes()).isZero();

            assertThat(heap() - heap).as("bytes of heap").isLessThan(NOISE);
            assertThat(view.summary().committedBytes()).isEqualTo(committed);
        }
    }

    /** What had to wait and is over is remembered for a while. */
    @ParameterizedTest
    @EnumSource
    void refusedPagesAreForgottenInTheEnd(Architecture architecture) {
        try (var machine = machine(architecture)) {
            var view = new View(machine);
            long first = refused(machine);
            long last = first;
            for (int i = 1; i < ASKED; i++) {
                last = refused(machine);
            }
            long newest = last;
            assertThat(machine.transfers().faulted()).isEqualTo(ASKED);
            assertThat(machine.transfers().waiting()).isZero();
            assertThat(view.pageRequests()).hasSize(1024);
            assertThat(view.dma(newest).isPending()).isFalse();
            assertThatThrownBy(() -> view.dma(first)).isInstanceOf(RefusedException.class);
            assertThat(view.faults("iommu0")).isEmpty();
            assertThat(view.faultsDropped("iommu0")).isZero();
        }
    }

    /** DMA that asks for a page and is refused it; its id. */
    private static long refused(Machine machine) {
        var dma = machine.apply(new Command.StartDma(ASKING, DmaOrder.read(1, 0x5000, 64)));
        assertThat(dma.isPending()).isTrue();
        long request = machine.read(MachineView::pageRequests).getLast().id();
        machine.apply(new Command.AnswerPageRequest(request, Answer.INVALID));
        return Objects.requireNonNull(dma.id());
    }
}
