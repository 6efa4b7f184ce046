package dev.ioasid.machine;

/**
 * A machine from outside.
 *
 * @param memory bytes of simulated memory
 * @param committedBytes bytes of it that cost something
 */
public record MachineSummary(String name, long memory, Preset preset, long committedBytes) {}
