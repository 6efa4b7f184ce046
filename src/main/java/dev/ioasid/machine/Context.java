package dev.ioasid.machine;

import dev.ioasid.errno.RefusedException;
import java.time.Duration;
import java.time.Instant;
import java.util.EnumMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Owns IOASIDs, as an open {@code /dev/ioasid} does. Those that nobody else owns belong to a common one, which has no limits and is never closed.
 * Guarded by the machine's lock.
 */
final class Context {
    /** Of the common one. */
    private static final int COMMON = 0;

    private final int id;
    private final String name;
    private final EnumMap<ContextLimit, Long> limits = new EnumMap<>(ContextLimit.class);
    private final EnumMap<ContextLimit, Long> used = new EnumMap<>(ContextLimit.class);
    private final @Nullable Duration lease;
    private @Nullable Instant expires;

    Context(int id, String name, Map<ContextLimit, Long> limits, @Nullable Duration lease, Instant now) {
        this.id = id;
        this.name = name;
        this.limits.putAll(limits);
        for (var limit : ContextLimit.values()) {
            used.put(limit, 0L);
        }
        this.lease = lease;
        this.expires = lease == null ? null : now.plus(lease);
    }

    static Context common() {
        return new Context(COMMON, "common", Map.of(), null, Instant.EPOCH);
    }

    int id() {
        return id;
    }

    String name() {
        return name;
    }

    /** The id that users know it by; null of the common one. */
    @Nullable
    Integer number() {
        return id == COMMON ? null : Integer.valueOf(id);
    }

    /** When it is to be closed; null: never. */
    @Nullable
    Instant expires() {
        return expires;
    }

    /** Its lease begins anew; false: it has none. */
    boolean renew(Instant now) {
        if (lease == null) {
            return false;
        }
        expires = now.plus(lease);
        return true;
    }

    boolean isOverAt(Instant now) {
        return expires != null && !expires.isAfter(now);
    }

    /** ENOSPC, ENOMEM: {@code more} would be too much. */
    void checkRoom(ContextLimit limit, long more) {
        Long most = limits.get(limit);
        long now = used(limit);
        if (most != null && Long.compareUnsigned(more, most - now) > 0) {
            throw new RefusedException(
                    limit.errno(),
                    "%s may have %s, and has %s: 0x%x more are too much"
                            .formatted(this, limit.say(most), limit.say(now), more),
                    Map.of(
                            "context",
                            id,
                            "limit",
                            Map.of("name", limit.key(), "value", limit.subject(most), "used", limit.subject(now))));
        }
    }

    long used(ContextLimit limit) {
        return used.getOrDefault(limit, 0L);
    }

    void take(ContextLimit limit, long amount) {
        used.merge(limit, amount, Long::sum);
    }

    void giveBack(ContextLimit limit, long amount) {
        take(limit, -amount);
    }

    ContextSummary summary() {
        return new ContextSummary(id, name, Map.copyOf(limits), Map.copyOf(used), lease, expires);
    }

    @Override
    public String toString() {
        return id == COMMON ? "what belongs to no context" : "context %d ('%s')".formatted(id, name);
    }
}
