package dev.ioasid.web;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.machine.Command;
import dev.ioasid.service.Machines;
import io.swagger.v3.oas.annotations.Operation;
import io.swagger.v3.oas.annotations.tags.Tag;
import java.util.LinkedHashMap;
import java.util.Map;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PatchMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RestController;

/** The registers of an IOMMU, by their architectural names. */
@RestController
@RequestMapping("/v1/machines/{machine}/iommus/{iommu}/registers")
@Tag(name = "registers", description = "The registers of an IOMMU, by their architectural names.")
class RegisterController {
    private final Machines machines;

    RegisterController(Machines machines) {
        this.machines = machines;
    }

    @Operation(operationId = "readRegisters", summary = "Read the registers")
    @GetMapping(produces = Web.JSON)
    Map<String, Hex> get(@PathVariable String machine, @PathVariable String iommu) {
        return Hexes.of(machines.read(machine, view -> view.registers(iommu)));
    }

    @Operation(operationId = "writeRegisters", summary = "Write registers of an unmanaged IOMMU, in the order given")
    @PatchMapping(consumes = Web.JSON, produces = Web.JSON)
    Map<String, Hex> patch(
            @PathVariable String machine, @PathVariable String iommu, @RequestBody LinkedHashMap<String, Hex> body) {
        if (body.isEmpty()) {
            throw new RefusedException(Errno.EINVAL, "no register is to be written");
        }
        var values = new LinkedHashMap<String, Long>();
        body.forEach((register, value) -> values.put(register, value.value()));
        return Hexes.of(machines.apply(machine, new Command.PatchRegisters(iommu, values)));
    }
}
