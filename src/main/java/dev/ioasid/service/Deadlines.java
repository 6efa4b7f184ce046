package dev.ioasid.service;

import dev.ioasid.errno.RefusedException;
import dev.ioasid.machine.Command;
import dev.ioasid.machine.Machine;
import jakarta.annotation.PreDestroy;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.springframework.stereotype.Component;

/**
 * The clock that machines do not have: lets page requests expire that nobody has answered in time. Any thread may call. What is due runs on a
 * thread of its own, so that a machine that is busy keeps no other waiting.
 */
@Component
class Deadlines {
    private final ScheduledExecutorService clock = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().name("deadlines").daemon().factory());

    /** Notes how long what has come up in a machine may wait. */
    void watch(Machine machine) {
        machine.takeDeadlines().forEach((id, time) -> {
            var unused = clock.schedule(
                    () -> Thread.startVirtualThread(() -> expire(machine, id)), time.toMillis(), TimeUnit.MILLISECONDS);
        });
    }

    private void expire(Machine machine, long id) {
        try {
            machine.apply(new Command.ExpirePageRequest(id));
            watch(machine); // what goes on may wait again
        } catch (RefusedException gone) {
            // the machine, or the request, is no more
        }
    }

    @PreDestroy
    void stop() {
        clock.shutdownNow();
    }
}
