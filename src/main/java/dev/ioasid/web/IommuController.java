package dev.ioasid.web;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.CacheGeometry;
import dev.ioasid.iommu.IommuCapabilities;
import dev.ioasid.iommu.IommuType;
import dev.ioasid.iommu.smmuv3.SmmuCapabilities;
import dev.ioasid.iommu.vtd.VtdCapabilities;
import dev.ioasid.machine.Command;
import dev.ioasid.machine.IommuSummary;
import dev.ioasid.service.Machines;
import io.swagger.v3.oas.annotations.Operation;
import io.swagger.v3.oas.annotations.tags.Tag;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
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

/** The IOMMUs of a machine. */
@RestController
@RequestMapping("/v1/machines/{machine}/iommus")
@Tag(
        name = "iommus",
        description = "The IOMMUs of a machine. The service is the driver of a managed one, the user of any other.")
class IommuController {
    /** The architecture of a unit. */
    enum IommuTypeName {
        VTD,
        SMMUV3;

        static IommuTypeName of(IommuType type) {
            return switch (type) {
                case VTD -> VTD;
                case SMMUV3 -> SMMUV3;
            };
        }
    }

    /** {@code sets} is a power of two, or 0 for no such cache. */
    record Geometry(int sets, int ways) {
        CacheGeometry geometry() {
            return new CacheGeometry(sets, ways);
        }
    }

    /**
     * {@code managed} is true unless it says otherwise. Without {@code capabilities} it can do what a current server can; {@code caches} are
     * as on one, but for those that are named.
     */
    record NewIommu(
            Name name,
            IommuTypeName type,
            @Nullable Boolean managed,
            @Nullable NewCapabilities capabilities,
            @Nullable Map<String, Geometry> caches) {
        Command.CreateIommu command() {
            var geometries = new LinkedHashMap<String, CacheGeometry>();
            if (caches != null) {
                caches.forEach((cache, geometry) -> {
                    try {
                        geometries.put(cache, geometry.geometry());
                    } catch (RefusedException refused) {
                        throw refused.with("cache", cache);
                    }
                });
            }
            return new Command.CreateIommu(name.value(), managed == null || managed, iommuCapabilities(), geometries);
        }

        private IommuCapabilities iommuCapabilities() {
            return switch (type) {
                case VTD -> capabilities == null ? VtdCapabilities.DEFAULT : capabilities.vtd();
                case SMMUV3 -> capabilities == null ? SmmuCapabilities.DEFAULT : capabilities.smmu();
            };
        }
    }

    record IommuBody(String name, IommuTypeName type, boolean managed, Map<String, Object> capabilities) {
        static IommuBody of(IommuSummary iommu) {
            return new IommuBody(
                    iommu.name(),
                    IommuTypeName.of(iommu.capabilities().type()),
                    iommu.managed(),
                    wire(iommu.capabilities().named()));
        }

        private static Map<String, Object> wire(Map<String, Object> named) {
            var wired = new LinkedHashMap<String, Object>();
            named.forEach((name, value) -> wired.put(name, wire(value)));
            return wired;
        }

        private static Object wire(Object value) {
            return switch (value) {
                case Long quantity -> new Hex(quantity);
                case List<?> several -> several.stream().map(IommuBody::wire).toList();
                default -> value;
            };
        }
    }

    private final Machines machines;

    IommuController(Machines machines) {
        this.machines = machines;
    }

    @Operation(operationId = "createIommu", summary = "Add an IOMMU")
    @Refuses({Errno.EEXIST, Errno.EOPNOTSUPP, Errno.ENOMEM})
    @PostMapping(consumes = Web.JSON, produces = Web.JSON)
    @ResponseStatus(HttpStatus.CREATED)
    ResponseEntity<IommuBody> create(@PathVariable String machine, @RequestBody NewIommu body) {
        var iommu = machines.apply(machine, body.command());
        return Created.at("/v1/machines/{machine}/iommus/{iommu}", IommuBody.of(iommu), machine, iommu.name());
    }

    @Operation(operationId = "listIommus", summary = "List the IOMMUs of a machine")
    @GetMapping(produces = Web.JSON)
    Page<IommuBody> list(
            @PathVariable String machine,
            @RequestParam(defaultValue = Limit.DEFAULT) Limit limit,
            @RequestParam(required = false) @Nullable String after) {
        var iommus = machines.read(machine, view -> view.iommus()).stream()
                .sorted((one, other) -> one.name().compareTo(other.name()))
                .filter(iommu -> after == null || iommu.name().compareTo(after) > 0)
                .toList();
        return Page.of(iommus, limit, IommuBody::of, IommuSummary::name);
    }

    @Operation(operationId = "getIommu", summary = "Show an IOMMU")
    @GetMapping(path = "/{iommu}", produces = Web.JSON)
    IommuBody get(@PathVariable String machine, @PathVariable String iommu) {
        return IommuBody.of(machines.read(machine, view -> view.iommu(iommu)));
    }

    @Operation(operationId = "deleteIommu", summary = "Remove an IOMMU")
    @Refuses(Errno.EBUSY)
    @DeleteMapping("/{iommu}")
    @ResponseStatus(HttpStatus.NO_CONTENT)
    void delete(@PathVariable String machine, @PathVariable String iommu) {
        machines.apply(machine, new Command.DeleteIommu(iommu));
    }
}
