package dev.ioasid.pagetable;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.memory.FrameAllocator;
import dev.ioasid.memory.FrameCounters;
import dev.ioasid.memory.PhysicalMemory;
import dev.ioasid.memory.Readers;
import java.util.ArrayList;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Writers map and unmap in one table of VMSAv8-64, in neighbouring regions, and across them, while others walk it: every page that is found
 * is the one that belongs there, nothing is found that nobody has mapped, what a writer has mapped itself it finds, and no frame is lost.
 * Tables come and go all the time, so a frame that is used too early is met as an entry that leads elsewhere.
 */
class VmsaWalksBesideWritersTest {
    private static final long MILLIS = 1_200;
    /** On a busy machine it takes longer until enough has happened. */
    private static final int MOST_MILLIS = 60_000;

    private static final int ENOUGH = 1000;
    private static final int WRITERS = 3;
    private static final int SLOTS = 4;
    private static final long DELTA = 0x100_0000_0000L;

    private static Stream<TableFormat> formats() {
        return Stream.of(
                TableFormat.armv8Stage1(12, 48, 48, false),
                TableFormat.armv8Stage1(14, 47, 48, false),
                TableFormat.armv8Stage1(16, 48, 48, false),
                TableFormat.armv8Stage2(12, 3, 42, 48, false),
                TableFormat.armv8Stage2(14, 2, 40, 48, false),
                TableFormat.armv8Stage2(16, 2, 46, 48, false));
    }

    @ParameterizedTest
    @MethodSource("formats")
    void whatIsFoundIsWhatWasMapped(TableFormat format) throws InterruptedException {
        try (var memory = new PhysicalMemory(64L << 20);
                var frames = new FrameAllocator(memory);
                var counters = new FrameCounters(memory)) {
            long free = frames.freeBytes();
            var readers = new Readers();
            var table =
                    new IoPageTable(memory, frames, counters, readers, format, format.inputBits(), TableCaches.NONE);
            var wrong = new ConcurrentLinkedQueue<String>();
            var stop = new AtomicBoolean();
            var found = new AtomicLong();
            var threads = new ArrayList<Thread>();
            for (int writer = 0; writer < WRITERS; writer++) {
                int number = writer;
                threads.add(Thread.ofPlatform().start(() -> write(table, format, number, stop, wrong)));
            }
            threads.add(Thread.ofPlatform().start(() -> walk(memory, table, readers, stop, found, wrong)));
            for (int waited = 0; waited < MILLIS || found.get() <= ENOUGH && waited < MOST_MILLIS; waited += 10) {
                Thread.sleep(10);
            }
            stop.set(true);
            for (var thread : threads) {
                thread.join();
            }
            assertThat(wrong).isEmpty();
            assertThat(found.get()).as("pages found").isGreaterThan(ENOUGH);
            table.close();
            assertThat(frames.freeBytes()).isEqualTo(free);
        }
    }

    /** Where a slot of a writer begins: slots of different writers alternate, two to a region. */
    private static long slot(TableFormat format, int writer, int slot) {
        return (long) (slot * WRITERS + writer) << format.shift(2) - 1;
    }

    private static void write(
            IoPageTable table,
            TableFormat format,
            int writer,
            AtomicBoolean stop,
            ConcurrentLinkedQueue<String> wrong) {
        var random = new SplittableRandom(writer);
        long page = 1L << format.granuleShift();
        try {
            while (!stop.get()) {
                long iova = slot(format, writer, random.nextInt(SLOTS)) + random.nextInt(3) * page;
                long length = (1 + random.nextInt(3)) * page;
                table.map(iova, length, iova + DELTA + page, Permissions.READ_WRITE);
                if (Walked.address(table.lookup(iova)) != iova + DELTA + page) {
                    wrong.add("mapped %x and did not find it".formatted(iova));
                }
                if (table.unmap(iova, length) != length) {
                    wrong.add("unmapped less at %x".formatted(iova));
                }
                if (!Walked.failed(table.lookup(iova))) {
                    wrong.add("unmapped %x and found it".formatted(iova));
                }
            }
        } catch (RuntimeException e) {
            wrong.add(e.toString());
        }
    }

    private static void walk(
            PhysicalMemory memory,
            IoPageTable table,
            Readers readers,
            AtomicBoolean stop,
            AtomicLong found,
            ConcurrentLinkedQueue<String> wrong) {
        var format = table.format();
        var random = new SplittableRandom(99);
        long page = 1L << format.granuleShift();
        var straight = new StraightVmsa(format);
        while (!stop.get()) {
            int stay = readers.enter();
            try {
                for (int i = 0; i < 64; i++) {
                    long input =
                            slot(format, random.nextInt(WRITERS), random.nextInt(SLOTS)) + random.nextInt(6) * page;
                    long walked = i % 2 == 0
                            ? PageWalk.walk(memory, format, table.root(), input, PageWalk.READ, Steps.UNSEEN)
                            : straight.walk(memory, table.root(), input, PageWalk.READ);
                    if (walked == StraightWalk.UNDECIDED) {
                        continue;
                    }
                    if (!Walked.failed(walked)) {
                        found.incrementAndGet();
                        if (Walked.address(walked) != input + DELTA + page) {
                            wrong.add("%x leads to %x".formatted(input, Walked.address(walked)));
                        }
                    } else if (Walked.failure(walked) != Walked.Failure.ABSENT) {
                        wrong.add("%x: %s".formatted(input, Walked.failure(walked)));
                    }
                }
            } finally {
                readers.exit(stay);
            }
        }
    }
}
