package dev.ioasid.iommu;

import java.util.List;

/**
 * A fault as it stands in the unit's registers or queue.
 *
 * @param pasid {@link DmaRequest#NO_PASID} if the request carried none
 * @param address as recorded: the hardware keeps whole pages only
 * @param name the architecture's name of {@code code}; empty for a code it does not define
 * @param detail what is wrong, in a sentence
 * @param words the record's 64-bit words, lowest first
 */
public record FaultRecord(
        Rid rid, int pasid, long address, Access access, int code, String name, String detail, List<Long> words) {}
