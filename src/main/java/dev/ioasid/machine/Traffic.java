package dev.ioasid.machine;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.AtsCompletion;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Explanation;
import dev.ioasid.iommu.Fault;
import dev.ioasid.iommu.PageRequest;
import dev.ioasid.iommu.RecordedRequest;
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

    /** Requests that were translated, those of DMA included. */
    long translated() {
        return translated;
    }

    /** What a unit has said to a request; it is counted if it is a translation. */
    Translation counted(Translation result) {
        translated += result instanceof Translation.Translated ? 1 : 0;
        return result;
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
        if (!(counted(result) instanceof Translation.Translated)) {
            wait(device, sent, result);
            tell(sent, result);
        }
        return result;
    }

    /** A transaction that is stalled waits, although nobody's DMA does. */
    private void wait(Device device, DmaRequest request, Translation result) {
        if (result instanceof Translation.Stalled stalled) {
            machine.transfers().stalled(device, request, stalled);
        }
    }

    /** Makes an event of what became of a request, if that is a fault. */
    void tell(DmaRequest request, Translation result) {
        switch (result) {
            case Translation.Translated _ -> {}
            case Translation.Faulted(var fault) -> tell(request, fault, false);
            case Translation.Stalled stalled -> tell(request, stalled.fault(), true);
            case Translation.Completed completed -> {
                // a success without rights is an answer, and no fault
                if (completed.status() != AtsCompletion.Status.SUCCESS && completed.fault() != null) {
                    tell(request, completed.fault(), false);
                }
            }
        }
    }

    /** The same of a page request for what {@code request} wants to move. */
    void tell(DmaRequest request, PageRequest.Outcome outcome) {
        var fault = outcome.fault();
        if (fault != null) {
            tell(request, RecordedRequest.PAGE_REQUEST, fault, false);
        }
    }

    private void tell(DmaRequest request, Fault fault, boolean stalled) {
        tell(request, RecordedRequest.of(request.kind()), fault, stalled);
    }

    private void tell(DmaRequest request, RecordedRequest type, Fault fault, boolean stalled) {
        if (machine.events().countFault(fault.name())) {
            var ioasid = machine.routes().of(request);
            machine.events()
                    .emit(new MachineEvent.Faulted(request, type, fault, stalled, ioasid == null ? null : ioasid.id()));
        }
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
