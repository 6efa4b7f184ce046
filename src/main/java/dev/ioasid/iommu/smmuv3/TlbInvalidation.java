package dev.ioasid.iommu.smmuv3;

/**
 * What a TLB invalidation forgets, at least. Addresses are inclusive; what a scope does not name is 0, or every address.
 *
 * @param vmid compared under {@code vmidMask}
 * @param vmidMask VMID bits that are compared: those that the unit has, without those that CR0.VMW ignores; 0 without stage 2
 * @param asid of EL2_VA it matters to entries of EL2&amp;0 only
 * @param first with no granule, an address in the entry
 * @param granule of the tables, log2: 12, 14 or 16; 0: any
 * @param level Arm's level of the leaf, 1 to 3; 0: any
 * @param leafOnly nothing that leads to tables need be forgotten
 */
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

    /** Which entries. */
    enum Scope {
        /** EL1, of the VMID: stage 1, alone or with stage 2. */
        NH_ALL,
        /** Of these, those that are not global and have the ASID. */
        NH_ASID,
        /** Of these, those that have the address, and are global or have the ASID. */
        NH_VA,
        /** Of these, those that have the address. */
        NH_VAA,
        /** EL2 and EL2&amp;0. */
        EL2_ALL,
        /** Of EL2&amp;0, those that are not global and have the ASID. */
        EL2_ASID,
        EL2_VA,
        EL2_VAA,
        /** Stage 2 alone, of the VMID, those that have the intermediate address. */
        S2_IPA,
        /** EL1, of the VMID, both stages. */
        S12_VMALL,
        /** EL1, every VMID, both stages. */
        NSNH_ALL
    }
}
