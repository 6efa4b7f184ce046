package dev.ioasid.iommu.vtd;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.iommu.Destination;
import dev.ioasid.iommu.IommuDriver;
import dev.ioasid.iommu.Requester;
import dev.ioasid.iommu.UserTable;
import dev.ioasid.memory.FrameAllocator;
import dev.ioasid.memory.FrameCounters;
import dev.ioasid.memory.PhysicalMemory;
import dev.ioasid.memory.Readers;
import dev.ioasid.pagetable.IoPageTable;
import dev.ioasid.pagetable.Levels512;
import dev.ioasid.pagetable.PageWalk;
import dev.ioasid.pagetable.Permissions;
import dev.ioasid.pagetable.TableCaches;
import dev.ioasid.pagetable.Walked;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Pages of a table that the service keeps are unmapped, and mapped elsewhere, while other threads translate them through warm
 * caches. What begins after an unmap has returned is never answered from before it.
 *
 * <p>Each page goes from one physical page to the next, so an answer tells how old it is. Seen to fail: no invalidation at all; a
 * fill that does not look whether something was invalidated meanwhile; a driver without its lock.
 */
class UnmapBesideWarmCachesTest {
    private static final long PAGE = 0x1000;
    private static final long IOVA = 0x4000_0000L;
    private static final int PAGES = 8;
    private static final int GENERATIONS = 1 << 16;
    private static final long FIRST_PHYSICAL = 0x1_0000_0000L;
    private static final long GUEST_TABLES = 0x80_0000;
    private static final int SECONDS = 2;
    private static final Requester DEVICE = new Requester(0x3a00, 20, true, false);

    private final PhysicalMemory memory = new PhysicalMemory(256L << 20);
    private final FrameAllocator frames = new FrameAllocator(memory);
    private final FrameCounters counters = new FrameCounters(memory);
    private final Readers readers = new Readers();
    private final VtdHardware hardware = new VtdHardware(memory, VtdCapabilities.DEFAULT, CacheGeometries.DEFAULT);
    private final VtdDriver driver = new VtdDriver(hardware, memory, frames, readers);
    /** How often each page has been unmapped, counted once the unmap has returned. */
    private final AtomicIntegerArray unmapped = new AtomicIntegerArray(PAGES);

    private final Queue<String> wrong = new ConcurrentLinkedQueue<>();
    private final AtomicLong answers = new AtomicLong();
    private volatile boolean stop;
    private volatile long stride = PAGE;

    @AfterEach
    void giveBack() {
        driver.close();
        counters.close();
        frames.close();
        memory.close();
    }

    /** Tells the driver, as an IOASID does. */
    private static final class Caches implements TableCaches {
        private final IommuDriver driver;
        private IoPageTable table;

        @SuppressWarnings("NullAway.Init") // the table wants to have its caches first
        Caches(IommuDriver driver) {
            this.driver = driver;
        }

        @Override
        public void invalidate(long first, long last, boolean tables) {
            driver.changed(table, first, last, tables);
        }

        @Override
        public void added(long first, long last) {
            driver.added(table, first, last);
        }
    }

    private IoPageTable table(String format) {
        var caches = new Caches(driver);
        var shape = driver.tableShape(format, 48, null);
        var table = new IoPageTable(memory, frames, counters, readers, shape.format(), shape.inputBits(), caches);
        caches.table = table;
        return table;
    }

    /**
     * @param format of the table that is changed
     * @param nested it is a parent, through which a user's table leads
     * @param stride from page to page; with 2 MiB each unmap takes a table along
     */
    @ParameterizedTest
    @CsvSource({
        "vtd-second-stage, false, 4096",
        "vtd-second-stage, true, 4096",
        "x86-64, false, 4096",
        "vtd-second-stage, false, 2097152",
        "x86-64, false, 2097152"
    })
    void noAnswerIsOlderThanTheLastUnmap(String format, boolean nested, long stride) throws InterruptedException {
        this.stride = stride;
        var table = table(format);
        for (int page = 0; page < PAGES; page++) {
            table.map(iova(page), PAGE, physical(page, 0), Permissions.READ_WRITE);
        }
        if (nested) {
            driver.attach(
                    DEVICE,
                    1,
                    new Destination.Nested(
                            this,
                            table,
                            driver.userTable(UserTable.Wanted.pageTable("x86-64", 48, bindTable(table), Set.of()))));
        } else {
            driver.attach(DEVICE, 1, new Destination.Paged(table));
        }
        var threads = new ArrayList<Thread>();
        for (int writer = 0; writer < 2; writer++) {
            int first = writer;
            threads.add(Thread.ofPlatform().start(() -> change(table, first)));
        }
        for (int reader = 0; reader < 3; reader++) {
            threads.add(Thread.ofPlatform().start(this::translate));
        }
        Thread.sleep(SECONDS * 1000L);
        stop = true;
        for (var thread : threads) {
            thread.join();
        }
        assertThat(wrong).isEmpty();
        assertThat(answers.get()).isGreaterThan(10_000);
        assertThat(unmapped.get(0)).isGreaterThan(5);
        assertThat(hits()).as("the caches were warm").isGreaterThan(1000);
        driver.detach(DEVICE, 1);
        table.close();
    }

    private long hits() {
        return hardware.caches().stream()
                .filter(cache -> cache.name().equals(VtdCaches.IOTLB))
                .mapToLong(cache -> cache.hits())
                .sum();
    }

    private long iova(int page) {
        return IOVA + page * stride;
    }

    private static long physical(int page, int generation) {
        return FIRST_PHYSICAL + ((long) (generation & GENERATIONS - 1) * PAGES + page) * PAGE;
    }

    private static int generation(long physical) {
        return (int) ((physical - FIRST_PHYSICAL) / PAGE / PAGES);
    }

    /** A table of the guest's that leads each page to the same address in the parent; its own pages are mapped one to one. */
    private long bindTable(IoPageTable parent) {
        parent.map(GUEST_TABLES, 4 * PAGE, GUEST_TABLES, Permissions.READ_WRITE);
        for (int level = 4; level > 1; level--) {
            long at = GUEST_TABLES + (4 - level) * PAGE + Levels512.offset(IOVA, level);
            memory.release(at, GUEST_TABLES + (5 - level) * PAGE | 7);
        }
        for (int page = 0; page < PAGES; page++) {
            memory.release(GUEST_TABLES + 3 * PAGE + Levels512.offset(iova(page), 1), iova(page) | 7);
        }
        return GUEST_TABLES;
    }

    /** Two threads have every second page each. */
    private void change(IoPageTable table, int first) {
        for (int generation = 1; !stop; generation++) {
            for (int page = first; page < PAGES; page += 2) {
                table.unmap(iova(page), PAGE);
                unmapped.set(page, generation);
                long taken = frames.allocate(); // a table that is needed now lies elsewhere, and its old frame is
                // another's soon
                table.map(iova(page), PAGE, physical(page, generation), Permissions.READ_WRITE);
                frames.free(taken, PAGE);
            }
        }
    }

    private void translate() {
        var random = new SplittableRandom();
        List<String> found = new ArrayList<>();
        long count = 0;
        while (!stop) {
            int stay = readers.enter();
            try {
                for (int i = 0; i < 16; i++) {
                    int page = random.nextInt(PAGES);
                    int least = unmapped.get(page);
                    int how = random.nextInt(4) == 0 ? PageWalk.WRITE : PageWalk.READ;
                    long outcome = hardware.translate(DEVICE.sourceId(), 1, iova(page), how);
                    if (!Refusal.is(outcome)) {
                        count++;
                        int age = least - generation(Walked.address(outcome)) & GENERATIONS - 1;
                        boolean another = Walked.address(outcome) / PAGE % PAGES != page;
                        if (another || age != 0 && age < GENERATIONS / 2) {
                            found.add("page %d was unmapped %d times and led to %x"
                                    .formatted(page, least, Walked.address(outcome)));
                        }
                    }
                }
            } finally {
                readers.exit(stay);
            }
        }
        wrong.addAll(found.subList(0, Math.min(found.size(), 3)));
        answers.addAndGet(count);
    }
}
