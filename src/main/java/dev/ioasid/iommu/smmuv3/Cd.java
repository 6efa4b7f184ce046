package dev.ioasid.iommu.smmuv3;

import static dev.ioasid.memory.BitField.bit;
import static dev.ioasid.memory.BitField.bits;

import dev.ioasid.memory.BitField;
import dev.ioasid.memory.BitLayout;

/** Context Descriptor, 64 bytes. IHI 0070, section 5.4. Versions 3.1 to 3.3 use nothing of what is marked v3.4. */
final class Cd {
    static final int SIZE = 64;
    static final int WORDS = 8;

    // spotless:off  columns are the point
    static final BitField T0SZ   = bits(  5,   0, "T0SZ",   "the lower half has 64 - T0SZ bits");
    static final BitField TG0    = bits(  7,   6, "TG0",    "granule of the lower half: 0 4 KiB, 1 64 KiB, 2 16 KiB");
    static final BitField IR0    = bits(  9,   8, "IR0",    "walk of the lower half, inner cacheability");
    static final BitField OR0    = bits( 11,  10, "OR0",    "walk of the lower half, outer cacheability");
    static final BitField SH0    = bits( 13,  12, "SH0",    "walk of the lower half, shareability");
    static final BitField EPD0   = bit (      14, "EPD0",   "the lower half is not walked");
    static final BitField ENDI   = bit (      15, "ENDI",   "tables are big-endian");
    static final BitField T1SZ   = bits( 21,  16, "T1SZ",   "the upper half has 64 - T1SZ bits");
    static final BitField TG1    = bits( 23,  22, "TG1",    "granule of the upper half: 1 16 KiB, 2 4 KiB, 3 64 KiB");
    static final BitField IR1    = bits( 25,  24, "IR1",    "walk of the upper half, inner cacheability");
    static final BitField OR1    = bits( 27,  26, "OR1",    "walk of the upper half, outer cacheability");
    static final BitField SH1    = bits( 29,  28, "SH1",    "walk of the upper half, shareability");
    static final BitField EPD1   = bit (      30, "EPD1",   "the upper half is not walked");
    static final BitField V      = bit (      31, "V",      "valid");
    static final BitField IPS    = bits( 34,  32, "IPS",    "output: 0 to 6 = 32, 36, 40, 42, 44, 48, 52 bits");
    static final BitField AFFD   = bit (      35, "AFFD",   "no access flag faults");
    static final BitField WXN    = bit (      36, "WXN",    "what can be written cannot be executed");
    static final BitField UWXN   = bit (      37, "UWXN",   "ignored in VMSAv8-64");
    static final BitField TBI0   = bit (      38, "TBI0",   "the top byte is ignored in the lower half");
    static final BitField TBI1   = bit (      39, "TBI1",   "the top byte is ignored in the upper half");
    static final BitField PAN    = bit (      40, "PAN",    "privileged accesses to unprivileged data fault");
    static final BitField AA64   = bit (      41, "AA64",   "tables are VMSAv8-64");
    static final BitField HD     = bit (      42, "HD",     "hardware keeps dirty state; needs HA");
    static final BitField HA     = bit (      43, "HA",     "hardware sets access flags");
    static final BitField S      = bit (      44, "S",      "faults stall");
    static final BitField R      = bit (      45, "R",      "faults are recorded");
    static final BitField A      = bit (      46, "A",      "a terminated transaction is aborted, not RAZ/WI");
    static final BitField ASET   = bit (      47, "ASET",   "ASID set: 0 shared, 1 private");
    static final BitField ASID   = bits( 63,  48, "ASID",   "address space id");
    static final BitField NSCFG0 = bit (      64, "NSCFG0", "Secure streams only");
    static final BitField HAD0   = bit (      65, "HAD0",   "attributes of tables are ignored in the lower half");
    static final BitField E0PD0  = bit (      66, "E0PD0",  "unprivileged accesses to the lower half fault");
    static final BitField HAFT   = bit (      67, "HAFT",   "access flags of tables (v3.4)");
    static final BitField TTB0   = bits(115,  68, "TTB0",   "start table of the lower half");
    static final BitField PNCH   = bit (     122, "PnCH",   "v3.4");
    static final BitField EPAN   = bit (     123, "EPAN",   "v3.4");
    static final BitField HWU059 = bit (     124, "HWU059", "bit 59 of leaves is the hardware's, lower half");
    static final BitField HWU060 = bit (     125, "HWU060", "bit 60 of leaves is the hardware's, lower half");
    static final BitField HWU061 = bit (     126, "HWU061", "bit 61 of leaves is the hardware's, lower half");
    static final BitField HWU062 = bit (     127, "HWU062", "bit 62 of leaves is the hardware's, lower half");
    static final BitField NSCFG1 = bit (     128, "NSCFG1", "Secure streams only");
    static final BitField HAD1   = bit (     129, "HAD1",   "attributes of tables are ignored in the upper half");
    static final BitField E0PD1  = bit (     130, "E0PD1",  "unprivileged accesses to the upper half fault");
    static final BitField AIE    = bit (     131, "AIE",    "v3.4");
    static final BitField TTB1   = bits(179, 132, "TTB1",   "start table of the upper half");
    static final BitField DS     = bit (     186, "DS",     "52-bit descriptors (v3.4)");
    static final BitField PIE    = bit (     187, "PIE",    "permission indirection (v3.4)");
    static final BitField HWU159 = bit (     188, "HWU159", "bit 59 of leaves is the hardware's, upper half");
    static final BitField HWU160 = bit (     189, "HWU160", "bit 60 of leaves is the hardware's, upper half");
    static final BitField HWU161 = bit (     190, "HWU161", "bit 61 of leaves is the hardware's, upper half");
    static final BitField HWU162 = bit (     191, "HWU162", "bit 62 of leaves is the hardware's, upper half");
    static final BitField MAIR0  = bits(223, 192, "MAIR0",  "memory attributes 0 to 3, a byte each");
    static final BitField MAIR1  = bits(255, 224, "MAIR1",  "memory attributes 4 to 7, a byte each");
    static final BitField AMAIR0 = bits(287, 256, "AMAIR0", "auxiliary memory attributes 0 to 3");
    static final BitField AMAIR1 = bits(319, 288, "AMAIR1", "auxiliary memory attributes 4 to 7");
    static final BitField PARTID = bits(367, 352, "PARTID", "MPAM partition");
    static final BitField PMG    = bits(375, 368, "PMG",    "MPAM performance monitoring group");
    static final BitField PIIU   = bits(431, 384, "PIIU",   "unprivileged permissions, 16 of 3 bits (v3.4)");
    static final BitField PIIP   = bits(495, 448, "PIIP",   "privileged permissions, 16 of 3 bits (v3.4)");

    static final BitLayout LAYOUT = BitLayout.layout("CD", "5.4", WORDS,
            T0SZ, TG0, IR0, OR0, SH0, EPD0, ENDI, T1SZ, TG1, IR1, OR1, SH1, EPD1, V, IPS, AFFD, WXN, UWXN, TBI0, TBI1, PAN, AA64, HD,
            HA, S, R, A, ASET, ASID,
            NSCFG0, HAD0, E0PD0, HAFT, TTB0, PNCH, EPAN, HWU059, HWU060, HWU061, HWU062,
            NSCFG1, HAD1, E0PD1, AIE, TTB1, DS, PIE, HWU159, HWU160, HWU161, HWU162,
            MAIR0, MAIR1,
            AMAIR0, AMAIR1,
            PARTID, PMG,
            PIIU,
            PIIP);
    // spotless:on

    private Cd() {}
}
