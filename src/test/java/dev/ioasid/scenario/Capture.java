package dev.ioasid.scenario;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A capture: registers and memory of a machine at one moment, and requests with their true answers. */
record Capture(String name, JsonNode head, List<JsonNode> expected, List<byte[]> pages) {
    private static final JsonMapper JSON = JsonMapper.builder().build();
    private static final int PAGE = 4096;

    static Capture read(String name) {
        try (var head = resource(name, "capture.json");
                var lines = resource(name, "expected.jsonl");
                var memory = new GZIPInputStream(resource(name, "memory.bin.gz"))) {
            var json = JSON.readTree(head);
            var pages = new ArrayList<byte[]>();
            for (int i = 0; i < json.get("pages").size(); i++) {
                pages.add(memory.readNBytes(PAGE));
            }
            var expected = new String(lines.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .map(JSON::readTree)
                    .toList();
            return new Capture(name, json, expected, pages);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static InputStream resource(String name, String file) {
        return Objects.requireNonNull(
                Capture.class.getResourceAsStream("/captures/" + name + "/" + file), name + "/" + file);
    }

    String register(String register) {
        return head.get("registers").get(register).asString();
    }

    /** The unit's type. */
    String type() {
        return smmu() ? "smmuv3" : "vtd";
    }

    private boolean smmu() {
        return head.get("registers").has("STRTAB_BASE");
    }

    boolean scalable() {
        return (number(register("RTADDR")) >>> 10 & 3) == 1;
    }

    /** The RIDs of the requests; those of them that are devices of the guest, too. */
    Set<String> rids() {
        var rids = new LinkedHashSet<String>();
        expected.forEach(line -> rids.add(line.get("rid").asString()));
        return rids;
    }

    String page(int index) {
        return head.get("pages").get(index).asString();
    }

    static long number(String hex) {
        return Long.parseUnsignedLong(hex.substring(2), 16);
    }

    /** Makes the machine of the capture, with an unmanaged unit, and turns translation on. */
    void load(Client client, String machine) {
        client.post("", "{\"name\":\"%s\",\"memory\":\"0x%x\"}".formatted(machine, memory()))
                .expect(201);
        client.post("/" + machine + "/iommus", """
                        {"name":"iommu0","type":"%s","managed":false,"capabilities":%s}
                        """.formatted(type(), capabilities()))
                .expect(201);
        for (var rid : rids()) {
            client.post(
                            "/" + machine + "/devices",
                            "{\"rid\":\"%s\",\"iommu\":\"iommu0\",\"pasidBits\":20}".formatted(rid))
                    .expect(201);
        }
        for (int i = 0; i < pages.size(); i++) {
            client.putBytes("/" + machine + "/memory/" + page(i), pages.get(i)).expect(204);
        }
        var registers = "/" + machine + "/iommus/iommu0/registers";
        if (smmu()) {
            client.patch(registers, registers("CR1", "CR2", "EVENTQ_BASE", "STRTAB_BASE", "STRTAB_BASE_CFG"))
                    .expect(200);
            client.patch(registers, registers("CR0")).expect(200);
            return;
        }
        client.patch(registers, "{\"RTADDR\":\"%s\"}".formatted(register("RTADDR")))
                .expect(200);
        client.patch(registers, "{\"GCMD\":\"0x40000000\"}").expect(200);
        client.patch(registers, "{\"GCMD\":\"0x80000000\"}").expect(200);
    }

    /** Bytes of memory from 0 to the end of the guest's. */
    long memory() {
        long base = head.has("memoryBase") ? number(head.get("memoryBase").asString()) : 0;
        return base + number(head.get("memorySize").asString());
    }

    /** Those of the unit, as JSON. */
    String capabilities() {
        return smmu() ? registers("IDR0", "IDR1", "IDR2", "IDR3", "IDR4", "IDR5") : registers("VER", "CAP", "ECAP");
    }

    /** Those of the named registers that the capture has, as JSON. */
    private String registers(String... names) {
        return Stream.of(names)
                .filter(head.get("registers")::has)
                .map(name -> "\"%s\":\"%s\"".formatted(name, register(name)))
                .collect(Collectors.joining(",", "{", "}"));
    }

    /** The request of a line, as {@code translations} takes it. */
    static String request(JsonNode line) {
        var more = new StringBuilder();
        if (line.has("pasid")) {
            more.append(",\"pasid\":").append(line.get("pasid"));
        }
        if (line.has("privileged")) {
            more.append(",\"privileged\":").append(line.get("privileged"));
        }
        return "{\"rid\":%s,\"iova\":%s,\"access\":%s%s}"
                .formatted(line.get("rid"), line.get("iova"), line.get("access"), more);
    }

    /** What is wrong with an answer to a line; empty if nothing is. */
    String wrong(JsonNode line, JsonNode answer) {
        boolean translated = answer.get("status").asString().equals("translated");
        if (line.has("address")) {
            boolean right = translated
                    && same(line, answer, "address")
                    && (!line.has("pageSize") || same(line, answer, "pageSize"))
                    && (!line.has("permissions") || line.get("permissions").equals(answer.get("permissions")));
            return right ? "" : line + " -> " + answer;
        }
        boolean right = !translated && sameFault(line, answer.get("fault"));
        return right ? "" : line + " -> " + answer;
    }

    private boolean sameFault(JsonNode line, JsonNode fault) {
        if (line.has("abort")
                || line.has("fault") && line.get("fault").asString().equals("abort")) {
            return !fault.get("recorded").asBoolean();
        }
        return number(fault.get("code").asString()) == code(line)
                && (!line.has("recorded") || line.get("recorded").equals(fault.get("recorded")))
                && (!line.has("event")
                        || fault.get("recorded").asBoolean()
                                && numbers(line.get("event")).equals(numbers(fault.get("words"))));
    }

    private static List<Long> numbers(JsonNode words) {
        return words.valueStream().map(word -> number(word.asString())).toList();
    }

    private static boolean same(JsonNode line, JsonNode answer, String field) {
        return number(line.get(field).asString()) == number(answer.get(field).asString());
    }

    private long code(JsonNode line) {
        if (line.has("code")) {
            return number(line.get("code").asString());
        }
        boolean read = line.get("access").asString().equals("read");
        return switch (line.get("fault").asString()) {
            case "no-root-entry" -> scalable() ? 0x39 : 0x1;
            case "no-context-entry" -> scalable() ? 0x41 : 0x2;
            case "bad-streamid" -> 0x2;
            case "translation", "translation-out-of-range" -> 0x10;
            case "not-present" -> scalable() ? 0x79 : read ? 0x6 : 0x5;
            default -> throw new IllegalArgumentException(line.toString());
        };
    }
}
