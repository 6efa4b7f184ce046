package dev.ioasid.pagetable;

import static dev.ioasid.memory.BitField.bit;
import static dev.ioasid.memory.BitField.bits;

import dev.ioasid.memory.BitField;
import dev.ioasid.memory.BitLayout;

/** Translation table descriptors of Arm's VMSAv8-64, 8 bytes. Arm ARM, section D8.3; what an SMMUv3 of up to 3.3 reads of them. */
public final class VmsaDescriptor {
    // spotless:off  columns are the point
    public static final BitField VALID    = bit (     0, "VALID",    "the entry means something");
    /** Above the last level: 1 a table, 0 a block. At the last level it must be 1. */
    public static final BitField TABLE    = bit (     1, "TABLE",    "table; 0: block. 1 in a page");
    public static final BitField ATTRINDX = bits( 4,  2, "AttrIndx", "which attribute of MAIR");
    public static final BitField NS       = bit (     5, "NS",       "ignored for non-secure streams");
    public static final BitField AP1      = bit (     6, "AP[1]",    "unprivileged requests may, too");
    public static final BitField AP2      = bit (     7, "AP[2]",    "read-only");
    public static final BitField SH       = bits( 9,  8, "SH",       "0 none, 2 outer, 3 inner shareable");
    public static final BitField AF       = bit (    10, "AF",       "accessed");
    public static final BitField NG       = bit (    11, "nG",       "only for the ASID");
    public static final BitField NT       = bit (    16, "nT",       "block being changed");
    public static final BitField OA       = bits(47, 12, "OA",       "output address; of 64 KiB pages 15:12 are its 51:48");
    public static final BitField GP       = bit (    50, "GP",       "guarded, ignored");
    public static final BitField DBM      = bit (    51, "DBM",      "a write makes it writable");
    public static final BitField CONT     = bit (    52, "Contiguous", "one of a run with the same attributes");
    public static final BitField PXN      = bit (    53, "PXN",      "privileged requests may not execute");
    public static final BitField UXN      = bit (    54, "UXN",      "unprivileged requests may not execute");
    public static final BitField SW       = bits(58, 55, "SW",       "software's");
    public static final BitField PXNTABLE = bit (    59, "PXNTable", "PXN for all below");
    public static final BitField UXNTABLE = bit (    60, "UXNTable", "UXN for all below");
    public static final BitField APTABLE1 = bit (    61, "APTable[0]", "no unprivileged access below");
    public static final BitField APTABLE2 = bit (    62, "APTable[1]", "no writes below");
    public static final BitField NSTABLE  = bit (    63, "NSTable",  "ignored for non-secure streams");
    public static final BitField MEMATTR  = bits( 5,  2, "MemAttr",  "memory type of stage 2");
    public static final BitField S2AP_R   = bit (     6, "S2AP[0]",  "reads");
    public static final BitField S2AP_W   = bit (     7, "S2AP[1]",  "writes");
    public static final BitField XN       = bits(54, 53, "XN",       "0 all may execute, 1 EL0, 2 none, 3 EL1");
    // spotless:on
    public static final BitLayout STAGE1_LEAF = BitLayout.layout(
            "stage 1 descriptor",
            "D8.3.1",
            1,
            VALID,
            TABLE,
            ATTRINDX,
            NS,
            AP1,
            AP2,
            SH,
            AF,
            NG,
            OA,
            GP,
            DBM,
            CONT,
            PXN,
            UXN,
            SW);
    public static final BitLayout STAGE1_TABLE = BitLayout.layout(
            "stage 1 table descriptor", "D8.3.1", 1, VALID, TABLE, OA, PXNTABLE, UXNTABLE, APTABLE1, APTABLE2, NSTABLE);
    public static final BitLayout STAGE2_LEAF = BitLayout.layout(
            "stage 2 descriptor", "D8.3.2", 1, VALID, TABLE, MEMATTR, S2AP_R, S2AP_W, SH, AF, OA, DBM, CONT, XN, SW);
    public static final BitLayout STAGE2_TABLE =
            BitLayout.layout("stage 2 table descriptor", "D8.3.2", 1, VALID, TABLE, OA);

    private VmsaDescriptor() {}
}
