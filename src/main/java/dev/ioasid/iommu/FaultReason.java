package dev.ioasid.iommu;

import org.jspecify.annotations.Nullable;

/**
 * What a number in a fault record means.
 *
 * @param name the architecture's name; empty for a number that it does not define
 * @param detail what is wrong, in a sentence; alternatives are parted by {@code "; or "}
 * @param stage which stage's table is at fault; null if none is, or the number does not say
 */
public record FaultReason(
        int code, String name, String detail, @Nullable Stage stage) {}
