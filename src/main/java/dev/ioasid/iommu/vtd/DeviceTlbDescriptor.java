package dev.ioasid.iommu.vtd;

import static dev.ioasid.memory.BitField.bit;
import static dev.ioasid.memory.BitField.bits;

import dev.ioasid.memory.BitField;
import dev.ioasid.memory.BitLayout;

/** Device-TLB invalidate descriptor, for requests without PASID. VT-d 5.10, section 6.5.2.5. */
final class DeviceTlbDescriptor {
    static final int TYPE = 3;

    // spotless:off  columns are the point
    static final BitField T      = bits(  3,   0, "TYPE",   "3, with 11:9");
    static final BitField TH     = bits( 11,   9, "TYPEH",  "0");
    static final BitField PFSIDL = bits( 15,  12, "PFSIDL", "physical function, low bits");
    static final BitField MIP    = bits( 20,  16, "MIP",    "most invalidations pending");
    static final BitField SID    = bits( 47,  32, "SID",    "source id");
    static final BitField PFSIDH = bits( 63,  52, "PFSIDH", "physical function, high bits");
    static final BitField S      = bit (      64, "S",      "the address says how many pages");
    static final BitField ADDR   = bits(127,  76, "ADDR",   "first page; with S the lowest 0 bit ends the size");
    // spotless:on
    static final BitLayout LAYOUT = BitLayout.layout(
            "device-TLB invalidate descriptor", "6.5.2.5", 2, T, TH, PFSIDL, MIP, SID, PFSIDH, S, ADDR);

    private DeviceTlbDescriptor() {}

    static long[] of(int sourceId, AtsRange range) {
        return new long[] {T.of(TYPE) | SID.of(sourceId), S.of(range.several() ? 1 : 0) | range.encoded()};
    }
}
