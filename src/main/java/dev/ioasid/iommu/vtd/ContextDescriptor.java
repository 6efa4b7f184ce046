package dev.ioasid.iommu.vtd;

import static dev.ioasid.memory.BitField.bits;

import dev.ioasid.memory.BitField;
import dev.ioasid.memory.BitLayout;

/** Context-cache invalidate descriptor. VT-d 5.10, section 6.5.2.1. */
final class ContextDescriptor {
    static final int TYPE = 1;

    static final int GLOBAL = 1;
    static final int DOMAIN = 2;
    static final int DEVICE = 3;

    // spotless:off  columns are the point
    static final BitField T   = bits( 3,  0, "TYPE",  "1, with 11:9");
    static final BitField G   = bits( 5,  4, "G",     "1 global, 2 domain, 3 device");
    static final BitField TH  = bits(11,  9, "TYPEH", "0");
    static final BitField DID = bits(31, 16, "DID",   "domain id");
    static final BitField SID = bits(47, 32, "SID",   "source id");
    static final BitField FM  = bits(49, 48, "FM",    "bits of SID that do not matter: 0 none, 1 bit 2, 2 bits 2:1, 3 bits 2:0");
    // spotless:on
    static final BitLayout LAYOUT =
            BitLayout.layout("context-cache invalidate descriptor", "6.5.2.1", 2, T, G, TH, DID, SID, FM);

    private ContextDescriptor() {}

    static long[] device(int sourceId, int domain) {
        return new long[] {T.of(TYPE) | G.of(DEVICE) | DID.of(domain) | SID.of(sourceId), 0};
    }

    /** The bits of a source id that a function mask takes out. */
    static int masked(long functionMask) {
        return switch ((int) functionMask) {
            case 0 -> 0b000;
            case 1 -> 0b100;
            case 2 -> 0b110;
            default -> 0b111;
        };
    }
}
