package dev.ioasid.machine.lspci;

import dev.ioasid.iommu.Rid;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Which functions are kept from reaching their peers behind the IOMMU's back, as Linux judges it. */
final class Isolation {
    private final BusTree tree;
    private final Set<Rid> virtual;
    private final Map<Rid, Integer> functionsOf = new HashMap<>(); // without virtual ones; by function 0 of the device
    private final Map<Rid, Boolean> upwards = new HashMap<>();

    Isolation(List<PciFunction> functions, BusTree tree) {
        this.tree = tree;
        this.virtual = virtual(functions);
        for (var function : functions) {
            if (!virtual.contains(function.rid())) {
                functionsOf.merge(device(function.rid()), 1, Integer::sum);
            }
        }
    }

    /**
     * Those that an SR-IOV capability counts, and those whose name says so. Counting ends where the listing does, for
     * lspci lists every virtual function that is enabled.
     */
    private static Set<Rid> virtual(List<PciFunction> functions) {
        var uncounted = new HashSet<Rid>();
        var virtual = new HashSet<Rid>();
        for (var function : functions) {
            uncounted.add(function.rid());
            if (function.heading().name().contains("Virtual Function")) {
                virtual.add(function.rid());
            }
        }
        for (var function : functions) {
            var counted = function.virtualFunctions();
            for (int index = 0; index < counted.count(); index++) {
                var rid = counted.rid(function.rid(), index);
                if (!uncounted.remove(rid)) { // each at most once: capabilities that overlap cost no more
                    break;
                }
                virtual.add(rid);
            }
        }
        return virtual;
    }

    /** Whether what the function sends or lets through cannot reach a peer without having passed the IOMMU. */
    boolean of(PciFunction function) {
        if (virtual.contains(function.rid()) || KnownDevices.isolate(function)) {
            return true;
        }
        return switch (function.type()) {
            case ROOT_PORT, DOWNSTREAM_PORT -> function.accessControl().isolates();
            case ENDPOINT, LEGACY_ENDPOINT, INTEGRATED_ENDPOINT, UPSTREAM_PORT ->
                alone(function.rid()) || function.accessControl().isolates();
            case BRIDGE_TO_PCI, BRIDGE_FROM_PCI, EVENT_COLLECTOR, CONVENTIONAL, UNKNOWN -> false;
        };
    }

    /** The only function of its device: there is no other to send to. */
    private boolean alone(Rid rid) {
        return rid.function() == 0 && functionsOf.getOrDefault(rid, 0) == 1;
    }

    /** Whether all that comes up through {@code bridge} is driven on, past every bridge above, to the root complex. */
    boolean upwards(PciFunction bridge) {
        var known = upwards.get(bridge.rid());
        if (known == null) {
            var next = tree.above(bridge);
            known = !bridge.type().speaksForOthers()
                    && of(bridge)
                    && (next == null ? !tree.cutOff(bridge) : upwards(next));
            upwards.put(bridge.rid(), known);
        }
        return known;
    }

    private static Rid device(Rid rid) {
        return new Rid(rid.segment(), rid.bus(), rid.device(), 0);
    }
}
