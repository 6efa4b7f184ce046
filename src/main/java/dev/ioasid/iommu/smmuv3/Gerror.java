package dev.ioasid.iommu.smmuv3;

import static dev.ioasid.memory.BitField.bit;

import dev.ioasid.memory.BitField;
import dev.ioasid.memory.BitLayout;

/** SMMU_GERROR and SMMU_GERRORN: an error is active while its bits in the two differ. IHI 0070, sections 6.3.19 and 6.3.20. */
final class Gerror {
    // spotless:off  columns are the point
    static final BitField CMDQ_ERR           = bit( 0, "CMDQ_ERR",           "the Command queue stands (CMDQ_CONS.ERR)");
    static final BitField EVENTQ_ABT_ERR     = bit( 2, "EVENTQ_ABT_ERR",     "a write to the Event queue was aborted");
    static final BitField PRIQ_ABT_ERR       = bit( 3, "PRIQ_ABT_ERR",       "a write to the PRI queue was aborted");
    static final BitField MSI_CMDQ_ABT_ERR   = bit( 4, "MSI_CMDQ_ABT_ERR",   "the MSI of a CMD_SYNC was aborted");
    static final BitField MSI_EVENTQ_ABT_ERR = bit( 5, "MSI_EVENTQ_ABT_ERR", "the MSI of the Event queue was aborted");
    static final BitField MSI_PRIQ_ABT_ERR   = bit( 6, "MSI_PRIQ_ABT_ERR",   "the MSI of the PRI queue was aborted");
    static final BitField MSI_GERROR_ABT_ERR = bit( 7, "MSI_GERROR_ABT_ERR", "the MSI of a global error was aborted");
    static final BitField SFM_ERR            = bit( 8, "SFM_ERR",            "service failure mode");
    static final BitField CMDQP_ERR          = bit( 9, "CMDQP_ERR",          "an enhanced command queue stands");
    static final BitField DPT_ERR            = bit(10, "DPT_ERR",            "a device permission table lookup failed");

    static final BitLayout LAYOUT = BitLayout.layout("GERROR", "6.3.19", 1,
            CMDQ_ERR, EVENTQ_ABT_ERR, PRIQ_ABT_ERR, MSI_CMDQ_ABT_ERR, MSI_EVENTQ_ABT_ERR, MSI_PRIQ_ABT_ERR, MSI_GERROR_ABT_ERR,
            SFM_ERR, CMDQP_ERR, DPT_ERR);
    // spotless:on

    private Gerror() {}
}
