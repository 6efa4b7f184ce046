package dev.ioasid.iommu.vtd;

import static dev.ioasid.memory.BitField.bit;
import static dev.ioasid.memory.BitField.bits;

import dev.ioasid.iommu.PageRequest;
import dev.ioasid.iommu.PageRequest.Response;
import dev.ioasid.memory.BitField;
import dev.ioasid.memory.BitLayout;

/** Page group response descriptor. VT-d 5.10, section 7.7.1. */
final class PageGroupResponse {
    static final int TYPE = 9;

    private static final int SUCCESS = 0;
    private static final int INVALID_REQUEST = 1;
    private static final int RESPONSE_FAILURE = 0xf;

    // spotless:off  columns are the point
    static final BitField T     = bits( 3,  0, "TYPE",  "9, with 11:9");
    static final BitField PP    = bit (     4, "PP",    "the request had a PASID");
    static final BitField TH    = bits(11,  9, "TYPEH", "0");
    static final BitField RC    = bits(15, 12, "RC",    "0 success, 1 invalid request, 15 response failure");
    static final BitField RID   = bits(31, 16, "RID",   "who asked");
    static final BitField PASID = bits(51, 32, "PASID", "PASID");
    static final BitField IGN   = bit (    66, "IGN",   "ignored (was LPIG)");
    static final BitField PRGI  = bits(75, 67, "PRGI",  "page request group index");
    // spotless:on
    static final BitLayout LAYOUT =
            BitLayout.layout("page group response descriptor", "7.7.1", 4, T, PP, TH, RC, RID, PASID, IGN, PRGI);

    private PageGroupResponse() {}

    static long[] of(PageRequest last, Response response) {
        long code = switch (response) {
            case SUCCESS -> SUCCESS;
            case INVALID -> INVALID_REQUEST;
            case FAILURE -> RESPONSE_FAILURE;
        };
        return new long[] {
            T.of(TYPE)
                    | RC.of(code)
                    | RID.of(last.sourceId())
                    | (last.hasPasid() ? PP.mask() | PASID.of(last.pasid()) : 0),
            PRGI.of(last.group())
        };
    }

    /** What the device makes of the code: one that means nothing is a failure to it. PCIe, section 10.4.2.1. */
    static Response response(long word0) {
        return switch ((int) RC.get(word0)) {
            case SUCCESS -> Response.SUCCESS;
            case INVALID_REQUEST -> Response.INVALID;
            default -> Response.FAILURE;
        };
    }
}
