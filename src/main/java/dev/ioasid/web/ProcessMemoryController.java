package dev.ioasid.web;

import dev.ioasid.errno.Errno;
import dev.ioasid.machine.Command;
import dev.ioasid.service.Machines;
import io.swagger.v3.oas.annotations.Operation;
import io.swagger.v3.oas.annotations.tags.Tag;
import org.springframework.http.HttpStatus;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PutMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.ResponseStatus;
import org.springframework.web.bind.annotation.RestController;

/** Bytes as a process sees them. Reading them is what the process does, so it may make pages appear. */
@RestController
@RequestMapping("/v1/machines/{machine}/processes/{process}/memory/{address}")
@Tag(name = "processes")
class ProcessMemoryController {
    private final Machines machines;

    ProcessMemoryController(Machines machines) {
        this.machines = machines;
    }

    @Operation(operationId = "readProcessMemory", summary = "Read memory as a process does, touching its pages")
    @Refuses({Errno.E2BIG, Errno.EPERM, Errno.ENOMEM})
    @GetMapping(produces = Web.BYTES)
    byte[] read(
            @PathVariable String machine,
            @PathVariable int process,
            @PathVariable Hex address,
            @RequestParam(defaultValue = MemoryController.DEFAULT_LENGTH) Hex length) {
        int bytes = IoasidMemoryController.length(length.value());
        return machines.apply(machine, new Command.ReadProcess(process, address.value(), bytes));
    }

    @Operation(operationId = "writeProcessMemory", summary = "Write memory as a process does, touching its pages")
    @Refuses({Errno.EPERM, Errno.ENOMEM})
    @PutMapping(consumes = Web.BYTES)
    @ResponseStatus(HttpStatus.NO_CONTENT)
    void write(
            @PathVariable String machine,
            @PathVariable int process,
            @PathVariable Hex address,
            @RequestBody byte[] bytes) {
        machines.apply(machine, new Command.WriteProcess(process, address.value(), bytes));
    }
}
