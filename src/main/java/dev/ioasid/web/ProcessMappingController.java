package dev.ioasid.web;

import dev.ioasid.errno.Errno;
import dev.ioasid.machine.Command;
import dev.ioasid.machine.ProcessMapping;
import dev.ioasid.pagetable.Permissions;
import dev.ioasid.service.Machines;
import dev.ioasid.web.MappingController.UnmappedBody;
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

/** What a process has mapped. */
@RestController
@RequestMapping("/v1/machines/{machine}/processes/{process}/mappings")
@Tag(name = "processes")
class ProcessMappingController {
    /** Without {@code address}: the lowest that is free, from a quarter of the process's addresses on. */
    record NewProcessMapping(@Nullable Hex address, Hex length, Permissions permissions) {
        Command.MapProcess command(int process) {
            return new Command.MapProcess(
                    process, address == null ? null : address.value(), length.value(), permissions);
        }
    }

    /** {@code residentBytes}: of its pages, those in memory. */
    record ProcessMappingBody(Hex address, Hex length, Permissions permissions, Hex residentBytes) {
        static ProcessMappingBody of(ProcessMapping mapping) {
            return new ProcessMappingBody(
                    new Hex(mapping.address()),
                    new Hex(mapping.length()),
                    mapping.permissions(),
                    new Hex(mapping.residentBytes()));
        }
    }

    private final Machines machines;

    ProcessMappingController(Machines machines) {
        this.machines = machines;
    }

    @Operation(operationId = "mapProcess", summary = "Map anonymous memory, as mmap does")
    @Refuses({Errno.EEXIST, Errno.EPERM, Errno.ENOSPC, Errno.ENOMEM})
    @PostMapping(consumes = Web.JSON, produces = Web.JSON)
    @ResponseStatus(HttpStatus.CREATED)
    ResponseEntity<ProcessMappingBody> map(
            @PathVariable String machine, @PathVariable int process, @RequestBody NewProcessMapping body) {
        var made = ProcessMappingBody.of(machines.apply(machine, body.command(process)));
        return Created.at(
                "/v1/machines/{machine}/processes/{process}/mappings/{address}",
                made,
                machine,
                process,
                made.address());
    }

    @Operation(operationId = "listProcessMappings", summary = "List the mappings of a process")
    @GetMapping(produces = Web.JSON)
    Page<ProcessMappingBody> list(
            @PathVariable String machine,
            @PathVariable int process,
            @RequestParam(defaultValue = Limit.DEFAULT) Limit limit,
            @RequestParam(required = false) @Nullable Hex after) {
        var mappings = machines.read(
                machine,
                view -> view.processMappings(process, after == null ? null : after.value(), limit.value() + 1));
        return Page.of(mappings, limit, ProcessMappingBody::of, mapping -> new Hex(mapping.address()));
    }

    @Operation(operationId = "getProcessMapping", summary = "Show the mapping of a process that starts at an address")
    @GetMapping(path = "/{address}", produces = Web.JSON)
    ProcessMappingBody get(@PathVariable String machine, @PathVariable int process, @PathVariable Hex address) {
        return ProcessMappingBody.of(machines.read(machine, view -> view.processMapping(process, address.value())));
    }

    @Operation(operationId = "unmapProcess", summary = "Unmap whatever is mapped in a range, as munmap does")
    @Refuses(Errno.ENOMEM)
    @DeleteMapping(produces = Web.JSON)
    UnmappedBody unmap(
            @PathVariable String machine,
            @PathVariable int process,
            @RequestParam Hex address,
            @RequestParam Hex length) {
        return new UnmappedBody(
                new Hex(machines.apply(machine, new Command.UnmapProcess(process, address.value(), length.value()))));
    }
}
