package dev.ioasid.iommu;

import dev.ioasid.pagetable.IoPageTable;

/** Where a route leads. */
public sealed interface Destination {
    /** Through a page table that the service keeps. */
    record Paged(IoPageTable table) implements Destination {}

    /**
     * Through a page table that the user keeps, every address of which goes through {@code parent}.
     *
     * @param domain whose translations they are: the same object, the same domain
     */
    record Nested(Object domain, IoPageTable parent, UserTable table) implements Destination {}

    /** Straight to the address that the request has. */
    record PassThrough() implements Destination {}
}
