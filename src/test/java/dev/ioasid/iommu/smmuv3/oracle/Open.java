package dev.ioasid.iommu.smmuv3.oracle;

/** Questions that the specification leaves open: with one of these the oracle answers them the other way. */
public enum Open {
    /** A stage 1 descriptor is updated although stage 2 then refuses the access itself (F_PERMISSION). */
    STAGE_1_UPDATED_THOUGH_STAGE_2_REFUSES,
    /** A stage 1 descriptor is not updated if stage 2 then faults on the access itself in another way. */
    STAGE_1_NOT_UPDATED_WHEN_STAGE_2_FAULTS
}
