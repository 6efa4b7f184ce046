package dev.ioasid.machine;

import org.jspecify.annotations.Nullable;

/**
 * A route and where it leads.
 *
 * @param bind whose table it leads through; null if through none but the IOASID's own
 */
public record Attachment(Route route, int ioasid, @Nullable Integer bind) {}
