package dev.ioasid.iommu.smmuv3;

import dev.ioasid.iommu.Destination;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Requester;
import dev.ioasid.pagetable.IoPageTable;
import dev.ioasid.pagetable.Walked;
import org.jspecify.annotations.Nullable;

/**
 * Where the driver has led a route, and what its translations are tagged with.
 *
 * @param pasid {@link DmaRequest#NO_PASID}: requests without PASID
 * @param vmid 0 without stage 2
 * @param asid 0 where no CD of the driver's says one
 */
record Led(Requester requester, int pasid, Destination destination, int vmid, int asid) {
    /** The stage 2 that a route to {@code destination} goes through; null if it goes through none. */
    static @Nullable IoPageTable secondStage(Destination destination) {
        return switch (destination) {
            case Destination.Paged(var table) -> table.format().stage() == Walked.Stage.SECOND ? table : null;
            case Destination.Nested nested -> nested.parent();
            case Destination.PassThrough() -> null;
        };
    }

    /** Whether a user's table of CDs says what becomes of all PASIDs of the stream. */
    static boolean namesPasids(Destination destination) {
        return destination instanceof Destination.Nested nested
                && nested.table().namesPasids();
    }

    @Nullable
    IoPageTable secondStage() {
        return secondStage(destination);
    }

    boolean namesPasids() {
        return namesPasids(destination);
    }

    boolean isNested() {
        return destination instanceof Destination.Nested;
    }

    /** Whether the driver writes a CD for it. */
    boolean hasCd() {
        return switch (destination) {
            case Destination.Paged(var table) -> table.format().stage() == Walked.Stage.FIRST;
            case Destination.Nested nested -> !nested.table().namesPasids();
            case Destination.PassThrough() -> false;
        };
    }

    /** Whether its translations come from a table of the service's, or are combined with those of one. */
    boolean leadsThrough(IoPageTable table) {
        return secondStage() == table || destination instanceof Destination.Paged(var own) && own == table;
    }

    /** By which SubstreamID its CD is found: 0 without PASID. */
    int substreamId() {
        return pasid == DmaRequest.NO_PASID ? 0 : pasid;
    }

    int streamId() {
        return requester.sourceId();
    }
}
