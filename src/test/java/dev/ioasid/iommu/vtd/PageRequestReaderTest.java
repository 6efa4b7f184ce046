package dev.ioasid.iommu.vtd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Destination;
import dev.ioasid.iommu.DeviceMessage.GroupAnswered;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Invalidation;
import dev.ioasid.iommu.IommuDriver.Resumption;
import dev.ioasid.iommu.PageRequest;
import dev.ioasid.iommu.PageRequest.Outcome;
import dev.ioasid.iommu.PageRequest.Response;
import dev.ioasid.iommu.Requester;
import dev.ioasid.iommu.Rid;
import dev.ioasid.iommu.WatchedMemory;
import dev.ioasid.memory.AddressRange;
import dev.ioasid.memory.FrameAllocator;
import dev.ioasid.memory.PhysicalMemory;
import dev.ioasid.memory.Readers;
import dev.ioasid.pagetable.Permissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The driver's half of page requests: the ring that it sets up and reads, what it answers, and how it drains. */
class PageRequestReaderTest {
    private static final long MEMORY = 64L << 20;
    private static final long LAST_PAGE = MEMORY - 0x1000;
    private static final int NO_PASID = DmaRequest.NO_PASID;
    private static final Rid RID = Rid.ofSourceId(2, 0x3a11);
    private static final Requester DEVICE = new Requester(RID, 0x3a11, 20, true, true);
    private static final Requester OTHER = new Requester(Rid.ofSourceId(2, 0x3a12), 0x3a12, 20, true, true);
    private static final Requester SILENT = new Requester(Rid.ofSourceId(2, 0x3a13), 0x3a13, 20, true, false);
    private static final long PRE = 1 << 4;

    private final PhysicalMemory memory = new PhysicalMemory(MEMORY);
    private final FrameAllocator frames = new FrameAllocator(memory);
    private final Readers readers = new Readers();
    private final WatchedMemory watched = new WatchedMemory(memory, frames, readers);
    private VtdHardware hardware = hardware(VtdCapabilities.DEFAULT);

    private VtdHardware hardware(VtdCapabilities capabilities) {
        return new VtdHardware(memory, capabilities, CacheGeometries.DEFAULT);
    }

    private VtdDriver driver() {
        return new VtdDriver(hardware, watched);
    }

    private static VtdCapabilities without(int ecapBit) {
        var server = VtdCapabilities.DEFAULT;
        return new VtdCapabilities(
                server.version(), server.cap(), server.ecap() & ~(1L << ecapBit), server.hostAddressWidth());
    }

    @AfterEach
    void giveBack() {
        frames.close();
        memory.close();
    }

    private static PageRequest request(int sourceId, int pasid, int group, boolean last) {
        return new PageRequest(
                Rid.ofSourceId(2, sourceId), sourceId, pasid, 0x1000L * group, Permissions.READ, group, last);
    }

    private static PageRequest request(int group) {
        return request(0x3a11, 1, group, true);
    }

    private static void attach(VtdDriver driver, Requester device, int pasid) {
        driver.attach(device, pasid, new Destination.PassThrough());
    }

    /** The first word of a device's context entry. */
    private long contextEntry(Requester device) {
        long root = Bench.read(hardware, "RTADDR") & -0x1000L;
        long contexts = memory.acquire(root + (device.sourceId() >>> 8) * 16L) & -0x1000L;
        return contexts == 0 ? 0 : memory.acquire(contexts + (device.sourceId() & 0x7f) * 32L);
    }

    // ---------------------------------------------------------------- the ring

    @Test
    void theRingIsThereWhileADeviceMayAskForPages() {
        long free = frames.freeBytes();
        var driver = driver();
        attach(driver, SILENT, 1);
        assertThat(Bench.read(hardware, "PQA")).as("nobody asks").isZero();
        assertThat(contextEntry(SILENT) & PRE).isZero();
        attach(driver, DEVICE, 1);
        assertThat(Bench.read(hardware, "PQA"))
                .as("one page, the last of memory")
                .isEqualTo(LAST_PAGE);
        assertThat(contextEntry(DEVICE) & PRE).isEqualTo(PRE);
        attach(driver, OTHER, NO_PASID);
        driver.detach(DEVICE, 1);
        driver.removed(0x3a11);
        driver.detach(OTHER, NO_PASID);
        assertThat(Bench.read(hardware, "PQA")).as("OTHER is there").isEqualTo(LAST_PAGE);
        driver.removed(0x3a12);
        assertThat(Bench.read(hardware, "PQA")).isZero();
        attach(driver, OTHER, 7);
        assertThat(Bench.read(hardware, "PQA")).isEqualTo(LAST_PAGE);
        driver.close();
        assertThat(Bench.read(hardware, "PQA")).isZero();
        assertThat(frames.freeBytes()).isEqualTo(free);
    }

    @Test
    void tablesAreWhereTheyAreWithoutTheRing() {
        var driver = driver();
        attach(driver, SILENT, 1);
        long with = contextEntry(SILENT) & -0x1000L;
        driver.close();
        hardware = hardware(VtdCapabilities.DEFAULT);
        driver = driver();
        attach(driver, DEVICE, 1);
        assertThat(contextEntry(DEVICE) & -0x1000L).isEqualTo(with);
    }

    /** A ring that nobody has put anything into has cost no memory. */
    @Test
    void theRingIsCommittedWhenItIsWritten() {
        var driver = driver();
        attach(driver, SILENT, 1);
        attach(driver, SILENT, 2);
        long before = memory.committedBytes();
        driver.detach(SILENT, 1);
        driver.detach(SILENT, 2);
        attach(driver, DEVICE, 1);
        attach(driver, DEVICE, 2);
        assertThat(memory.committedBytes()).isEqualTo(before);
        hardware.request(request(1));
        assertThat(memory.committedBytes()).isEqualTo(before + 0x1000);
        driver.close();
        assertThat(memory.committedBytes()).isLessThan(before);
    }

    @Test
    void aPageThatIsTakenOrClaimedIsNotTheRing() {
        frames.claim(new AddressRange(LAST_PAGE, MEMORY - 1));
        var driver = driver();
        attach(driver, DEVICE, 1);
        assertThat(Bench.read(hardware, "PQA")).isEqualTo(LAST_PAGE - 0x1000);
        driver.close();
        frames.claim(new AddressRange(MEMORY - (2 << 20), MEMORY - 1));
        hardware = hardware(VtdCapabilities.DEFAULT);
        driver = driver();
        attach(driver, DEVICE, 1);
        assertThat(Bench.read(hardware, "PQA")).as("as any other frame").isBetween(MEMORY / 2, MEMORY / 2 + 0x40000);
    }

    @ParameterizedTest
    @CsvSource({"29, true", "2, true", "43, false"})
    void aUnitThatLacksWhatTheyNeedHasNone(int ecapBit, boolean scalable) {
        hardware = hardware(without(ecapBit));
        var driver = driver();
        attach(driver, DEVICE, scalable ? 1 : NO_PASID);
        assertThat(contextEntry(DEVICE) & PRE).isZero();
        assertThat(driver.takePageRequests()).isEmpty();
        if (ecapBit == 29) {
            assertThatThrownBy(() -> driver.respond(request(1), Response.SUCCESS))
                    .isInstanceOfSatisfying(
                            RefusedException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EOPNOTSUPP));
        }
        driver.close();
    }

    /** At no moment may a device ask while there is no ring to put that into. */
    @Test
    void betweenAnyTwoWritesWhoMayAskIsHeard() {
        var driver = driver();
        var seen = new ArrayList<String>();
        watched.watch(() -> {
            boolean asks = (contextEntry(DEVICE) & (PRE | 1)) == (PRE | 1);
            if (asks) {
                assertThat(Bench.read(hardware, "PQA")).isEqualTo(LAST_PAGE);
            }
            var outcome = hardware.request(request(1));
            seen.add(outcome.getClass().getSimpleName());
            if (outcome instanceof Outcome.Queued) {
                assertThat(driver.takePageRequests()).containsExactly(request(1));
            }
        });
        attach(driver, DEVICE, 1);
        driver.detach(DEVICE, 1);
        driver.close();
        watched.watch(null);
        assertThat(seen).containsOnly("Answered", "Queued").endsWith("Answered");
    }

    // ---------------------------------------------------------------- reading

    @Test
    void whatIsInTheRingIsTakenOnceOldestFirst() {
        var driver = driver();
        attach(driver, DEVICE, 1);
        attach(driver, OTHER, NO_PASID);
        assertThat(driver.takePageRequests()).isEmpty();
        var first = request(0x3a11, 1, 5, false);
        var second = request(0x3a12, NO_PASID, 5, true);
        var third = new PageRequest(
                RID, 0x3a11, 1, 0xffff_ffff_ffff_f000L, new Permissions(true, true, true, true), 511, true);
        hardware.request(first);
        hardware.request(second);
        hardware.request(third);
        assertThat(Bench.read(hardware, "PRS")).isEqualTo(1);
        assertThat(driver.takePageRequests()).containsExactly(first, second, third);
        assertThat(Bench.read(hardware, "PRS")).isZero();
        assertThat(Bench.read(hardware, "PQH")).isEqualTo(0x60);
        assertThat(driver.takePageRequests()).isEmpty();
    }

    @Test
    void theRingGoesRound() {
        var driver = driver();
        attach(driver, DEVICE, 1);
        for (int turn = 0; turn < 5; turn++) {
            var asked = new ArrayList<PageRequest>();
            for (int i = 0; i < 100; i++) {
                asked.add(request(i + turn));
                assertThat(hardware.request(asked.getLast())).isEqualTo(new Outcome.Queued());
            }
            assertThat(driver.takePageRequests()).isEqualTo(asked);
            assertThat(Bench.read(hardware, "PQH")).isEqualTo((turn + 1) * 100 * 32 % 4096);
        }
    }

    @Test
    void stopMarkersAndWhatIsNoRequestAreLeftOut() {
        var driver = driver();
        attach(driver, DEVICE, 1);
        var nothing = new Permissions(false, false, false, false);
        assertThat(hardware.request(new PageRequest(RID, 0x3a11, 1, 0, nothing, 0, true)))
                .isEqualTo(new Outcome.Queued());
        hardware.request(request(1));
        hardware.request(request(2));
        memory.release(LAST_PAGE + 32, 0);
        assertThat(driver.takePageRequests()).containsExactly(request(2));
    }

    /** The unit has answered the groups whose last was lost: of them there is nothing left to answer. */
    @Test
    void anOverflowIsClearedAndCutOffGroupsAreLeftOut() {
        var driver = driver();
        attach(driver, DEVICE, 1);
        attach(driver, OTHER, 1);
        var expected = new ArrayList<PageRequest>();
        for (int i = 0; i < 124; i++) {
            expected.add(request(i));
            hardware.request(request(i));
        }
        var whole = request(0x3a12, 1, 7, false);
        expected.add(whole);
        expected.add(request(0x3a12, 1, 7, true));
        hardware.request(whole);
        hardware.request(request(0x3a11, 1, 7, false));
        hardware.request(request(0x3a12, 1, 7, true));
        assertThat(hardware.request(request(0x3a11, 1, 7, true))).isEqualTo(new Outcome.Answered(Response.SUCCESS));
        assertThat(Bench.read(hardware, "PRS")).isEqualTo(3);
        assertThat(driver.takePageRequests()).isEqualTo(expected);
        assertThat(Bench.read(hardware, "PRS")).isZero();
        assertThat(hardware.request(request(9))).isEqualTo(new Outcome.Queued());
        hardware.request(request(0x3a11, 1, 7, false));
        assertThat(driver.takePageRequests())
                .as("without an overflow the last may yet come")
                .containsExactly(request(9), request(0x3a11, 1, 7, false));
    }

    // ---------------------------------------------------------------- answering

    @ParameterizedTest
    @CsvSource({
        "1, SUCCESS, 13a110019, 2a8",
        "1, INVALID, 13a111019, 2a8",
        "1, FAILURE, 13a11f019, 2a8",
        "-1, SUCCESS, 3a110009, 2a8"
    })
    void anAnswerIsADescriptorAndReachesTheDevice(int pasid, Response response, String word0, String word1) {
        var driver = driver();
        attach(driver, DEVICE, 1);
        attach(driver, DEVICE, NO_PASID);
        var asked = request(0x3a11, pasid, 0x55, true);
        hardware.request(asked);
        var issued = driver.respond(driver.takePageRequests().getFirst(), response);
        assertThat(issued).extracting(one -> one.name()).containsExactly("page-group-response", "wait");
        assertThat(issued.getFirst().words()).containsExactly(Bench.hex(word0), Bench.hex(word1));
        assertThat(hardware.takeMessages()).containsExactly(new GroupAnswered(0x3a11, pasid, 0x55, response));
    }

    @Test
    void nothingIsStalledThatCouldBeResumed() {
        var driver = driver();
        for (var how : Resumption.values()) {
            assertThatThrownBy(() -> driver.resume(0x3a11, 1, how))
                    .isInstanceOfSatisfying(
                            RefusedException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EOPNOTSUPP));
        }
    }

    // ---------------------------------------------------------------- draining

    private long looked;

    /** What the invalidation queue was given since the last time: types, and {@code wait PD} for one that drains. */
    private List<String> asked() {
        long ring = Bench.read(hardware, "IQA") & -0x1000L;
        var names = new ArrayList<String>();
        for (long head = Bench.read(hardware, "IQH"); looked != head; looked = (looked + 32) % 4096) {
            long w0 = memory.acquire(ring + looked);
            var type = Objects.requireNonNull(DescriptorType.of(w0));
            names.add(type.issued(w0, 0, 0, 0).name() + ((w0 & 0xf) == 5 && (w0 & 0x80) != 0 ? " PD" : ""));
        }
        return names;
    }

    /** The order: PASID cache, IOTLB, device-TLB, and then page requests that are on their way. */
    @Test
    void aRouteOfADeviceThatAsksIsDrainedWhenItGoes() {
        var driver = driver();
        attach(driver, DEVICE, 1);
        attach(driver, DEVICE, 2);
        asked();
        driver.detach(DEVICE, 1);
        assertThat(asked()).containsExactly("pasid-cache-pasid", "pasid-iotlb-pasid", "pasid-device-tlb", "wait PD");
        driver.detach(DEVICE, 2);
        assertThat(asked())
                .containsExactly(
                        "pasid-cache-pasid",
                        "pasid-iotlb-pasid",
                        "pasid-device-tlb",
                        "wait PD",
                        "context-cache-device",
                        "pasid-cache-domain",
                        "iotlb-domain",
                        "device-tlb",
                        "wait");
        attach(driver, SILENT, 1);
        driver.detach(SILENT, 1);
        assertThat(asked()).doesNotContain("wait PD");
    }

    @Test
    void withoutPdsThereIsNothingToWaitFor() {
        hardware = hardware(without(42));
        var driver = driver();
        attach(driver, DEVICE, 1);
        driver.detach(DEVICE, 1);
        assertThat(asked()).contains("wait").doesNotContain("wait PD");
    }

    // ---------------------------------------------------------------- a device that has lost its ATS

    @Test
    void aDeviceThatHasLostItsAtsAsksNoMore() {
        hardware.connect(DEVICE);
        var driver = driver();
        attach(driver, DEVICE, 1);
        attach(driver, DEVICE, 2);
        hardware.request(request(1));
        hardware.setAnswersInvalidations(0x3a11, false);
        assertThat(driver.hasTakenAts(0x3a11)).isFalse();
        var all = new Invalidation(Set.of(Invalidation.Cache.DEV_IOTLB), Invalidation.Granularity.PASID, 0, -1, false);
        assertThatThrownBy(() -> driver.invalidate(DEVICE, 1, all)).isInstanceOf(RefusedException.class);
        assertThat(driver.hasTakenAts(0x3a11)).isTrue();
        assertThat(contextEntry(DEVICE) & PRE).isZero();
        assertThat(hardware.request(request(2)))
                .isInstanceOfSatisfying(
                        Outcome.Answered.class,
                        answered -> assertThat(answered.response()).isEqualTo(Response.INVALID));
        assertThat(hardware.faults().getLast().code()).isEqualTo(0x47);
        assertThat(driver.takePageRequests()).as("what it had asked").containsExactly(request(1));
        driver.respond(request(1), Response.SUCCESS);
        assertThat(hardware.takeMessages()).containsExactly(new GroupAnswered(0x3a11, 1, 1, Response.SUCCESS));
        asked();
        driver.detach(DEVICE, 1);
        assertThat(asked()).doesNotContain("wait PD");
        driver.detach(DEVICE, 2);
        attach(driver, DEVICE, 2);
        assertThat(contextEntry(DEVICE) & PRE).isZero();
        driver.removed(0x3a11);
        assertThat(driver.hasTakenAts(0x3a11)).isFalse();
    }
}
