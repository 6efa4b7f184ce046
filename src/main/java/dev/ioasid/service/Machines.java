package dev.ioasid.service;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.machine.Command;
import dev.ioasid.machine.Machine;
import dev.ioasid.machine.MachineSummary;
import dev.ioasid.machine.MachineView;
import dev.ioasid.machine.Preset;
import dev.ioasid.memory.AddressRange;
import jakarta.annotation.PreDestroy;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.springframework.stereotype.Service;

/**
 * The machines of this service, by name. The one road to any of them.
 *
 * <p>Any thread may call. A machine is put into the map whole and taken out before it is closed; whoever found it before
 * that is told by the machine itself that it is gone.
 *
 * <p>What a machine has counted outlives it. {@link #totals} sees a machine that is being deleted either among the living or
 * among the retired, never as neither or both, so that no counter ever dips: deletions share the lock {@code counting}, and
 * totals take it alone.
 */
@Service
public class Machines {
    private final Deadlines deadlines;
    private final ConcurrentSkipListMap<String, Machine> byName = new ConcurrentSkipListMap<>();
    private final ReentrantReadWriteLock counting = new ReentrantReadWriteLock();
    private final LongAdder retiredTranslated = new LongAdder();
    private final LongAdder retiredEvents = new LongAdder();
    private final Map<String, LongAdder> retiredFaults = new ConcurrentHashMap<>();
    private final LongAdder retiredDropped = new LongAdder();

    Machines(Deadlines deadlines) {
        this.deadlines = deadlines;
    }

    /** Makes a machine. EEXIST: the name is taken; EINVAL: memory size, holes; ENOMEM: the host has no address space left. */
    public MachineSummary create(String name, long memory, List<AddressRange> holes, Preset preset) {
        if (byName.containsKey(name)) {
            throw taken(name);
        }
        var machine = Machine.create(name, memory, holes, preset);
        if (byName.putIfAbsent(name, machine) != null) {
            machine.close();
            throw taken(name);
        }
        return machine.read(MachineView::summary);
    }

    /** Deletes a machine and everything that it holds. ENOENT. */
    public void delete(String name) {
        counting.readLock().lock();
        try {
            var machine = byName.remove(name);
            if (machine == null) {
                throw absent(name);
            }
            var counts = machine.retire();
            retiredTranslated.add(counts.translated());
            retiredEvents.add(machine.journal().last());
            counts.faultsByReason()
                    .forEach((reason, count) -> retiredFaults
                            .computeIfAbsent(reason, _ -> new LongAdder())
                            .add(count));
            retiredDropped.add(counts.faultsDropped());
        } finally {
            counting.readLock().unlock();
        }
    }

    /** What all machines hold at this moment, and what all that ever were have counted. */
    public Totals totals() {
        counting.writeLock().lock();
        try {
            var totals = Totals.NONE.withPast(
                    retiredTranslated.sum(), retiredFaults, retiredDropped.sum(), retiredEvents.sum());
            for (var machine : byName.values()) {
                totals = totals.with(machine.read(MachineView::counts));
            }
            return totals;
        } finally {
            counting.writeLock().unlock();
        }
    }

    /**
     * At most {@code limit} machines by name, from the first whose name is above {@code after}.
     *
     * @param after null: from the first
     */
    public List<MachineSummary> list(@Nullable String after, int limit) {
        var rest = after == null ? byName : byName.tailMap(after, false);
        return rest.values().stream()
                .flatMap(machine -> summary(machine).stream())
                .limit(limit)
                .toList();
    }

    /** Empty if it is being deleted at this moment. */
    private static Optional<MachineSummary> summary(Machine machine) {
        try {
            return Optional.of(machine.read(MachineView::summary));
        } catch (RefusedException gone) {
            return Optional.empty();
        }
    }

    /** By name. One that is deleted meanwhile may still be among them. */
    public Collection<Machine> all() {
        return byName.values();
    }

    /** Applies a command to a machine. ENOENT, and whatever the command refuses. */
    public <R> R apply(String name, Command<R> command) {
        var machine = find(name);
        try {
            return machine.apply(command);
        } finally {
            deadlines.watch(machine);
        }
    }

    /** Asks a machine. ENOENT, and whatever the question refuses. */
    public <R> R read(String name, Function<MachineView, R> question) {
        return find(name).read(question);
    }

    @PreDestroy
    void close() {
        byName.keySet().forEach(this::delete);
    }

    /** A machine, for an answer that takes several questions to the same one. ENOENT. */
    public Machine machine(String name) {
        return find(name);
    }

    private Machine find(String name) {
        var machine = byName.get(name);
        if (machine == null) {
            throw absent(name);
        }
        return machine;
    }

    private static RefusedException absent(String name) {
        return new RefusedException(Errno.ENOENT, "there is no machine '" + name + "'", Map.of("machine", name));
    }

    private static RefusedException taken(String name) {
        return new RefusedException(Errno.EEXIST, "there is a machine '" + name + "' already", Map.of("machine", name));
    }
}
