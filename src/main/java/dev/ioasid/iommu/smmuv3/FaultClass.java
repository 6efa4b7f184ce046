package dev.ioasid.iommu.smmuv3;

/** What the unit was doing when a fault was met: CLASS of an event record. IHI 0070, section 7.3. */
public enum FaultClass {
    /** Fetching a CD, or the L1CD that leads to it. */
    CD,
    /** Fetching or updating a stage-1 descriptor. */
    TT,
    /** Translating the address of the transaction, or what stage 1 has made of it. */
    IN
}
