package dev.ioasid.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.Architecture;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Tables that real drivers wrote, and random ones, loaded over HTTP into a unit whose driver is the user: every request comes
 * out as the capture says. The same mappings made through map and attach translate alike, and so does a second unit
 * that is pointed at what the service's driver wrote.
 */
class CaptureScenarioTest extends ClientTest {
    private static final int BATCH = 10_000;

    private List<JsonNode> translate(String machine, List<String> requests) {
        var answers = new ArrayList<JsonNode>();
        for (int i = 0; i < requests.size(); i += BATCH) {
            var batch = requests.subList(i, Math.min(i + BATCH, requests.size()));
            client.post("/" + machine + "/translations", "{\"requests\":[" + String.join(",", batch) + "]}")
                    .expect(200)
                    .json()
                    .get("results")
                    .forEach(answers::add);
        }
        return answers;
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "vtd-legacy48",
                "vtd-scalable48",
                "vtd-pt",
                "random-vtd-scalable",
                "random-vtd-nested",
                "smmuv3-4k",
                "random-smmuv3-stage1",
                "random-smmuv3-nested"
            })
    void everyLineOfACaptureComesOutRight(String name) throws IOException {
        var capture = Capture.read(name);
        capture.load(client, name);
        var answers = translate(
                name, capture.expected().stream().map(Capture::request).toList());
        assertThat(answers).hasSameSizeAs(capture.expected());
        var wrong = new ArrayList<String>();
        for (int i = 0; i < answers.size(); i++) {
            wrong.add(capture.wrong(capture.expected().get(i), answers.get(i)));
        }
        assertThat(wrong).containsOnly("");
        checkMemory(capture, name);
        client.delete("/" + name).expect(204);
    }

    /** What all lines together have done to the memory, where the capture says it. */
    private void checkMemory(Capture capture, String machine) throws IOException {
        var stream = Capture.class.getResourceAsStream("/captures/" + capture.name() + "/updates.json");
        if (stream == null) {
            return;
        }
        var updates = JsonMapper.builder()
                .build()
                .readTree(Objects.requireNonNull(stream).readAllBytes());
        var tables = new ArrayList<String>();
        if (updates.has("tables")) {
            updates.get("tables").forEach(table -> tables.add(table.asString()));
        }
        for (int i = 0; i < capture.pages().size(); i++) {
            var address = capture.page(i);
            var before = words(capture.pages().get(i));
            var after = words(client.get("/" + machine + "/memory/" + address + "?length=4096")
                    .expect(200)
                    .body());
            for (int word = 0; word < 512; word++) {
                long at = Capture.number(address) + word * 8L;
                var bounds = updates.get("words").get("0x" + Long.toHexString(at));
                long now = after.getLong(word * 8);
                if (bounds != null && bounds.has("mask")) {
                    long mask = Capture.number(bounds.get("mask").asString());
                    long value = Capture.number(bounds.get("value").asString());
                    assertThat(now & mask).as("word at %x", at).isEqualTo(value & mask);
                } else if (bounds != null) {
                    long least = Capture.number(bounds.get(0).asString());
                    long most = Capture.number(bounds.get(1).asString());
                    assertThat(now & least).as("bits at least set at %x", at).isEqualTo(least);
                    assertThat(now & ~most).as("bits at most set at %x", at).isZero();
                } else {
                    // hardware may set A (bit 5 or 8) and EA (bit 10) of table entries ahead of time
                    long allowed = tables.contains(address) ? 1 << 5 | 1 << 8 | 1 << 10 : 0;
                    assertThat(now & ~allowed).as("word at %x", at).isEqualTo(before.getLong(word * 8) & ~allowed);
                }
            }
        }
    }

    private static ByteBuffer words(byte[] page) {
        return ByteBuffer.wrap(page).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** What the lines of a capture say a device has mapped: by page, where it leads and what is allowed. */
    private record Page(long physical, String permissions, long size) {}

    private static TreeMap<Long, Page> pages(Capture capture, String rid) {
        var pages = new TreeMap<Long, Page>();
        for (var line : capture.expected()) {
            if (line.get("rid").asString().equals(rid) && line.has("address") && line.has("permissions")) {
                long size = Capture.number(line.get("pageSize").asString());
                long iova = Capture.number(line.get("iova").asString()) & -size;
                long physical = Capture.number(line.get("address").asString()) & -size;
                pages.put(iova, new Page(physical, line.get("permissions").asString(), size));
            }
        }
        return pages;
    }

    @ParameterizedTest
    @ValueSource(strings = {"vtd-legacy48", "vtd-scalable48", "smmuv3-4k"})
    void theSameMappingsMadeByMapTranslateAlike(String name) {
        var capture = Capture.read(name);
        var machine = "managed-" + name;
        client.post("", "{\"name\":\"%s\",\"memory\":\"0x%x\"}".formatted(machine, capture.memory()))
                .expect(201);
        client.post(
                        "/" + machine + "/iommus",
                        "{\"name\":\"iommu0\",\"type\":\"%s\",\"capabilities\":%s}"
                                .formatted(capture.type(), capture.capabilities()))
                .expect(201);
        Map<String, TreeMap<Long, Page>> mapped = new HashMap<>();
        for (var rid : capture.rids()) {
            client.post("/" + machine + "/devices", "{\"rid\":\"%s\",\"iommu\":\"iommu0\"}".formatted(rid))
                    .expect(201);
            var pages = pages(capture, rid);
            if (!pages.isEmpty()) {
                mapped.put(rid, pages);
                var id = client.post("/" + machine + "/ioasids", "{\"type\":\"paging\"}")
                        .expect(201)
                        .json()
                        .get("id")
                        .asInt();
                client.put("/" + machine + "/devices/" + rid + "/attachment", "{\"ioasid\":" + id + "}")
                        .expect(200);
                var requests = pages.entrySet().stream()
                        .map(page ->
                                "{\"iova\":\"0x%x\",\"length\":\"0x%x\",\"permissions\":\"%s\",\"physicalAddress\":\"0x%x\"}"
                                        .formatted(
                                                page.getKey(),
                                                page.getValue().size(),
                                                page.getValue().permissions(),
                                                page.getValue().physical()))
                        .collect(Collectors.joining(","));
                client.post("/" + machine + "/ioasids/" + id + "/mappings", "{\"mappings\":[" + requests + "]}")
                        .expect(201);
            }
        }
        assertThat(mapped).isNotEmpty();
        // lines that were translated, and not-present ones of devices that have an IOASID
        var lines = capture.expected().stream()
                .filter(line -> mapped.containsKey(line.get("rid").asString()))
                .filter(line -> covered(mapped, line))
                .toList();
        assertThat(lines.size()).isGreaterThan(2_000);
        var requests = lines.stream().map(Capture::request).toList();
        var answers = translate(machine, requests);
        var wrong = new ArrayList<String>();
        for (int i = 0; i < lines.size(); i++) {
            wrong.add(capture.wrong(lines.get(i), answers.get(i)));
        }
        assertThat(wrong).containsOnly("");
        theSecondUnitAgrees(machine, capture, lines, answers);
        client.delete("/" + machine).expect(204);
    }

    private static boolean covered(Map<String, TreeMap<Long, Page>> mapped, JsonNode line) {
        var pages = Objects.requireNonNull(mapped.get(line.get("rid").asString()));
        long iova = Capture.number(line.get("iova").asString());
        var below = pages.floorEntry(iova);
        boolean known =
                below != null && iova < below.getKey() + below.getValue().size();
        return line.has("address") == known;
    }

    /**
     * An unmanaged unit that is pointed at the tables of the managed one: its devices have the same bus, device and function in another
     * segment, so that both can be asked.
     */
    private void theSecondUnitAgrees(String machine, Capture capture, List<JsonNode> lines, List<JsonNode> answers) {
        client.post(
                        "/" + machine + "/iommus",
                        "{\"name\":\"twin\",\"type\":\"%s\",\"managed\":false,\"capabilities\":%s}"
                                .formatted(capture.type(), capture.capabilities()))
                .expect(201);
        var rids = lines.stream().map(line -> line.get("rid").asString()).collect(Collectors.toSet());
        rids.forEach(rid -> client.post(
                        "/" + machine + "/devices", "{\"rid\":\"%s\",\"iommu\":\"twin\"}".formatted(twin(rid)))
                .expect(201));
        var of = client.get("/" + machine + "/iommus/iommu0/registers")
                .expect(200)
                .json();
        var registers = "/" + machine + "/iommus/twin/registers";
        if (capture.type().equals("vtd")) {
            client.patch(registers, "{\"RTADDR\":" + of.get("RTADDR") + ",\"GCMD\":\"0x40000000\"}")
                    .expect(200);
            client.patch(registers, "{\"GCMD\":\"0x80000000\"}").expect(200);
        } else {
            var names = List.of("CR1", "CR2", "STRTAB_BASE", "STRTAB_BASE_CFG");
            client.patch(
                            registers,
                            names.stream()
                                    .map(name -> "\"%s\":%s".formatted(name, of.get(name)))
                                    .collect(Collectors.joining(",", "{", "}")))
                    .expect(200);
            client.patch(registers, "{\"CR0\":\"0x1\"}").expect(200);
        }
        var twins = translate(
                machine,
                lines.stream()
                        .map(line -> Capture.request(line)
                                .replace(
                                        line.get("rid").asString(),
                                        twin(line.get("rid").asString())))
                        .toList());
        for (int i = 0; i < twins.size(); i++) {
            assertThat(withoutRecorded(twins.get(i))).isEqualTo(withoutRecorded(answers.get(i)));
        }
    }

    private static String twin(String rid) {
        return "0001" + rid.substring(4);
    }

    private static String withoutRecorded(JsonNode answer) {
        return answer.toString().replaceAll(",\"recorded\":(true|false)", "");
    }

    @ParameterizedTest
    @EnumSource
    void aUnitOfTheUsersTakesNoAttachmentsAndNoHandFromTheService(Architecture on) {
        client.post("", "{\"name\":\"own\",\"memory\":\"0x1000000\"}").expect(201);
        client.post("/own/iommus", "{\"name\":\"iommu0\",\"type\":\"%s\",\"managed\":false}".formatted(on.preset()))
                .expect(201);
        client.post("/own/devices", "{\"rid\":\"3a:00.0\",\"iommu\":\"iommu0\"}")
                .expect(201);
        client.post("/own/ioasids", "{\"type\":\"identity\"}").expect(201);
        var refused = client.put("/own/devices/3a:00.0/attachment", "{\"ioasid\":1}")
                .expect(400)
                .json();
        assertThat(refused.get("errno").asString()).isEqualTo("EINVAL");
        var passed = translate("own", List.of("{\"rid\":\"3a:00.0\",\"iova\":\"0x1234\",\"access\":\"write\"}"));
        assertThat(passed.getFirst().get("address").asString())
                .as("translation is off")
                .isEqualTo("0x1234");
        client.delete("/own").expect(204);
    }
}
