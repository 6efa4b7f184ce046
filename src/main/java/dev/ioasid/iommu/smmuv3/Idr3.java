package dev.ioasid.iommu.smmuv3;

import static dev.ioasid.memory.BitField.bit;
import static dev.ioasid.memory.BitField.bits;

import dev.ioasid.memory.BitField;
import dev.ioasid.memory.BitLayout;

/** SMMU_IDR3. IHI 0070, section 6.3.4. */
final class Idr3 {
    // spotless:off  columns are the point
    static final BitField HAD     = bit (     2, "HAD",     "attributes of tables can be ignored");
    static final BitField PBHA    = bit (     3, "PBHA",    "page-based hardware attributes");
    static final BitField XNX     = bit (     4, "XNX",     "stage 2 says who may execute: EL0, EL1 or both");
    static final BitField PPS     = bit (     5, "PPS",     "automatic PRI responses always carry the PASID");
    static final BitField MPAM    = bit (     7, "MPAM",    "memory partitioning and monitoring");
    static final BitField FWB     = bit (     8, "FWB",     "stage 2 can decide the memory type");
    static final BitField STT     = bit (     9, "STT",     "small tables: TxSZ up to 48");
    static final BitField RIL     = bit (    10, "RIL",     "invalidation by range and level");
    static final BitField BBML    = bits(12, 11, "BBML",    "break-before-make level");
    static final BitField E0PD    = bit (    13, "E0PD",    "a half can be kept from unprivileged accesses");
    static final BitField PTWNNC  = bit (    14, "PTWNNC",  "walks of Device memory are done as Normal, non-cacheable");
    static final BitField DPT     = bit (    15, "DPT",     "device permission table");
    static final BitField PASIDTT = bit (    16, "PASIDTT", "PASIDs on translated transactions (v3.4)");
    static final BitField EPAN    = bit (    17, "EPAN",    "enhanced PAN (v3.4)");
    static final BitField S1PI    = bit (    18, "S1PI",    "stage-1 permission indirection (v3.4)");
    static final BitField S2PI    = bit (    19, "S2PI",    "stage-2 permission indirection (v3.4)");
    static final BitField S2PO    = bit (    20, "S2PO",    "stage-2 permission overlay (v3.4)");
    static final BitField THE     = bit (    21, "THE",     "translation hardening (v3.4)");
    static final BitField MTEPERM = bit (    22, "MTEPERM", "stage-2 NoTagAccess (v3.4)");
    static final BitField AIE     = bit (    23, "AIE",     "attribute index enhancement (v3.4)");

    static final BitLayout LAYOUT = BitLayout.layout("IDR3", "6.3.4", 1,
            HAD, PBHA, XNX, PPS, MPAM, FWB, STT, RIL, BBML, E0PD, PTWNNC, DPT, PASIDTT, EPAN, S1PI, S2PI, S2PO, THE, MTEPERM, AIE);
    // spotless:on

    private Idr3() {}
}
