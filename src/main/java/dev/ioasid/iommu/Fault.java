package dev.ioasid.iommu;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Why a request was not translated, in the architecture's own terms.
 *
 * @param code the architecture's fault reason or event number
 * @param name the architecture's name for it, such as {@code SSS.2}
 * @param detail what is wrong, in a sentence
 * @param stage which stage's table was at fault; null if none was
 * @param level the level of the table entry at fault, as the architecture counts: VT-d's last is 1, VMSAv8-64's is 3; null if no table
 *     entry was
 * @param address the request's address
 * @param recoverable whether a page request could have avoided it
 * @param recorded whether it left a fault record; if not, it was silenced or there was no room
 * @param ignored the device is not told: its reads give zeros, its writes are lost (SMMUv3's RAZ/WI)
 * @param words the record as it is written, or would be; empty where the architecture has no one record of a request
 */
public record Fault(
        int code,
        String name,
        String detail,
        @Nullable Stage stage,
        @Nullable Integer level,
        long address,
        boolean recoverable,
        boolean recorded,
        boolean ignored,
        List<Long> words) {
    /** One that the device is told of. */
    public Fault(
            int code,
            String name,
            String detail,
            @Nullable Stage stage,
            @Nullable Integer level,
            long address,
            boolean recoverable,
            boolean recorded,
            List<Long> words) {
        this(code, name, detail, stage, level, address, recoverable, recorded, false, words);
    }
}
