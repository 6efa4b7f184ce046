package dev.ioasid.web;

import dev.ioasid.iommu.Rid;
import dev.ioasid.machine.MachineView;
import dev.ioasid.machine.Topology;
import dev.ioasid.service.Machines;
import dev.ioasid.web.IoasidController.IoasidTypeName;
import dev.ioasid.web.topology.TopologySvg;
import dev.ioasid.web.topology.TopologyText;
import io.swagger.v3.oas.annotations.Operation;
import io.swagger.v3.oas.annotations.tags.Tag;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

/** Who routes where. */
@RestController
@RequestMapping("/v1/machines/{machine}/topology")
@Tag(name = "topology", description = "Who routes where, as data, as a tree, as a picture.")
class TopologyController {
    private static final String SUMMARY = "Show who routes where";

    /** What {@code ?format=} asks for. It chooses between the methods below, before they are called, as {@code Accept} does. */
    enum Form {
        JSON,
        TEXT,
        SVG
    }

    /** {@code label} is what the user calls it. */
    record TopologyDeviceBody(Rid rid, @Nullable String label, String iommu, int group) {
        static TopologyDeviceBody of(Topology.TopologyDevice device) {
            return new TopologyDeviceBody(device.rid(), device.label(), device.iommu(), device.group());
        }
    }

    record TopologyRouteBody(
            Rid rid,
            @Nullable Pasid pasid,
            @Nullable String deviceLabel,
            @Nullable String pasidLabel,
            @Nullable Integer bind) {
        static TopologyRouteBody of(Topology.TopologyRoute topologyRoute) {
            var route = RouteBody.of(topologyRoute.route());
            return new TopologyRouteBody(
                    route.rid(),
                    route.pasid(),
                    topologyRoute.deviceLabel(),
                    topologyRoute.pasidLabel(),
                    topologyRoute.bind());
        }
    }

    record TopologyIoasidBody(
            int id, @Nullable String label, IoasidTypeName type, Hex mappedBytes, List<TopologyRouteBody> routes) {
        static TopologyIoasidBody of(Topology.TopologyIoasid ioasid) {
            return new TopologyIoasidBody(
                    ioasid.id(),
                    ioasid.label(),
                    IoasidTypeName.of(ioasid.type()),
                    new Hex(ioasid.mappedBytes()),
                    Lists.map(ioasid.routes(), TopologyRouteBody::of));
        }
    }

    record TopologyBody(String machine, List<TopologyDeviceBody> devices, List<TopologyIoasidBody> ioasids) {
        static TopologyBody of(Topology topology) {
            return new TopologyBody(
                    topology.machine(),
                    Lists.map(topology.devices(), TopologyDeviceBody::of),
                    Lists.map(topology.ioasids(), TopologyIoasidBody::of));
        }
    }

    private final Machines machines;

    TopologyController(Machines machines) {
        this.machines = machines;
    }

    @Operation(operationId = "getTopology", summary = SUMMARY)
    @GetMapping(produces = Web.JSON)
    TopologyBody json(@PathVariable String machine, @RequestParam(required = false) @Nullable Form format) {
        return TopologyBody.of(machines.read(machine, MachineView::topology));
    }

    @Operation(operationId = "getTopology", summary = SUMMARY)
    @GetMapping(produces = Web.TEXT)
    String text(@PathVariable String machine, @RequestParam(required = false) @Nullable Form format) {
        return TopologyText.of(machines.read(machine, MachineView::topology));
    }

    @Operation(operationId = "getTopology", summary = SUMMARY)
    @GetMapping(produces = Web.SVG)
    String svg(@PathVariable String machine, @RequestParam(required = false) @Nullable Form format) {
        return TopologySvg.of(machines.read(machine, MachineView::topology));
    }
}
