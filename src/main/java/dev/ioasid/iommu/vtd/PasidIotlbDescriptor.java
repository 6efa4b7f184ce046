package dev.ioasid.iommu.vtd;

import static dev.ioasid.memory.BitField.bit;
import static dev.ioasid.memory.BitField.bits;

import dev.ioasid.memory.BitField;
import dev.ioasid.memory.BitLayout;

/** PASID-based IOTLB invalidate descriptor. VT-d 5.10, section 6.5.2.4. */
final class PasidIotlbDescriptor {
    static final int TYPE = 6;

    static final int PASID_SELECTIVE = 2;
    static final int PAGE = 3;

    // spotless:off  columns are the point
    static final BitField T     = bits(  3,   0, "TYPE",  "6, with 11:9");
    static final BitField G     = bits(  5,   4, "G",     "2 PASID, 3 page in PASID");
    static final BitField TH    = bits( 11,   9, "TYPEH", "0");
    static final BitField DID   = bits( 31,  16, "DID",   "domain id");
    static final BitField PASID = bits( 51,  32, "PASID", "PASID");
    static final BitField AM    = bits( 69,  64, "AM",    "2^AM pages of 4 KiB");
    static final BitField IH    = bit (      70, "IH",    "only leaves have changed");
    static final BitField ADDR  = bits(127,  76, "ADDR",  "first page");
    // spotless:on
    static final BitLayout LAYOUT = BitLayout.layout(
            "PASID-based IOTLB invalidate descriptor", "6.5.2.4", 4, T, G, TH, DID, PASID, AM, IH, ADDR);

    private PasidIotlbDescriptor() {}

    private static long head(int granularity, int domain, int pasid) {
        return T.of(TYPE) | G.of(granularity) | DID.of(domain) | PASID.of(pasid);
    }

    static long[] all(int domain, int pasid) {
        return new long[] {head(PASID_SELECTIVE, domain, pasid), 0, 0, 0};
    }

    static long[] pages(int domain, int pasid, long address, int addressMask, boolean leavesOnly) {
        return new long[] {
            head(PAGE, domain, pasid), AM.of(addressMask) | IH.of(leavesOnly ? 1 : 0) | ADDR.address(address), 0, 0
        };
    }
}
