package dev.ioasid.metrics;

import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.config.MeterFilter;
import java.util.Map;
import org.springframework.stereotype.Component;

/** Describes the meters that come without a description, so that each metric has a help text. */
@Component
class HelpTexts implements MeterFilter {
    private static final Map<String, String> TEXTS = Map.of(
            "http.server.requests", "Requests answered, by route, method and status",
            "http.server.requests.active", "Requests being answered at this moment");

    @Override
    public Meter.Id map(Meter.Id id) {
        var text = TEXTS.get(id.getName());
        return text == null || id.getDescription() != null
                ? id
                : new Meter.Id(id.getName(), Tags.of(id.getTags()), id.getBaseUnit(), text, id.getType());
    }
}
