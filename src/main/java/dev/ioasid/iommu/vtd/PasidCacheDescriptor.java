package dev.ioasid.iommu.vtd;

import static dev.ioasid.memory.BitField.bits;

import dev.ioasid.memory.BitField;
import dev.ioasid.memory.BitLayout;

/** PASID-cache invalidate descriptor. VT-d 5.10, section 6.5.2.2. */
final class PasidCacheDescriptor {
    static final int TYPE = 7;

    static final int DOMAIN = 0;
    static final int PASID_SELECTIVE = 1;
    static final int GLOBAL = 3;

    // spotless:off  columns are the point
    static final BitField T     = bits( 3,  0, "TYPE",  "7, with 11:9");
    static final BitField G     = bits( 5,  4, "G",     "0 domain, 1 PASID in domain, 3 global");
    static final BitField TH    = bits(11,  9, "TYPEH", "0");
    static final BitField DID   = bits(31, 16, "DID",   "domain id");
    static final BitField PASID = bits(51, 32, "PASID", "PASID");
    // spotless:on
    static final BitLayout LAYOUT =
            BitLayout.layout("PASID-cache invalidate descriptor", "6.5.2.2", 4, T, G, TH, DID, PASID);

    private PasidCacheDescriptor() {}

    static long[] pasid(int domain, int pasid) {
        return new long[] {T.of(TYPE) | G.of(PASID_SELECTIVE) | DID.of(domain) | PASID.of(pasid), 0, 0, 0};
    }

    static long[] domain(int domain) {
        return new long[] {T.of(TYPE) | G.of(DOMAIN) | DID.of(domain), 0, 0, 0};
    }
}
