package dev.ioasid.metrics;

import dev.ioasid.iommu.smmuv3.SmmuEvent;
import dev.ioasid.iommu.vtd.VtdHardware;
import dev.ioasid.memory.PhysicalMemory;
import dev.ioasid.service.Machines;
import dev.ioasid.service.Totals;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;
import org.springframework.stereotype.Component;

/**
 * What all machines hold and have counted, together.
 *
 * <p>A scrape asks for each meter alone, within a moment. So that it sees one state, and adds the machines up once, the totals
 * are kept for as long as such a moment lasts.
 */
@Component
class MachineMetrics implements MeterBinder {
    private static final long MOMENT = TimeUnit.MILLISECONDS.toNanos(20);

    private final Machines machines;
    private Totals totals = Totals.NONE;
    private long taken = System.nanoTime() - MOMENT;

    MachineMetrics(Machines machines) {
        this.machines = machines;
    }

    @Override
    public void bindTo(MeterRegistry registry) {
        gauge(registry, "ioasid.machines", Totals::machines, "Simulated machines");
        gauge(registry, "ioasid.contexts", Totals::contexts, "Open contexts");
        gauge(registry, "ioasid.ioasids", Totals::ioasids, "I/O address spaces");
        gauge(registry, "ioasid.attachments", Totals::attachments, "Routes that lead to an I/O address space");
        gauge(registry, "ioasid.mapped.bytes", Totals::mappedBytes, "Bytes mapped in I/O address spaces");
        gauge(
                registry,
                "ioasid.table.pages",
                all -> (double) (all.tableBytes() / PhysicalMemory.PAGE_SIZE),
                "Pages of 4 KiB that page tables take");
        gauge(
                registry,
                "ioasid.memory.committed.bytes",
                Totals::committedBytes,
                "Bytes of simulated memory that cost memory of the host");
        translations(registry, "translated", Totals::translated);
        translations(registry, "fault", Totals::faults);
        FunctionCounter.builder(
                        "ioasid.events", this, self -> (double) self.now().events())
                .description("Events of machines, with or without a reader")
                .register(registry);
        var reasons = Stream.of(VtdHardware.faultReasons(), SmmuEvent.names()).flatMap(List::stream);
        for (var reason : reasons.toList()) {
            FunctionCounter.builder("ioasid.faults", this, self ->
                            (double) self.now().faultsByReason().getOrDefault(reason, 0L))
                    .description("Requests that faulted, by the architecture's name of the reason, recorded or not")
                    .tag("reason", reason)
                    .register(registry);
        }
        FunctionCounter.builder("ioasid.faults.dropped", this, self ->
                        (double) self.now().faultsDropped())
                .description("Faults that were to be recorded and are lost, because there was no room")
                .register(registry);
    }

    private void gauge(MeterRegistry registry, String name, ToDoubleFunction<Totals> value, String description) {
        Gauge.builder(name, this, self -> value.applyAsDouble(self.now()))
                .description(description)
                .register(registry);
    }

    private void translations(MeterRegistry registry, String outcome, ToDoubleFunction<Totals> value) {
        FunctionCounter.builder("ioasid.translations", this, self -> value.applyAsDouble(self.now()))
                .description("Requests of devices, by what became of them")
                .tag("outcome", outcome)
                .register(registry);
    }

    private synchronized Totals now() {
        if (System.nanoTime() - taken >= MOMENT) {
            totals = machines.totals();
            taken = System.nanoTime();
        }
        return totals;
    }
}
