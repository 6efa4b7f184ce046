package dev.ioasid.iommu.smmuv3;

import static dev.ioasid.memory.BitField.bit;

import dev.ioasid.memory.BitField;
import dev.ioasid.memory.BitLayout;

/** SMMU_CR2. IHI 0070, section 6.3.12. */
final class Cr2 {
    // spotless:off  columns are the point
    static final BitField E2H         = bit(0, "E2H",         "EL2 streams are EL2&0 streams");
    static final BitField RECINVSID   = bit(1, "RECINVSID",   "StreamIDs out of range are recorded (C_BAD_STREAMID)");
    static final BitField PTM         = bit(2, "PTM",         "broadcast TLB maintenance is ignored");
    static final BitField REC_CFG_ATS = bit(3, "REC_CFG_ATS", "configuration errors of ATS requests are recorded");
    // spotless:on
    static final BitLayout LAYOUT = BitLayout.layout("CR2", "6.3.12", 1, E2H, RECINVSID, PTM, REC_CFG_ATS);

    private Cr2() {}
}
