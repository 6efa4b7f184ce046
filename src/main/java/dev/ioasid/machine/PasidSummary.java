package dev.ioasid.machine;

import org.jspecify.annotations.Nullable;

/**
 * An allocated PASID of a device.
 *
 * @param name what the user calls it
 * @param ioasid what it is attached to; null if nothing
 */
public record PasidSummary(
        int pasid, @Nullable String name, @Nullable Integer ioasid) {}
