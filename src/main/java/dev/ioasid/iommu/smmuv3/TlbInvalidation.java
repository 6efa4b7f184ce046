package dev.ioasid.iommu.smmuv3;

/** placeholder */
record TlbInvalidation(
        Scope scope,
        int vmid,
        int vmidMask,
        int asid,
        long first,
        long last,
        int granule,
        int level,
        boolean leafOnly) {
    enum Scope {
        NH_ALL,
        NH_ASID,
        NH_VA,
        NH_VAA,
        EL2_ALL,
        EL2_ASID,
        EL2_VA,
        EL2_VAA,
        S2_IPA,
        S12_VMALL,
        NSNH_ALL
    }
}
