package dev.ioasid.machine.lspci;

import static java.util.stream.Collectors.groupingBy;
import static java.util.stream.Collectors.mapping;
import static java.util.stream.Collectors.toSet;

import dev.ioasid.iommu.Rid;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;

/** A real machine, and what the kernel said of it, read without the code under test. */
enum Capture {
    INTEL_SWITCHES(42, 17),
    INTEL_LAPTOP(34, 27),
    AMD_LAPTOP(34, 24),
    AMD_OLD_LAPTOP(25, 10),
    SERVER(86, 0);

    private static final Pattern GROUP_LINE = Pattern.compile("(?m)^\\s+IOMMU group: [0-9]+\\R");

    final int devices;
    final int groups;

    Capture(int devices, int groups) {
        this.devices = devices;
        this.groups = groups;
    }

    static List<Capture> withGroups() {
        return List.of(INTEL_SWITCHES, INTEL_LAPTOP, AMD_LAPTOP, AMD_OLD_LAPTOP);
    }

    private String file() {
        return switch (this) {
            case INTEL_SWITCHES -> "intel-switches-42.txt";
            case INTEL_LAPTOP -> "intel-laptop-34.txt";
            case AMD_LAPTOP -> "amd-laptop-34.txt";
            case AMD_OLD_LAPTOP -> "amd-laptop-25.txt";
            case SERVER -> "server-86.txt";
        };
    }

    String text() {
        try (var in = Capture.class.getResourceAsStream("/lspci/" + file())) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    String withoutGroups() {
        return GROUP_LINE.matcher(text()).replaceAll("");
    }

    /** The kernel's group of every function that has one. */
    Map<Rid, Integer> truth() {
        var truth = new TreeMap<Rid, Integer>();
        Rid rid = null;
        for (var line : text().split("\n")) {
            if (!line.isBlank() && !Character.isWhitespace(line.charAt(0))) {
                rid = Rid.parse(line.substring(0, line.indexOf(' ')));
            } else if (line.strip().startsWith("IOMMU group: ")) {
                truth.put(rid, Integer.valueOf(line.strip().substring("IOMMU group: ".length())));
            }
        }
        return truth;
    }

    /** The sets of functions that have a group in common. */
    static Set<Set<Rid>> partition(Map<Rid, Integer> groups) {
        return Set.copyOf(groups.entrySet().stream()
                .collect(groupingBy(Map.Entry::getValue, mapping(Map.Entry::getKey, toSet())))
                .values());
    }

    static Map<Rid, Integer> groups(List<ListedFunction> functions, Collection<Rid> of) {
        var groups = new TreeMap<Rid, Integer>();
        for (var function : functions) {
            if (of.contains(function.rid())) {
                groups.put(function.rid(), function.group());
            }
        }
        return groups;
    }
}
