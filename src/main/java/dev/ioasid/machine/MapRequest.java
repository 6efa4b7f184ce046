package dev.ioasid.machine;

import dev.ioasid.pagetable.Permissions;
import org.jspecify.annotations.Nullable;

/**
 * A mapping to be made.
 *
 * @param iova null: the lowest that is free
 * @param length bytes, a multiple of the table's granule
 * @param physicalAddress null: memory is allocated
 */
public record MapRequest(
        @Nullable Long iova,
        long length,
        Permissions permissions,
        @Nullable Long physicalAddress) {}
