package dev.ioasid.iommu.vtd;

import static dev.ioasid.memory.BitField.bit;
import static dev.ioasid.memory.BitField.bits;

import dev.ioasid.memory.BitField;
import dev.ioasid.memory.BitLayout;

/** Scalable-mode context entry, 32 bytes, one for each device and function of half a bus. VT-d 5.10, section 9.4. */
final class ScalableContextEntry {
    static final int SIZE = 32;

    /** A directory of PDTS = 0 reaches PASIDs of so many bits; each further PDTS doubles that. */
    static final int SMALLEST_PASID_BITS = 13;

    // spotless:off  columns are the point
    static final BitField P           = bit (      0, "P",           "present");
    static final BitField FPD         = bit (      1, "FPD",         "faults are not recorded; also where P is 0");
    static final BitField DTE         = bit (      2, "DTE",         "device-TLB: translation requests are answered");
    static final BitField PASIDE      = bit (      3, "PASIDE",      "requests with PASID are allowed");
    static final BitField PRE         = bit (      4, "PRE",         "page requests are allowed");
    static final BitField HPTE        = bit (      5, "HPTE",        "host permission table");
    static final BitField EPTR        = bit (      6, "EPTR",        "PASIDs in translated requests");
    static final BitField PDTS        = bits(11,   9, "PDTS",        "the PASID directory has 2^(PDTS + 7) entries");
    static final BitField PASIDDIRPTR = bits(63,  12, "PASIDDIRPTR", "PASID directory");
    static final BitField RID_PASID   = bits(83,  64, "RID_PASID",   "PASID of requests without one");
    static final BitField RID_PRIV    = bit (     84, "RID_PRIV",    "privilege of requests without PASID");
    // spotless:on
    static final BitLayout LAYOUT = BitLayout.layout(
            "scalable-mode context entry",
            "9.4",
            4,
            P,
            FPD,
            DTE,
            PASIDE,
            PRE,
            HPTE,
            EPTR,
            PDTS,
            PASIDDIRPTR,
            RID_PASID,
            RID_PRIV);

    private ScalableContextEntry() {}

    /** Bits of word 0 that must be zero: unnamed ones and those whose capability is missing. */
    static long reserved0(VtdCapabilities capabilities) {
        return LAYOUT.reserved(0)
                | capabilities.missing(Ecap.DT, DTE)
                | capabilities.missing(Ecap.PASID, PASIDE)
                | capabilities.missing(Ecap.PRS, PRE)
                | HPTE.mask() // host permission tables are not modelled
                | EPTR.mask()
                | capabilities.beyondHost();
    }

    static long reserved1(VtdCapabilities capabilities) {
        return LAYOUT.reserved(1)
                | capabilities.missing(Ecap.RPS, RID_PASID)
                | capabilities.missing(Ecap.RPRIVS, RID_PRIV);
    }

    static long address(long contextTable, int sourceId) {
        return contextTable + (sourceId & 0x7fL) * SIZE;
    }

    /** Width of the PASIDs that the entry's directory reaches. */
    static int pasidBits(long word0) {
        return (int) PDTS.get(word0) + SMALLEST_PASID_BITS;
    }
}
