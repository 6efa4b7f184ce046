package dev.ioasid.machine;

import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Explanation;
import dev.ioasid.iommu.Step;
import dev.ioasid.iommu.Translation;
import java.util.ArrayList;
import java.util.List;

/** Which way a request goes that has to do with a device's region, in words. */
final class PeerToPeer {
    private static final String STRUCTURE = "peer-to-peer";

    private PeerToPeer() {}

    /** A request that does not get as far as the unit. */
    static Explanation direct(Device device, DmaRequest request, DeviceRegion region, Translation result) {
        var where = "0x%x lies in %s".formatted(request.iova(), region);
        var decision = region.rid().equals(device.rid())
                ? where + ", the device itself: a request does not come back to its sender; unsupported request"
                : where
                        + ", which is in group %d as well: the request goes there, and %s never sees it"
                                .formatted(
                                        device.group().number(), device.unit().name());
        return new Explanation(result, List.of(step(decision)));
    }

    /** A request that goes up to the unit: why, if its address lies in a region, and where it ends, if that is one. */
    static Explanation through(Device device, DmaRequest request, Explanation unit, Fabric fabric) {
        var steps = new ArrayList<Step>();
        var named = request.kind() == DmaRequest.Kind.TRANSLATION_REQUEST ? null : fabric.region(request.iova());
        if (named != null) {
            steps.add(step("0x%x lies in %s, but %s: the request goes up to %s"
                    .formatted(
                            request.iova(),
                            named,
                            why(device, named),
                            device.unit().name())));
        }
        steps.addAll(unit.steps());
        var reached = unit.result() instanceof Translation.Translated page ? fabric.region(page.address()) : null;
        if (reached != null && unit.result() instanceof Translation.Translated page) {
            var end = "0x%x is offset 0x%x of %s".formatted(page.address(), reached.offset(page.address()), reached);
            steps.add(step(
                    reached.rid().equals(device.rid())
                            ? end
                                    + ", the device itself: a request does not come back to its sender; unsupported request"
                            : end + ": the request goes there"));
        }
        return steps.size() == unit.steps().size() ? unit : new Explanation(unit.result(), List.copyOf(steps));
    }

    private static String why(Device device, DeviceRegion region) {
        if (device.group().members().size() < 2) {
            return "nobody shares the device's group, so all is redirected (ACS)";
        }
        return device.group().members().containsKey(region.rid())
                ? "the device has a translation of it and sends that"
                : "that is not in group %d, so it is redirected (ACS)"
                        .formatted(device.group().number());
    }

    private static Step step(String decision) {
        return new Step(STRUCTURE, null, null, null, List.of(), null, decision);
    }
}
