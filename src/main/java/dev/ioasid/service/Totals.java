package dev.ioasid.service;

import dev.ioasid.machine.MachineCounts;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.LongAdder;

/**
 * What the machines hold, all together, and what they have counted, those that are gone among them.
 *
 * @param tableBytes bytes of memory that page tables take
 * @param translated requests that were translated, ever
 * @param faultsByReason requests that were not, ever, by the architecture's name of the reason
 * @param faultsDropped faults that were to be recorded and are lost, ever
 * @param events events of machines, ever
 */
public record Totals(
        int machines,
        long contexts,
        long ioasids,
        long attachments,
        long mappedBytes,
        long tableBytes,
        long committedBytes,
        long translated,
        Map<String, Long> faultsByReason,
        long faultsDropped,
        long events) {
    public static final Totals NONE = new Totals(0, 0, 0, 0, 0, 0, 0, 0, Map.of(), 0, 0);

    public long faults() {
        return faultsByReason.values().stream().mapToLong(Long::longValue).sum();
    }

    Totals withPast(long pastTranslated, Map<String, LongAdder> pastFaults, long pastDropped, long pastEvents) {
        var faults = new TreeMap<>(faultsByReason);
        pastFaults.forEach((reason, count) -> faults.merge(reason, count.sum(), Long::sum));
        return new Totals(
                machines,
                contexts,
                ioasids,
                attachments,
                mappedBytes,
                tableBytes,
                committedBytes,
                translated + pastTranslated,
                faults,
                faultsDropped + pastDropped,
                events + pastEvents);
    }

    Totals with(MachineCounts counts) {
        var faults = new TreeMap<>(faultsByReason);
        counts.faultsByReason().forEach((reason, count) -> faults.merge(reason, count, Long::sum));
        return new Totals(
                machines + 1,
                contexts + counts.contexts(),
                ioasids + counts.ioasids(),
                attachments + counts.attachments(),
                mappedBytes + counts.mappedBytes(),
                tableBytes + counts.tableBytes(),
                committedBytes + counts.committedBytes(),
                translated + counts.translated(),
                faults,
                faultsDropped + counts.faultsDropped(),
                events + counts.events());
    }
}
