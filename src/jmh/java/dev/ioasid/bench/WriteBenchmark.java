package dev.ioasid.bench;

import dev.ioasid.pagetable.IoPageTable;
import dev.ioasid.pagetable.Permissions;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.infra.ThreadParams;

/**
 * Passes that map everything, or unmap everything; thread i of n owns areas i, i+n, and so on. The time is that of a pass: to
 * be divided by the pages that a thread has, which is {@link Shape#pages} divided by the threads.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(value = 1, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
@Warmup(iterations = 5, time = 400, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 400, timeUnit = TimeUnit.MILLISECONDS)
@SuppressWarnings("NullAway.Init") // JMH calls open()
public class WriteBenchmark {
    private static final long FIRST = 0x1000_0000_0000L;

    /** What there is, and what one call maps of it. */
    public enum Shape {
        RANGE_4K(512, 21, 21, 0x8_0000_0000L),
        SINGLE_4K(512, 21, 12, 0x8_0000_0000L),
        RANGE_2M(64, 30, 30, 0x10_0000_0000L);

        private final int areas;
        private final int areaShift;
        private final int callShift;
        private final long physical;

        Shape(int areas, int areaShift, int callShift, long physical) {
            this.areas = areas;
            this.areaShift = areaShift;
            this.callShift = callShift;
            this.physical = physical;
        }

        /** How many pages a pass maps. */
        public int pages() {
            return areas * 512;
        }
    }

    /** One table for all threads. */
    @State(Scope.Benchmark)
    public static class Table {
        @Param({"RANGE_4K", "SINGLE_4K", "RANGE_2M"})
        public Shape shape;

        World world;
        IoPageTable table;

        @Setup(Level.Trial)
        public void open() {
            world = new World();
            table = world.table(shape == Shape.RANGE_2M);
        }

        @TearDown(Level.Trial)
        public void close() {
            world.close();
        }

        void map(ThreadParams threads) {
            long area = 1L << shape.areaShift;
            long call = 1L << shape.callShift;
            long delta = shape.physical - FIRST;
            for (int number = threads.getThreadIndex(); number < shape.areas; number += threads.getThreadCount()) {
                long first = FIRST + number * area;
                for (long iova = first; iova < first + area; iova += call) {
                    table.map(iova, call, iova + delta, Permissions.READ_WRITE);
                }
            }
        }

        long unmap(ThreadParams threads) {
            long area = 1L << shape.areaShift;
            long call = 1L << shape.callShift;
            long bytes = 0;
            for (int number = threads.getThreadIndex(); number < shape.areas; number += threads.getThreadCount()) {
                long first = FIRST + number * area;
                for (long iova = first; iova < first + area; iova += call) {
                    bytes += table.unmap(iova, call);
                }
            }
            return bytes;
        }
    }

    /** Nothing is mapped before a pass. */
    @State(Scope.Thread)
    public static class Unmapped {
        @TearDown(Level.Invocation)
        public void unmap(Table table, ThreadParams threads) {
            table.unmap(threads);
        }
    }

    /** Everything is mapped before a pass. */
    @State(Scope.Thread)
    public static class Mapped {
        @Setup(Level.Invocation)
        public void map(Table table, ThreadParams threads) {
            table.map(threads);
        }
    }

    @Benchmark
    public void map(Table table, Unmapped before, ThreadParams threads) {
        table.map(threads);
    }

    @Benchmark
    public long unmap(Table table, Mapped before, ThreadParams threads) {
        return table.unmap(threads);
    }
}
