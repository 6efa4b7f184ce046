package dev.ioasid.machine;

import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Fault;
import dev.ioasid.iommu.RecordedRequest;
import dev.ioasid.iommu.Rid;
import dev.ioasid.pagetable.Permissions;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Something that a command has done, or that came about while it was done. What is refused, and what changes nothing, makes no event.
 *
 * <p>An event follows from the command and the state before, as all else does: it has no time.
 */
public sealed interface MachineEvent {
    /** Bytes that one takes in memory, about, if nothing in it is of the user's length. */
    int USUAL_WEIGHT = 256;

    /** Bytes that it takes in memory, about. */
    default int weight() {
        return USUAL_WEIGHT;
    }

    /** The device that it is about; null if it is about none, or about any. */
    default @Nullable Rid rid() {
        return null;
    }

    /** Whether it is about an IOASID. */
    default boolean concerns(int ioasid) {
        return false;
    }

    /** Whether it is about the whole machine, so that no reader is to be spared it. */
    default boolean concernsAll() {
        return false;
    }

    private static int weight(@Nullable String text) {
        return text == null ? 0 : 2 * text.length();
    }

    /** An event about a route. */
    sealed interface OfRoute extends MachineEvent {
        Route route();

        @Override
        default Rid rid() {
            return route().rid();
        }
    }

    record IommuCreated(IommuSummary iommu) implements MachineEvent {
        @Override
        public int weight() {
            return 4 * USUAL_WEIGHT; // the capabilities
        }
    }

    record IommuDeleted(String name) implements MachineEvent {}

    record DeviceAdded(DeviceSummary device) implements MachineEvent {
        @Override
        public int weight() {
            return 2 * USUAL_WEIGHT
                    + MachineEvent.weight(device.name())
                    + 64 * device.reservedRegions().size();
        }

        @Override
        public Rid rid() {
            return device.rid();
        }
    }

    /** With its PASIDs. */
    record DeviceRemoved(Rid rid) implements MachineEvent {}

    /** @param name what the user calls the PASID */
    record PasidAllocated(Route route, @Nullable String name) implements OfRoute {
        @Override
        public int weight() {
            return USUAL_WEIGHT + MachineEvent.weight(name);
        }
    }

    record PasidFreed(Route route) implements OfRoute {}

    record ContextCreated(ContextSummary context) implements MachineEvent {
        @Override
        public int weight() {
            return USUAL_WEIGHT + MachineEvent.weight(context.name());
        }
    }

    /** With all that it owned. */
    record ContextClosed(int context, String name) implements MachineEvent {
        @Override
        public int weight() {
            return USUAL_WEIGHT + MachineEvent.weight(name);
        }
    }

    /** Closed, with all that it owned, because nobody has renewed its lease. */
    record ContextExpired(int context, String name) implements MachineEvent {
        @Override
        public int weight() {
            return USUAL_WEIGHT + MachineEvent.weight(name);
        }
    }

    record IoasidCreated(IoasidSummary ioasid) implements MachineEvent {
        @Override
        public int weight() {
            return USUAL_WEIGHT + MachineEvent.weight(ioasid.name());
        }

        @Override
        public boolean concerns(int id) {
            return ioasid.id() == id;
        }
    }

    /** With its mappings. */
    record IoasidDeleted(int ioasid) implements MachineEvent {
        @Override
        public boolean concerns(int id) {
            return ioasid == id;
        }
    }

    record Attached(Route route, int ioasid) implements OfRoute {
        @Override
        public boolean concerns(int id) {
            return ioasid == id;
        }
    }

    /** @param from the IOASID that the route led to before */
    record Replaced(Route route, int ioasid, int from) implements OfRoute {
        @Override
        public boolean concerns(int id) {
            return ioasid == id || from == id;
        }
    }

    /** @param ioasid that the route led to */
    record Detached(Route route, int ioasid) implements OfRoute {
        @Override
        public boolean concerns(int id) {
            return ioasid == id;
        }
    }

    /** An event about a bind. */
    sealed interface OfBind extends OfRoute {
        BindSummary bind();

        @Override
        default Route route() {
            return bind().route();
        }

        @Override
        default boolean concerns(int id) {
            return bind().parent() == id;
        }
    }

    record Bound(BindSummary bind) implements OfBind {}

    record BindReplaced(BindSummary bind) implements OfBind {}

    record Unbound(BindSummary bind) implements OfBind {}

    /** One mapping; of several that are made together each has its own. */
    record Mapped(int ioasid, Mapping mapping) implements MachineEvent {
        @Override
        public int weight() {
            return USUAL_WEIGHT + 48 * mapping.extents().size();
        }

        @Override
        public boolean concerns(int id) {
            return ioasid == id;
        }
    }

    /**
     * All mappings that lie in a range are gone.
     *
     * @param length bytes of the range; -1 with {@code iova} 0 is everything
     * @param unmapped bytes that were mapped there
     */
    record Unmapped(int ioasid, long iova, long length, long unmapped) implements MachineEvent {
        @Override
        public boolean concerns(int id) {
            return ioasid == id;
        }
    }

    /**
     * @param route of the bind or route that it was for; null if it was for an IOASID
     * @param ioasid that it was for, or that the route leads to; null if to none
     */
    record Invalidated(
            InvalidationRequest request,
            @Nullable Route route,
            @Nullable Integer ioasid) implements MachineEvent {
        @Override
        public @Nullable Rid rid() {
            return route == null ? null : route.rid();
        }

        @Override
        public boolean concerns(int id) {
            return ioasid != null && ioasid == id;
        }
    }

    /** A unit has done raw commands. */
    record CommandsDone(String iommu, int count) implements MachineEvent {}

    /**
     * A request was not translated, or a page request not let in.
     *
     * @param type of the request, whose kind says nothing where it is a page request
     * @param stalled it waits for software
     * @param ioasid that its route leads to; null if to none
     */
    record Faulted(
            DmaRequest request,
            RecordedRequest type,
            Fault fault,
            boolean stalled,
            @Nullable Integer ioasid) implements MachineEvent {
        @Override
        public int weight() {
            return 2 * USUAL_WEIGHT + MachineEvent.weight(fault.detail());
        }

        @Override
        public Rid rid() {
            return request.rid();
        }

        @Override
        public boolean concerns(int id) {
            return ioasid != null && ioasid == id;
        }
    }

    /**
     * One command had more faults than it may make events of; these had none.
     *
     * @param reasons how many, by the architecture's name of the reason
     */
    record FaultsOmitted(long count, Map<String, Long> reasons) implements MachineEvent {
        @Override
        public int weight() {
            return USUAL_WEIGHT + 128 * reasons.size();
        }

        @Override
        public boolean concernsAll() {
            return true;
        }
    }

    /**
     * A device waits for a page.
     *
     * @param group index of the page request group; null for a stalled transaction
     * @param stag by which software names a stalled transaction; null for a page request
     * @param last the last of its group
     * @param dma the DMA that waits; null if it is none
     */
    record PageRequested(
            long id,
            Route route,
            long address,
            Permissions permissions,
            @Nullable Integer group,
            @Nullable Integer stag,
            boolean last,
            @Nullable Long dma)
            implements OfRoute {}

    /** What a device has waited for is over. */
    record PageAnswered(long id, Route route, PageOutcome outcome) implements OfRoute {}

    /** What a device that waits for a page is told: the first three of a page request, the next three of a stalled transaction. */
    enum PageOutcome {
        SUCCESS,
        INVALID,
        FAILURE,
        RETRY,
        ABORT,
        TERMINATE,
        /** Nobody has answered in time. */
        EXPIRED
    }

    /**
     * A device's DMA is over.
     *
     * @param id by which it can be asked about; null if it never had to wait
     * @param length bytes that it was to move
     * @param transferred bytes that it has moved; fewer, if one of its requests faulted
     */
    record DmaDone(@Nullable Long id, Route route, long iova, Access access, long length, long transferred)
            implements OfRoute {}

    /** The last event of a machine. */
    record MachineDeleted(String name) implements MachineEvent {
        @Override
        public boolean concernsAll() {
            return true;
        }
    }
}
