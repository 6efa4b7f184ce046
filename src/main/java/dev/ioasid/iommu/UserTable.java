package dev.ioasid.iommu;

/**
 * A page table that the user keeps in memory.
 *
 * @param format by its name in requests
 * @param addressWidth bits of its input
 * @param levels how many tables a walk goes through
 * @param root where it begins: an address in the space that it is nested on
 */
public record UserTable(String format, int addressWidth, int levels, long root) {}
