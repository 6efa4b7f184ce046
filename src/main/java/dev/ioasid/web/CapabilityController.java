package dev.ioasid.web;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Rid;
import dev.ioasid.machine.IommuSummary;
import dev.ioasid.machine.MachineView;
import dev.ioasid.service.Machines;
import dev.ioasid.web.IommuController.IommuBody;
import dev.ioasid.web.IommuController.IommuTypeName;
import io.swagger.v3.oas.annotations.Operation;
import io.swagger.v3.oas.annotations.tags.Tag;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

/** What an IOMMU can do, alone and for a device. */
@RestController
@RequestMapping("/v1/machines/{machine}")
@Tag(name = "capabilities", description = "What an IOMMU can do, alone and for a device behind it.")
class CapabilityController {
    /** The registers as they are, and what a planner asks first. */
    record CapabilitiesBody(
            String iommu, IommuTypeName type, Map<String, Hex> registers, Map<String, Object> capabilities) {
        static CapabilitiesBody of(IommuSummary unit, int pasidBits) {
            var capabilities = new LinkedHashMap<>(IommuBody.of(unit).capabilities());
            capabilities.put("pasidBits", pasidBits);
            capabilities.put("execute", unit.capabilities().execute());
            capabilities.put("privileged", unit.capabilities().privileged());
            return new CapabilitiesBody(
                    unit.name(),
                    IommuTypeName.of(unit.capabilities().type()),
                    Hexes.of(unit.capabilities().registers()),
                    capabilities);
        }

        CapabilitiesBody orRefused(@Nullable IommuTypeName wanted) {
            if (wanted != null && wanted != type) {
                throw new RefusedException(
                        Errno.EOPNOTSUPP,
                        iommu + " is of type " + WireName.of(type) + ", not " + WireName.of(wanted),
                        Map.of("iommu", iommu));
            }
            return this;
        }
    }

    private final Machines machines;

    CapabilityController(Machines machines) {
        this.machines = machines;
    }

    @Operation(operationId = "getIommuCapabilities", summary = "Show what an IOMMU can do")
    @Refuses(Errno.EOPNOTSUPP)
    @GetMapping(path = "/iommus/{iommu}/capabilities", produces = Web.JSON)
    CapabilitiesBody ofIommu(
            @PathVariable String machine,
            @PathVariable String iommu,
            @RequestParam(required = false) @Nullable IommuTypeName type) {
        var unit = machines.read(machine, view -> view.iommu(iommu));
        return CapabilitiesBody.of(unit, unit.capabilities().pasidBits()).orRefused(type);
    }

    @Operation(operationId = "getDeviceCapabilities", summary = "Show what a device's IOMMU can do for it")
    @Refuses(Errno.EOPNOTSUPP)
    @GetMapping(path = "/devices/{rid}/capabilities", produces = Web.JSON)
    CapabilitiesBody ofDevice(
            @PathVariable String machine,
            @PathVariable Rid rid,
            @RequestParam(required = false) @Nullable IommuTypeName type) {
        return machines.read(machine, view -> ofDevice(view, rid)).orRefused(type);
    }

    private static CapabilitiesBody ofDevice(MachineView view, Rid rid) {
        var device = view.device(rid);
        var unit = view.iommu(device.iommu());
        return CapabilitiesBody.of(
                unit, Math.min(device.pasidBits(), unit.capabilities().pasidBits()));
    }
}
