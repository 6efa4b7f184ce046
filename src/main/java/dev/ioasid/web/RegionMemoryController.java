package dev.ioasid.web;

import dev.ioasid.errno.Errno;
import dev.ioasid.iommu.Rid;
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

/** The bytes of a device's regions, as the device itself sees them. */
@RestController
@RequestMapping("/v1/machines/{machine}/devices/{rid}/regions/{region}/memory/{offset}")
@Tag(name = "devices")
class RegionMemoryController {
    private final Machines machines;

    RegionMemoryController(Machines machines) {
        this.machines = machines;
    }

    @Operation(operationId = "readRegion", summary = "Read bytes of a device's region")
    @Refuses(Errno.E2BIG)
    @GetMapping(produces = Web.BYTES)
    byte[] read(
            @PathVariable String machine,
            @PathVariable Rid rid,
            @PathVariable int region,
            @PathVariable Hex offset,
            @RequestParam(defaultValue = MemoryController.DEFAULT_LENGTH) Hex length) {
        int bytes = IoasidMemoryController.length(length.value());
        return machines.read(machine, view -> view.readRegion(rid, region, offset.value(), bytes));
    }

    @Operation(operationId = "writeRegion", summary = "Write bytes of a device's region")
    @PutMapping(consumes = Web.BYTES)
    @ResponseStatus(HttpStatus.NO_CONTENT)
    void write(
            @PathVariable String machine,
            @PathVariable Rid rid,
            @PathVariable int region,
            @PathVariable Hex offset,
            @RequestBody byte[] bytes) {
        machines.apply(machine, new Command.WriteRegion(rid, region, offset.value(), bytes));
    }
}
