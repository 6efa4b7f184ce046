package dev.ioasid.machine;

import java.util.Map;

/**
 * What a machine has counted, for metrics.
 *
 * @param mappedBytes in IOASIDs and in processes, of these what is in memory
 * @param tableBytes of both
 * @param translated requests that were translated
 * @param faultsByReason requests that were not, by the architecture's name of the reason, recorded or not
 * @param faultsDropped faults that were to be recorded and are lost
 * @param events events, ever
 */
public record MachineCounts(
        int contexts,
        int ioasids,
        int attachments,
        long mappedBytes,
        long tableBytes,
        long committedBytes,
        long translated,
        Map<String, Long> faultsByReason,
        long faultsDropped,
        long events) {}
