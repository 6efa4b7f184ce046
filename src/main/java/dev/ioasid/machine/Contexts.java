package dev.ioasid.machine;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The contexts of a machine, by id. Guarded by the machine's lock, but for {@link #firstExpiry}, which any thread may ask.
 *
 * <p>A machine has no clock: what time it is, it is told.
 */
final class Contexts {
    /** At a time. */
    static final int MOST = 4096;

    private final Machine machine;
    private final Context common = Context.common();
    private final TreeMap<Integer, Context> byId = new TreeMap<>();
    private volatile @Nullable Instant firstExpiry;

    Contexts(Machine machine) {
        this.machine = machine;
    }

    ContextSummary create(String name, Map<ContextLimit, Long> limits, @Nullable Duration lease, Instant now) {
        if (byId.size() == MOST) {
            throw new RefusedException(
                    Errno.ENOSPC,
                    "the machine has %d contexts, as many as there may be".formatted(MOST),
                    Map.of("limit", Map.of("name", "contexts", "value", MOST, "used", MOST)));
        }
        var context = new Context(LowestFree.of(byId.navigableKeySet()), name, limits, lease, now);
        byId.put(context.id(), context);
        findFirstExpiry();
        var summary = context.summary();
        machine.events().emit(new MachineEvent.ContextCreated(summary));
        return summary;
    }

    /** Begins a lease anew. ENOENT, also if it has expired; EINVAL: it has none. */
    ContextSummary renew(int id, Instant now) {
        var context = context(id);
        if (context.isOverAt(now)) {
            throw absent(id);
        }
        if (!context.renew(now)) {
            throw new RefusedException(
                    Errno.EINVAL, context + " has no lease: it lives until it is closed", Map.of("context", id));
        }
        findFirstExpiry();
        return context.summary();
    }

    /** Closes those whose lease has ended by then. */
    void expire(Instant now) {
        for (var context : List.copyOf(byId.values())) {
            if (context.isOverAt(now)) {
                close(context);
                machine.events().emit(new MachineEvent.ContextExpired(context.id(), context.name()));
            }
        }
    }

    /** Tears down all that a context owns. ENOENT. */
    void close(int id) {
        var context = context(id);
        close(context);
        machine.events().emit(new MachineEvent.ContextClosed(id, context.name()));
    }

    /** Binds, then routes, what they wait for with them, then IOASIDs with their mappings. Nothing of it needs memory, or can be refused. */
    private void close(Context context) {
        var owned = machine.ioasids().all().stream()
                .filter(ioasid -> ioasid.context() == context)
                .toList();
        owned.forEach(machine.binds()::dissolve);
        for (var ioasid : owned) {
            List.copyOf(ioasid.routes()).forEach(machine.routes()::detach);
        }
        owned.forEach(ioasid -> machine.ioasids().delete(ioasid.id()));
        byId.remove(context.id());
        findFirstExpiry();
    }

    private void findFirstExpiry() {
        Instant first = null;
        for (var context : byId.values()) {
            var expires = context.expires();
            if (expires != null && (first == null || expires.isBefore(first))) {
                first = expires;
            }
        }
        firstExpiry = first;
    }

    /** When the next lease ends; null: none does. */
    @Nullable
    Instant firstExpiry() {
        return firstExpiry;
    }

    Collection<Context> all() {
        return byId.values();
    }

    /** The owner that a caller names; null: the common one. ENOENT. */
    Context owner(@Nullable Integer id) {
        return id == null ? common : context(id);
    }

    /** ENOENT. */
    Context context(int id) {
        var context = byId.get(id);
        if (context == null) {
            throw absent(id);
        }
        return context;
    }

    private static RefusedException absent(int id) {
        return new RefusedException(Errno.ENOENT, "there is no context " + id, Map.of("context", id));
    }
}
