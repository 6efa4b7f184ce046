package dev.ioasid.machine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.FaultRecord;
import dev.ioasid.iommu.Rid;
import dev.ioasid.iommu.UserTable;
import dev.ioasid.machine.PageRequestSummary.Answer;
import dev.ioasid.pagetable.Permissions;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A guest's table of context descriptors has transactions stalled, which the service's driver ends when the guest goes: no STAG stays taken. */
class StalledTeardownTest {
    private static final Rid RID = new Rid(0, 0x3a, 0, 0);
    private static final int PASID = 5;
    private static final long CDS = 0x3_0000;

    private static Machine machine() {
        var machine = Machine.create("m", 64L << 20, List.of(), Preset.SMMUV3);
        machine.apply(
                new Command.CreateDevice(RID, "iommu0", new DeviceTraits(null, 8, false, false, null, List.of())));
        machine.apply(new Command.CreateIoasid(IoasidType.PAGING, null, "armv8-stage2", null, null));
        machine.apply(new Command.Map(1, List.of(new MapRequest(0L, 0x40_0000, Permissions.READ_WRITE, 0x80_0000L))));
        // T0SZ 16, 4 KiB, EPD1, V, IPS 48 bits, AA64, S, R, A, ASET, ASID 0x25
        word(machine, CDS + PASID * 64, 0x0025_f205_c000_3510L);
        word(machine, CDS + PASID * 64 + 8, 0x1_0000);
        bind(machine);
        return machine;
    }

    private static void word(Machine machine, long address, long word) {
        var bytes = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(word);
        machine.apply(new Command.WriteThrough(1, address, bytes.array()));
    }

    private static void bind(Machine machine) {
        machine.apply(new Command.Bind(
                Route.of(RID), 1, new UserTable.Wanted(UserTable.CD_TABLE, null, CDS, Set.of(), null, null, 4, 0)));
    }

    /** DMA that is stalled. */
    private static DmaSummary dma(Machine machine) {
        var dma = machine.apply(new Command.StartDma(RID, DmaOrder.read(PASID, 0x1000, 8)));
        assertThat(dma.isPending()).isTrue();
        return dma;
    }

    /** The Event queue has room for 256: who comes then waits without a STAG. */
    @ParameterizedTest
    @ValueSource(ints = {1, 40, 300})
    void noTagStaysTaken(int count) {
        try (var machine = machine()) {
            for (int i = 0; i < count; i++) {
                dma(machine);
            }
            machine.apply(new Command.Unbind(1));
            assertThat(machine.pageRequests().pending()).isZero();
            assertThat(machine.transfers().waiting()).isZero();
            machine.apply(new Command.ClearFaults("iommu0"));
            bind(machine);
            dma(machine);
            assertThat(machine.read(MachineView::pageRequests).getLast().stag()).isEqualTo(0);
        }
    }

    /** The same when nobody has answered in time. */
    @ParameterizedTest
    @ValueSource(ints = {1, 40, 300})
    void noTagStaysTakenByWhatHasExpired(int count) {
        try (var machine = machine()) {
            for (int i = 0; i < count; i++) {
                dma(machine);
            }
            while (machine.pageRequests().pending() > 0) { // who has a STAG now waits once more
                for (var request : machine.read(MachineView::pageRequests).reversed()) {
                    machine.apply(new Command.ExpirePageRequest(request.id()));
                }
            }
            machine.apply(new Command.ClearFaults("iommu0"));
            dma(machine);
            assertThat(machine.read(MachineView::pageRequests).getLast().stag()).isEqualTo(0);
        }
    }

    private static List<MachineEvent> news(Machine machine, Command<?> command) {
        long seen = machine.journal().last();
        machine.apply(command);
        return machine.journal().read(seen + 1, Integer.MAX_VALUE).entries().stream()
                .map(EventJournal.Entry::event)
                .toList();
    }

    private static MachineEvent.Faulted faulted(List<MachineEvent> news) {
        var faults = news.stream()
                .filter(MachineEvent.Faulted.class::isInstance)
                .map(MachineEvent.Faulted.class::cast)
                .toList();
        assertThat(faults).hasSize(1);
        return faults.getFirst();
    }

    /** A retry is a new arrival: each of its faults stands in the Event queue, and is told as the first one was. */
    @Test
    void whatFaultsAgainIsToldAgain() {
        try (var machine = machine()) {
            var arrives = new DmaRequest(RID, PASID, 0x1000, Access.READ, false);
            var first = faulted(news(machine, new Command.StartDma(RID, DmaOrder.read(PASID, 0x1000, 8))));
            assertThat(first.request()).isEqualTo(arrives);
            assertThat(first.stalled()).isTrue();

            var again = faulted(news(machine, new Command.AnswerPageRequest(1, Answer.RETRY)));
            assertThat(again).isEqualTo(first);

            word(machine, CDS + PASID * 64, 0); // its V
            machine.apply(
                    new Command.Submit("iommu0", List.of(List.of((0x3aL << 40) | PASID << 12 | 5, 0L)))); // CFGI_CD
            var last = faulted(news(machine, new Command.AnswerPageRequest(2, Answer.RETRY)));
            assertThat(last.request()).isEqualTo(arrives);
            assertThat(last.stalled()).isFalse();
            assertThat(last.fault().name()).isEqualTo("C_BAD_CD");
            List<FaultRecord> recorded = machine.read(view -> view.faults("iommu0"));
            assertThat(recorded).hasSize(3);
        }
    }

    /** So is the fault of a transaction for which nobody waits any more, and which is recorded when there is room. */
    @Test
    void whatNobodyWaitsForIsToldWhenItIsRecorded() {
        try (var machine = machine()) {
            for (int i = 0; i < 256; i++) { // the Event queue's room
                machine.apply(new Command.Translate(List.of(new DmaRequest(RID, 15, 0, Access.READ, false))));
            }
            dma(machine);
            machine.apply(new Command.ExpirePageRequest(1));
            var told = faulted(news(machine, new Command.ClearFaults("iommu0")));
            assertThat(told.request()).isEqualTo(new DmaRequest(RID, PASID, 0x1000, Access.READ, false));
            assertThat(told.fault().recorded()).isTrue();
        }
    }
}
