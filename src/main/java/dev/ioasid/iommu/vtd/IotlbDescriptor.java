package dev.ioasid.iommu.vtd;

import static dev.ioasid.memory.BitField.bit;
import static dev.ioasid.memory.BitField.bits;

import dev.ioasid.memory.BitField;
import dev.ioasid.memory.BitLayout;

/** IOTLB invalidate descriptor. VT-d 5.10, section 6.5.2.3. */
final class IotlbDescriptor {
    static final int TYPE = 2;

    static final int GLOBAL = 1;
    static final int DOMAIN = 2;
    static final int PAGE = 3;

    // spotless:off  columns are the point
    static final BitField T    = bits(  3,   0, "TYPE",  "2, with 11:9");
    static final BitField G    = bits(  5,   4, "G",     "1 global, 2 domain, 3 page in domain");
    static final BitField DW   = bit (       6, "DW",    "drain writes");
    static final BitField DR   = bit (       7, "DR",    "drain reads");
    static final BitField TH   = bits( 11,   9, "TYPEH", "0");
    static final BitField DID  = bits( 31,  16, "DID",   "domain id");
    static final BitField AM   = bits( 69,  64, "AM",    "2^AM pages of 4 KiB");
    static final BitField IH   = bit (      70, "IH",    "only leaves have changed");
    static final BitField ADDR = bits(127,  76, "ADDR",  "first page");
    // spotless:on
    static final BitLayout LAYOUT =
            BitLayout.layout("IOTLB invalidate descriptor", "6.5.2.3", 2, T, G, DW, DR, TH, DID, AM, IH, ADDR);

    private IotlbDescriptor() {}

    private static long head(int granularity, int domain) {
        return T.of(TYPE) | G.of(granularity) | DW.mask() | DR.mask() | DID.of(domain);
    }

    static long[] domain(int domain) {
        return new long[] {head(DOMAIN, domain), 0};
    }

    static long[] pages(int domain, long address, int addressMask, boolean leavesOnly) {
        return new long[] {head(PAGE, domain), AM.of(addressMask) | IH.of(leavesOnly ? 1 : 0) | ADDR.address(address)};
    }
}
