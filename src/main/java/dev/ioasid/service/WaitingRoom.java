package dev.ioasid.service;

import dev.ioasid.machine.MachineView;
import dev.ioasid.machine.Pulse;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.function.Predicate;
import org.springframework.context.event.ContextClosedEvent;
import org.springframework.context.event.EventListener;
import org.springframework.stereotype.Component;

/**
 * Where callers wait until a machine has come to something. Any thread may call, and is blocked. When the service shuts down everybody is let
 * go, with what there is.
 */
@Component
public class WaitingRoom {
    /** How long somebody may have gone until that is noticed. */
    private static final long GLANCE = TimeUnit.SECONDS.toNanos(1);

    private final Machines machines;
    private volatile boolean closing;

    WaitingRoom(Machines machines) {
        this.machines = machines;
    }

    /**
     * Asks a machine again and again, whenever its {@link dev.ioasid.machine.Pulse} beats.
     *
     * @param enough whether an answer need not be waited for any more
     * @param most how long to wait
     * @param gone whether nobody wants the answer any more; called by the thread that waits, once a second
     * @return the last answer, which may not be enough. ENOENT if the machine is deleted meanwhile, and whatever the question refuses
     */
    public <R> R ask(
            String name, Function<MachineView, R> question, Predicate<R> enough, Duration most, BooleanSupplier gone) {
        var machine = machines.machine(name);
        long deadline = System.nanoTime() + most.toNanos();
        while (true) {
            long seen = machine.pulse().beats();
            var answer = machine.read(question);
            if (enough.test(answer) || closing) {
                return answer;
            }
            try {
                if (!await(machine.pulse(), seen, deadline, gone)) {
                    return machine.read(question);
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return answer;
            }
        }
    }

    /** False: no beat in time, or nobody waits for one. */
    private static boolean await(Pulse pulse, long seen, long deadline, BooleanSupplier gone)
            throws InterruptedException {
        while (true) {
            long now = System.nanoTime();
            if (pulse.await(seen, deadline - now < GLANCE ? deadline : now + GLANCE)) {
                return true;
            }
            if (System.nanoTime() - deadline >= 0 || gone.getAsBoolean()) {
                return false;
            }
        }
    }

    @EventListener(ContextClosedEvent.class)
    void close() {
        closing = true;
        machines.all().forEach(machine -> machine.pulse().beat());
    }
}
