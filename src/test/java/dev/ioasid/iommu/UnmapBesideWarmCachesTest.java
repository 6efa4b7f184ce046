package dev.ioasid.iommu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.Architecture;
import dev.ioasid.iommu.smmuv3.SmmuCacheGeometries;
import dev.ioasid.iommu.smmuv3.SmmuCapabilities;
import dev.ioasid.iommu.smmuv3.SmmuDriver;
import dev.ioasid.iommu.smmuv3.SmmuHardware;
import dev.ioasid.iommu.vtd.CacheGeometries;
import dev.ioasid.iommu.vtd.VtdCapabilities;
import dev.ioasid.iommu.vtd.VtdDriver;
import dev.ioasid.iommu.vtd.VtdHardware;
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
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
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
    private static final int MILLIS = 2500;
    private static final int MOST_MILLIS = 60_000;
    private static final int PASID = 1;
    private static final Requester DEVICE = new Requester(0x3a00, 20, true, false);

    private final PhysicalMemory memory = new PhysicalMemory(256L << 20);
    private final FrameAllocator frames = new FrameAllocator(memory);
    private final FrameCounters counters = new FrameCounters(memory);
    private final Readers readers = new Readers();
    /** How often each page has been unmapped, counted once the unmap has returned. */
    private final AtomicIntegerArray unmapped = new AtomicIntegerArray(PAGES);

    private final Queue<String> wrong = new ConcurrentLinkedQueue<>();
    private final AtomicLong answers = new AtomicLong();
    private volatile boolean stop;
    private volatile long stride = PAGE;

    /** Both halves of a unit. */
    private record Unit(IommuHardware hardware, IommuDriver driver, Translating translating) {}

    /** Negative if it faulted. */
    private interface Translating {
        long translate(int sourceId, int pasid, long iova, int how);
    }

    private Unit unit(Architecture architecture) {
        return switch (architecture) {
            case VTD -> {
                var hardware = new VtdHardware(memory, VtdCapabilities.DEFAULT, CacheGeometries.DEFAULT);
                yield new Unit(hardware, new VtdDriver(hardware, memory, frames, readers), hardware::translate);
            }
            case SMMUV3 -> {
                var hardware = new SmmuHardware(memory, SmmuCapabilities.DEFAULT, SmmuCacheGeometries.DEFAULT);
                yield new Unit(hardware, new SmmuDriver(hardware, memory, frames, readers), hardware::translate);
            }
        };
    }

    @AfterEach
    void giveBack() {
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

    private IoPageTable table(IommuDriver driver, String format) {
        var caches = new Caches(driver);
        var shape = driver.tableShape(format, 48, null);
        var table = new IoPageTable(memory, frames, counters, readers, shape.format(), shape.inputBits(), caches);
        caches.table = table;
        return table;
    }

    /**
     * @param format of the table that is changed
     * @param route how it is reached: by PASID 1; without PASID, where an SMMUv3's stage 2 is; nested: it is a parent, through which
     *     a user's table of PASID 1 leads
     * @param stride from page to page; with 2 MiB each unmap takes a table along
     */
    @ParameterizedTest(name = "{0} {1} {2} {3}")
    @CsvSource({
        "VTD,    vtd-second-stage, pasid,  4096",
        "VTD,    vtd-second-stage, nested, 4096",
        "VTD,    x86-64,           pasid,  4096",
        "VTD,    vtd-second-stage, pasid,  2097152",
        "VTD,    x86-64,           pasid,  2097152",
        "SMMUV3, armv8-stage2,     rid,    4096",
        "SMMUV3, armv8-stage2,     nested, 4096",
        "SMMUV3, armv8-stage1,     pasid,  4096",
        "SMMUV3, armv8-stage2,     rid,    2097152",
        "SMMUV3, armv8-stage1,     pasid,  2097152"
    })
    void noAnswerIsOlderThanTheLastUnmap(Architecture on, String format, String route, long stride)
            throws InterruptedException {
        this.stride = stride;
        int pasid = route.equals("rid") ? DmaRequest.NO_PASID : PASID;
        var unit = unit(on);
        var driver = unit.driver;
        var table = table(driver, format);
        for (int page = 0; page < PAGES; page++) {
            table.map(iova(page), PAGE, physical(page, 0), Permissions.READ_WRITE);
        }
        if (route.equals("nested")) {
            var user = UserTable.Wanted.pageTable(on.firstStage(), 48, bindTable(on, table), Set.of());
            driver.attach(DEVICE, pasid, new Destination.Nested(this, table, driver.userTable(user)));
        } else {
            driver.attach(DEVICE, pasid, new Destination.Paged(table));
        }
        var threads = new ArrayList<Thread>();
        for (int writer = 0; writer < 2; writer++) {
            int first = writer;
            threads.add(Thread.ofPlatform().start(() -> change(table, first)));
        }
        for (int reader = 0; reader < 3; reader++) {
            threads.add(Thread.ofPlatform().start(() -> translate(unit.translating, pasid)));
        }
        long begun = System.nanoTime();
        while (millisSince(begun) < MILLIS
                || millisSince(begun) < MOST_MILLIS && !isEnough(unit.hardware, on.translationCache())) {
            Thread.sleep(10);
        }
        stop = true;
        for (var thread : threads) {
            thread.join();
        }
        assertThat(wrong).isEmpty();
        assertThat(isEnough(unit.hardware, on.translationCache()))
                .as("%d answers, %s unmapped", answers.get(), unmapped)
                .isTrue();
        driver.detach(DEVICE, pasid);
        table.close();
        driver.close();
    }

    private static long millisSince(long nanoTime) {
        return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - nanoTime);
    }

    /** Whether pages have come and gone, and the caches were warm. */
    private boolean isEnough(IommuHardware hardware, String cache) {
        boolean changed = IntStream.range(0, PAGES).allMatch(page -> unmapped.get(page) > 2);
        return changed && answers.get() > 10_000 && hits(hardware, cache) > 1000;
    }

    private static long hits(IommuHardware hardware, String name) {
        return hardware.caches().stream()
                .filter(cache -> cache.name().equals(name))
                .mapToLong(CacheSummary::hits)
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
    private long bindTable(Architecture on, IoPageTable parent) {
        parent.map(GUEST_TABLES, 4 * PAGE, GUEST_TABLES, Permissions.READ_WRITE);
        for (int level = 4; level > 1; level--) {
            long at = GUEST_TABLES + (4 - level) * PAGE + Levels512.offset(IOVA, level);
            memory.release(at, on.tableEntry(GUEST_TABLES + (5 - level) * PAGE));
        }
        for (int page = 0; page < PAGES; page++) {
            memory.release(GUEST_TABLES + 3 * PAGE + Levels512.offset(iova(page), 1), on.pageEntry(iova(page)));
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

    private void translate(Translating unit, int pasid) {
        var random = new SplittableRandom();
        List<String> found = new ArrayList<>();
        while (!stop) {
            long count = 0;
            int stay = readers.enter();
            try {
                for (int i = 0; i < 16; i++) {
                    int page = random.nextInt(PAGES);
                    int least = unmapped.get(page);
                    int how = random.nextInt(4) == 0 ? PageWalk.WRITE : PageWalk.READ;
                    long outcome = unit.translate(DEVICE.sourceId(), pasid, iova(page), how);
                    if (outcome >= 0) {
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
            answers.addAndGet(count);
        }
        wrong.addAll(found.subList(0, Math.min(found.size(), 3)));
    }
}
