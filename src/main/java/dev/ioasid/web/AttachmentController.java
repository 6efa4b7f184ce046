package dev.ioasid.web;

import dev.ioasid.errno.Errno;
import dev.ioasid.iommu.Rid;
import dev.ioasid.machine.Attachment;
import dev.ioasid.machine.Command;
import dev.ioasid.machine.Replace;
import dev.ioasid.machine.Route;
import dev.ioasid.service.Machines;
import io.swagger.v3.oas.annotations.Operation;
import io.swagger.v3.oas.annotations.tags.Tag;
import org.jspecify.annotations.Nullable;
import org.springframework.http.HttpStatus;
import org.springframework.web.bind.annotation.DeleteMapping;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PutMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.ResponseStatus;
import org.springframework.web.bind.annotation.RestController;

/** Which IOASID a route leads to. */
@RestController
@RequestMapping("/v1/machines/{machine}/devices/{rid}")
@Tag(name = "attachments", description = "Which IOASID a RID, or a RID and a PASID, is led to.")
class AttachmentController {
    private static final String BY_RID = "/attachment";
    private static final String BY_PASID = "/pasids/{pasid}/attachment";

    /** An attached route is replaced, unless {@code replace} is false; if it is true, only such a one is. */
    record AttachBody(int ioasid, @Nullable Boolean replace) {
        Command.Attach command(Route route) {
            var rule = replace == null ? Replace.ALLOWED : replace ? Replace.REQUIRED : Replace.FORBIDDEN;
            return new Command.Attach(route, ioasid, rule);
        }
    }

    /** {@code bind}: by way of its table. */
    record AttachmentBody(
            Rid rid,
            @Nullable Pasid pasid,
            int ioasid,
            @Nullable Integer bind) {
        static AttachmentBody of(Attachment attachment) {
            var route = RouteBody.of(attachment.route());
            return new AttachmentBody(route.rid(), route.pasid(), attachment.ioasid(), attachment.bind());
        }
    }

    private final Machines machines;

    AttachmentController(Machines machines) {
        this.machines = machines;
    }

    @Operation(operationId = "getAttachment", summary = "Show what a device's requests without PASID are led to")
    @GetMapping(path = BY_RID, produces = Web.JSON)
    AttachmentBody get(@PathVariable String machine, @PathVariable Rid rid) {
        return get(machine, Route.of(rid));
    }

    @Operation(operationId = "attach", summary = "Attach a device by its RID, or replace its attachment without a gap")
    @Refuses({Errno.EBUSY, Errno.EADDRINUSE, Errno.ENOSPC, Errno.EOPNOTSUPP, Errno.ENOMEM})
    @PutMapping(path = BY_RID, consumes = Web.JSON, produces = Web.JSON)
    AttachmentBody attach(@PathVariable String machine, @PathVariable Rid rid, @RequestBody AttachBody body) {
        return attach(machine, Route.of(rid), body);
    }

    @Operation(operationId = "detach", summary = "Detach a device's RID: its requests without PASID are blocked")
    @DeleteMapping(BY_RID)
    @ResponseStatus(HttpStatus.NO_CONTENT)
    void detach(@PathVariable String machine, @PathVariable Rid rid) {
        machines.apply(machine, new Command.Detach(Route.of(rid)));
    }

    @Operation(operationId = "getPasidAttachment", summary = "Show what a device's requests with a PASID are led to")
    @GetMapping(path = BY_PASID, produces = Web.JSON)
    AttachmentBody getPasid(@PathVariable String machine, @PathVariable Rid rid, @PathVariable Pasid pasid) {
        return get(machine, new Route(rid, pasid.value()));
    }

    @Operation(
            operationId = "attachPasid",
            summary = "Attach a device's PASID, allocating it if need be, or replace its attachment without a gap")
    @Refuses({Errno.EBUSY, Errno.ENOSPC, Errno.EOPNOTSUPP, Errno.ENOMEM})
    @PutMapping(path = BY_PASID, consumes = Web.JSON, produces = Web.JSON)
    AttachmentBody attachPasid(
            @PathVariable String machine,
            @PathVariable Rid rid,
            @PathVariable Pasid pasid,
            @RequestBody AttachBody body) {
        return attach(machine, new Route(rid, pasid.value()), body);
    }

    @Operation(operationId = "detachPasid", summary = "Detach a device's PASID: its requests with it are blocked")
    @DeleteMapping(BY_PASID)
    @ResponseStatus(HttpStatus.NO_CONTENT)
    void detachPasid(@PathVariable String machine, @PathVariable Rid rid, @PathVariable Pasid pasid) {
        machines.apply(machine, new Command.Detach(new Route(rid, pasid.value())));
    }

    private AttachmentBody get(String machine, Route route) {
        return AttachmentBody.of(machines.read(machine, view -> view.attachment(route)));
    }

    private AttachmentBody attach(String machine, Route route, AttachBody body) {
        return AttachmentBody.of(machines.apply(machine, body.command(route)));
    }
}
