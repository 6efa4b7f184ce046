package dev.ioasid.iommu;

import dev.ioasid.pagetable.IoPageTable;

/** Where a route leads. */
public sealed interface Destination {
    /** Through a page table that the service keeps. */
    record Paged(IoPageTable table) implements Destination {}

    /** Straight to the address that the request has. */
    record PassThrough() implements Destination {}
}
