package dev.ioasid.iommu;

/**
 * One untranslated request as it arrives from the bus.
 *
 * @param pasid 20 bits, or {@link #NO_PASID} if the request carries no PASID prefix
 * @param privileged the prefix asks for supervisor rights; false without a PASID
 */
public record DmaRequest(Rid rid, int pasid, long iova, Access access, boolean privileged) {
    public static final int NO_PASID = -1;

    public boolean hasPasid() {
        return pasid != NO_PASID;
    }
}
