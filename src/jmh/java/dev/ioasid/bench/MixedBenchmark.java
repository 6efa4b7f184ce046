package dev.ioasid.bench;

import dev.ioasid.pagetable.IoPageTable;
import dev.ioasid.pagetable.Permissions;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Group;
import org.openjdk.jmh.annotations.GroupThreads;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** One thread walks 1 GiB while another maps and unmaps, in the same table, what lies right above. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(value = 1, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
@Warmup(iterations = 4, time = 400, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 400, timeUnit = TimeUnit.MILLISECONDS)
@State(Scope.Group)
@SuppressWarnings("NullAway.Init") // JMH calls open()
public class MixedBenchmark {
    private static final int AREAS = 64;
    private static final long AREA = 1L << 21;
    private static final long ABOVE = 0x7F00_4000_0000L;

    private World world;
    private IoPageTable table;
    private Workload.Loop loop;

    @Setup(Level.Trial)
    public void open() {
        world = new World();
        table = world.large();
        loop = new Workload.Loop(Workload.WALK_4K_LARGE, world, Workload.SEED);
    }

    @TearDown(Level.Trial)
    public void close() {
        world.close();
    }

    @Benchmark
    @Group("mixed")
    @GroupThreads(1)
    @OperationsPerInvocation(ReadBenchmark.OPERATIONS)
    public long walk() {
        long sum = 0;
        for (int done = 0; done < ReadBenchmark.OPERATIONS; done += ReadBenchmark.STAY) {
            sum += loop.run(ReadBenchmark.STAY);
        }
        return sum;
    }

    @Benchmark
    @Group("mixed")
    @GroupThreads(1)
    @OperationsPerInvocation(2 * AREAS * 512)
    public void mapAndUnmap() {
        for (long at = 0; at < AREAS * AREA; at += AREA) {
            table.map(ABOVE + at, AREA, 0x8_0000_0000L + at, Permissions.READ_WRITE);
        }
        for (long at = 0; at < AREAS * AREA; at += AREA) {
            table.unmap(ABOVE + at, AREA);
        }
    }
}
