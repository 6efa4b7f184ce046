package dev.ioasid.iommu;

/**
 * One request as it arrives from the bus.
 *
 * @param pasid 20 bits, or {@link #NO_PASID} if the request carries no PASID prefix
 * @param iova of a translated request the address that a translation gave
 * @param privileged the prefix asks for supervisor rights; false without a PASID
 * @param noWrite of a translation request: the device does not want to write
 */
public record DmaRequest(Rid rid, int pasid, long iova, Access access, boolean privileged, Kind kind, boolean noWrite) {
    public static final int NO_PASID = -1;

    /** What its address is (AT). */
    public enum Kind {
        /** An address to be translated on the way. */
        UNTRANSLATED,
        /** Asks for the translation of an address and moves nothing. */
        TRANSLATION_REQUEST,
        /** An address that was translated before. */
        TRANSLATED
    }

    /** An untranslated request. */
    public DmaRequest(Rid rid, int pasid, long iova, Access access, boolean privileged) {
        this(rid, pasid, iova, access, privileged, Kind.UNTRANSLATED, false);
    }

    public boolean hasPasid() {
        return pasid != NO_PASID;
    }
}
