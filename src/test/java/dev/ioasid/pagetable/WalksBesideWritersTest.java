package dev.ioasid.pagetable;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.vtd.CacheGeometries;
import dev.ioasid.iommu.vtd.VtdCapabilities;
import dev.ioasid.iommu.vtd.VtdHardware;
import dev.ioasid.memory.FrameAllocator;
import dev.ioasid.memory.FrameCounters;
import dev.ioasid.memory.PhysicalMemory;
import dev.ioasid.memory.Readers;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Queue;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Walks beside writers that make tables come and go all the time, while a stranger takes freed frames at once and fills
 * them with entries that no writer makes. A walk may find a page or find nothing; it may never find anything else.
 *
 * <p>Writers own disjoint pages: some in one region, so that they meet at one stripe, one table and one count; some in regions
 * beside each other, so that they meet in the tables above. Nothing stays mapped in most of them, so that tables of every level are
 * given back again and again.
 *
 * <p>What was broken on purpose, on two processors, and how long it took to be seen:
 *
 * <ul>
 *   <li>a new table linked before it is filled: 0.5 s ({@link #aNewTableAppearsWithAllItsPages})
 *   <li>frames given back without {@code readers.await()}: 0.3 to 2.2 s ({@link #aWalkFindsWhatAWriterMappedOrNothing})
 *   <li>a frame given back that is still linked: 0.1 s (the same)
 *   <li>stripes not locked: 0.8 s ({@link #writersDoNotLoseEachOthersPages})
 *   <li>counts above level 1 not atomic: 1.1 s (the same)
 *   <li>tables above level 1 unlinked under one stripe: 0.8 s (the same)
 * </ul>
 *
 * <p>Not seen: that {@code Readers.await} turns the phase once instead of twice.
 */
class WalksBesideWritersTest {
    private static final long BESIDE_MILLIS = 5000;
    private static final long ALONE_MILLIS = 3000;
    private static final int WRITERS = 3;
    private static final int SLOTS = 16;
    private static final long PAGE = 0x1000;
    private static final long REGION = 1L << 21;
    private static final long ALIGNED = 0x10_0000_0000L; // physical minus iova, for leaves as large as can be
    private static final long ODD = ALIGNED + 0x5000; // for leaves of 4 KiB
    private static final long POISON = 0xdead_0000_0000L;
    private static final long FOREVER = 0x1_4000_0000L; // a page that no one unmaps, beside what comes and goes
    private static final int[] ALL_SLOTS = IntStream.range(0, SLOTS).toArray();
    private static final int LOOKUP = PageWalk.READ | PageWalk.DRY;

    private final PhysicalMemory memory = new PhysicalMemory(64L << 20);
    private final FrameAllocator frames = new FrameAllocator(memory);
    private final FrameCounters counters = new FrameCounters(memory);
    private final Readers readers = new Readers();
    private final TableFormat format = TableFormat.vtdSecondStage(4, 48, 0b1110, true, false);
    private final IoPageTable table = new IoPageTable(memory, frames, counters, readers, format, 48, TableCaches.NONE);
    private final StraightWalk straight = new StraightWalk(memory, format, 48);
    private final VtdHardware hardware = new VtdHardware(memory, VtdCapabilities.DEFAULT, CacheGeometries.NONE);

    private final Queue<Object> broken = new ConcurrentLinkedQueue<>();
    private final AtomicLong found = new AtomicLong();
    private final AtomicLong changes = new AtomicLong();
    /** For each slot: odd while it is being unmapped, so that a map in between can be told. */
    private final AtomicIntegerArray unmaps = new AtomicIntegerArray(WRITERS * SLOTS);

    private volatile boolean stop;

    /** What a writer maps and unmaps as a whole. */
    private record Slot(int number, long iova, long length) {
        static Slot of(int writer, int index) {
            int number = writer * SLOTS + index;
            if (index < 4) { // pages in regions that all writers share
                return new Slot(number, index * REGION + writer * 0x40000L, (1 + index) * PAGE);
            }
            if (index < 8) { // regions of one 1 GiB, beside each other; some reach over two stripes
                return new Slot(
                        number, 0x4000_0000L + (index * WRITERS + writer) * 2 * REGION, (index - 3) * REGION / 2);
            }
            if (index < 12) { // the same beside the page that stays
                return new Slot(number, FOREVER + (index * WRITERS + writer) * REGION, REGION);
            }
            return new Slot(
                    number, (1L + index) << 39 | writer * REGION, REGION); // tables of levels 3 and 2 of their own
        }
    }

    @Test
    @Timeout(60)
    void aWalkFindsWhatAWriterMappedOrNothing() throws InterruptedException {
        long root = frames.allocate();
        long context = frames.allocate();
        memory.release(root, context | 1);
        memory.release(context, table.root() | 1);
        memory.release(context + 8, 1 << 8 | 2);
        write("RTADDR", root);
        write("GCMD", 1L << 30);
        write("GCMD", 1L << 31);
        hardware.translate(0, DmaRequest.NO_PASID, 0, PageWalk.READ); // a fault, the only one there may be
        var reasons = hardware.faultCounts().keySet();

        table.map(FOREVER, PAGE, FOREVER + ODD, Permissions.READ_WRITE);
        run(BESIDE_MILLIS, ALL_SLOTS, List.of(this::walk, this::walk, this::walkSlowly, this::poison));
        assertThat(found.get()).isPositive();
        assertThat(hardware.faultCounts().keySet()).isEqualTo(reasons);
    }

    /** Without walks to wait for, writers are many times as fast, and meet as much more often. */
    @Test
    @Timeout(60)
    void writersDoNotLoseEachOthersPages() throws InterruptedException {
        run(ALONE_MILLIS, new int[] {1, 12}, List.of(this::poison));
    }

    /** With short stays only, so that a new table is seen being made. */
    @Test
    @Timeout(60)
    void aNewTableAppearsWithAllItsPages() throws InterruptedException {
        run(ALONE_MILLIS, new int[] {12}, List.of(this::poison, () -> {
            var random = new SplittableRandom();
            while (!stop) {
                wholeOrNot(Slot.of(random.nextInt(WRITERS), 12));
            }
        }));
    }

    private void run(long millis, int[] slots, List<Runnable> others) throws InterruptedException {
        long bytesAtFirst = table.tableBytes();
        long freeAtFirst = frames.freeBytes();
        var threads = new ArrayList<Thread>();
        others.forEach(body -> threads.add(start(body)));
        for (int writer = 0; writer < WRITERS; writer++) {
            int number = writer;
            threads.add(start(() -> write(number, slots)));
        }
        for (long end = System.currentTimeMillis() + millis; System.currentTimeMillis() < end && broken.isEmpty(); ) {
            Thread.sleep(10);
        }
        stop = true;
        for (var thread : threads) {
            thread.join(TimeUnit.SECONDS.toMillis(10));
            assertThat(thread.isAlive()).isFalse();
        }
        assertThat(broken).isEmpty();
        assertThat(changes.get()).isPositive();
        assertThat(table.tableBytes()).as("tables left").isEqualTo(bytesAtFirst);
        assertThat(frames.freeBytes()).as("free frames").isEqualTo(freeAtFirst);
        table.close();
        frames.close();
        counters.close();
        memory.close();
    }

    private void write(String register, long value) {
        var values = new LinkedHashMap<String, Long>();
        values.put(register, value);
        hardware.write(values);
    }

    private Thread start(Runnable body) {
        return Thread.ofPlatform().start(() -> {
            try {
                body.run();
            } catch (RuntimeException | AssertionError e) {
                broken.add(e);
            }
        });
    }

    private void write(int writer, int[] slots) {
        var random = new SplittableRandom(writer);
        var mapped = new boolean[SLOTS];
        long done = 0;
        while (!stop) {
            int index = slots[random.nextInt(slots.length)];
            var slot = Slot.of(writer, index);
            if (mapped[index]) {
                unmap(slot);
            } else {
                long delta = random.nextBoolean() ? ALIGNED : ODD;
                table.map(slot.iova, slot.length, slot.iova + delta, Permissions.READ_WRITE);
                expect(slot, slot.iova, slot.iova + delta);
                expect(slot, slot.iova + slot.length - 1, slot.iova + slot.length - 1 + delta);
            }
            mapped[index] ^= true;
            done++;
        }
        for (int index : slots) {
            if (mapped[index]) {
                unmap(Slot.of(writer, index));
                mapped[index] = false;
            }
        }
        changes.addAndGet(done);
    }

    private void unmap(Slot slot) {
        unmaps.getAndIncrement(slot.number);
        long bytes = table.unmap(slot.iova, slot.length);
        if (bytes != slot.length) {
            broken.add("%s: %x bytes unmapped".formatted(slot, bytes));
        }
        if (!Walked.failed(table.lookup(slot.iova))) {
            broken.add(slot + " is still there");
        }
        unmaps.getAndIncrement(slot.number);
    }

    private void expect(Slot slot, long iova, long physical) {
        long walked = table.lookup(iova);
        if (Walked.failed(walked) || Walked.address(walked) != physical) {
            broken.add("%s mapped, and %x leads to %x".formatted(slot, iova, walked));
        }
    }

    private void walk() {
        var random = new SplittableRandom();
        long hits = 0;
        while (!stop) {
            var slot = Slot.of(random.nextInt(WRITERS), random.nextInt(SLOTS));
            long iova = slot.iova + random.nextLong(slot.length);
            hits += judge(iova, table.lookup(iova)) ? 1 : 0;
            int stay = readers.enter();
            try {
                for (int i = 0; i < 8; i++) {
                    judge(iova, exactIfUndecided(iova));
                    long translated = hardware.translate(0, DmaRequest.NO_PASID, iova, PageWalk.READ);
                    if (!Walked.failed(translated)) { // faults are counted, and looked at in the end
                        judge(iova, translated);
                    }
                }
                if (Walked.address(exactIfUndecided(FOREVER)) != FOREVER + ODD) {
                    broken.add("the page that stays is gone");
                }
            } finally {
                readers.exit(stay);
            }
        }
        found.addAndGet(hits);
    }

    /** Once the first page is there, so is the last, unless they are being unmapped. */
    private void wholeOrNot(Slot slot) {
        int before = unmaps.get(slot.number);
        if ((before & 1) == 0 && !Walked.failed(table.lookup(slot.iova))) {
            boolean torn = Walked.failed(table.lookup(slot.iova + slot.length - PAGE));
            if (torn && unmaps.get(slot.number) == before) {
                broken.add(slot + " appears page by page");
            }
        }
    }

    private long exactIfUndecided(long iova) {
        long walked = straight.walk(table.root(), iova, PageWalk.READ);
        return walked == StraightWalk.UNDECIDED
                ? PageWalk.walk(memory, format, table.root(), iova, LOOKUP, Steps.UNSEEN)
                : walked;
    }

    /** Lets others run between one entry and the next. */
    private void walkSlowly() {
        var random = new SplittableRandom();
        while (!stop) {
            var slot = Slot.of(random.nextInt(WRITERS), random.nextInt(SLOTS));
            long iova = slot.iova + random.nextLong(slot.length);
            int stay = readers.enter();
            try {
                judge(iova, PageWalk.walk(memory, format, table.root(), iova, LOOKUP, new Yielding()));
            } finally {
                readers.exit(stay);
            }
        }
    }

    private static final class Yielding implements Steps {
        @Override
        public void entry(TableFormat format, int level, long address, long entry) {
            Thread.yield();
        }

        @Override
        public void missing(TableFormat format, int level, long address) {}
    }

    private boolean judge(long iova, long walked) {
        if (Walked.failed(walked)) {
            if (Walked.failure(walked) != Walked.Failure.ABSENT) {
                broken.add("%x: %s at level %d".formatted(iova, Walked.failure(walked), Walked.level(walked)));
            }
            return false;
        }
        long delta = Walked.address(walked) - iova;
        if (delta != ALIGNED && delta != ODD) {
            broken.add("%x leads to %x".formatted(iova, Walked.address(walked)));
        }
        return true;
    }

    /** Takes the frames that were given back last, fills them with leaves to nowhere, and gives them back. */
    private void poison() {
        while (!stop) {
            var taken = frames.allocate(8, PhysicalMemory.PAGE_SIZE);
            for (long frame : taken) {
                for (long at = frame; at < frame + PAGE; at += Long.BYTES) {
                    if (memory.acquire(at) != 0) {
                        broken.add("frame %x was given out with %x in it".formatted(frame, memory.acquire(at)));
                    }
                    memory.release(at, POISON | 3);
                }
            }
            Thread.yield();
            for (long frame : taken) {
                frames.free(frame, PAGE);
            }
        }
    }
}
