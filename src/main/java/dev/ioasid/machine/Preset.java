package dev.ioasid.machine;

/** What a machine is born with. */
public enum Preset {
    /** Memory and nothing else. */
    EMPTY,
    /** One managed VT-d unit, {@code iommu0}. */
    VTD,
    /** One managed SMMUv3, {@code iommu0}. */
    SMMUV3,
    /** One managed VT-d unit and the worked topology: one device with three work queues for two VMs, a second for one. */
    SIOV
}
