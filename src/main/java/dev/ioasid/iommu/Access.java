package dev.ioasid.iommu;

/** What a request wants to do with the memory at its address. */
public enum Access {
    READ,
    WRITE,
    EXECUTE
}
