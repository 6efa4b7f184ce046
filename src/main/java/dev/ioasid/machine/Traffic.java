package dev.ioasid.machine;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Explanation;
import dev.ioasid.iommu.Translation;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** What the devices of a machine put on the bus. */
final class Traffic {
    private final Machine machine;
    private long translated;

    Traffic(Machine machine) {
        this.machine = machine;
    }

    /** Requests that were translated. */
    long translated() {
        return translated;
    }

    /** Translates requests in order, as the units do. ENODEV, EINVAL: then none has been. */
    List<Translation> translate(List<DmaRequest> requests) {
        var senders = new ArrayList<Device>(requests.size());
        for (int index = 0; index < requests.size(); index++) {
            try {
                senders.add(sender(requests.get(index)));
            } catch (RefusedException refused) {
                throw refused.with("index", index);
            }
        }
        var results = new ArrayList<Translation>(requests.size());
        int stay = machine.readers().enter();
        try {
            for (int index = 0; index < requests.size(); index++) {
                results.add(translate(senders.get(index), requests.get(index)));
            }
        } finally {
            machine.readers().exit(stay);
        }
        return List.copyOf(results);
    }

    private Translation translate(Device device, DmaRequest request) {
        var direct = machine.fabric().direct(device, request);
        if (direct != null) {
            return direct;
        }
        var malformed = machine.injections().malformed(device, request);
        var sent = malformed == null ? request : malformed;
        var result = device.unit().hardware().translate(sent);
        machine.injections().requestIsOver();
        if (result instanceof Translation.Translated) {
            translated++;
        } else if (result instanceof Translation.Stalled stalled) {
            machine.transfers().stalled(device, sent, stalled);
        }
        return result;
    }

    Explanation explain(DmaRequest request) {
        var device = sender(request);
        int stay = machine.readers().enter();
        try {
            var direct = machine.fabric().direct(device, request);
            var shortcut = machine.fabric().shortcut(device, request);
            return direct != null && shortcut != null
                    ? PeerToPeer.direct(device, request, shortcut, direct)
                    : PeerToPeer.through(device, request, throughUnit(device, request), machine.fabric());
        } finally {
            machine.readers().exit(stay);
        }
    }

    private Explanation throughUnit(Device device, DmaRequest request) {
        return machine.injections().explained(device, request, device.unit().hardware()::explain);
    }

    private Device sender(DmaRequest request) {
        var device = machine.devices().device(request.rid());
        checkPasid(device, request.pasid());
        return device;
    }

    /** EINVAL: the device cannot send it. */
    void checkPasid(Device device, int pasid) {
        if (pasid != DmaRequest.NO_PASID && (pasid < 0 || pasid >>> device.pasidBits() != 0)) {
            throw new RefusedException(
                    Errno.EINVAL,
                    device.pasidBits() == 0
                            ? device.rid() + " has no PASID capability: it sends requests without PASID only"
                            : "PASID %d has more than the %d bits of %s"
                                    .formatted(pasid, device.pasidBits(), device.rid()),
                    Map.of("rid", device.rid().toString(), "pasid", pasid));
        }
    }
}
