package dev.ioasid.iommu;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A fault as it stands in the unit's registers or queue.
 *
 * @param pasid {@link DmaRequest#NO_PASID} if the request carried none
 * @param address as recorded, of which a unit may keep the page only; 0 if the record has none
 * @param access a read if the record does not say
 * @param name the architecture's name of {@code code}; empty for a code it does not define
 * @param detail what is wrong, in a sentence
 * @param stage which stage's table was at fault; null if none was, or the record does not say
 * @param words the record's 64-bit words, lowest first
 */
public record FaultRecord(
        Rid rid,
        int pasid,
        long address,
        Access access,
        int code,
        String name,
        String detail,
        @Nullable Stage stage,
        List<Long> words) {
    /** Of a fault that no stage's table is at the bottom of, as far as the record says. */
    public FaultRecord(
            Rid rid, int pasid, long address, Access access, int code, String name, String detail, List<Long> words) {
        this(rid, pasid, address, access, code, name, detail, null, words);
    }
}
