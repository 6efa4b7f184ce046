package dev.ioasid.iommu.smmuv3.oracle;

import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.Rid;
import dev.ioasid.memory.AddressRange;
import dev.ioasid.memory.PhysicalMemory;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.zip.GZIPInputStream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Tables, requests and the answers that somebody else vouches for. */
final class Capture {
    private static final JsonMapper JSON = JsonMapper.builder().build();

    private final Path directory;
    private final JsonNode header;

    private Capture(Path directory) throws IOException {
        this.directory = directory;
        this.header = JSON.readTree(Files.readString(directory.resolve("capture.json")));
    }

    static Capture of(String name) {
        try {
            return new Capture(Path.of("src/test/resources/captures", name));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    Smmu smmu() {
        return new Smmu(
                (int) register("IDR0"),
                (int) register("IDR1"),
                (int) register("IDR3"),
                (int) register("IDR5"),
                (int) register("CR0"),
                (int) register("CR2"),
                (int) register("GBPA"),
                register("STRTAB_BASE"),
                (int) register("STRTAB_BASE_CFG"));
    }

    private long register(String name) {
        return hex(header.get("registers").get(name));
    }

    /** Its memory; the caller closes it. */
    PhysicalMemory memory() {
        long base = header.has("memoryBase") ? hex(header.get("memoryBase")) : 0;
        var below = base == 0 ? List.<AddressRange>of() : List.of(AddressRange.of(0, base));
        var memory = new PhysicalMemory(base + hex(header.get("memorySize")), below);
        try (InputStream pages = new GZIPInputStream(Files.newInputStream(directory.resolve("memory.bin.gz")))) {
            for (var page : header.get("pages")) {
                memory.write(hex(page), pages.readNBytes(0x1000));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return memory;
    }

    /** The pages that hold something. */
    List<Long> pages() {
        return header.get("pages").valueStream().map(Capture::hex).toList();
    }

    /** A request, and what the line says of its answer. */
    record Line(Request request, JsonNode json) {
        /** What is wrong with an answer; empty if nothing is. */
        String wrong(Answer answer) {
            boolean right = switch (answer) {
                case Answer.Page page -> json.has("address") && agrees(page);
                case Answer.Event event -> json.has("code") ? agrees(event) : agreesInKind(event);
                case Answer.Silent() -> json.has("abort") || is("abort");
                case Answer.Unsaid(var question) -> false;
            };
            return right ? "" : json + " but " + answer;
        }

        private boolean agrees(Answer.Page page) {
            var rights = (page.read() ? "r" : "") + (page.write() ? "w" : "");
            return page.address() == hex(json.get("address"))
                    && (!json.has("pageSize") || page.size() == hex(json.get("pageSize")))
                    && (!json.has("permissions")
                            || json.get("permissions").asString().equals(rights));
        }

        private boolean agrees(Answer.Event event) {
            if (event.code() != hex(json.get("code")) || event.recorded() != json.has("event")) {
                return false;
            }
            return !event.recorded()
                    || event.words()
                            .equals(json.get("event")
                                    .valueStream()
                                    .map(Capture::hex)
                                    .toList());
        }

        private boolean agreesInKind(Answer.Event event) {
            return switch (event.code()) {
                case 0x02 -> is("bad-streamid") || json.has("abort") && !event.recorded();
                case 0x10 -> is("translation") || is("translation-out-of-range");
                default -> false;
            };
        }

        private boolean is(String fault) {
            return json.has("fault") && json.get("fault").asString().equals(fault);
        }
    }

    List<Line> lines() {
        return read("expected.jsonl")
                .lines()
                .map(text -> line(JSON.readTree(text)))
                .toList();
    }

    private static Line line(JsonNode json) {
        var request = new Request(
                Rid.parse(json.get("rid").asString()).sourceId(),
                json.has("pasid") ? json.get("pasid").asInt() : Request.NO_SUBSTREAM,
                hex(json.get("iova")),
                Access.valueOf(json.get("access").asString().toUpperCase(Locale.ROOT)),
                json.has("privileged") && json.get("privileged").asBoolean());
        return new Line(request, json);
    }

    /** The words that all lines together change, and what they are afterwards. */
    Map<Long, Long> updates() {
        if (!Files.exists(directory.resolve("updates.json"))) {
            return Map.of();
        }
        return JSON.readTree(read("updates.json"))
                .get("words")
                .propertyStream()
                .collect(Collectors.toMap(
                        word -> hex(word.getKey()),
                        word -> hex(word.getValue().get("value")),
                        (one, other) -> one,
                        TreeMap::new));
    }

    private String read(String file) {
        try {
            return Files.readString(directory.resolve(file), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static long hex(JsonNode node) {
        return hex(node.asString());
    }

    private static long hex(String text) {
        return Long.parseUnsignedLong(text.substring(2), 16);
    }
}
