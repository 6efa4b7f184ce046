package dev.ioasid.bench;

import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.infra.ThreadParams;

/** Walks and translations, 256 in each stay, by as many threads as are asked for. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(value = 1, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
@Warmup(iterations = 4, time = 400, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 400, timeUnit = TimeUnit.MILLISECONDS)
@SuppressWarnings("NullAway.Init") // JMH calls open()
public class ReadBenchmark {
    static final int OPERATIONS = 65536;
    static final int STAY = 256;

    /** The tables, whose walks have been checked. */
    @State(Scope.Benchmark)
    public static class Tables {
        @Param({
            "WALK_4K_SMALL",
            "WALK_4K_LARGE",
            "WALK_4K_LARGE_DEP",
            "WALK_4K_FAR",
            "WALK_2M",
            "WALK_NESTED_4K",
            "FULL_TRANSLATE",
            "IOTLB_HIT",
            "FULL_TRANSLATE_HIT"
        })
        public Workload workload;

        World world;

        @Setup(Level.Trial)
        public void open() {
            world = workload.open();
            long sum = new Workload.Loop(workload, world, Workload.SEED).run(Workload.CHECKED);
            if (sum != workload.checksum()) {
                throw new IllegalStateException(workload + " sums up to " + Long.toHexString(sum));
            }
        }

        @TearDown(Level.Trial)
        public void close() {
            world.close();
        }
    }

    /** Each thread's own random numbers. */
    @State(Scope.Thread)
    public static class Random {
        private Workload.Loop loop;

        @Setup(Level.Trial)
        public void open(Tables tables, ThreadParams threads) {
            loop = new Workload.Loop(tables.workload, tables.world, Workload.SEED + threads.getThreadIndex());
        }
    }

    @Benchmark
    @OperationsPerInvocation(OPERATIONS)
    public long read(Random random) {
        long sum = 0;
        for (int done = 0; done < OPERATIONS; done += STAY) {
            sum += random.loop.run(STAY);
        }
        return sum;
    }
}
