package dev.ioasid.web;

import dev.ioasid.errno.Errno;
import dev.ioasid.iommu.Rid;
import dev.ioasid.machine.Command;
import dev.ioasid.machine.PasidSummary;
import dev.ioasid.service.Machines;
import io.swagger.v3.oas.annotations.Operation;
import io.swagger.v3.oas.annotations.tags.Tag;
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

/** The PASIDs of a device. */
@RestController
@RequestMapping("/v1/machines/{machine}/devices/{rid}/pasids")
@Tag(name = "pasids", description = "The allocated PASIDs of a device.")
class PasidController {
    /** Without {@code pasid}: the lowest that is free. */
    record NewPasid(@Nullable Pasid pasid, @Nullable String name) {
        static Command.AllocatePasid command(Rid rid, @Nullable NewPasid body) {
            return body == null
                    ? new Command.AllocatePasid(rid, null, null)
                    : new Command.AllocatePasid(rid, body.pasid == null ? null : body.pasid.value(), body.name);
        }
    }

    /** {@code ioasid} is what it is attached to. */
    record PasidBody(
            Pasid pasid, @Nullable String name, @Nullable Integer ioasid) {
        static PasidBody of(PasidSummary pasid) {
            return new PasidBody(new Pasid(pasid.pasid()), pasid.name(), pasid.ioasid());
        }
    }

    private final Machines machines;

    PasidController(Machines machines) {
        this.machines = machines;
    }

    @Operation(operationId = "allocatePasid", summary = "Allocate a PASID")
    @Refuses({Errno.EBUSY, Errno.ENOSPC, Errno.EOPNOTSUPP})
    @PostMapping(consumes = Web.JSON, produces = Web.JSON)
    @ResponseStatus(HttpStatus.CREATED)
    ResponseEntity<PasidBody> allocate(
            @PathVariable String machine,
            @PathVariable Rid rid,
            @RequestBody(required = false) @Nullable NewPasid body) {
        var pasid = machines.apply(machine, NewPasid.command(rid, body));
        return Created.at(
                "/v1/machines/{machine}/devices/{rid}/pasids/{pasid}",
                PasidBody.of(pasid),
                machine,
                rid,
                pasid.pasid());
    }

    @Operation(operationId = "listPasids", summary = "List the allocated PASIDs")
    @GetMapping(produces = Web.JSON)
    Page<PasidBody> list(
            @PathVariable String machine,
            @PathVariable Rid rid,
            @RequestParam(defaultValue = Limit.DEFAULT) Limit limit,
            @RequestParam(required = false) @Nullable Pasid after) {
        var pasids = machines.read(machine, view -> view.pasids(rid)).stream()
                .filter(pasid -> after == null || pasid.pasid() > after.value())
                .toList();
        return Page.of(pasids, limit, PasidBody::of, PasidSummary::pasid);
    }

    @Operation(operationId = "getPasid", summary = "Show an allocated PASID")
    @GetMapping(path = "/{pasid}", produces = Web.JSON)
    PasidBody get(@PathVariable String machine, @PathVariable Rid rid, @PathVariable Pasid pasid) {
        return PasidBody.of(machines.read(machine, view -> view.pasid(rid, pasid.value())));
    }

    @Operation(operationId = "freePasid", summary = "Free a PASID")
    @Refuses(Errno.EBUSY)
    @DeleteMapping("/{pasid}")
    @ResponseStatus(HttpStatus.NO_CONTENT)
    void free(@PathVariable String machine, @PathVariable Rid rid, @PathVariable Pasid pasid) {
        machines.apply(machine, new Command.FreePasid(rid, pasid.value()));
    }
}
