package dev.ioasid.iommu.smmuv3;

import static dev.ioasid.memory.BitField.bit;
import static dev.ioasid.memory.BitField.bits;

import dev.ioasid.memory.BitField;
import dev.ioasid.memory.BitLayout;

/** SMMU_IDR0. IHI 0070, section 6.3.1. */
final class Idr0 {
    // spotless:off  columns are the point
    static final BitField S2P         = bit (     0, "S2P",         "stage 2");
    static final BitField S1P         = bit (     1, "S1P",         "stage 1");
    static final BitField TTF         = bits( 3,  2, "TTF",         "tables: bit 0 VMSAv8-32 LPAE, bit 1 VMSAv8-64");
    static final BitField COHACC      = bit (     4, "COHACC",      "accesses are coherent");
    static final BitField BTM         = bit (     5, "BTM",         "broadcast TLB maintenance");
    static final BitField HTTU        = bits( 7,  6, "HTTU",        "hardware sets: 0 nothing, 1 access flags, 2 dirty state, too");
    static final BitField DORMHINT    = bit (     8, "DORMHINT",    "dormant hint");
    static final BitField HYP         = bit (     9, "Hyp",         "EL2 StreamWorld");
    static final BitField ATS         = bit (    10, "ATS",         "PCIe ATS");
    static final BitField NS1ATS      = bit (    11, "NS1ATS",      "no split-stage ATS");
    static final BitField ASID16      = bit (    12, "ASID16",      "ASIDs have 16 bits, not 8");
    static final BitField MSI         = bit (    13, "MSI",         "message signalled interrupts");
    static final BitField SEV         = bit (    14, "SEV",         "CMD_SYNC can send events to processors");
    static final BitField ATOS        = bit (    15, "ATOS",        "address translation operations");
    static final BitField PRI         = bit (    16, "PRI",         "PCIe PRI");
    static final BitField VMW         = bit (    17, "VMW",         "VMID wildcards in invalidations");
    static final BitField VMID16      = bit (    18, "VMID16",      "VMIDs have 16 bits, not 8");
    static final BitField CD2L        = bit (    19, "CD2L",        "two-level tables of CDs");
    static final BitField VATOS       = bit (    20, "VATOS",       "address translation operations of virtual machines");
    static final BitField TTENDIAN    = bits(22, 21, "TTENDIAN",    "tables: 0 of either endianness, 2 little-endian, 3 big-endian");
    static final BitField ATSRECERR   = bit (    23, "ATSRECERR",   "configuration errors of ATS requests can be recorded");
    static final BitField STALL_MODEL = bits(25, 24, "STALL_MODEL", "0 stall and terminate, 1 terminate only, 2 stall only");
    static final BitField TERM_MODEL  = bit (    26, "TERM_MODEL",  "terminated transactions can only be aborted");
    static final BitField ST_LEVEL    = bits(28, 27, "ST_LEVEL",    "Stream tables: 0 linear, 1 two-level, too");
    static final BitField RME_IMPL    = bit (    30, "RME_IMPL",    "realm management extension");

    static final BitLayout LAYOUT = BitLayout.layout("IDR0", "6.3.1", 1,
            S2P, S1P, TTF, COHACC, BTM, HTTU, DORMHINT, HYP, ATS, NS1ATS, ASID16, MSI, SEV, ATOS, PRI, VMW, VMID16, CD2L, VATOS,
            TTENDIAN, ATSRECERR, STALL_MODEL, TERM_MODEL, ST_LEVEL, RME_IMPL);
    // spotless:on

    static final int BIG_OR_LITTLE_ENDIAN = 0;
    static final int LITTLE_ENDIAN = 2;

    private Idr0() {}
}
