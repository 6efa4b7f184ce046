package dev.ioasid.iommu.vtd;

import static dev.ioasid.memory.BitField.bit;
import static dev.ioasid.memory.BitField.bits;

import dev.ioasid.memory.BitField;
import dev.ioasid.memory.BitLayout;

/** Extended capability register. VT-d 5.10, section 11.4.3. */
final class Ecap {
    // spotless:off  columns are the point
    static final BitField C      = bit (     0, "C",      "walks of root to PASID tables are coherent");
    static final BitField QI     = bit (     1, "QI",     "queued invalidation");
    static final BitField DT     = bit (     2, "DT",     "device-TLBs (ATS)");
    static final BitField IR     = bit (     3, "IR",     "interrupt remapping");
    static final BitField EIM    = bit (     4, "EIM",    "extended interrupt mode");
    static final BitField PT     = bit (     6, "PT",     "pass-through");
    static final BitField SC     = bit (     7, "SC",     "snoop control");
    static final BitField IRO    = bits(17,  8, "IRO",    "offset of the IOTLB registers, in 16 bytes");
    static final BitField MHMV   = bits(23, 20, "MHMV",   "largest handle mask");
    static final BitField MTS    = bit (    25, "MTS",    "memory types");
    static final BitField NEST   = bit (    26, "NEST",   "nested translation");
    static final BitField PRS    = bit (    29, "PRS",    "page requests");
    static final BitField ERS    = bit (    30, "ERS",    "execute requests; must be 0");
    static final BitField SRS    = bit (    31, "SRS",    "supervisor requests");
    static final BitField NWFS   = bit (    33, "NWFS",   "no-write flag of translation requests");
    static final BitField EAFS   = bit (    34, "EAFS",   "extended accessed flag");
    static final BitField PSS    = bits(39, 35, "PSS",    "PASID width in bits, minus 1");
    static final BitField PASID  = bit (    40, "PASID",  "requests with PASID");
    static final BitField DIT    = bit (    41, "DIT",    "device-TLB invalidation throttle");
    static final BitField PDS    = bit (    42, "PDS",    "page-request drain");
    static final BitField SMTS   = bit (    43, "SMTS",   "scalable mode");
    static final BitField VCS    = bit (    44, "VCS",    "virtual commands");
    static final BitField SSADS  = bit (    45, "SSADS",  "second-stage accessed and dirty bits");
    static final BitField SSTS   = bit (    46, "SSTS",   "second-stage translation in scalable mode");
    static final BitField FSTS   = bit (    47, "FSTS",   "first-stage translation");
    static final BitField SMPWCS = bit (    48, "SMPWCS", "page walks can be snooped");
    static final BitField RPS    = bit (    49, "RPS",    "RID_PASID other than 0");
    static final BitField TDXCS  = bit (    50, "TDXCS",  "TDX Connect");
    static final BitField PMS    = bit (    51, "PMS",    "performance monitoring");
    static final BitField ADMS   = bit (    52, "ADMS",   "abort-DMA mode");
    static final BitField RPRIVS = bit (    53, "RPRIVS", "RID_PRIV");
    static final BitField HPTS   = bit (    55, "HPTS",   "host permission table");
    static final BitField PTRS   = bit (    56, "PTRS",   "PASID in translated requests");
    static final BitField SSIRWS = bit (    57, "SSIRWS", "second-stage rights in bits 61 and 62");
    static final BitField SMS    = bit (    58, "SMS",    "stop marker");
    // spotless:on
    static final BitLayout LAYOUT = BitLayout.layout(
            "ECAP", "11.4.3", 1, C, QI, DT, IR, EIM, PT, SC, IRO, MHMV, MTS, NEST, PRS, ERS, SRS, NWFS, EAFS, PSS,
            PASID, DIT, PDS, SMTS, VCS, SSADS, SSTS, FSTS, SMPWCS, RPS, TDXCS, PMS, ADMS, RPRIVS, HPTS, PTRS, SSIRWS,
            SMS);

    private Ecap() {}
}
