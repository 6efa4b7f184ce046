package dev.ioasid.machine.lspci;

import dev.ioasid.iommu.Rid;

/**
 * A PCI function as lspci saw it.
 *
 * @param name vendor and device in words, as a person would call it
 * @param ats it has the Address Translation Service capability
 * @param pasidBits width of its PASIDs, 0 to 20; 0 for a function without the PASID capability
 * @param pri it has the Page Request Interface capability
 * @param bridge it leads to another bus and counts in its group without DMA of its own
 * @param group the IOMMU group, from 0
 */
public record ListedFunction(
        Rid rid, String name, boolean ats, int pasidBits, boolean pri, boolean bridge, int group) {}
