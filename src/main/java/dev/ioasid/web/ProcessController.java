package dev.ioasid.web;

import dev.ioasid.errno.Errno;
import dev.ioasid.machine.Command;
import dev.ioasid.machine.ProcessSummary;
import dev.ioasid.service.Machines;
import io.swagger.v3.oas.annotations.Operation;
import io.swagger.v3.oas.annotations.media.Schema;
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

/** The processes of a machine. */
@RestController
@RequestMapping("/v1/machines/{machine}/processes")
@Tag(
        name = "processes",
        description = "Processes on the machine's CPUs, whose address spaces devices can share (IOASIDs of type sva).")
class ProcessController {
    /** {@code levels}: those of 48 bits. {@code granule}: 0x1000. {@code demandPaging}: unless told otherwise. */
    record NewProcess(
            FormatName format,
            @Nullable Integer levels,
            @Nullable Hex granule,
            @Nullable Boolean demandPaging) {
        Command.CreateProcess command() {
            return new Command.CreateProcess(
                    WireName.of(format),
                    levels,
                    granule == null ? null : granule.value(),
                    demandPaging == null || demandPaging);
        }
    }

    /** {@code ioasids}: those of type {@code sva} that share it. */
    record ProcessBody(
            @Schema(description = "the process's number") int id,
            String format,
            int levels,
            int addressWidth,
            Hex granule,
            boolean demandPaging,

            @Schema(description = "where its page table begins in physical memory, as CR3 or TTBR0 has it")
            Hex root,

            List<Integer> ioasids,
            Hex mappedBytes,
            Hex residentBytes,
            Hex tableBytes) {
        static ProcessBody of(ProcessSummary process) {
            return new ProcessBody(
                    process.id(),
                    process.format(),
                    process.levels(),
                    process.addressWidth(),
                    new Hex(process.granule()),
                    process.demandPaging(),
                    new Hex(process.root()),
                    process.ioasids(),
                    new Hex(process.mappedBytes()),
                    new Hex(process.residentBytes()),
                    new Hex(process.tableBytes()));
        }
    }

    private final Machines machines;

    ProcessController(Machines machines) {
        this.machines = machines;
    }

    @Operation(operationId = "createProcess", summary = "Make a process")
    @Refuses(Errno.ENOMEM)
    @PostMapping(consumes = Web.JSON, produces = Web.JSON)
    @ResponseStatus(HttpStatus.CREATED)
    ResponseEntity<ProcessBody> create(@PathVariable String machine, @RequestBody NewProcess body) {
        var process = machines.apply(machine, body.command());
        return Created.at("/v1/machines/{machine}/processes/{process}", ProcessBody.of(process), machine, process.id());
    }

    @Operation(operationId = "listProcesses", summary = "List the processes")
    @GetMapping(produces = Web.JSON)
    Page<ProcessBody> list(
            @PathVariable String machine,
            @RequestParam(defaultValue = Limit.DEFAULT) Limit limit,
            @RequestParam(required = false) @Nullable Integer after) {
        var processes = machines.read(machine, view -> view.processes()).stream()
                .filter(process -> after == null || process.id() > after)
                .toList();
        return Page.of(processes, limit, ProcessBody::of, ProcessSummary::id);
    }

    @Operation(operationId = "getProcess", summary = "Show a process")
    @GetMapping(path = "/{process}", produces = Web.JSON)
    ProcessBody get(@PathVariable String machine, @PathVariable int process) {
        return ProcessBody.of(machines.read(machine, view -> view.process(process)));
    }

    @Operation(
            operationId = "deleteProcess",
            summary = "End a process: PASIDs that lead to it are blocked, then its memory is given back")
    @DeleteMapping("/{process}")
    @ResponseStatus(HttpStatus.NO_CONTENT)
    void delete(@PathVariable String machine, @PathVariable int process) {
        machines.apply(machine, new Command.DeleteProcess(process));
    }
}
