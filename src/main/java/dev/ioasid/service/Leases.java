package dev.ioasid.service;

import dev.ioasid.errno.RefusedException;
import dev.ioasid.machine.Command;
import dev.ioasid.machine.Machine;
import jakarta.annotation.PreDestroy;
import java.time.Duration;
import java.time.Instant;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.springframework.stereotype.Component;

/**
 * Closes contexts whose lease has ended. Looks at the machines now and then, without a lock; what is to be closed is closed on a thread of its own, so
 * that a machine that is busy keeps no other waiting, and has at most one such thread.
 */
@Component
class Leases {
    private static final Duration GLANCE = Duration.ofMillis(250);

    private final Machines machines;
    private final Deadlines deadlines;
    private final Set<Machine> closing = ConcurrentHashMap.newKeySet();
    private final ScheduledExecutorService clock = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().name("leases").daemon().factory());

    Leases(Machines machines, Deadlines deadlines) {
        this.machines = machines;
        this.deadlines = deadlines;
        var unused =
                clock.scheduleWithFixedDelay(this::look, GLANCE.toMillis(), GLANCE.toMillis(), TimeUnit.MILLISECONDS);
    }

    private void look() {
        var now = Instant.now();
        for (var machine : machines.all()) {
            if (machine.hasExpired(now) && closing.add(machine)) {
                Thread.startVirtualThread(() -> close(machine, now));
            }
        }
    }

    private void close(Machine machine, Instant now) {
        try {
            machine.apply(new Command.ExpireContexts(now));
            deadlines.watch(machine); // what goes on may wait
        } catch (RefusedException gone) {
            // the machine is no more
        } finally {
            closing.remove(machine);
        }
    }

    @PreDestroy
    void stop() {
        clock.shutdownNow();
    }
}
