package dev.ioasid.iommu;

import dev.ioasid.pagetable.Permissions;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A device asks for a page that it could not translate (PCIe PRI). Requests with the same group index of one device, up to the one that is
 * marked as the last, are a group, which is answered as a whole.
 *
 * @param sourceId by what the request arrives, see {@link Requester}
 * @param pasid {@link DmaRequest#NO_PASID} if it carries none
 * @param address of the page: a multiple of 4 KiB
 * @param permissions what the device wants to do with it; nothing, and the last: a stop marker, which nobody answers
 * @param group index of the group, 0 to 511
 * @param last of its group
 */
public record PageRequest(
        Rid rid, int sourceId, int pasid, long address, Permissions permissions, int group, boolean last) {
    /** Groups that a device can have open at a time. */
    public static final int GROUPS = 512;

    public boolean hasPasid() {
        return pasid != DmaRequest.NO_PASID;
    }

    /** Whether it only says that no request with its PASID will follow. */
    public boolean isStopMarker() {
        return last && hasPasid() && !permissions.read() && !permissions.write();
    }

    private record Group(int sourceId, int index) {}

    /**
     * Of what stood in a queue that has overflowed, the requests that somebody waits for, in their order: without those whose group has
     * lost its last one, which the unit has answered by itself. Stop markers stay.
     */
    public static List<PageRequest> ofWholeGroups(List<PageRequest> requests) {
        var ended = new HashSet<Group>();
        var kept = new ArrayList<PageRequest>();
        for (var request : requests.reversed()) {
            var group = new Group(request.sourceId, request.group);
            if (request.last && !request.isStopMarker()) {
                ended.add(group);
            }
            if (request.isStopMarker() || ended.contains(group)) {
                kept.add(request);
            }
        }
        return List.copyOf(kept.reversed());
    }

    /** What software, or a unit by itself, says to a group. PCIe, section 10.4.2.1. */
    public enum Response {
        /** The device may ask for the translation again. */
        SUCCESS,
        /** A page of the group is not there for the device. */
        INVALID,
        /** Something is broken. PCIe has the device ask for pages no more; here it gives up the DMA, and may ask again. */
        FAILURE
    }

    /** What becomes of a request at the unit. */
    public sealed interface Outcome {
        /** It stands in the queue. */
        record Queued() implements Outcome {}

        /** Why it is not let in, if that is a fault; null otherwise. */
        default @Nullable Fault fault() {
            return null;
        }

        /** The unit has answered the group by itself. */
        record Answered(Response response, @Nullable Fault fault) implements Outcome {
            public Answered(Response response) {
                this(response, null);
            }
        }

        /** Nobody will answer it: it was not the last of its group, or a stop marker. */
        record Dropped(@Nullable Fault fault) implements Outcome {
            public Dropped() {
                this(null);
            }
        }
    }
}
