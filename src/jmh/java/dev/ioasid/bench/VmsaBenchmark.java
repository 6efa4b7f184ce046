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

/** Walks of VMSAv8-64 and translations of an SMMUv3, 256 in each stay; beside {@link ReadBenchmark}'s of VT-d. One thread. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(value = 1, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
@Warmup(iterations = 4, time = 400, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 400, timeUnit = TimeUnit.MILLISECONDS)
@State(Scope.Benchmark)
@SuppressWarnings("NullAway.Init") // JMH calls open()
public class VmsaBenchmark {
    private static final int OPERATIONS = 65536;
    private static final int STAY = 256;

    @Param({"STAGE_1", "STAGE_2", "NESTED", "TRANSLATE"})
    public VmsaWorkload workload;

    private VmsaWorld world;
    private VmsaWorkload.Loop loop;

    @Setup(Level.Trial)
    public void open() {
        world = workload.open();
        long sum = new VmsaWorkload.Loop(workload, world, Workload.SEED).run(Workload.CHECKED);
        if (sum != workload.like().checksum()) {
            throw new IllegalStateException(workload + " sums up to " + Long.toHexString(sum));
        }
        loop = new VmsaWorkload.Loop(workload, world, Workload.SEED);
    }

    @TearDown(Level.Trial)
    public void close() {
        world.close();
    }

    @Benchmark
    @OperationsPerInvocation(OPERATIONS)
    public long read() {
        long sum = 0;
        for (int done = 0; done < OPERATIONS; done += STAY) {
            sum += loop.run(STAY);
        }
        return sum;
    }
}
