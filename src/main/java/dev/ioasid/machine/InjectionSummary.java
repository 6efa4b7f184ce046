package dev.ioasid.machine;

import org.jspecify.annotations.Nullable;

/**
 * Something that goes wrong on purpose.
 *
 * @param remaining how often it still does; null: until it is removed
 * @param met how often it has
 * @param held answers that wait to be released
 */
public record InjectionSummary(
        int id, Injection injection, @Nullable Integer remaining, long met, int held) {}
