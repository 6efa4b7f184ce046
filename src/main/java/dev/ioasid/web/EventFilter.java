package dev.ioasid.web;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Rid;
import dev.ioasid.machine.MachineEvent;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Which events a stream has. The end of the machine is in each, and whoever gets faults is told of those that have no event.
 *
 * @param types empty: all
 */
record EventFilter(
        Set<EventType> types, @Nullable Rid rid, @Nullable Integer ioasid) {

    /**
     * EINVAL: no such type.
     *
     * @param types names, several of them in one with commas between; null: all
     */
    static EventFilter of(@Nullable List<String> types, @Nullable Rid rid, @Nullable Integer ioasid) {
        var chosen = EnumSet.noneOf(EventType.class);
        if (types != null) {
            var names = String.join(",", types); // of none it is one that is empty
            Arrays.stream(names.split(",", -1)).map(EventFilter::type).forEach(chosen::add);
        }
        if (chosen.contains(EventType.FAULT)) {
            chosen.add(EventType.FAULTS_OMITTED);
        }
        return new EventFilter(chosen, rid, ioasid);
    }

    private static EventType type(String name) {
        return Arrays.stream(EventType.values())
                .filter(type -> WireName.of(type).equals(name))
                .findFirst()
                .orElseThrow(() -> new RefusedException(
                        Errno.EINVAL,
                        "type: '" + name + "' is not one of " + WireName.all(EventType.class),
                        Map.of("parameter", "type")));
    }

    boolean accepts(MachineEvent event) {
        if (event instanceof MachineEvent.MachineDeleted) {
            return true;
        }
        if (!types.isEmpty() && !types.contains(EventType.of(event))) {
            return false;
        }
        return event.concernsAll()
                || (rid == null || rid.equals(event.rid())) && (ioasid == null || event.concerns(ioasid));
    }
}
