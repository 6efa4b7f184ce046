package dev.ioasid.packaged;

import com.sun.management.OperatingSystemMXBean;
import com.sun.tools.attach.VirtualMachine;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryMXBean;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import javax.management.remote.JMXConnector;
import javax.management.remote.JMXConnectorFactory;
import javax.management.remote.JMXServiceURL;
import jdk.management.VirtualThreadSchedulerMXBean;

/** Looks into the JVM of another process. */
final class ObservedJvm implements AutoCloseable {
    /**
     * What it takes, once its garbage has been collected.
     *
     * @param heap bytes that are reachable
     * @param resident bytes of the process in the memory of the host, whatever for; 0 where the system does not tell
     */
    record Taken(long heap, long resident) {
        @Override
        public String toString() {
            return "heap %.1f MiB, resident %.1f MiB".formatted(heap / 0x1p20, resident / 0x1p20);
        }
    }

    private final long pid;
    private final JMXConnector connector;
    private final MemoryMXBean memory;
    private final List<MemoryPoolMXBean> pools;
    private final VirtualThreadSchedulerMXBean scheduler;
    private final OperatingSystemMXBean system;

    @SuppressWarnings("BanJNDI") // the agent is the service's own, on this machine
    ObservedJvm(long pid) throws Exception {
        this.pid = pid;
        connector = connect(pid);
        var beans = connector.getMBeanServerConnection();
        memory = ManagementFactory.getPlatformMXBean(beans, MemoryMXBean.class);
        pools = ManagementFactory.getPlatformMXBeans(beans, MemoryPoolMXBean.class).stream()
                .filter(pool -> pool.getType() == MemoryType.HEAP)
                .toList();
        system = ManagementFactory.getPlatformMXBean(beans, OperatingSystemMXBean.class);
        scheduler = ManagementFactory.getPlatformMXBean(beans, VirtualThreadSchedulerMXBean.class);
    }

    @SuppressWarnings("BanJNDI") // the address is from a child of ours
    private static JMXConnector connect(long pid) throws Exception {
        var machine = VirtualMachine.attach(Long.toString(pid));
        try {
            return JMXConnectorFactory.connect(new JMXServiceURL(machine.startLocalManagementAgent()));
        } finally {
            machine.detach();
        }
    }

    /** Threads that carry virtual ones. */
    int carriers() {
        return scheduler.getParallelism();
    }

    Taken taken() throws IOException {
        memory.gc();
        long heap = pools.stream()
                .mapToLong(pool -> pool.getCollectionUsage().getUsed())
                .sum(); // what has come up since then does not count
        return new Taken(heap, resident());
    }

    /** Time that it has spent on processors so far. */
    Duration processorTime() {
        return Duration.ofNanos(system.getProcessCpuTime());
    }

    private long resident() throws IOException {
        var status = Path.of("/proc", Long.toString(pid), "status");
        if (!Files.exists(status)) {
            return 0;
        }
        return Files.readAllLines(status).stream()
                .filter(line -> line.startsWith("VmRSS:"))
                .mapToLong(line -> 1024 * Long.parseLong(line.replaceAll("\\D", "")))
                .sum();
    }

    @Override
    public void close() throws IOException {
        connector.close();
    }
}
