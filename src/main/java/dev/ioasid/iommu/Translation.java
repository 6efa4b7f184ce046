package dev.ioasid.iommu;

import dev.ioasid.pagetable.Permissions;

/** What became of a request. */
public sealed interface Translation {
    /**
     * @param address where the request goes, host physical
     * @param pageSize bytes of the smallest page on the way
     * @param permissions what a requester of the asking kind may do with the page, all stages together
     */
    record Translated(long address, long pageSize, Permissions permissions) implements Translation {}

    record Faulted(Fault fault) implements Translation {}
}
