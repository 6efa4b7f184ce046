package dev.ioasid.metrics;

import dev.ioasid.service.EventStreams;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.MeterBinder;
import org.springframework.stereotype.Component;

/** Those who follow the events of machines, all together. */
@Component
class EventMetrics implements MeterBinder {
    private final EventStreams streams;

    EventMetrics(EventStreams streams) {
        this.streams = streams;
    }

    @Override
    public void bindTo(MeterRegistry registry) {
        Gauge.builder("ioasid.event.streams", streams, EventStreams::open)
                .description("Streams of events that are open")
                .register(registry);
        FunctionCounter.builder("ioasid.events.missed", streams, EventStreams::missed)
                .description("Events that were gone before a stream could send them")
                .register(registry);
    }
}
