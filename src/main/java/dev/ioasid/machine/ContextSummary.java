package dev.ioasid.machine;

import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A context.
 *
 * @param name what the user calls it
 * @param limits of what it is limited in
 * @param used of everything that it can be limited in
 * @param lease how long it lives without being renewed; null: until it is closed
 * @param expires when it is closed unless it is renewed before; null without a lease
 */
public record ContextSummary(
        int id,
        String name,
        Map<ContextLimit, Long> limits,
        Map<ContextLimit, Long> used,
        @Nullable Duration lease,
        @Nullable Instant expires) {}
