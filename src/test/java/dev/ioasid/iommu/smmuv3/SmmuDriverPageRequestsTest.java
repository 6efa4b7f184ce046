package dev.ioasid.iommu.smmuv3;

import static dev.ioasid.iommu.smmuv3.DriverBench.CACHES;
import static dev.ioasid.iommu.smmuv3.DriverBench.DEVICE;
import static dev.ioasid.iommu.smmuv3.DriverBench.IOVA;
import static dev.ioasid.iommu.smmuv3.DriverBench.NO_PASID;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.Destination;
import dev.ioasid.iommu.DeviceMessage;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.IommuDriver.Resumption;
import dev.ioasid.iommu.IssuedCommand;
import dev.ioasid.iommu.PageRequest;
import dev.ioasid.iommu.Requester;
import dev.ioasid.iommu.Rid;
import dev.ioasid.iommu.Translation;
import dev.ioasid.pagetable.Permissions;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the driver half does with page requests and stalled transactions, and when it has a PRI queue. */
class SmmuDriverPageRequestsTest {
    private static final Requester ASKS = new Requester(0x3a13, 16, true, true);
    private static final Requester ASKS_TOO = new Requester(Rid.parse("0001:3a:02.4"), 0x4000, 16, true, true);

    private DriverBench bench = new DriverBench(SmmuCapabilities.DEFAULT, CACHES);
    private SmmuDriver driver = bench.driver;

    @AfterEach
    void giveBack() {
        bench.close();
    }

    private void become(SmmuCapabilities capabilities) {
        bench.close();
        bench = new DriverBench(capabilities, CACHES);
        driver = bench.driver;
    }

    private Destination.Paged stage1() {
        return new Destination.Paged(bench.stage1(0x10_0000));
    }

    private void attach(Requester requester) {
        bench.hardware.connect(requester);
        driver.attach(requester, NO_PASID, new Destination.PassThrough());
    }

    private static PageRequest request(Requester device, int pasid, int group, boolean last) {
        return new PageRequest(
                device.rid(), device.sourceId(), pasid, IOVA + group * 0x1000L, Permissions.READ_WRITE, group, last);
    }

    private PageRequest.Outcome send(PageRequest request) {
        return bench.hardware.request(request);
    }

    private static List<String> words(List<IssuedCommand> issued) {
        return issued.stream()
                .map(command -> "%s %016x %016x"
                        .formatted(
                                command.name(),
                                command.words().get(0),
                                command.words().get(1)))
                .toList();
    }

    // ---- when there is a queue

    /** Frames are taken for devices that ask for pages, and for no others. */
    @Test
    void theQueueIsThereWhileADeviceAsksForPages() {
        driver.attach(DEVICE, NO_PASID, new Destination.PassThrough());
        long free = bench.frames.freeBytes();
        assertThat(bench.register("CR0")).isEqualTo(0x1d);
        assertThat(bench.register("PRIQ_BASE")).isZero();
        assertThat(driver.takePageRequests()).isEmpty();

        attach(ASKS);
        assertThat(bench.register("CR0")).as("PRIQEN").isEqualTo(0x1f);
        assertThat(bench.register("IRQ_CTRL")).isEqualTo(7);
        assertThat(bench.register("PRIQ_BASE") & 0x4000_0000_0000_001fL).isEqualTo(0x4000_0000_0000_0008L);
        attach(ASKS_TOO);
        driver.removed(ASKS.sourceId());
        assertThat(bench.register("CR0")).isEqualTo(0x1f);
        driver.removed(ASKS_TOO.sourceId());
        assertThat(bench.register("CR0")).isEqualTo(0x1d);
        assertThat(bench.register("IRQ_CTRL")).isEqualTo(5);
        assertThat(bench.frames.freeBytes()).isEqualTo(free);

        attach(ASKS);
        driver.close();
        assertThat(bench.register("CR0")).isZero();
        assertThat(bench.frames.freeBytes()).isEqualTo(bench.freeAtFirst);
    }

    @Test
    void aUnitWithoutPriHasNone() {
        become(DriverBench.with(SmmuCapabilities.DEFAULT, 0, Idr0.PRI, 0));
        attach(ASKS);
        assertThat(bench.register("CR0")).isEqualTo(0x1d);
        assertThat(driver.takePageRequests()).isEmpty();
        assertThatThrownBy(() -> driver.respond(request(ASKS, 5, 1, true), PageRequest.Response.SUCCESS))
                .isInstanceOfSatisfying(
                        RefusedException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EOPNOTSUPP));
    }

    /** The unit says no to devices that nobody has led anywhere. */
    @Test
    void beforeItIsThereTheUnitAnswers() {
        bench.hardware.connect(ASKS);
        assertThat(send(request(ASKS, 5, 1, true)))
                .isEqualTo(new PageRequest.Outcome.Answered(PageRequest.Response.FAILURE));
    }

    /** No frame is left for it: then the attach has not happened, and nothing is taken. */
    @Test
    void noMemory() {
        var held = new ArrayList<Long>();
        bench.hardware.connect(ASKS);
        // the table of the second level is there already
        driver.attach(DEVICE, NO_PASID, new Destination.PassThrough());
        var own = stage1();
        while (bench.frames.freeBytes() > 0) {
            held.add(bench.frames.allocate(0x1000L, 0x1000L));
        }
        assertThatThrownBy(() -> driver.attach(ASKS, NO_PASID, new Destination.PassThrough()))
                .isInstanceOfSatisfying(
                        RefusedException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ENOMEM));
        assertThat(bench.register("CR0")).isEqualTo(0x1d);
        assertThat(bench.ste(ASKS.sourceId())).containsOnly(0);
        // room for the queue, but not for a table of CDs
        bench.frames.free(held.getLast(), 0x1000);
        assertThatThrownBy(() -> driver.attach(ASKS, 5, own)).isInstanceOf(RefusedException.class);
        assertThat(bench.register("CR0")).isEqualTo(0x1d);
        assertThat(bench.register("PRIQ_BASE")).as("there was a queue").isNotZero();
        assertThat(bench.frames.freeBytes()).isEqualTo(0x1000);
    }

    // ---- requests

    @Test
    void requestsAreTakenOldestFirst() {
        attach(ASKS);
        attach(ASKS_TOO);
        var sent = List.of(
                request(ASKS, 5, 1, false),
                request(ASKS_TOO, NO_PASID, 1, true),
                request(ASKS, 5, 1, true),
                new PageRequest(
                        ASKS.rid(), ASKS.sourceId(), 9, 0, new Permissions(false, false, false, false), 0, true));
        sent.forEach(request -> assertThat(send(request)).isEqualTo(new PageRequest.Outcome.Queued()));

        assertThat(driver.takePageRequests()).isEqualTo(sent);
        assertThat(driver.takePageRequests()).isEmpty();
        assertThat(bench.register("PRIQ_CONS")).isEqualTo(4);
    }

    /** Through several rounds of the ring of 256. */
    @Test
    void theRingIsGoneThroughAgainAndAgain() {
        attach(ASKS);
        for (int round = 0; round < 9; round++) {
            var sent = new ArrayList<PageRequest>();
            for (int i = 0; i < 100 + round; i++) {
                var request = request(ASKS, 5, i, true);
                sent.add(request);
                send(request);
            }
            assertThat(driver.takePageRequests()).isEqualTo(sent);
        }
    }

    /** What an overflow has cut off has been answered by the unit: the driver drops it, and acknowledges. */
    @Test
    void anOverflow() {
        become(DriverBench.with(SmmuCapabilities.DEFAULT, 1, Idr1.PRIQS, 2));
        attach(ASKS);
        attach(ASKS_TOO);
        send(request(ASKS, 5, 1, true));
        send(request(ASKS, 5, 1, false)); // a group with the index of one that has ended
        send(request(ASKS_TOO, 5, 2, false));
        send(request(ASKS_TOO, 5, 2, true));
        assertThat(send(request(ASKS, 5, 1, true)))
                .isEqualTo(new PageRequest.Outcome.Answered(PageRequest.Response.SUCCESS));
        assertThat(send(request(ASKS, 5, 3, false))).isEqualTo(new PageRequest.Outcome.Dropped());
        assertThat(bench.register("PRIQ_PROD")).isEqualTo(0x8000_0004L);

        assertThat(driver.takePageRequests())
                .containsExactly(
                        request(ASKS, 5, 1, true), request(ASKS_TOO, 5, 2, false), request(ASKS_TOO, 5, 2, true));
        assertThat(bench.register("PRIQ_CONS")).isEqualTo(0x8000_0004L);
        assertThat(send(request(ASKS, 5, 7, false))).isEqualTo(new PageRequest.Outcome.Queued());
        assertThat(driver.takePageRequests()).as("nothing is lost").containsExactly(request(ASKS, 5, 7, false));
    }

    @ParameterizedTest(name = "{0} {1}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            pasid | response | command
            5     | SUCCESS  | pri-resp 00003a1300005841 000000000000201b
            5     | INVALID  | pri-resp 00003a1300005841 000000000000101b
            5     | FAILURE  | pri-resp 00003a1300005841 000000000000001b
            -1    | SUCCESS  | pri-resp 00003a1300000041 000000000000201b
            """)
    void answers(int pasid, PageRequest.Response response, String command) {
        attach(ASKS);
        bench.asked();
        bench.hardware.takeMessages();
        assertThat(words(driver.respond(request(ASKS, pasid, 0x1b, true), response)))
                .containsExactly(command, "sync 0000000000000046 0000000000000000");
        assertThat(bench.asked()).containsExactly("pri-resp", "sync");
        assertThat(bench.hardware.takeMessages())
                .containsExactly(new DeviceMessage.GroupAnswered(ASKS.sourceId(), pasid, 0x1b, response));
    }

    @Test
    void aMarkerIsNotAnswered() {
        attach(ASKS);
        var marker = new PageRequest(
                ASKS.rid(), ASKS.sourceId(), 9, 0, new Permissions(false, false, false, false), 0, true);
        assertThatThrownBy(() -> driver.respond(marker, PageRequest.Response.SUCCESS))
                .isInstanceOfSatisfying(
                        RefusedException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EINVAL));
    }

    // ---- stalls

    /** A unit that can only stall, with a device led to a table where {@code IOVA} is all that is mapped. */
    private void stalling() {
        become(DriverBench.with(SmmuCapabilities.DEFAULT, 0, Idr0.STALL_MODEL, 2));
        driver.attach(DEVICE, NO_PASID, stage1());
        driver.attach(DEVICE, 7, stage1());
    }

    private Translation.Stalled stall(int pasid) {
        var request = new DmaRequest(DEVICE.rid(), pasid, IOVA + 0x5000, Access.READ, false);
        return (Translation.Stalled) bench.hardware.translate(request);
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            how       | command
            RETRY     | resume 00003a1100001044 0000000000000001
            ABORT     | resume 00003a1100002044 0000000000000001
            TERMINATE | resume 00003a1100000044 0000000000000001
            """)
    void resumed(Resumption how, String command) {
        stalling();
        stall(NO_PASID);
        var stalled = stall(NO_PASID);
        bench.asked();
        assertThat(words(driver.resume(DEVICE.sourceId(), stalled.tag(), how)))
                .containsExactly(command, "sync 0000000000000046 0000000000000000");
        assertThat(bench.asked()).containsExactly("resume", "sync");
        var told = bench.hardware.takeMessages();
        assertThat(told).hasSize(1);
        switch (how) {
            case RETRY ->
                assertThat(((DeviceMessage.Resumed) told.getFirst()).outcome())
                        .isInstanceOfSatisfying(
                                Translation.Stalled.class,
                                again -> assertThat(again.tag()).isEqualTo(1));
            case ABORT, TERMINATE ->
                assertThat(told)
                        .containsExactly(new DeviceMessage.Terminated(stalled.ticket(), how == Resumption.ABORT));
        }
    }

    @Test
    void whatCannotBeResumed() {
        stalling();
        for (int tag : new int[] {-1, -2, 0x1_0000}) {
            assertThatThrownBy(() -> driver.resume(DEVICE.sourceId(), tag, Resumption.ABORT))
                    .isInstanceOfSatisfying(RefusedException.class, e -> {
                        assertThat(e.errno()).isEqualTo(Errno.EINVAL);
                        assertThat(e.subjects()).containsEntry("tag", tag);
                    });
        }
        driver.resume(DEVICE.sourceId(), 0xffff, Resumption.ABORT);
        assertThat(bench.hardware.takeMessages()).isEmpty();

        become(DriverBench.with(SmmuCapabilities.DEFAULT, 0, Idr0.STALL_MODEL, 1));
        assertThatThrownBy(() -> driver.resume(DEVICE.sourceId(), 0, Resumption.ABORT))
                .isInstanceOfSatisfying(
                        RefusedException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EOPNOTSUPP));
        driver.attach(DEVICE, NO_PASID, stage1());
        bench.asked();
        driver.detach(DEVICE, NO_PASID);
        assertThat(bench.asked()).doesNotContain("stall-term");
    }

    /** The other route goes on to wait: what is to become of those of a route is said by their tags. */
    @Test
    void ofARouteThatGoesTheStalledAreEndedByTheirTags() {
        stalling();
        var gone = stall(7);
        var stays = stall(NO_PASID);
        driver.detach(DEVICE, 7);
        assertThat(bench.hardware.takeMessages()).isEmpty();
        driver.resume(DEVICE.sourceId(), gone.tag(), Resumption.ABORT);
        assertThat(bench.hardware.takeMessages()).containsExactly(new DeviceMessage.Terminated(gone.ticket(), true));

        driver.detach(DEVICE, NO_PASID);
        assertThat(bench.hardware.takeMessages())
                .as("the last route takes them all along")
                .containsExactly(new DeviceMessage.Terminated(stays.ticket(), true));
    }

    @Test
    void ofADeviceThatGoesNothingGoesOnToWait() {
        stalling();
        var first = stall(7);
        var second = stall(NO_PASID);
        driver.removed(DEVICE.sourceId());
        assertThat(bench.hardware.takeMessages())
                .containsExactly(
                        new DeviceMessage.Terminated(first.ticket(), true),
                        new DeviceMessage.Terminated(second.ticket(), true));
        driver.resume(DEVICE.sourceId(), first.tag(), Resumption.ABORT);
        assertThat(bench.hardware.takeMessages())
                .as("without an STE, and without effect")
                .isEmpty();
    }

    @Test
    void aTagIsGoodWhenTheSteIsGone() {
        stalling();
        var stalled = stall(NO_PASID);
        var ste = bench.register("STRTAB_BASE") & 0xf_ffff_ffff_ffc0L;
        bench.memory.release(ste + (DEVICE.sourceId() >>> 8) * 8L, 0); // the whole second level
        var cfgi = Commands.cfgiAll();
        bench.hardware.submit(List.of(List.of(cfgi[0], cfgi[1])));
        driver.resume(DEVICE.sourceId(), stalled.tag(), Resumption.ABORT);
        assertThat(bench.hardware.takeMessages()).containsExactly(new DeviceMessage.Terminated(stalled.ticket(), true));
    }

    /** What raw commands have left behind is seen to, and neither stalls nor requests are touched by that. */
    @Test
    void settlingLeavesThemAlone() {
        stalling();
        attach(ASKS);
        bench.hardware.setAnswersInvalidations(DEVICE.sourceId(), false);
        var stalled = stall(NO_PASID);
        send(request(ASKS, 5, 1, true));
        var inv = Commands.atcInv(DEVICE.sourceId(), NO_PASID, false, 0, Commands.EVERY_PAGE);
        assertThatThrownBy(() -> bench.hardware.submit(List.of(List.of(inv[0], inv[1]), List.of(0x46L, 0L))))
                .isInstanceOf(RefusedException.class);
        driver.settle();
        assertThat(driver.takePageRequests()).containsExactly(request(ASKS, 5, 1, true));
        assertThat(bench.hardware.takeMessages()).isEmpty();
        driver.resume(DEVICE.sourceId(), stalled.tag(), Resumption.TERMINATE);
        assertThat(bench.hardware.takeMessages())
                .containsExactly(new DeviceMessage.Terminated(stalled.ticket(), false));
    }

    @Test
    void closingEndsThemAll() {
        stalling();
        var stalled = stall(NO_PASID);
        driver.close();
        assertThat(bench.hardware.takeMessages()).containsExactly(new DeviceMessage.Terminated(stalled.ticket(), true));
        assertThat(bench.frames.freeBytes()).isGreaterThan(0);
    }
}
