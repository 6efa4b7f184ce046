package dev.ioasid.machine;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Mishap;
import dev.ioasid.iommu.Rid;
import java.util.Map;

/** Whether something can go wrong as it is asked for. */
final class InjectionChecks {
    private final Machine machine;

    InjectionChecks(Machine machine) {
        this.machine = machine;
    }

    /** ENODEV, ENOENT: no such device or unit; EOPNOTSUPP: it cannot happen there; EINVAL. */
    void check(Injection injection) {
        switch (injection) {
            case Injection.PoisonedMemory(var range) -> machine.memory().check(range);
            case Injection.SilentDevice(var rid) -> {
                if (!machine.devices().device(rid).hasAts()) {
                    throw lacking(rid, "ats", rid + " has no ATS, so nobody asks it to forget translations");
                }
            }
            case Injection.FullQueue(var iommu, var queue) -> {
                var unit = machine.units().unit(iommu);
                if (queue == Injection.Queue.PAGE_REQUESTS
                        && !unit.hardware().capabilities().pageRequests()) {
                    throw new RefusedException(
                            Errno.EOPNOTSUPP,
                            iommu + " takes no page requests, so it has no queue of them",
                            Map.of("iommu", iommu, "capability", "pri"));
                }
            }
            case Injection.DelayedResponse(var rid) -> {
                if (!machine.devices().device(rid).asksForPages()) {
                    throw lacking(rid, "pri", rid + " never asks for pages: it, or its unit, has no PRI");
                }
            }
            case Injection.MalformedRequest(var rid, var flaw) -> {
                var device = machine.devices().device(rid);
                if (flaw instanceof Injection.Flaw.Befallen(var mishap)) {
                    check(device, mishap);
                }
            }
        }
    }

    private static void check(Device device, Mishap mishap) {
        try {
            device.unit().hardware().befall(device.sourceId(), mishap, 0); // what is due is set after this
        } catch (RefusedException refused) {
            throw refused.with("rid", device.rid().toString())
                    .with("iommu", device.unit().name());
        }
    }

    private static RefusedException lacking(Rid rid, String capability, String detail) {
        return new RefusedException(Errno.EOPNOTSUPP, detail, Map.of("rid", rid.toString(), "capability", capability));
    }
}
