package dev.ioasid.iommu.vtd;

import static dev.ioasid.memory.BitField.bit;
import static dev.ioasid.memory.BitField.bits;

import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.PageRequest;
import dev.ioasid.iommu.Rid;
import dev.ioasid.memory.BitField;
import dev.ioasid.memory.BitLayout;
import dev.ioasid.pagetable.Permissions;
import org.jspecify.annotations.Nullable;

/** Page request descriptor, 32 bytes, as it stands in the page request queue. VT-d 5.10, section 7.5.1. */
final class PageRequestDescriptor {
    static final int SIZE = 32;
    static final int TYPE = 1;

    // spotless:off  columns are the point
    static final BitField T     = bits(  7,  0, "TYPE",  "1");
    static final BitField PP    = bit (      8, "PP",    "the request has a PASID");
    static final BitField RID   = bits( 31, 16, "RID",   "who asks");
    static final BitField PASID = bits( 51, 32, "PASID", "PASID, if PP is set");
    static final BitField EXR   = bit (     52, "EXR",   "wants to execute");
    static final BitField PMR   = bit (     53, "PMR",   "privileged");
    static final BitField RDR   = bit (     64, "RDR",   "wants to read");
    static final BitField WRR   = bit (     65, "WRR",   "wants to write");
    static final BitField LPIG  = bit (     66, "LPIG",  "the last of its group");
    static final BitField PRGI  = bits( 75, 67, "PRGI",  "page request group index");
    static final BitField ADDR  = bits(127, 76, "ADDR",  "page");
    // spotless:on
    static final BitLayout LAYOUT = BitLayout.layout(
            "page request descriptor", "7.5.1", 4, T, PP, RID, PASID, EXR, PMR, RDR, WRR, LPIG, PRGI, ADDR);

    private PageRequestDescriptor() {}

    /** The words that are not always 0. What only a PASID prefix can say is 0 without one. */
    static long[] of(PageRequest request) {
        var wanted = request.permissions();
        long tagged = !request.hasPasid()
                ? 0
                : PP.mask()
                        | PASID.of(request.pasid())
                        | EXR.of(wanted.execute() ? 1 : 0)
                        | PMR.of(wanted.privileged() ? 1 : 0);
        return new long[] {
            T.of(TYPE) | RID.of(request.sourceId()) | tagged,
            RDR.of(wanted.read() ? 1 : 0)
                    | WRR.of(wanted.write() ? 1 : 0)
                    | LPIG.of(request.last() ? 1 : 0)
                    | PRGI.of(request.group())
                    | ADDR.address(request.address())
        };
    }

    /** Reads a descriptor's first two words; null if it is none of a page request. */
    static @Nullable PageRequest decode(int segment, long word0, long word1) {
        if (T.get(word0) != TYPE) {
            return null;
        }
        int sourceId = (int) RID.get(word0);
        boolean tagged = PP.isSet(word0);
        return new PageRequest(
                Rid.ofSourceId(segment, sourceId),
                sourceId,
                tagged ? (int) PASID.get(word0) : DmaRequest.NO_PASID,
                ADDR.address(word1),
                new Permissions(
                        RDR.isSet(word1), WRR.isSet(word1), tagged && EXR.isSet(word0), tagged && PMR.isSet(word0)),
                (int) PRGI.get(word1),
                LPIG.isSet(word1));
    }
}
