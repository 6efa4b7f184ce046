package dev.ioasid.iommu.vtd;

import static dev.ioasid.memory.BitField.bit;
import static dev.ioasid.memory.BitField.bits;

import dev.ioasid.memory.BitField;
import dev.ioasid.memory.BitLayout;

/** PASID-based device-TLB invalidate descriptor. VT-d 5.10, section 6.5.2.6. */
final class PasidDeviceTlbDescriptor {
    static final int TYPE = 8;

    // spotless:off  columns are the point
    static final BitField T      = bits(  3,   0, "TYPE",   "8, with 11:9");
    static final BitField MIP    = bits(  8,   4, "MIP",    "most invalidations pending");
    static final BitField TH     = bits( 11,   9, "TYPEH",  "0");
    static final BitField PFSIDL = bits( 15,  12, "PFSIDL", "physical function, low bits");
    static final BitField SID    = bits( 31,  16, "SID",    "source id");
    static final BitField PASID  = bits( 51,  32, "PASID",  "PASID");
    static final BitField PFSIDH = bits( 63,  52, "PFSIDH", "physical function, high bits");
    static final BitField GI     = bit (      64, "GI",     "every PASID");
    static final BitField S      = bit (      75, "S",      "the address says how many pages");
    static final BitField ADDR   = bits(127,  76, "ADDR",   "first page; with S the lowest 0 bit ends the size");
    // spotless:on
    static final BitLayout LAYOUT = BitLayout.layout(
            "PASID-based device-TLB invalidate descriptor",
            "6.5.2.6",
            4,
            T,
            MIP,
            TH,
            PFSIDL,
            SID,
            PASID,
            PFSIDH,
            GI,
            S,
            ADDR);

    private PasidDeviceTlbDescriptor() {}

    static long[] of(int sourceId, int pasid, AtsRange range) {
        return new long[] {
            T.of(TYPE) | SID.of(sourceId) | PASID.of(pasid), S.of(range.several() ? 1 : 0) | range.encoded(), 0, 0
        };
    }
}
