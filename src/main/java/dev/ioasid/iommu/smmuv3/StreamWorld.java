package dev.ioasid.iommu.smmuv3;

/** Whose translations a stream uses: TLB entries of one never answer another. IHI 0070, section 3.3.4. */
enum StreamWorld {
    /** EL1 and EL0 of a virtual machine, by VMID. */
    EL1,
    /** EL1's stage 2 alone: intermediate addresses, by VMID. */
    STAGE_2,
    /** EL2, which has one half of addresses and one privilege. */
    EL2,
    /** EL2 with both halves and both privileges (CR2.E2H). */
    EL2_E2H
}
