package dev.ioasid.iommu;

import dev.ioasid.memory.BitLayout;
import java.util.List;

/**
 * What a unit's queue was given.
 *
 * @param name what it is: {@code iotlb-page}
 * @param words 64-bit words, lowest first
 * @param layout how they are read
 */
public record IssuedCommand(String name, List<Long> words, BitLayout layout) {}
