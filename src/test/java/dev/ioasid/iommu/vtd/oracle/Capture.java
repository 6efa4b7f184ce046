package dev.ioasid.iommu.vtd.oracle;

import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Rid;
import dev.ioasid.memory.PhysicalMemory;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.zip.GZIPInputStream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Tables, requests and the answers that somebody else vouches for. */
public final class Capture {
    private static final JsonMapper JSON = JsonMapper.builder().build();

    private final Path directory;
    private final JsonNode header;

    private Capture(Path directory) throws IOException {
        this.directory = directory;
        this.header = JSON.readTree(Files.readString(directory.resolve("capture.json")));
    }

    public static Capture of(String name) {
        try {
            return new Capture(Path.of("src/test/resources/captures", name));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public long register(String name) {
        return hex(header.get("registers").get(name));
    }

    public int hostAddressWidth() {
        return Math.min((int) (register("CAP") >>> 16 & 0x3f) + 1, 52);
    }

    /** Its memory; the caller closes it. */
    public PhysicalMemory memory() {
        var memory = new PhysicalMemory(hex(header.get("memorySize")));
        try (InputStream pages = new GZIPInputStream(Files.newInputStream(directory.resolve("memory.bin.gz")))) {
            for (var page : header.get("pages")) {
                memory.write(hex(page), pages.readNBytes(0x1000));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return memory;
    }

    /**
     * A request and its answer.
     *
     * @param code of the fault; 0: translated
     * @param size 0: not asked
     * @param permissions empty: not asked
     */
    public record Line(DmaRequest request, int code, long address, long size, String permissions) {}

    public List<Line> lines() {
        try {
            return Files.readAllLines(directory.resolve("expected.jsonl"), StandardCharsets.UTF_8).stream()
                    .map(text -> line(JSON.readTree(text)))
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Line line(JsonNode json) {
        var request = new DmaRequest(
                Rid.parse(json.get("rid").asString()),
                json.has("pasid") ? json.get("pasid").asInt() : DmaRequest.NO_PASID,
                hex(json.get("iova")),
                Access.valueOf(json.get("access").asString().toUpperCase(Locale.ROOT)),
                json.has("privileged") && json.get("privileged").asBoolean());
        return new Line(
                request,
                json.has("code") ? (int) hex(json.get("code")) : 0,
                json.has("address") ? hex(json.get("address")) : 0,
                json.has("pageSize") ? hex(json.get("pageSize")) : 0,
                json.has("permissions") ? json.get("permissions").asString() : "");
    }

    /**
     * What all lines together do to the memory.
     *
     * @param tables pages of tables, in which accessed bits may be set ahead of time
     */
    public record Updates(Set<Long> tables, Map<Long, Bounds> words) {}

    /** Bits that a word must hold at least and may hold at most. */
    public record Bounds(long least, long most) {}

    public Updates updates() {
        try {
            var json = JSON.readTree(Files.readString(directory.resolve("updates.json")));
            var tables = new HashSet<Long>();
            json.get("tables").forEach(table -> tables.add(hex(table)));
            var words = new HashMap<Long, Bounds>();
            json.get("words")
                    .properties()
                    .forEach(word -> words.put(
                            hex(word.getKey()),
                            new Bounds(
                                    hex(word.getValue().get(0)),
                                    hex(word.getValue().get(1)))));
            return new Updates(tables, words);
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
