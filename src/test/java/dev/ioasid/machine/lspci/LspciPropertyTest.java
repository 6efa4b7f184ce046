package dev.ioasid.machine.lspci;

import static java.util.stream.Collectors.joining;
import static java.util.stream.Collectors.toSet;
import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.iommu.Rid;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.jspecify.annotations.Nullable;

/** Laws of grouping. */
class LspciPropertyTest {
    /** What stays of a machine stays together, or apart, as long as its way to the root stays with it. */
    @Property(tries = 50)
    void aPartOfAMachineIsGroupedAsInTheWhole(@ForAll Random random) {
        for (var capture : Capture.withGroups()) {
            var entries = new TreeMap<Rid, String>();
            for (var entry : capture.withoutGroups().strip().split("\n\n")) {
                entries.put(Rid.parse(entry.substring(0, entry.indexOf(' '))), entry);
            }
            var kept = new HashSet<>(Set.of(entries.lastKey()));
            entries.keySet().stream().filter(_ -> random.nextInt(4) == 0).forEach(kept::add);
            entries.descendingMap().forEach((rid, entry) -> {
                if (kept.stream().anyMatch(below -> entry.contains("secondary=%02x,".formatted(below.bus())))) {
                    kept.add(rid);
                }
            });

            var functions = LspciListing.read(kept.stream().map(entries::get).collect(joining("\n\n")));

            var truth = new TreeMap<>(capture.truth());
            truth.keySet().retainAll(kept);
            assertThat(Capture.partition(Capture.groups(functions, truth.keySet())))
                    .isEqualTo(Capture.partition(truth));
        }
    }

    @Property(tries = 500)
    void aMachineIsGroupedAsByWalkingUpFromEachFunction(@ForAll Random random) {
        var machine = new RandomMachine(random);
        Collections.shuffle(machine.functions, random);

        var groups = new TreeMap<Rid, Integer>();
        for (var function : LspciListing.read(Sketch.listing(machine.sketch()))) {
            groups.put(function.rid(), function.group());
        }

        assertThat(Capture.partition(groups)).isEqualTo(machine.groups());
    }

    /** @param isolated what the generator made it, not what the listing says */
    private record Drawn(
            Rid rid,
            String sketch,
            boolean isolated,
            boolean speaksForOthers,
            @Nullable Drawn above) {}

    /** A machine drawn by chance, and its groups in the obvious way. */
    private static final class RandomMachine {
        private final List<Drawn> functions = new ArrayList<>();
        private final Random random;
        private int lastBus;

        RandomMachine(Random random) {
            this.random = random;
            fill(0, "root", null);
        }

        String sketch() {
            return functions.stream().map(Drawn::sketch).collect(joining(", "));
        }

        /** Draws the functions of a bus that starts at a port of the given type. */
        private void fill(int bus, String from, @Nullable Drawn above) {
            var choices = choices(bus, from);
            int devices = bus == 0 || from.equals("up") || from.endsWith("to-pci") || from.equals("pci")
                    ? 1 + random.nextInt(3)
                    : 1;
            for (int device = 0; device < devices; device++) {
                int count = random.nextInt(3) == 0 ? 2 + random.nextInt(2) : 1;
                for (int function = 0; function < count; function++) {
                    draw(new Rid(0, bus, device, function), choices.get(random.nextInt(choices.size())), count, above);
                }
            }
        }

        private static List<String> choices(int bus, String from) {
            if (bus == 0) {
                return List.of("root", "root", "pci", "integrated");
            }
            return switch (from) {
                case "up" -> List.of("down");
                case "pci", "to-pci" -> List.of("pci", "from-pci");
                default -> List.of("endpoint", "legacy", "up", "to-pci");
            };
        }

        private void draw(Rid rid, String type, int functionsOfDevice, @Nullable Drawn above) {
            boolean acs = !type.endsWith("pci") && random.nextInt(3) > 0;
            boolean leads = lastBus < 100
                    && switch (type) {
                        case "endpoint", "legacy", "integrated" -> false;
                        case "pci" -> random.nextInt(4) == 0;
                        default -> true;
                    };
            boolean isolated = switch (type) {
                case "root", "down" -> acs;
                case "endpoint", "legacy", "integrated", "up" -> acs || functionsOfDevice == 1;
                default -> false;
            };
            if (!leads) {
                functions.add(
                        new Drawn(rid, "%s %s%s".formatted(rid, type, acs ? " acs" : ""), isolated, false, above));
                return;
            }
            var place = functions.size();
            int first = ++lastBus;
            var drawn = new Drawn(rid, "", isolated, type.endsWith("pci"), above);
            fill(first, type, drawn);
            functions.add(
                    place,
                    new Drawn(
                            rid,
                            "%s %s to=%02x-%02x%s".formatted(rid, type, first, lastBus, acs ? " acs" : ""),
                            isolated,
                            type.endsWith("pci"),
                            above));
        }

        Set<Set<Rid>> groups() {
            var group = new TreeMap<Rid, Rid>(); // of a function, the topmost one that it goes with
            functions.forEach(
                    function -> group.put(function.rid(), top(function).rid()));
            for (var one : functions) {
                for (var other : functions) {
                    if (!one.isolated() && !other.isolated() && sameDevice(one.rid(), other.rid())) {
                        var from = group.get(one.rid());
                        var to = group.get(other.rid());
                        group.replaceAll((_, top) -> top.equals(from) ? to : top);
                    }
                }
            }
            return Set.copyOf(group.values()).stream()
                    .map(top -> group.entrySet().stream()
                            .filter(entry -> entry.getValue().equals(top))
                            .map(Map.Entry::getKey)
                            .collect(toSet()))
                    .collect(toSet());
        }

        /** The highest bridge on the way up that is no wall, or speaks for what is below it. */
        private static Drawn top(Drawn function) {
            var top = function;
            for (var bridge = function.above(); bridge != null; bridge = bridge.above()) {
                if (!bridge.isolated() || bridge.speaksForOthers()) {
                    top = bridge;
                }
            }
            return top;
        }

        private static boolean sameDevice(Rid one, Rid other) {
            return one.bus() == other.bus() && one.device() == other.device();
        }
    }
}
