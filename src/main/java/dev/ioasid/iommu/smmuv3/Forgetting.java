package dev.ioasid.iommu.smmuv3;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Commands by which caches forget, in the order that IHI 0070, sections 3.9 and 3.17, want: the unit's; then, when those have forgotten
 * what a stage 2 said, what was combined from both stages; then each device. The same command is given once.
 */
final class Forgetting {
    private final Map<List<Long>, long[]> unit = new LinkedHashMap<>();
    private final Map<List<Long>, long[]> combined = new LinkedHashMap<>();
    private final Map<Integer, Map<List<Long>, long[]>> devices = new LinkedHashMap<>(); // by StreamID

    private static void add(Map<List<Long>, long[]> to, long[] command) {
        to.putIfAbsent(Arrays.stream(command).boxed().toList(), command);
    }

    void inUnit(long[] command) {
        add(unit, command);
    }

    void inUnit(List<long[]> commands) {
        commands.forEach(this::inUnit);
    }

    void combined(long[] command) {
        add(combined, command);
    }

    void inDevice(int streamId, long[] command) {
        add(devices.computeIfAbsent(streamId, unused -> new LinkedHashMap<>()), command);
    }

    /** Of both lists of the unit, those that are not empty: a CMD_SYNC belongs behind each. */
    List<List<long[]>> unitBatches() {
        var batches = new ArrayList<List<long[]>>();
        for (var batch : List.of(unit, combined)) {
            if (!batch.isEmpty()) {
                batches.add(List.copyOf(batch.values()));
            }
        }
        return batches;
    }

    /** By StreamID. */
    Map<Integer, List<long[]>> deviceBatches() {
        var batches = new LinkedHashMap<Integer, List<long[]>>();
        devices.forEach((streamId, commands) -> batches.put(streamId, List.copyOf(commands.values())));
        return batches;
    }
}
