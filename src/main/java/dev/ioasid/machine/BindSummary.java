package dev.ioasid.machine;

import dev.ioasid.iommu.UserTable;

/**
 * A bind: a page table that the user keeps, installed on a route and nested on an IOASID.
 *
 * @param parent the id of that IOASID
 */
public record BindSummary(int id, Route route, int parent, UserTable table) {}
