package dev.ioasid.machine;

/** What an IOASID does with an address. */
public enum IoasidType {
    /** Translates by a page table that map and unmap change. */
    PAGING,
    /** Leaves it as it is. */
    IDENTITY,
    /** Refuses it. */
    BLOCKED,
    /** Translates by the page table of a process. */
    SVA
}
