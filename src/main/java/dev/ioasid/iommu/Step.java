package dev.ioasid.iommu;

import dev.ioasid.memory.BitLayout;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One thing the hardware looked at on the way to its answer.
 *
 * @param structure which one, such as {@code context-entry}
 * @param level of a page-table entry, as the architecture counts; null where there is none
 * @param address where it was read, host physical; null where nothing was read from memory
 * @param raw its 64-bit words, lowest first
 * @param layout how the words are read; null where there is nothing to decode
 * @param decision what followed, in a sentence
 */
public record Step(
        String structure,
        @Nullable Integer level,
        @Nullable Stage stage,
        @Nullable Long address,
        List<Long> raw,
        @Nullable BitLayout layout,
        String decision) {}
