package dev.ioasid.machine.lspci;

import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Which bridge leads to which bus. A bridge stands on a lower bus than any it leads to, so every way up ends. */
final class BusTree {
    private static final int BUSES = 256;

    private record Bus(int segment, int number) {
        static Bus of(PciFunction function) {
            return new Bus(function.rid().segment(), function.rid().bus());
        }
    }

    private final Map<Integer, @Nullable PciFunction[]> bridges = new HashMap<>(); // by segment, then by bus
    private final Set<Bus> ofRootComplex = new HashSet<>();
    private final Set<Bus> ofSwitch = new HashSet<>();

    BusTree(List<PciFunction> functions) {
        functions.stream()
                .sorted(Comparator.comparingInt(BusTree::reach).reversed()) // so that the nearest bridge comes last
                .forEach(this::enter);
    }

    private static int reach(PciFunction function) {
        return function.behind() == null ? 0 : function.behind().length();
    }

    private void enter(PciFunction function) {
        var bus = Bus.of(function);
        if (bus.number() == 0 || function.type().ofRootComplex()) {
            ofRootComplex.add(bus);
        }
        if (function.type().ofSwitch()) {
            ofSwitch.add(bus);
        }
        var behind = function.behind();
        if (behind != null) {
            var ofSegment = bridges.computeIfAbsent(bus.segment(), _ -> new @Nullable PciFunction[BUSES]);
            Arrays.fill(ofSegment, behind.first(), behind.last() + 1, function);
        }
    }

    /**
     * The bridge that leads to the function's bus. A bus that no bridge names itself, as those that hold nothing but
     * virtual functions, is reached through the nearest bridge whose range has it. Null on the bus of a root complex,
     * and where the listing lacks the bridge.
     */
    @Nullable
    PciFunction above(PciFunction function) {
        var ofSegment = bridges.get(function.rid().segment());
        return ofSegment == null ? null : ofSegment[function.rid().bus()];
    }

    /** Whether the function stands on a bus of a switch that is in the listing without what is above it. */
    boolean cutOff(PciFunction function) {
        var bus = Bus.of(function);
        return above(function) == null && ofSwitch.contains(bus) && !ofRootComplex.contains(bus);
    }
}
