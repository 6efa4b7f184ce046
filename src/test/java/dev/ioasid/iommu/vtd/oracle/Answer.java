package dev.ioasid.iommu.vtd.oracle;

import dev.ioasid.iommu.Stage;
import org.jspecify.annotations.Nullable;

/** What the specification says becomes of a request. */
public sealed interface Answer {
    /** @param size bytes; 0: the specification does not say, and neither does it name the rights */
    record Page(long address, long size, boolean read, boolean write) implements Answer {}

    /**
     * @param stage whose table was at fault; null if none was
     * @param level of the entry at fault; 0 where no entry, or no particular one, is
     */
    record Blocked(int code, boolean recorded, @Nullable Stage stage, int level) implements Answer {}
}
