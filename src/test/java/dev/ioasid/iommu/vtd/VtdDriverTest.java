package dev.ioasid.iommu.vtd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.Destination;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Explanation;
import dev.ioasid.iommu.Requester;
import dev.ioasid.iommu.Rid;
import dev.ioasid.iommu.Translation;
import dev.ioasid.iommu.UserTable;
import dev.ioasid.iommu.WatchedMemory;
import dev.ioasid.memory.FrameAllocator;
import dev.ioasid.memory.FrameCounters;
import dev.ioasid.memory.PhysicalMemory;
import dev.ioasid.memory.Readers;
import dev.ioasid.pagetable.IoPageTable;
import dev.ioasid.pagetable.Levels512;
import dev.ioasid.pagetable.Permissions;
import dev.ioasid.pagetable.TableCaches;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SequencedMap;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the driver half writes, as the hardware half reads it: after each change, and between any two writes of one. */
class VtdDriverTest {
    private static final Requester DEVICE = new Requester(0x3a11, 20, true, true);
    private static final Requester OTHER = new Requester(0x3a12, 20, false, false);
    private static final long IOVA = 0x7f00_0000_0000L;
    private static final int NO_PASID = DmaRequest.NO_PASID;
    private static final long GUEST_MEMORY = 0x80_0000;
    /** The faults of an entry that is not present: root, context, directory, PASID table; both modes. */
    private static final List<String> ABSENT = List.of("LRT.2", "LCT.2", "SRT.2", "SCT.2", "SPD.2", "SPT.2");

    private final PhysicalMemory memory = new PhysicalMemory(256L << 20);
    private final FrameAllocator frames = new FrameAllocator(memory);
    private final FrameCounters counters = new FrameCounters(memory);
    private final Readers readers = new Readers();
    private final WatchedMemory watched = new WatchedMemory(memory, frames, readers);

    @AfterEach
    void giveBack() {
        counters.close();
        frames.close();
        memory.close();
    }

    private static long rtaddr(VtdHardware hardware) {
        return Objects.requireNonNull(hardware.registers().get("RTADDR"));
    }

    private static VtdCapabilities scalable() {
        return VtdCapabilities.DEFAULT;
    }

    private static VtdCapabilities legacy() {
        return VtdCapabilities.named(new NamedCapabilities(
                48, null, null, null, false, null, null, null, null, null, null, null, null, null, null, null, null));
    }

    private IoPageTable table(VtdDriver driver, long physical) {
        var shape = driver.tableShape(null, null, null);
        var table =
                new IoPageTable(memory, frames, counters, readers, shape.format(), shape.inputBits(), TableCaches.NONE);
        table.map(IOVA, 0x1000, physical, Permissions.READ_WRITE);
        return table;
    }

    private static @Nullable Long address(VtdHardware hardware, Requester device, int pasid) {
        var request = new DmaRequest(Rid.ofSourceId(0, device.sourceId()), pasid, IOVA + 0xabc, Access.WRITE, false);
        return hardware.translate(request) instanceof Translation.Translated translated ? translated.address() : null;
    }

    /** What the hardware sees: where a request goes and in which domain, or that nothing is there, or anything else by its name. */
    private static String look(VtdHardware hardware, Requester device, int pasid) {
        var request = new DmaRequest(Rid.ofSourceId(0, device.sourceId()), pasid, IOVA + 0xabc, Access.WRITE, false);
        var explanation = hardware.explain(request);
        return switch (explanation.result()) {
            case Translation.Translated translated -> {
                assertThat(address(hardware, device, pasid)).as("the short way").isEqualTo(translated.address());
                yield "0x%x domain %d".formatted(translated.address(), domain(explanation));
            }
            case Translation.Faulted faulted ->
                ABSENT.contains(faulted.fault().name())
                        ? "nothing"
                        : faulted.fault().name();
            case Translation.Stalled stalled -> throw new AssertionError(stalled);
            case Translation.Completed completed -> throw new AssertionError(completed);
        };
    }

    private static long domain(Explanation explanation) {
        for (var step : explanation.steps()) {
            switch (step.structure()) {
                case "iotlb" -> {
                    return Long.parseLong(step.decision().replaceFirst(".*domain ([0-9]+).*", "$1"));
                }
                case "pasid-table-entry", "pasid-cache" -> {
                    return step.raw().get(1) & 0xffff;
                }
                case "context-entry", "context-cache" -> {
                    if (step.raw().size() == 2) {
                        return step.raw().get(1) >>> 8 & 0xffff;
                    }
                }
                default -> {}
            }
        }
        throw new IllegalStateException("no entry with a domain: " + explanation);
    }

    @ParameterizedTest
    @CsvSource({
        "true, -1, false",
        "true, 1, false",
        "true, 1048575, false",
        "false, -1, false",
        "true, -1, true",
        "true, 1, true",
        "true, 1048575, true",
        "false, -1, true"
    })
    void betweenAnyTwoWritesTheHardwareSeesTheOldOrTheNew(boolean isScalable, int pasid, boolean caches) {
        var hardware = new VtdHardware(
                memory, isScalable ? scalable() : legacy(), caches ? CacheGeometries.DEFAULT : CacheGeometries.NONE);
        var driver = new VtdDriver(hardware, watched);
        var first = table(driver, 0x10_0000);
        var second = table(driver, 0x20_0000);
        var neighbour = table(driver, 0x30_0000);
        driver.attach(OTHER, NO_PASID, new Destination.Paged(neighbour));
        var seen = new ArrayList<String>();
        watched.watch(() -> {
            assertThat(look(hardware, OTHER, NO_PASID)).as("the neighbour").isEqualTo("0x300abc domain 2");
            seen.add(look(hardware, DEVICE, pasid));
        });
        var passed = "0x%x domain 1".formatted(IOVA + 0xabc);

        driver.attach(DEVICE, pasid, new Destination.Paged(first));
        assertThat(changes(seen, look(hardware, DEVICE, pasid)))
                .as("attach")
                .containsExactly("nothing", "0x100abc domain 3");
        driver.attach(DEVICE, pasid, new Destination.Paged(second));
        assertThat(changes(seen, look(hardware, DEVICE, pasid)))
                .as("replace, without a gap")
                .containsExactly("0x100abc domain 3", "0x200abc domain 4");
        driver.attach(DEVICE, pasid, new Destination.PassThrough());
        assertThat(changes(seen, look(hardware, DEVICE, pasid)))
                .as("replace by pass-through")
                .containsExactly("0x200abc domain 4", passed);
        driver.attach(DEVICE, pasid, new Destination.Paged(first));
        assertThat(changes(seen, look(hardware, DEVICE, pasid)))
                .as("and back")
                .containsExactly(passed, "0x100abc domain 3");
        if (isScalable) {
            int next = pasid == NO_PASID ? 1 : pasid == 1 ? 2 : pasid - 1;
            driver.attach(DEVICE, next, new Destination.Paged(second));
            assertThat(changes(seen, look(hardware, DEVICE, pasid)))
                    .as("an entry beside it")
                    .containsExactly("0x100abc domain 3");
            driver.detach(DEVICE, pasid);
            assertThat(changes(seen, look(hardware, DEVICE, pasid)))
                    .as("detach, tables stay")
                    .containsExactly("0x100abc domain 3", "nothing");
            driver.attach(DEVICE, pasid, new Destination.Paged(first));
            assertThat(changes(seen, look(hardware, DEVICE, pasid)))
                    .as("attach, tables are there")
                    .containsExactly("nothing", "0x100abc domain 3");
        }
        driver.detach(DEVICE, pasid);
        assertThat(changes(seen, look(hardware, DEVICE, pasid)))
                .as("detach")
                .containsExactly("0x100abc domain 3", "nothing");
        watched.watch(null);
        assertThat(seen).as("no write went unwatched").isEmpty();
        driver.close();
    }

    @ParameterizedTest
    @CsvSource({"-1, false", "1, false", "-1, true", "1, true"})
    void aUsersTableIsInstalledReplacedAndTakenAwayWithoutAGap(int pasid, boolean caches) {
        var hardware = new VtdHardware(memory, scalable(), caches ? CacheGeometries.DEFAULT : CacheGeometries.NONE);
        var driver = new VtdDriver(hardware, watched);
        var parent = table(driver, 0x10_0000);
        parent.map(0, 0x1_0000, GUEST_MEMORY, Permissions.READ_WRITE);
        writeUserTable(0, 0x8000);
        writeUserTable(0x4000, 0x9000);
        var owner = new Object();
        var first = new Destination.Nested(
                owner, parent, driver.userTable(UserTable.Wanted.pageTable("x86-64", 48, 0, Set.of())));
        var second = new Destination.Nested(
                owner, parent, driver.userTable(UserTable.Wanted.pageTable("x86-64", 48, 0x4000, Set.of())));
        var firstStage = driver.tableShape("x86-64", null, null);
        var own = new IoPageTable(
                memory, frames, counters, readers, firstStage.format(), firstStage.inputBits(), TableCaches.NONE);
        own.map(IOVA, 0x1000, 0x20_0000, Permissions.READ_WRITE);
        var seen = new ArrayList<String>();
        watched.watch(() -> seen.add(look(hardware, DEVICE, pasid)));

        driver.attach(DEVICE, pasid, first);
        assertThat(changes(seen, look(hardware, DEVICE, pasid)))
                .as("bind")
                .containsExactly("nothing", "0x808abc domain 2");
        driver.attach(DEVICE, pasid, second);
        assertThat(changes(seen, look(hardware, DEVICE, pasid)))
                .as("another root")
                .containsExactly("0x808abc domain 2", "0x809abc domain 2");
        driver.attach(DEVICE, pasid, new Destination.Paged(parent));
        assertThat(changes(seen, look(hardware, DEVICE, pasid)))
                .as("the parent again")
                .containsExactly("0x809abc domain 2", "0x100abc domain 3");
        driver.attach(DEVICE, pasid, new Destination.Paged(own));
        assertThat(changes(seen, look(hardware, DEVICE, pasid)))
                .as("a first stage")
                .containsExactly("0x100abc domain 3", "0x200abc domain 2");
        driver.attach(DEVICE, pasid, second);
        assertThat(changes(seen, look(hardware, DEVICE, pasid)))
                .as("bound again")
                .containsExactly("0x200abc domain 2", "0x809abc domain 3");
        driver.detach(DEVICE, pasid);
        assertThat(changes(seen, look(hardware, DEVICE, pasid)))
                .as("unbind")
                .containsExactly("0x809abc domain 3", "nothing");
        watched.watch(null);
        driver.close();
    }

    /** Four pages from guest physical {@code root} on that map {@link #IOVA} to {@code page}. */
    private void writeUserTable(long root, long page) {
        for (int level = 4; level >= 1; level--) {
            long at = GUEST_MEMORY + root + (4 - level) * 0x1000L + Levels512.offset(IOVA, level);
            memory.release(at, level == 1 ? page | 7 : root + (5 - level) * 0x1000L | 7);
        }
    }

    /** What was seen, and is seen now, without repetitions; and begins anew. */
    private static List<String> changes(List<String> seen, String now) {
        var changes = new ArrayList<String>();
        seen.add(now);
        for (var sight : seen) {
            if (changes.isEmpty() || !changes.getLast().equals(sight)) {
                changes.add(sight);
            }
        }
        seen.clear();
        return changes;
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aThreadThatTranslatesAllTheTimeSeesTheOldOrTheNew(boolean isScalable) throws InterruptedException {
        var hardware = new VtdHardware(memory, isScalable ? scalable() : legacy(), CacheGeometries.DEFAULT);
        var driver = new VtdDriver(hardware, memory, frames, readers);
        var first = table(driver, 0x10_0000);
        var second = table(driver, 0x20_0000);
        driver.attach(OTHER, NO_PASID, new Destination.Paged(second));
        driver.attach(DEVICE, NO_PASID, new Destination.Paged(first));
        var done = new AtomicBoolean();
        var wrong = new AtomicReference<String>("");
        var walker = Thread.ofPlatform().start(() -> {
            long walks = 0;
            while (!done.get() || walks < 1000) {
                int stay = readers.enter();
                var device = address(hardware, DEVICE, NO_PASID);
                var other = address(hardware, OTHER, NO_PASID);
                readers.exit(stay);
                if (device == null
                        || device != 0x10_0abcL && device != 0x20_0abcL
                        || other == null
                        || other != 0x20_0abcL) {
                    wrong.set(device + ", " + other);
                }
                walks++;
            }
        });
        for (int i = 0; i < 20_000; i++) {
            driver.attach(DEVICE, NO_PASID, new Destination.Paged(i % 2 == 0 ? second : first));
        }
        done.set(true);
        walker.join();
        assertThat(wrong.get()).isEmpty();
        driver.close();
    }

    /** What was given to the queue since the last time, as it stands in the ring. */
    private List<String> asked(VtdHardware hardware) {
        long ring = Objects.requireNonNull(hardware.registers().get("IQA")) & -0x1000L;
        long head = Objects.requireNonNull(hardware.registers().get("IQH"));
        var names = new ArrayList<String>();
        for (; looked != head; looked = (looked + 32) % 4096) {
            long w0 = memory.acquire(ring + looked);
            long w1 = memory.acquire(ring + looked + 8);
            names.add(
                    Objects.requireNonNull(DescriptorType.of(w0)).issued(w0, w1).name());
        }
        return names;
    }

    private long looked;

    /** VT-d 5.10, section 6.5.3.3: the entry first, then what was derived from it, and the device last. */
    @Test
    void cachesForgetInTheOrderOfTheSpecification() {
        var hardware = new VtdHardware(memory, scalable(), CacheGeometries.DEFAULT);
        var driver = new VtdDriver(hardware, memory, frames, readers);
        var parent = table(driver, 0x10_0000);
        var bind = new Destination.Nested(
                this, parent, driver.userTable(UserTable.Wanted.pageTable("x86-64", 48, 0, Set.of())));
        driver.attach(DEVICE, 1, new Destination.Paged(parent));
        assertThat(asked(hardware)).as("what was not there is in no cache").isEmpty();
        driver.attach(DEVICE, 2, bind);
        assertThat(asked(hardware)).isEmpty();

        driver.attach(
                DEVICE,
                2,
                new Destination.Nested(
                        this, parent, driver.userTable(UserTable.Wanted.pageTable("x86-64", 57, 0, Set.of()))));
        assertThat(asked(hardware))
                .as("replace")
                .containsExactly("pasid-cache-pasid", "iotlb-domain", "pasid-device-tlb", "wait");
        driver.changed(parent, IOVA, IOVA + 0xfff, false);
        assertThat(asked(hardware))
                .as("a page of the parent: its own domain, the bind's, and both in the device")
                .containsExactly("iotlb-page", "iotlb-page", "pasid-device-tlb", "pasid-device-tlb", "wait");
        driver.detach(DEVICE, 2);
        assertThat(asked(hardware))
                .as("unbind")
                .containsExactly("pasid-cache-pasid", "iotlb-domain", "pasid-device-tlb", "wait");
        driver.detach(DEVICE, 1);
        assertThat(asked(hardware))
                .as("the last: the context entry as well")
                .containsExactly(
                        "pasid-cache-pasid",
                        "iotlb-domain",
                        "pasid-device-tlb",
                        "wait",
                        "context-cache-device",
                        "pasid-cache-domain",
                        "iotlb-domain",
                        "device-tlb",
                        "wait");
        driver.attach(OTHER, NO_PASID, new Destination.PassThrough());
        driver.attach(OTHER, NO_PASID, new Destination.Paged(parent));
        assertThat(asked(hardware)).as("no ATS").containsExactly("pasid-cache-pasid", "pasid-iotlb-pasid", "wait");
        driver.close();
    }

    /** In caching mode the unit remembers what was not there, and the driver sees to it that it is told. */
    @Test
    void inCachingModeTheDriverTellsTheUnitWhatIsThere() {
        var caching = VtdCapabilities.named(new NamedCapabilities(
                48, null, null, null, null, null, null, null, null, null, null, null, null, true, null, null, null));
        var hardware = new VtdHardware(memory, caching, CacheGeometries.DEFAULT);
        var driver = new VtdDriver(hardware, memory, frames, readers);
        var table = table(driver, 0x10_0000);
        assertThat(address(hardware, DEVICE, 1)).isNull();
        driver.attach(DEVICE, 2, new Destination.PassThrough());
        assertThat(address(hardware, DEVICE, 1)).isNull();
        driver.attach(DEVICE, 1, new Destination.Paged(table));
        assertThat(address(hardware, DEVICE, 1)).isEqualTo(0x10_0abcL);
        var next = new DmaRequest(Rid.ofSourceId(0, DEVICE.sourceId()), 1, IOVA + 0x1000, Access.READ, false);
        assertThat(hardware.translate(next)).isInstanceOf(Translation.Faulted.class);
        table.map(IOVA + 0x1000, 0x1000, 0x30_0000, Permissions.READ_WRITE);
        assertThat(hardware.translate(next))
                .as("remembered: the table has told nobody")
                .isInstanceOf(Translation.Faulted.class);
        driver.added(table, IOVA + 0x1000, IOVA + 0x1fff);
        assertThat(hardware.translate(next)).isInstanceOf(Translation.Translated.class);
        driver.close();
    }

    @Test
    void everyFrameComesBack() {
        long free = frames.freeBytes();
        var hardware = new VtdHardware(memory, scalable(), CacheGeometries.DEFAULT);
        var driver = new VtdDriver(hardware, memory, frames, readers);
        var table = table(driver, 0x10_0000);
        for (int pasid : new int[] {1, 63, 64, 0xfffff}) {
            driver.attach(DEVICE, pasid, new Destination.Paged(table));
        }
        driver.attach(DEVICE, NO_PASID, new Destination.PassThrough());
        driver.attach(new Requester(0x3a91, 0, false, false), NO_PASID, new Destination.Paged(table));
        assertThat(frames.freeBytes()).isLessThan(free);
        driver.close();
        table.close();
        assertThat(frames.freeBytes()).isEqualTo(free);
    }

    /** Whatever the amount of memory that is left: an attach is done, or it has changed nothing. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3, 4, 5, 31, 32, 33, 34, 35, 36})
    void anAttachThatRunsOutOfMemoryChangesNothing(int framesLeft) {
        var hardware = new VtdHardware(memory, scalable(), CacheGeometries.DEFAULT);
        var driver = new VtdDriver(hardware, memory, frames, readers);
        var table = table(driver, 0x10_0000);
        while (frames.freeBytes() > (long) framesLeft << 12) {
            frames.tryAllocate(0x1000, 0x1000);
        }
        var before = memory.read(0, 32 << 20);
        // a context table, 32 frames of directory, a PASID table and the page request queue are needed
        if (framesLeft < 35) {
            assertThatThrownBy(() -> driver.attach(DEVICE, 1, new Destination.Paged(table)))
                    .isInstanceOfSatisfying(
                            RefusedException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ENOMEM));
            assertThat(frames.freeBytes()).isEqualTo((long) framesLeft << 12);
            assertThat(memory.read(0, 32 << 20)).isEqualTo(before);
            assertThat(address(hardware, DEVICE, 1)).isNull();
        } else {
            driver.attach(DEVICE, 1, new Destination.Paged(table));
            assertThat(address(hardware, DEVICE, 1)).isEqualTo(0x10_0abcL);
        }
    }

    @Test
    void aReplaceThatRunsOutOfMemoryLeavesTheOldTable() {
        var hardware = new VtdHardware(memory, scalable(), CacheGeometries.DEFAULT);
        var driver = new VtdDriver(hardware, memory, frames, readers);
        var first = table(driver, 0x10_0000);
        var second = table(driver, 0x20_0000);
        driver.attach(DEVICE, 1, new Destination.Paged(first));
        while (frames.freeBytes() > 0) {
            frames.tryAllocate(0x1000, 0x1000);
        }
        assertThatThrownBy(() -> driver.attach(DEVICE, 1, new Destination.Paged(second)))
                .isInstanceOf(RefusedException.class);
        assertThat(address(hardware, DEVICE, 1)).isEqualTo(0x10_0abcL);
    }

    @Test
    void domainIdsAreLowestFirstAndRunOut() {
        var ids = VtdDriver.domainIds(4);
        var hardware = new VtdHardware(memory, scalable(), CacheGeometries.DEFAULT);
        var driver = new VtdDriver(hardware, memory, frames, readers);
        var tables = new ArrayList<IoPageTable>();
        for (int id = 2; id < 16; id++) {
            tables.add(table(driver, 0x1000L * id));
            assertThat(ids.use(tables.getLast())).isEqualTo(id);
        }
        assertThat(ids.use(tables.get(3))).as("one table, one id").isEqualTo(5);
        var oneMore = table(driver, 0x9_0000);
        assertThatThrownBy(() -> ids.use(oneMore))
                .isInstanceOfSatisfying(
                        RefusedException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ENOSPC));
        ids.release(tables.get(3));
        assertThatThrownBy(() -> ids.use(oneMore)).isInstanceOf(RefusedException.class);
        ids.release(tables.get(3));
        assertThat(ids.use(oneMore)).isEqualTo(5);
    }

    /** The bits, typed from VT-d 5.10, sections 9.2 to 9.6. */
    @Test
    void theEntriesAreThoseOfTheSpecification() {
        var hardware = new VtdHardware(memory, scalable(), CacheGeometries.DEFAULT);
        var driver = new VtdDriver(hardware, memory, frames, readers);
        var table = table(driver, 0x10_0000);
        driver.attach(DEVICE, 0x1234, new Destination.Paged(table));
        long root = rtaddr(hardware) & ~0xfffL;
        assertThat(rtaddr(hardware)).isEqualTo(root | 0x400);
        assertThat(hardware.registers().get("GSTS")).isEqualTo(0xc400_0000L);
        long contexts = memory.acquire(root + 0x3a0) & ~0xfffL;
        assertThat(memory.acquire(root + 0x3a0)).isEqualTo(contexts | 1);
        assertThat(memory.acquire(root + 0x3a8)).isZero();
        long context = contexts + 0x11 * 32;
        long directory = memory.acquire(context) & ~0xfffL;
        // P, DTE, PASIDE, PRE; PDTS 7 for PASIDs of 20 bits
        assertThat(memory.acquire(context)).isEqualTo(directory | 0xe1d);
        assertThat(memory.acquire(context + 8)).isZero();
        long pasids = memory.acquire(directory + 0x48 * 8) & ~0xfffL;
        assertThat(memory.acquire(directory + 0x48 * 8)).isEqualTo(pasids | 1);
        long entry = pasids + 0x34 * 64;
        // P, AW 2 (48 bits), PGTT 2 (second stage)
        assertThat(memory.acquire(entry)).isEqualTo(table.root() | 0x89);
        // PWSNP, domain 2
        assertThat(memory.acquire(entry + 8)).isEqualTo(0x80_0002L);
        for (int word = 2; word < 8; word++) {
            assertThat(memory.acquire(entry + word * 8L)).isZero();
        }
        driver.attach(DEVICE, 0x1234, new Destination.PassThrough());
        pasids = memory.acquire(directory + 0x48 * 8) & ~0xfffL;
        assertThat(memory.acquire(pasids + 0x34 * 64)).isEqualTo(0x101);
        assertThat(memory.acquire(pasids + 0x34 * 64 + 8)).isEqualTo(0x80_0001L);
    }

    @Test
    void withoutScalableModeContextEntriesLeadToTables() {
        var hardware = new VtdHardware(memory, legacy(), CacheGeometries.DEFAULT);
        var driver = new VtdDriver(hardware, memory, frames, readers);
        var table = table(driver, 0x10_0000);
        driver.attach(DEVICE, NO_PASID, new Destination.Paged(table));
        long root = rtaddr(hardware);
        long contexts = memory.acquire(root + 0x3a0) & ~0xfffL;
        assertThat(memory.acquire(contexts + 0x110)).isEqualTo(table.root() | 1);
        assertThat(memory.acquire(contexts + 0x118)).isEqualTo(0x202); // AW 2, domain 2
        assertThatThrownBy(() -> driver.attach(DEVICE, 1, new Destination.Paged(table)))
                .isInstanceOfSatisfying(
                        RefusedException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EOPNOTSUPP));
    }

    @Test
    void aSecondUnitPointedAtTheSameTablesGivesTheSameAnswers() {
        var hardware = new VtdHardware(memory, scalable(), CacheGeometries.DEFAULT);
        var driver = new VtdDriver(hardware, memory, frames, readers);
        var table = table(driver, 0x10_0000);
        driver.attach(DEVICE, NO_PASID, new Destination.Paged(table));
        driver.attach(DEVICE, 7, new Destination.PassThrough());
        var second = new VtdHardware(memory, scalable(), CacheGeometries.DEFAULT);
        SequencedMap<String, Long> registers = new LinkedHashMap<>();
        registers.put("RTADDR", rtaddr(hardware));
        second.write(registers);
        second.write(new LinkedHashMap<>(Map.of("GCMD", 1L << 30)));
        second.write(new LinkedHashMap<>(Map.of("GCMD", 1L << 31)));
        for (int pasid : new int[] {NO_PASID, 7, 8}) {
            for (long iova : new long[] {IOVA, IOVA + 0x1000, 0, -1}) {
                var request = new DmaRequest(Rid.ofSourceId(0, 0x3a11), pasid, iova, Access.READ, false);
                assertThat(second.explain(request)).isEqualTo(hardware.explain(request));
            }
        }
    }
}
