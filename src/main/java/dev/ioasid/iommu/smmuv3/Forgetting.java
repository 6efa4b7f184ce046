package dev.ioasid.iommu.smmuv3;

import dev.ioasid.iommu.IssuedCommand;
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

    /**
     * What the unit was given, the CMD_SYNCs included, and which devices did not answer.
     *
     * @param silent by StreamID
     */
    record Outcome(List<IssuedCommand> issued, List<Integer> silent) {}

    /** Has all of it done: when it returns, all but the silent devices have forgotten. */
    Outcome submitTo(CommandWriter queue) {
        var issued = new ArrayList<IssuedCommand>();
        var silent = new ArrayList<Integer>();
        for (var batch : List.of(unit, combined)) {
            if (!batch.isEmpty()) {
                issued.addAll(queue.submit(List.copyOf(batch.values())).issued());
            }
        }
        devices.forEach((streamId, batch) -> { // one by one: the unit does not say who is silent
            var outcome = queue.submit(List.copyOf(batch.values()));
            issued.addAll(outcome.issued());
            if (!outcome.answered()) {
                silent.add(streamId);
            }
        });
        return new Outcome(List.copyOf(issued), List.copyOf(silent));
    }
}
