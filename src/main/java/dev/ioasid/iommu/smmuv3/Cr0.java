package dev.ioasid.iommu.smmuv3;

import static dev.ioasid.memory.BitField.bit;
import static dev.ioasid.memory.BitField.bits;

import dev.ioasid.memory.BitField;
import dev.ioasid.memory.BitLayout;

/** SMMU_CR0 and SMMU_CR0ACK: the same bits. IHI 0070, sections 6.3.9 and 6.3.10. */
final class Cr0 {
    // spotless:off  columns are the point
    static final BitField SMMUEN   = bit (    0, "SMMUEN",   "transactions are translated");
    static final BitField PRIQEN   = bit (    1, "PRIQEN",   "page requests are queued");
    static final BitField EVENTQEN = bit (    2, "EVENTQEN", "events are recorded");
    static final BitField CMDQEN   = bit (    3, "CMDQEN",   "commands are done");
    static final BitField ATSCHK   = bit (    4, "ATSCHK",   "translated transactions are checked");
    static final BitField VMW      = bits(8,  6, "VMW",      "invalidations ignore the lowest VMW bits of VMIDs, up to 4");
    // spotless:on
    static final BitLayout LAYOUT = BitLayout.layout("CR0", "6.3.9", 1, SMMUEN, PRIQEN, EVENTQEN, CMDQEN, ATSCHK, VMW);

    private Cr0() {}
}
