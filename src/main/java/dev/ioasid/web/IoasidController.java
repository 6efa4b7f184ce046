package dev.ioasid.web;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Rid;
import dev.ioasid.machine.Attachment;
import dev.ioasid.machine.Command;
import dev.ioasid.machine.IoasidSummary;
import dev.ioasid.machine.IoasidType;
import dev.ioasid.machine.IovaRanges;
import dev.ioasid.service.Machines;
import io.swagger.v3.oas.annotations.Operation;
import io.swagger.v3.oas.annotations.tags.Tag;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.http.HttpStatus;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.DeleteMapping;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.ResponseStatus;
import org.springframework.web.bind.annotation.RestController;

/** The I/O address spaces of a machine. */
@RestController
@RequestMapping("/v1/machines/{machine}/ioasids")
@Tag(
        name = "ioasids",
        description = "I/O address spaces. A paging one is an I/O page table, whatever number of routes lead to it.")
class IoasidController {
    /** What an IOASID does with an address. */
    enum IoasidTypeName {
        PAGING,
        IDENTITY,
        BLOCKED,
        SVA;

        static IoasidTypeName of(IoasidType type) {
            return switch (type) {
                case PAGING -> PAGING;
                case IDENTITY -> IDENTITY;
                case BLOCKED -> BLOCKED;
                case SVA -> SVA;
            };
        }

        IoasidType type() {
            return switch (this) {
                case PAGING -> IoasidType.PAGING;
                case IDENTITY -> IoasidType.IDENTITY;
                case BLOCKED -> IoasidType.BLOCKED;
                case SVA -> IoasidType.SVA;
            };
        }
    }

    /**
     * A paging one takes the machine's only managed IOMMU, its usual format with its full width, and its smallest granule unless told
     * otherwise. It is deleted with the {@code context} that owns it. One of type {@code sva} has a {@code process}, whose address space it shares, and no format, width and granule of its own.
     */
    record NewIoasid(
            IoasidTypeName type,
            @Nullable String iommu,
            @Nullable FormatName format,
            @Nullable Integer addressWidth,
            @Nullable Hex granule,
            @Nullable String name,
            @Nullable Integer process,
            @Nullable Integer context) {
        Command<IoasidSummary> command() {
            if (type == IoasidTypeName.SVA) {
                return sharing();
            }
            if (process != null) {
                throw refused("an IOASID of type %s shares no process".formatted(WireName.of(type)), "process");
            }
            return new Command.CreateIoasid(
                    type.type(),
                    iommu,
                    format == null ? null : WireName.of(format),
                    addressWidth,
                    granule == null ? null : granule.value(),
                    name,
                    context);
        }

        private Command<IoasidSummary> sharing() {
            if (process == null) {
                throw refused("an IOASID of type sva needs a process whose address space it shares", "process");
            }
            if (format != null || addressWidth != null || granule != null) {
                throw refused(
                        "an IOASID of type sva has the table of its process: no format, no addressWidth and no granule",
                        format != null ? "format" : addressWidth != null ? "addressWidth" : "granule");
            }
            return new Command.CreateSvaIoasid(process, iommu, name, context);
        }

        private static RefusedException refused(String detail, String property) {
            return new RefusedException(Errno.EINVAL, detail, Map.of("property", property));
        }
    }

    /** {@code bind}: by way of its table. */
    record IoasidRouteBody(
            Rid rid, @Nullable Pasid pasid, @Nullable Integer bind) {
        static IoasidRouteBody of(Attachment attachment) {
            var route = RouteBody.of(attachment.route());
            return new IoasidRouteBody(route.rid(), route.pasid(), attachment.bind());
        }
    }

    record IoasidBody(
            int id,
            IoasidTypeName type,
            @Nullable String iommu,
            @Nullable String format,
            @Nullable Integer addressWidth,
            @Nullable Hex granule,
            List<IoasidRouteBody> routes,
            @Nullable String name,
            Hex mappedBytes,
            Hex tableBytes,
            @Nullable Integer process,
            @Nullable Integer context) {
        static IoasidBody of(IoasidSummary ioasid) {
            return new IoasidBody(
                    ioasid.id(),
                    IoasidTypeName.of(ioasid.type()),
                    ioasid.iommu(),
                    ioasid.format(),
                    ioasid.addressWidth() == 0 ? null : ioasid.addressWidth(),
                    ioasid.granule() == 0 ? null : new Hex(ioasid.granule()),
                    Lists.map(ioasid.routes(), IoasidRouteBody::of),
                    ioasid.name(),
                    new Hex(ioasid.mappedBytes()),
                    new Hex(ioasid.tableBytes()),
                    ioasid.process(),
                    ioasid.context());
        }
    }

    /** Ascending and maximal; existing mappings are not subtracted. {@code alignment}: every mapping is a multiple of it. */
    record IovaRangesBody(List<RangeBody> ranges, Hex alignment) {
        static IovaRangesBody of(IovaRanges ranges) {
            return new IovaRangesBody(Lists.map(ranges.ranges(), RangeBody::of), new Hex(ranges.alignment()));
        }
    }

    private final Machines machines;

    IoasidController(Machines machines) {
        this.machines = machines;
    }

    @Operation(operationId = "createIoasid", summary = "Make an IOASID")
    @Refuses({Errno.EEXIST, Errno.ENOSPC, Errno.EOPNOTSUPP, Errno.ENOMEM})
    @PostMapping(consumes = Web.JSON, produces = Web.JSON)
    @ResponseStatus(HttpStatus.CREATED)
    ResponseEntity<IoasidBody> create(@PathVariable String machine, @RequestBody NewIoasid body) {
        var ioasid = machines.apply(machine, body.command());
        return Created.at("/v1/machines/{machine}/ioasids/{ioasid}", IoasidBody.of(ioasid), machine, ioasid.id());
    }

    @Operation(operationId = "listIoasids", summary = "List the IOASIDs")
    @GetMapping(produces = Web.JSON)
    Page<IoasidBody> list(
            @PathVariable String machine,
            @RequestParam(defaultValue = Limit.DEFAULT) Limit limit,
            @RequestParam(required = false) @Nullable Integer after) {
        var ioasids = machines.read(machine, view -> view.ioasids()).stream()
                .filter(ioasid -> after == null || ioasid.id() > after)
                .toList();
        return Page.of(ioasids, limit, IoasidBody::of, IoasidSummary::id);
    }

    @Operation(operationId = "getIoasid", summary = "Show an IOASID and the routes that lead to it")
    @GetMapping(path = "/{ioasid}", produces = Web.JSON)
    IoasidBody get(@PathVariable String machine, @PathVariable int ioasid) {
        return IoasidBody.of(machines.read(machine, view -> view.ioasid(ioasid)));
    }

    @Operation(operationId = "deleteIoasid", summary = "Delete an IOASID and its mappings")
    @Refuses(Errno.EBUSY)
    @DeleteMapping("/{ioasid}")
    @ResponseStatus(HttpStatus.NO_CONTENT)
    void delete(@PathVariable String machine, @PathVariable int ioasid) {
        machines.apply(machine, new Command.DeleteIoasid(ioasid));
    }

    @Operation(operationId = "getIovaRanges", summary = "Show where a paging IOASID can be mapped")
    @GetMapping(path = "/{ioasid}/iova-ranges", produces = Web.JSON)
    IovaRangesBody iovaRanges(@PathVariable String machine, @PathVariable int ioasid) {
        return IovaRangesBody.of(machines.read(machine, view -> view.iovaRanges(ioasid)));
    }
}
