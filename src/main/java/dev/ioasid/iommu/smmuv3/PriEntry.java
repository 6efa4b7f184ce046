package dev.ioasid.iommu.smmuv3;

import static dev.ioasid.memory.BitField.bit;
import static dev.ioasid.memory.BitField.bits;

import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.PageRequest;
import dev.ioasid.iommu.Rid;
import dev.ioasid.memory.BitField;
import dev.ioasid.memory.BitLayout;
import dev.ioasid.pagetable.Permissions;
import java.util.function.IntFunction;

/** An entry of the PRI queue, 16 bytes. IHI 0070, chapter 8. */
record PriEntry(long word0, long word1) {
    static final int WORDS = 2;
    static final int SIZE = WORDS * Long.BYTES;

    // spotless:off  columns are the point
    static final BitField STREAMID    = bits( 31,  0, "StreamID",    "StreamID");
    static final BitField SUBSTREAMID = bits( 51, 32, "SubstreamID", "SubstreamID, if SSV");
    static final BitField PRIV        = bit (     58, "Priv",        "privileged rights are asked for");
    static final BitField X           = bit (     59, "X",           "the right to execute is asked for");
    static final BitField R           = bit (     60, "R",           "the right to read is asked for");
    static final BitField W           = bit (     61, "W",           "the right to write is asked for");
    static final BitField LAST        = bit (     62, "Last",        "last of its group");
    static final BitField SSV         = bit (     63, "SSV",         "the request has a SubstreamID");
    static final BitField PRGINDEX    = bits( 72, 64, "PRGIndex",    "page request group");
    static final BitField ADDRESS     = bits(127, 76, "Address",     "page that is asked for");
    // spotless:on

    static final BitLayout LAYOUT = BitLayout.layout(
            "PRI queue entry", "8", WORDS, STREAMID, SUBSTREAMID, PRIV, X, R, W, LAST, SSV, PRGINDEX, ADDRESS);

    /**
     * A request as it is queued. Without a SubstreamID it asks neither for privileged rights nor for execution.
     *
     * @param substreams whether the unit has any: without, a PASID is not seen
     */
    static PriEntry of(PageRequest request, boolean substreams) {
        var wanted = request.permissions();
        boolean ssv = request.hasPasid() && substreams;
        long word0 = STREAMID.of(Integer.toUnsignedLong(request.sourceId()))
                | (ssv ? SUBSTREAMID.of(request.pasid()) | SSV.mask() : 0)
                | (wanted.read() ? R.mask() : 0)
                | (wanted.write() ? W.mask() : 0)
                | (wanted.execute() && ssv ? X.mask() : 0)
                | (wanted.privileged() && ssv ? PRIV.mask() : 0)
                | (request.last() ? LAST.mask() : 0);
        return new PriEntry(word0, PRGINDEX.of(request.group()) | ADDRESS.address(request.address()));
    }

    boolean hasSubstream() {
        return SSV.isSet(word0);
    }

    boolean isLast() {
        return LAST.isSet(word0);
    }

    /** As software reads it. */
    PageRequest request(IntFunction<Rid> requester) {
        int streamId = (int) STREAMID.get(word0);
        return new PageRequest(
                requester.apply(streamId),
                streamId,
                hasSubstream() ? (int) SUBSTREAMID.get(word0) : DmaRequest.NO_PASID,
                ADDRESS.address(word1),
                new Permissions(R.isSet(word0), W.isSet(word0), X.isSet(word0), PRIV.isSet(word0)),
                (int) PRGINDEX.get(word1),
                isLast());
    }
}
