package dev.ioasid.web;

import dev.ioasid.iommu.Invalidation;
import dev.ioasid.iommu.Rid;
import dev.ioasid.machine.InvalidationRequest.Target;
import dev.ioasid.machine.MachineEvent;
import dev.ioasid.machine.Mapping;
import dev.ioasid.machine.Route;
import dev.ioasid.pagetable.Permissions;
import io.swagger.v3.oas.annotations.media.Schema;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What events say on the wire. What is also to be had elsewhere looks as it does there. */
final class EventBodies {
    record MachineDeletedBody(String name) {}

    record IommuDeletedBody(String name) {}

    record DeviceRemovedBody(Rid rid) {}

    record PasidEventBody(Rid rid, Pasid pasid, @Nullable String name) {
        static PasidEventBody of(Route route, @Nullable String name) {
            return new PasidEventBody(route.rid(), new Pasid(route.pasid()), name);
        }
    }

    /** It is closed, and what it owned is gone. */
    record ContextClosedBody(
            @Schema(description = "the context's number") int id, String name) {}

    record IoasidDeletedBody(int id) {}

    /** {@code ioasid} is where the route leads; once detached, where it led. {@code from}: where it led before it was replaced. */
    record RouteEventBody(
            Rid rid,
            @Nullable Pasid pasid,
            int ioasid,
            @Nullable Integer from) {
        static RouteEventBody of(Route route, int ioasid, @Nullable Integer from) {
            return new RouteEventBody(route.rid(), Pasid.of(route.pasid()), ioasid, from);
        }
    }

    /** One mapping. {@code extents} is there only if the memory is not in one piece. */
    record MapEventBody(
            int ioasid,
            Hex iova,
            Hex length,
            Permissions permissions,
            Hex physicalAddress,
            @Nullable List<MappingController.ExtentBody> extents) {
        static MapEventBody of(int ioasid, Mapping made) {
            var mapping = MappingController.MappingBody.of(made);
            return new MapEventBody(
                    ioasid,
                    mapping.iova(),
                    mapping.length(),
                    mapping.permissions(),
                    mapping.physicalAddress(),
                    mapping.extents());
        }
    }

    /** All mappings within {@code length} bytes at {@code iova} are gone; with 0 and 2^64 - 1 all there were. */
    record UnmapEventBody(int ioasid, Hex iova, Hex length, Hex unmapped) {}

    /** As it was asked for, and the route and the IOASID that it was about. */
    record InvalidateEventBody(
            @Nullable Integer bind,
            @Nullable Rid rid,
            @Nullable Pasid pasid,
            @Nullable Integer ioasid,
            List<InvalidationController.CacheName> caches,
            InvalidationController.GranularityName granularity,
            @Nullable Hex iova,
            @Nullable Hex length,
            boolean leaf) {
        static InvalidateEventBody of(MachineEvent.Invalidated event) {
            var what = event.request().what();
            var route = event.route();
            boolean range = what.granularity() == Invalidation.Granularity.RANGE;
            return new InvalidateEventBody(
                    event.request().target() instanceof Target.OfBind(int bind) ? bind : null,
                    route == null ? null : route.rid(),
                    route == null ? null : Pasid.of(route.pasid()),
                    event.ioasid(),
                    what.caches().stream()
                            .sorted()
                            .map(InvalidationController.CacheName::of)
                            .toList(),
                    InvalidationController.GranularityName.of(what.granularity()),
                    range ? new Hex(what.first()) : null,
                    range ? new Hex(what.last() - what.first() + 1) : null,
                    what.leavesOnly());
        }
    }

    record CommandsEventBody(String iommu, int count) {}

    /** The request, and why it was not translated. {@code stalled}: it waits for software. */
    record FaultEventBody(
            Rid rid,
            @Nullable Pasid pasid,
            @Nullable Integer ioasid,
            Hex iova,
            AccessName access,
            boolean privileged,
            FaultDecodeController.RecordedRequestName type,
            boolean stalled,
            TranslationController.FaultBody fault) {
        static FaultEventBody of(MachineEvent.Faulted event) {
            var request = event.request();
            return new FaultEventBody(
                    request.rid(),
                    Pasid.of(request.pasid()),
                    event.ioasid(),
                    new Hex(request.iova()),
                    AccessName.of(request.access()),
                    request.privileged(),
                    FaultDecodeController.RecordedRequestName.of(event.type()),
                    event.stalled(),
                    TranslationController.FaultBody.of(event.fault()));
        }
    }

    /** {@code count} faults of one command that have no event of their own, and how many of them for which reason. */
    record FaultsOmittedBody(long count, Map<String, Long> reasons) {}

    /** {@code group} of a page request, which is complete with the {@code last}; {@code stag} of a stalled transaction; {@code dma} that waits. */
    record PageRequestEventBody(
            @Schema(description = "the number of the page request")
            long id,

            Rid rid,
            @Nullable Pasid pasid,
            Hex address,
            Permissions permissions,

            @Schema(description = "index of the page request group") @Nullable
            Integer group,

            @Nullable Integer stag,
            @Schema(description = "the last of its group") boolean last,
            @Nullable Long dma) {
        static PageRequestEventBody of(MachineEvent.PageRequested event) {
            return new PageRequestEventBody(
                    event.id(),
                    event.rid(),
                    Pasid.of(event.route().pasid()),
                    new Hex(event.address()),
                    event.permissions(),
                    event.group(),
                    event.stag(),
                    event.last(),
                    event.dma());
        }
    }

    /** What a device that waits is told; {@code expired}: nobody has answered in time. */
    enum PageOutcomeName {
        SUCCESS,
        INVALID,
        FAILURE,
        RETRY,
        ABORT,
        TERMINATE,
        EXPIRED;

        static PageOutcomeName of(MachineEvent.PageOutcome outcome) {
            return switch (outcome) {
                case SUCCESS -> SUCCESS;
                case INVALID -> INVALID;
                case FAILURE -> FAILURE;
                case RETRY -> RETRY;
                case ABORT -> ABORT;
                case TERMINATE -> TERMINATE;
                case EXPIRED -> EXPIRED;
            };
        }
    }

    record PageResponseEventBody(
            @Schema(description = "the number of the page request")
            long id,

            Rid rid,
            @Nullable Pasid pasid,
            PageOutcomeName response) {}

    /** {@code transferred} of {@code length} bytes; fewer, if there was a fault. */
    record DmaEventBody(
            @Schema(description = "the number of the DMA, if it had to wait") @Nullable
            Long id,

            Rid rid,
            @Nullable Pasid pasid,
            Hex iova,
            AccessName operation,
            Hex length,
            Hex transferred) {
        static DmaEventBody of(MachineEvent.DmaDone dma) {
            return new DmaEventBody(
                    dma.id(),
                    dma.rid(),
                    Pasid.of(dma.route().pasid()),
                    new Hex(dma.iova()),
                    AccessName.of(dma.access()),
                    new Hex(dma.length()),
                    new Hex(dma.transferred()));
        }
    }

    /** {@code missed} events are gone that come before {@code next}. */
    record MissedBody(
            long missed,

            @Schema(description = "the id of the event that comes next")
            long next) {}

    static Object of(MachineEvent event) {
        return switch (event) {
            case MachineEvent.MachineDeleted(var name) -> new MachineDeletedBody(name);
            case MachineEvent.IommuCreated(var iommu) -> IommuController.IommuBody.of(iommu);
            case MachineEvent.IommuDeleted(var name) -> new IommuDeletedBody(name);
            case MachineEvent.DeviceAdded(var device) -> DeviceController.DeviceBody.of(device);
            case MachineEvent.DeviceRemoved(var rid) -> new DeviceRemovedBody(rid);
            case MachineEvent.PasidAllocated(var route, var name) -> PasidEventBody.of(route, name);
            case MachineEvent.PasidFreed(var route) -> PasidEventBody.of(route, null);
            case MachineEvent.ContextCreated(var context) -> ContextController.ContextBody.of(context);
            case MachineEvent.ContextClosed(int id, var name) -> new ContextClosedBody(id, name);
            case MachineEvent.ContextExpired(int id, var name) -> new ContextClosedBody(id, name);
            case MachineEvent.IoasidCreated(var ioasid) -> IoasidController.IoasidBody.of(ioasid);
            case MachineEvent.IoasidDeleted(int ioasid) -> new IoasidDeletedBody(ioasid);
            case MachineEvent.Attached(var route, int ioasid) -> RouteEventBody.of(route, ioasid, null);
            case MachineEvent.Replaced(var route, int ioasid, int from) -> RouteEventBody.of(route, ioasid, from);
            case MachineEvent.Detached(var route, int ioasid) -> RouteEventBody.of(route, ioasid, null);
            case MachineEvent.OfBind bind -> BindController.BindBody.of(bind.bind());
            case MachineEvent.Mapped(int ioasid, var mapping) -> MapEventBody.of(ioasid, mapping);
            case MachineEvent.Unmapped(int ioasid, long iova, long length, long unmapped) ->
                new UnmapEventBody(ioasid, new Hex(iova), new Hex(length), new Hex(unmapped));
            case MachineEvent.Invalidated invalidated -> InvalidateEventBody.of(invalidated);
            case MachineEvent.CommandsDone(var iommu, int count) -> new CommandsEventBody(iommu, count);
            case MachineEvent.Faulted faulted -> FaultEventBody.of(faulted);
            case MachineEvent.FaultsOmitted(long count, var reasons) -> new FaultsOmittedBody(count, reasons);
            case MachineEvent.PageRequested requested -> PageRequestEventBody.of(requested);
            case MachineEvent.PageAnswered(long id, var route, var outcome) ->
                new PageResponseEventBody(id, route.rid(), Pasid.of(route.pasid()), PageOutcomeName.of(outcome));
            case MachineEvent.DmaDone dma -> DmaEventBody.of(dma);
        };
    }

    private EventBodies() {}
}
