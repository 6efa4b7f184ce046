package dev.ioasid.iommu;

import org.jspecify.annotations.Nullable;

/**
 * Why a request was not translated, in the architecture's own terms.
 *
 * @param code the architecture's fault reason or event number
 * @param name the architecture's name for it, such as {@code SSS.2}
 * @param detail what is wrong, in a sentence
 * @param stage which stage's table was at fault; null if none was
 * @param level the level of the table entry at fault, 1 for the last; 0 if no table entry was
 * @param address the request's address
 * @param recoverable whether a page request could have avoided it
 * @param recorded whether it left a fault record; if not, it was silenced or there was no room
 */
public record Fault(
        int code,
        String name,
        String detail,
        @Nullable Stage stage,
        int level,
        long address,
        boolean recoverable,
        boolean recorded) {}
