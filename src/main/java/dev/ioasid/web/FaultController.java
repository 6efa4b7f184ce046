package dev.ioasid.web;

import dev.ioasid.iommu.FaultRecord;
import dev.ioasid.iommu.Rid;
import dev.ioasid.machine.Command;
import dev.ioasid.machine.MachineView;
import dev.ioasid.service.Machines;
import io.swagger.v3.oas.annotations.Operation;
import io.swagger.v3.oas.annotations.tags.Tag;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.springframework.http.HttpStatus;
import org.springframework.web.bind.annotation.DeleteMapping;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.ResponseStatus;
import org.springframework.web.bind.annotation.RestController;

/** The faults that an IOMMU has recorded. */
@RestController
@RequestMapping("/v1/machines/{machine}/iommus/{iommu}/faults")
@Tag(name = "faults", description = "The faults that an IOMMU has recorded, oldest first.")
class FaultController {
    /**
     * {@code address} as it was recorded: by VT-d, whole pages; 0, and {@code access} a read, where the record says neither. {@code words} are
     * the record's 64-bit words, lowest first.
     */
    record FaultRecordBody(
            Rid rid,
            @Nullable Pasid pasid,
            Hex address,
            AccessName access,
            Hex code,
            String name,
            String detail,
            @Nullable StageName stage,
            List<Hex> words) {
        static FaultRecordBody of(FaultRecord fault) {
            return new FaultRecordBody(
                    fault.rid(),
                    Pasid.of(fault.pasid()),
                    new Hex(fault.address()),
                    AccessName.of(fault.access()),
                    new Hex(fault.code()),
                    fault.name(),
                    fault.detail(),
                    StageName.of(fault.stage()),
                    Lists.map(fault.words(), Hex::new));
        }
    }

    /**
     * {@code overflow}: a fault was lost because there was no room to record it. {@code dropped}: how many were lost since the unit was made;
     * clearing the records does not change it.
     */
    record FaultsBody(
            List<FaultRecordBody> items,
            boolean overflow,
            long dropped,
            @Nullable String next) {}

    private record Recorded(List<FaultRecord> faults, boolean overflow, long dropped) {
        static Recorded by(MachineView view, String iommu) {
            return new Recorded(view.faults(iommu), view.faultsOverflowed(iommu), view.faultsDropped(iommu));
        }
    }

    private final Machines machines;

    FaultController(Machines machines) {
        this.machines = machines;
    }

    @Operation(operationId = "listFaults", summary = "List the recorded faults")
    @GetMapping(produces = Web.JSON)
    FaultsBody list(
            @PathVariable String machine,
            @PathVariable String iommu,
            @RequestParam(defaultValue = Limit.DEFAULT) Limit limit,
            @RequestParam(required = false) @Nullable Integer after) {
        var recorded = machines.read(machine, view -> Recorded.by(view, iommu));
        var rest = IntStream.range(0, recorded.faults().size())
                .filter(index -> after == null || index > after)
                .boxed()
                .toList();
        var page = Page.of(
                rest, limit, index -> FaultRecordBody.of(recorded.faults().get(index)), index -> index);
        return new FaultsBody(page.items(), recorded.overflow(), recorded.dropped(), page.next());
    }

    @Operation(operationId = "clearFaults", summary = "Clear the recorded faults and the overflow mark")
    @DeleteMapping
    @ResponseStatus(HttpStatus.NO_CONTENT)
    void clear(@PathVariable String machine, @PathVariable String iommu) {
        machines.apply(machine, new Command.ClearFaults(iommu));
    }
}
