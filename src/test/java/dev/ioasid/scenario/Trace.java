package dev.ioasid.scenario;

import dev.ioasid.iommu.Rid;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.zip.GZIPInputStream;

/**
 * DMA of real devices in the order in which QEMU's IOMMU saw it, with the invalidations of the guest's driver in between.
 *
 * @param pages the pages that each device uses
 */
record Trace(List<Event> events, Map<Rid, SortedSet<Long>> pages) {
    static final long PAGE = 0x1000;

    sealed interface Event {
        /** A request for an address. */
        record Dma(Rid rid, long iova) implements Event {}

        /** Pages of what a device uses have changed. */
        record Pages(Rid rid, long first, long length) implements Event {}

        /** Everything that a device uses has changed. */
        record Domain(Rid rid) implements Event {}

        /** Everything. */
        record All() implements Event {}
    }

    /** An invalidation names a domain; whose it is, who used most of its pages says. */
    static Trace read(String name) throws IOException {
        var lines = new ArrayList<String[]>();
        try (var reader = new BufferedReader(new InputStreamReader(
                new GZIPInputStream(Objects.requireNonNull(Trace.class.getResourceAsStream("/traces/" + name))),
                StandardCharsets.UTF_8))) {
            reader.lines().skip(1).forEach(line -> lines.add(line.split(",", -1)));
        }
        var pages = new TreeMap<Rid, SortedSet<Long>>();
        for (var line : lines) {
            if (line[0].equals("translate")) {
                pages.computeIfAbsent(Rid.parse(line[1]), rid -> new TreeSet<>())
                        .add(hex(line[2]) & -PAGE);
            }
        }
        var owners = owners(lines, pages);
        var events = new ArrayList<Event>();
        for (var line : lines) {
            switch (line[0]) {
                case "translate" -> events.add(new Event.Dma(Rid.parse(line[1]), hex(line[2])));
                case "invalidate-all" -> events.add(new Event.All());
                case "invalidate-domain" -> {
                    var owner = owners.get(line[1]);
                    if (owner != null) {
                        events.add(new Event.Domain(owner));
                    }
                }
                default -> {
                    var owner = owners.get(line[1]);
                    long length = length(line[4]);
                    if (owner != null) {
                        events.add(new Event.Pages(owner, hex(line[2]) & -length, length));
                    }
                }
            }
        }
        return new Trace(List.copyOf(events), pages);
    }

    private static Map<String, Rid> owners(List<String[]> lines, Map<Rid, SortedSet<Long>> pages) {
        var votes = new HashMap<String, Map<Rid, Integer>>();
        for (var line : lines) {
            if (line[0].equals("invalidate-pages")) {
                pages.forEach((rid, used) -> {
                    if (used.contains(hex(line[2]))) {
                        votes.computeIfAbsent(line[1], domain -> new TreeMap<>())
                                .merge(rid, 1, Integer::sum);
                    }
                });
            }
        }
        var owners = new HashMap<String, Rid>();
        votes.forEach((domain, counts) -> owners.put(
                domain,
                counts.entrySet().stream()
                        .max(Map.Entry.comparingByValue())
                        .orElseThrow()
                        .getKey()));
        return owners;
    }

    /** VT-d says log2 of the pages, SMMUv3 how many: made a power of two here. */
    private static long length(String mask) {
        long said = hex(mask.replace("num_pages=", ""));
        return mask.startsWith("num_pages=") ? Long.highestOneBit(2 * Math.max(said, 1) - 1) * PAGE : PAGE << said;
    }

    private static long hex(String text) {
        return Long.parseUnsignedLong(text.substring(2), 16);
    }

    long requests() {
        return events.stream().filter(event -> event instanceof Event.Dma).count();
    }
}
