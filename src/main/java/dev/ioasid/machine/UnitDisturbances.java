package dev.ioasid.machine;

import dev.ioasid.iommu.Disturbances;
import dev.ioasid.machine.Injection.Queue;

/** What a unit is told of {@link Injections} when it asks. Guarded by the machine's lock. */
final class UnitDisturbances implements Disturbances {
    private final Machine machine;
    private final Unit unit;

    UnitDisturbances(Machine machine, Unit unit) {
        this.machine = machine;
        this.unit = unit;
    }

    @Override
    public boolean leavesUnanswered(int sourceId) {
        var device = machine.devices().bySourceId(unit, sourceId);
        return device != null
                && machine.injections()
                        .taken(injection -> injection instanceof Injection.SilentDevice silent
                                && silent.rid().equals(device.rid()));
    }

    @Override
    public boolean fillsFaults() {
        return fills(Queue.FAULTS);
    }

    @Override
    public boolean fillsPageRequests() {
        return fills(Queue.PAGE_REQUESTS);
    }

    private boolean fills(Queue queue) {
        return machine.injections()
                .taken(injection -> injection instanceof Injection.FullQueue full
                        && full.queue() == queue
                        && full.iommu().equals(unit.name()));
    }
}
