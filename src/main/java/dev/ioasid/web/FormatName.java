package dev.ioasid.web;

/** How a table is written. An IOASID's is a page table; a bind's may also be a table of context descriptors, of an SMMUv3. */
enum FormatName {
    VTD_SECOND_STAGE,
    X86_64,
    ARMV8_STAGE1,
    ARMV8_STAGE2,
    SMMUV3_CD_TABLE
}
