package dev.ioasid.web;

import dev.ioasid.errno.Errno;
import dev.ioasid.machine.MachineSummary;
import dev.ioasid.machine.MachineView;
import dev.ioasid.machine.Preset;
import dev.ioasid.service.Machines;
import io.swagger.v3.oas.annotations.Operation;
import io.swagger.v3.oas.annotations.tags.Tag;
import java.util.List;
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

/** The simulated machines. */
@RestController
@RequestMapping("/v1/machines")
@Tag(name = "machines", description = "Simulated machines: physical memory, and everything else lives in one.")
class MachineController {
    /** What a machine is born with. */
    enum PresetName {
        EMPTY,
        VTD,
        SIOV,
        SMMUV3;

        static PresetName of(Preset preset) {
            return switch (preset) {
                case EMPTY -> EMPTY;
                case VTD -> VTD;
                case SIOV -> SIOV;
                case SMMUV3 -> SMMUV3;
            };
        }

        Preset preset() {
            return switch (this) {
                case EMPTY -> Preset.EMPTY;
                case VTD -> Preset.VTD;
                case SIOV -> Preset.SIOV;
                case SMMUV3 -> Preset.SMMUV3;
            };
        }
    }

    /** Holes are ranges below {@code memory} that no memory backs. */
    record NewMachine(
            Name name,
            Hex memory,
            @Nullable PresetName preset,
            @Nullable List<RangeBody> holes) {
        Preset presetOrEmpty() {
            return preset == null ? Preset.EMPTY : preset.preset();
        }
    }

    record MachineBody(String name, Hex memory, PresetName preset, Hex committedBytes) {
        static MachineBody of(MachineSummary machine) {
            return new MachineBody(
                    machine.name(),
                    new Hex(machine.memory()),
                    PresetName.of(machine.preset()),
                    new Hex(machine.committedBytes()));
        }
    }

    private final Machines machines;

    MachineController(Machines machines) {
        this.machines = machines;
    }

    @Operation(operationId = "createMachine", summary = "Make a machine")
    @Refuses({Errno.EEXIST, Errno.EOPNOTSUPP, Errno.ENOMEM})
    @PostMapping(consumes = Web.JSON, produces = Web.JSON)
    @ResponseStatus(HttpStatus.CREATED)
    ResponseEntity<MachineBody> create(@RequestBody NewMachine body) {
        var holes = Lists.map(body.holes(), RangeBody::range);
        var machine = machines.create(body.name().value(), body.memory().value(), holes, body.presetOrEmpty());
        return Created.at("/v1/machines/{machine}", MachineBody.of(machine), machine.name());
    }

    @Operation(operationId = "listMachines", summary = "List the machines")
    @GetMapping(produces = Web.JSON)
    Page<MachineBody> list(
            @RequestParam(defaultValue = Limit.DEFAULT) Limit limit,
            @RequestParam(required = false) @Nullable String after) {
        return Page.of(machines.list(after, limit.value() + 1), limit, MachineBody::of, MachineSummary::name);
    }

    @Operation(operationId = "getMachine", summary = "Show a machine")
    @GetMapping(path = "/{machine}", produces = Web.JSON)
    MachineBody get(@PathVariable String machine) {
        return MachineBody.of(machines.read(machine, MachineView::summary));
    }

    @Operation(operationId = "deleteMachine", summary = "Delete a machine and everything in it")
    @DeleteMapping("/{machine}")
    @ResponseStatus(HttpStatus.NO_CONTENT)
    void delete(@PathVariable String machine) {
        machines.delete(machine);
    }
}
