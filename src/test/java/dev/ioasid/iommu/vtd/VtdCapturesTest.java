package dev.ioasid.iommu.vtd;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Rid;
import dev.ioasid.iommu.Translation;
import dev.ioasid.memory.PhysicalMemory;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Tables of real drivers, and random ones: the hardware half answers each request as the capture says. */
class VtdCapturesTest {
    private static final JsonMapper JSON = JsonMapper.builder().build();

    @ParameterizedTest
    @ValueSource(strings = {"vtd-legacy48", "vtd-scalable48", "vtd-pt", "random-vtd-scalable", "random-vtd-nested"})
    void everyLineComesOutAsExpected(String name) throws IOException {
        var capture = JSON.readTree(resource(name, "capture.json"));
        var registers = capture.get("registers");
        var capabilities = VtdCapabilities.raw(
                hex(registers.get("VER")), hex(registers.get("CAP")), hex(registers.get("ECAP")), null);
        try (var memory = new PhysicalMemory(hex(capture.get("memorySize")))) {
            load(memory, capture, name);
            var unit = new VtdHardware(memory, capabilities, CacheGeometries.DEFAULT);
            write(unit, "RTADDR", hex(registers.get("RTADDR")));
            write(unit, "GCMD", 1L << 30);
            write(unit, "GCMD", 1L << 31);
            var wrong = new ArrayList<String>();
            var lines = new String(resource(name, "expected.jsonl"), StandardCharsets.UTF_8)
                    .lines()
                    .toList();
            for (var line : lines) {
                var expected = JSON.readTree(line);
                var answer = unit.translate(request(expected));
                if (!matches(expected, answer, hex(registers.get("RTADDR")))) {
                    wrong.add(line + " -> " + answer);
                }
            }
            assertThat(wrong).as("of %d lines", lines.size()).isEmpty();
        }
    }

    private static boolean matches(JsonNode expected, Translation answer, long rtaddr) {
        return switch (answer) {
            case Translation.Translated(long address, long pageSize, var permissions) ->
                expected.has("address")
                        && hex(expected.get("address")) == address
                        && (!expected.has("pageSize") || hex(expected.get("pageSize")) == pageSize)
                        && (!expected.has("permissions")
                                || expected.get("permissions").asString().equals(permissions.toString()));
            case Translation.Faulted(var fault) ->
                expected.has("code")
                        ? hex(expected.get("code")) == fault.code()
                        : expected.has("fault") && code(expected, (rtaddr >>> 10 & 3) == 1) == fault.code();
            case Translation.Stalled stalled -> throw new AssertionError(stalled);
            case Translation.Completed completed -> throw new AssertionError(completed);
        };
    }

    private static int code(JsonNode expected, boolean scalable) {
        boolean read = expected.get("access").asString().equals("read");
        return switch (expected.get("fault").asString()) {
            case "no-root-entry" -> scalable ? 0x39 : 1;
            case "no-context-entry" -> scalable ? 0x41 : 2;
            case "not-present" -> scalable ? 0x79 : read ? 6 : 5;
            default -> throw new IllegalArgumentException(expected.toString());
        };
    }

    private static DmaRequest request(JsonNode line) {
        return new DmaRequest(
                Rid.parse(line.get("rid").asString()),
                line.has("pasid") ? line.get("pasid").asInt() : DmaRequest.NO_PASID,
                hex(line.get("iova")),
                Access.valueOf(line.get("access").asString().toUpperCase(java.util.Locale.ROOT)),
                line.has("privileged") && line.get("privileged").asBoolean());
    }

    private static void load(PhysicalMemory memory, JsonNode capture, String name) throws IOException {
        try (var pages = new GZIPInputStream(
                VtdCapturesTest.class.getResourceAsStream("/captures/" + name + "/memory.bin.gz"))) {
            for (var page : capture.get("pages")) {
                memory.write(hex(page), pages.readNBytes(4096));
            }
        }
    }

    private static byte[] resource(String name, String file) throws IOException {
        try (var in = VtdCapturesTest.class.getResourceAsStream("/captures/" + name + "/" + file)) {
            return in.readAllBytes();
        }
    }

    private static void write(VtdHardware unit, String register, long value) {
        unit.write(new LinkedHashMap<>(java.util.Map.of(register, value)));
    }

    private static long hex(JsonNode node) {
        return Long.parseUnsignedLong(node.asString().substring(2), 16);
    }
}
