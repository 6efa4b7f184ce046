package dev.ioasid.machine;

import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Rid;

/**
 * What leads to an IOASID: a RID for requests without PASID, or a RID and a PASID.
 *
 * @param pasid 1 to 2^20 - 1, or {@link DmaRequest#NO_PASID}
 */
public record Route(Rid rid, int pasid) implements Comparable<Route> {
    public static Route of(Rid rid) {
        return new Route(rid, DmaRequest.NO_PASID);
    }

    public boolean hasPasid() {
        return pasid != DmaRequest.NO_PASID;
    }

    @Override
    public int compareTo(Route other) {
        int byRid = rid.compareTo(other.rid);
        return byRid != 0 ? byRid : Integer.compare(pasid, other.pasid);
    }

    @Override
    public String toString() {
        return hasPasid() ? rid + " pasid " + pasid : rid.toString();
    }
}
