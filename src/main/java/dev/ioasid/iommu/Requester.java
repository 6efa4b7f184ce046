package dev.ioasid.iommu;

/**
 * A device as its IOMMU sees it.
 *
 * @param rid what the device is called
 * @param sourceId by what its requests arrive: VT-d's source id, which is {@link Rid#sourceId}; SMMUv3's StreamID
 * @param pasidBits width of the PASIDs it may use; 0: none
 * @param ats it may ask for translations ahead of its DMA
 * @param pri it may ask for pages
 */
public record Requester(Rid rid, int sourceId, int pasidBits, boolean ats, boolean pri) {
    /** A device of segment 0 that its RID stands for. */
    public Requester(int sourceId, int pasidBits, boolean ats, boolean pri) {
        this(Rid.ofSourceId(0, sourceId), sourceId, pasidBits, ats, pri);
    }
}
