package dev.ioasid.machine.lspci;

import dev.ioasid.iommu.Rid;

/**
 * A PCI function as lspci saw it.
 *
 * @param name vendor and device, without class, ids and revision
 * @param ats it has the ATS capability
 * @param pasidBits width of its PASIDs; 0: it has no PASID capability
 * @param pri it has the page request capability
 * @param bridge it is a bridge or a port
 * @param group its IOMMU group
 */
public record ListedFunction(
        Rid rid, String name, boolean ats, int pasidBits, boolean pri, boolean bridge, int group) {}
