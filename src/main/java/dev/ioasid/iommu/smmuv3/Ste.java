package dev.ioasid.iommu.smmuv3;

import static dev.ioasid.memory.BitField.bit;
import static dev.ioasid.memory.BitField.bits;

import dev.ioasid.memory.BitField;
import dev.ioasid.memory.BitLayout;

/**
 * Stream Table Entry, 64 bytes. IHI 0070, section 5.2. Of words 4 to 7, and of what is marked v3.4 or Secure, a Non-secure stream of
 * versions 3.1 to 3.3 uses nothing.
 */
final class Ste {
    static final int SIZE = 64;
    static final int WORDS = 8;

    /** Config: below this everything is aborted, and no event says so. */
    static final int BYPASS = 0b100;

    static final int STAGE_1 = 0b101;
    static final int STAGE_2 = 0b110;
    static final int NESTED = 0b111;

    /** S1Fmt: one table of CDs. */
    static final int LINEAR = 0b00;
    /** S1Fmt: tables of 64 CDs, 4 KiB. */
    static final int TWO_LEVEL_4K = 0b01;
    /** S1Fmt: tables of 1024 CDs, 64 KiB. */
    static final int TWO_LEVEL_64K = 0b10;

    /** S1DSS: a transaction without SubstreamID is terminated. */
    static final int DSS_TERMINATE = 0b00;
    /** S1DSS: it bypasses stage 1. */
    static final int DSS_BYPASS = 0b01;
    /** S1DSS: it uses the CD of substream 0. */
    static final int DSS_SUBSTREAM_0 = 0b10;

    static final int EATS_ABORT = 0b00;
    static final int EATS_FULL = 0b01;
    static final int EATS_SPLIT = 0b10;

    static final int STRW_EL1 = 0b00;
    static final int STRW_EL2 = 0b10;

    /** SHCFG: shareability as the transaction has it. */
    static final int SHCFG_INCOMING = 0b01;

    /** PRIVCFG: privilege is replaced by this; below it, it is as the transaction has it. */
    static final int UNPRIVILEGED = 0b10;

    static final int PRIVILEGED = 0b11;

    /** INSTCFG: reads are replaced by this; below it, they are as the transaction has it. */
    static final int DATA = 0b10;

    static final int INSTRUCTION = 0b11;

    // spotless:off  columns are the point
    static final BitField V            = bit (      0, "V",            "valid");
    static final BitField CONFIG       = bits(  3,  1, "Config",       "0xx abort, 100 bypass, 101 stage 1, 110 stage 2, 111 both");
    static final BitField S1FMT        = bits(  5,  4, "S1Fmt",        "CDs: 0 linear, 1 in tables of 64, 2 in tables of 1024");
    static final BitField S1CONTEXTPTR = bits( 51,  6, "S1ContextPtr", "CD or table of CDs; an IPA if stage 2 is on");
    static final BitField S1CDMAX      = bits( 63, 59, "S1CDMax",      "2^S1CDMax CDs; 0: no substreams");
    static final BitField S1DSS        = bits( 65, 64, "S1DSS",        "without SubstreamID: 0 terminate, 1 bypass stage 1, 2 substream 0");
    static final BitField S1CIR        = bits( 67, 66, "S1CIR",        "CD fetch, inner cacheability");
    static final BitField S1COR        = bits( 69, 68, "S1COR",        "CD fetch, outer cacheability");
    static final BitField S1CSH        = bits( 71, 70, "S1CSH",        "CD fetch, shareability");
    static final BitField S2HWU59      = bit (     72, "S2HWU59",      "bit 59 of stage-2 leaves is the hardware's");
    static final BitField S2HWU60      = bit (     73, "S2HWU60",      "bit 60 of stage-2 leaves is the hardware's");
    static final BitField S2HWU61      = bit (     74, "S2HWU61",      "bit 61 of stage-2 leaves is the hardware's");
    static final BitField S2HWU62      = bit (     75, "S2HWU62",      "bit 62 of stage-2 leaves is the hardware's");
    static final BitField DRE          = bit (     76, "DRE",          "destructive reads are allowed");
    static final BitField CONT         = bits( 80, 77, "CONT",         "hint: 2^CONT STEs are the same");
    static final BitField DCP          = bit (     81, "DCP",          "directed cache prefetch is allowed");
    static final BitField PPAR         = bit (     82, "PPAR",         "automatic PRI responses carry the PASID");
    static final BitField MEV          = bit (     83, "MEV",          "similar events may be merged");
    static final BitField SW_RESERVED  = bits( 87, 84, "SW_RESERVED",  "software's");
    static final BitField S1PIE        = bit (     88, "S1PIE",        "stage-1 permission indirection (v3.4)");
    static final BitField S2FWB        = bit (     89, "S2FWB",        "stage 2 decides the memory type");
    static final BitField S1MPAM       = bit (     90, "S1MPAM",       "MPAM ids come from the CD");
    static final BitField S1STALLD     = bit (     91, "S1STALLD",     "CDs may not ask for stalls");
    static final BitField EATS         = bits( 93, 92, "EATS",         "ATS: 0 refused, 1 full, 2 split-stage");
    static final BitField STRW         = bits( 95, 94, "STRW",         "StreamWorld: 0 EL1, 2 EL2");
    static final BitField MEMATTR      = bits( 99, 96, "MemAttr",      "memory type, if MTCFG");
    static final BitField MTCFG        = bit (    100, "MTCFG",        "MemAttr replaces the incoming type");
    static final BitField ALLOCCFG     = bits(104,101, "ALLOCCFG",     "0xxx incoming allocation hints, 1RWT these");
    static final BitField SHCFG        = bits(109,108, "SHCFG",        "0 non-shareable, 1 incoming, 2 outer, 3 inner");
    static final BitField NSCFG        = bits(111,110, "NSCFG",        "Secure streams only");
    static final BitField PRIVCFG      = bits(113,112, "PRIVCFG",      "0x incoming, 2 unprivileged, 3 privileged");
    static final BitField INSTCFG      = bits(115,114, "INSTCFG",      "of reads: 0x incoming, 2 data, 3 instruction");
    static final BitField S2VMID       = bits(143,128, "S2VMID",       "VMID, of stage 1 alone, too");
    static final BitField S2T0SZ       = bits(165,160, "S2T0SZ",       "stage-2 input has 64 - S2T0SZ bits");
    static final BitField S2SL0        = bits(167,166, "S2SL0",        "stage-2 start level, by granule");
    static final BitField S2IR0        = bits(169,168, "S2IR0",        "stage-2 walk, inner cacheability");
    static final BitField S2OR0        = bits(171,170, "S2OR0",        "stage-2 walk, outer cacheability");
    static final BitField S2SH0        = bits(173,172, "S2SH0",        "stage-2 walk, shareability");
    static final BitField S2TG         = bits(175,174, "S2TG",         "stage-2 granule: 0 4 KiB, 1 64 KiB, 2 16 KiB");
    static final BitField S2PS         = bits(178,176, "S2PS",         "stage-2 output: 0 to 6 = 32, 36, 40, 42, 44, 48, 52 bits");
    static final BitField S2AA64       = bit (    179, "S2AA64",       "stage-2 tables are VMSAv8-64");
    static final BitField S2ENDI       = bit (    180, "S2ENDI",       "stage-2 tables are big-endian");
    static final BitField S2AFFD       = bit (    181, "S2AFFD",       "no stage-2 access flag faults");
    static final BitField S2PTW        = bit (    182, "S2PTW",        "stage-1 walks must not meet Device memory");
    static final BitField S2HD         = bit (    183, "S2HD",         "hardware keeps stage-2 dirty state; needs S2HA");
    static final BitField S2HA         = bit (    184, "S2HA",         "hardware sets stage-2 access flags");
    static final BitField S2S          = bit (    185, "S2S",          "stage-2 faults stall");
    static final BitField S2R          = bit (    186, "S2R",          "stage-2 faults are recorded");
    static final BitField S2HAFT       = bit (    187, "S2HAFT",       "access flags of tables (v3.4)");
    static final BitField S2PIE        = bit (    188, "S2PIE",        "stage-2 permission indirection (v3.4)");
    static final BitField S2POE        = bit (    189, "S2POE",        "stage-2 permission overlay (v3.4)");
    static final BitField DPT_VMATCH   = bits(191,190, "DPT_VMATCH",   "VMID match of the device permission table");
    static final BitField S2NSW        = bit (    192, "S2NSW",        "Secure streams only");
    static final BitField S2NSA        = bit (    193, "S2NSA",        "Secure streams only");
    static final BitField S2SL0_2      = bit (    194, "S2SL0_2",      "with S2DS");
    static final BitField S2DS         = bit (    195, "S2DS",         "52-bit descriptors (v3.4)");
    static final BitField S2TTB        = bits(243,196, "S2TTB",        "stage-2 start table");
    static final BitField S2SKL        = bits(254,253, "S2SKL",        "skipped levels (v3.4)");
    static final BitField PARTID       = bits(287,272, "PARTID",       "MPAM partition");
    static final BitField S_S2T0SZ     = bits(293,288, "S_S2T0SZ",     "Secure streams only");
    static final BitField S_S2SL0      = bits(295,294, "S_S2SL0",      "Secure streams only");
    static final BitField S_S2TG       = bits(303,302, "S_S2TG",       "Secure streams only");
    static final BitField MECID        = bits(319,304, "MECID",        "memory encryption context");
    static final BitField PMG          = bits(327,320, "PMG",          "MPAM performance monitoring group");
    static final BitField MPAM_NS      = bit (    328, "MPAM_NS",      "Secure streams only");
    static final BitField ASSURED_ONLY = bit (    329, "AssuredOnly",  "v3.4");
    static final BitField TL0          = bit (    330, "TL0",          "v3.4");
    static final BitField TL1          = bit (    331, "TL1",          "v3.4");
    static final BitField VMSPTR       = bits(375,332, "VMSPtr",       "virtual machine structure");
    static final BitField S2SW         = bit (    384, "S2SW",         "Secure streams only");
    static final BitField S2SA         = bit (    385, "S2SA",         "Secure streams only");
    static final BitField S_S2SL0_2    = bit (    386, "S_S2SL0_2",    "Secure streams only");
    static final BitField S_S2TTB      = bits(435,388, "S_S2TTB",      "Secure streams only");
    static final BitField S_S2SKL      = bits(446,445, "S_S2SKL",      "Secure streams only");
    static final BitField S2POI        = bits(511,448, "S2POI",        "overlay permissions, 16 of 4 bits (v3.4)");

    static final BitLayout LAYOUT = BitLayout.layout("STE", "5.2", WORDS,
            V, CONFIG, S1FMT, S1CONTEXTPTR, S1CDMAX,
            S1DSS, S1CIR, S1COR, S1CSH, S2HWU59, S2HWU60, S2HWU61, S2HWU62, DRE, CONT, DCP, PPAR, MEV, SW_RESERVED, S1PIE, S2FWB,
            S1MPAM, S1STALLD, EATS, STRW, MEMATTR, MTCFG, ALLOCCFG, SHCFG, NSCFG, PRIVCFG, INSTCFG,
            S2VMID, S2T0SZ, S2SL0, S2IR0, S2OR0, S2SH0, S2TG, S2PS, S2AA64, S2ENDI, S2AFFD, S2PTW, S2HD, S2HA, S2S, S2R, S2HAFT,
            S2PIE, S2POE, DPT_VMATCH,
            S2NSW, S2NSA, S2SL0_2, S2DS, S2TTB, S2SKL,
            PARTID, S_S2T0SZ, S_S2SL0, S_S2TG, MECID,
            PMG, MPAM_NS, ASSURED_ONLY, TL0, TL1, VMSPTR,
            S2SW, S2SA, S_S2SL0_2, S_S2TTB, S_S2SKL,
            S2POI);
    // spotless:on

    private Ste() {}
}
