package dev.ioasid.web;

import dev.ioasid.errno.Errno;
import dev.ioasid.machine.Command;
import dev.ioasid.machine.InjectionSummary;
import dev.ioasid.service.Machines;
import dev.ioasid.web.InjectionBodies.InjectionBody;
import dev.ioasid.web.InjectionBodies.NewInjection;
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

/** Faults on purpose. */
@RestController
@RequestMapping("/v1/machines/{machine}/injections")
@Tag(name = "injections", description = "Faults on purpose: what goes wrong, where, and how often.")
class InjectionController {
    private static final String PATH = "/v1/machines/{machine}/injections/{id}";

    private final Machines machines;

    InjectionController(Machines machines) {
        this.machines = machines;
    }

    @Operation(operationId = "inject", summary = "Have something go wrong")
    @Refuses({Errno.ENODEV, Errno.EOPNOTSUPP, Errno.ENOSPC})
    @PostMapping(consumes = Web.JSON, produces = Web.JSON)
    @ResponseStatus(HttpStatus.CREATED)
    ResponseEntity<InjectionBody> create(@PathVariable String machine, @RequestBody NewInjection body) {
        var active = machines.apply(machine, body.command());
        return Created.at(PATH, InjectionBody.of(active), machine, active.id());
    }

    @Operation(operationId = "listInjections", summary = "List what goes wrong on purpose")
    @GetMapping(produces = Web.JSON)
    Page<InjectionBody> list(
            @PathVariable String machine,
            @RequestParam(defaultValue = Limit.DEFAULT) Limit limit,
            @RequestParam(required = false) @Nullable Integer after) {
        var all = machines.read(machine, view -> view.injections()).stream()
                .filter(active -> after == null || active.id() > after)
                .toList();
        return Page.of(all, limit, InjectionBody::of, InjectionSummary::id);
    }

    @Operation(
            operationId = "getInjection",
            summary = "Show something that goes wrong on purpose, and how often it has")
    @GetMapping(path = "/{id}", produces = Web.JSON)
    InjectionBody get(@PathVariable String machine, @PathVariable int id) {
        return InjectionBody.of(machines.read(machine, view -> view.injection(id)));
    }

    @Operation(operationId = "releaseInjection", summary = "Let a device hear what has been held back from it")
    @PostMapping(path = "/{id}/release", produces = Web.JSON)
    InjectionBody release(@PathVariable String machine, @PathVariable int id) {
        return InjectionBody.of(machines.apply(machine, new Command.ReleaseInjection(id)));
    }

    @Operation(
            operationId = "deleteInjection",
            summary = "Have something go wrong no more; what was held back is delivered")
    @DeleteMapping("/{id}")
    @ResponseStatus(HttpStatus.NO_CONTENT)
    void delete(@PathVariable String machine, @PathVariable int id) {
        machines.apply(machine, new Command.RemoveInjection(id));
    }
}
