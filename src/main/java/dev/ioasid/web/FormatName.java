package dev.ioasid.web;

/** How a page table is written. */
enum FormatName {
    VTD_SECOND_STAGE,
    X86_64,
    ARMV8_STAGE1,
    ARMV8_STAGE2
}
