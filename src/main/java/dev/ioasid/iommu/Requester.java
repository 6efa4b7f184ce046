package dev.ioasid.iommu;

/**
 * A device as its IOMMU sees it.
 *
 * @param sourceId bus, device and function, as in {@link Rid#sourceId}
 * @param pasidBits width of the PASIDs it may use; 0: none
 * @param ats it may ask for translations ahead of its DMA
 * @param pri it may ask for pages
 */
public record Requester(int sourceId, int pasidBits, boolean ats, boolean pri) {}
