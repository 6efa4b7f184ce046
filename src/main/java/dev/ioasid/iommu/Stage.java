package dev.ioasid.iommu;

/** Which translation a step or a fault belongs to: the first (device address in) or the second (guest physical in). */
public enum Stage {
    FIRST,
    SECOND
}
