package dev.ioasid.web.topology;

import dev.ioasid.machine.Topology;

/** Being built. */
public final class TopologyText {
    public static String of(Topology topology) {
        return topology.toString();
    }

    private TopologyText() {}
}
