package dev.ioasid.iommu;

/** The architecture of a unit. */
public enum IommuType {
    /** Intel VT-d. */
    VTD,
    /** Arm SMMUv3. */
    SMMUV3
}
