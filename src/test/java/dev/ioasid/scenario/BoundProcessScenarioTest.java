package dev.ioasid.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/**
 * The page table of a real process, five levels, bound to a route: every address comes out as the processor's own walk says,
 * through a parent that maps guest memory one to one, and through one that scatters it.
 */
class BoundProcessScenarioTest extends ClientTest {
    private static final String MACHINE = "/process";
    private static final long PAGE = 0x1000;
    private static final Capture PROCESS = Capture.read("cpu-process");

    @BeforeEach
    void makeMachine() {
        client.post("", "{\"name\":\"process\",\"memory\":\"0x40000000\",\"preset\":\"vtd\"}")
                .expect(201);
        client.post(MACHINE + "/devices", "{\"rid\":\"01:00.0\",\"iommu\":\"iommu0\",\"pasidBits\":16}")
                .expect(201);
        client.post(MACHINE + "/ioasids", "{\"type\":\"paging\"}").expect(201);
    }

    @AfterEach
    void deleteMachine() {
        client.delete(MACHINE).expect(204);
    }

    private void bind() {
        client.post(MACHINE + "/binds", """
                        {"rid":"01:00.0","pasid":7,"parent":1,"format":"x86-64","addressWidth":57,"root":%s}
                        """.formatted(PROCESS.head().get("root")))
                .expect(201);
    }

    @Test
    void throughAParentThatMapsOneToOne() {
        for (int i = 0; i < PROCESS.pages().size(); i++) {
            client.putBytes(
                            MACHINE + "/memory/" + PROCESS.page(i),
                            PROCESS.pages().get(i))
                    .expect(204);
        }
        client.post(
                        MACHINE + "/ioasids/1/mappings",
                        "{\"iova\":0,\"length\":%s,\"permissions\":\"rw\",\"physicalAddress\":0}"
                                .formatted(PROCESS.head().get("memorySize")))
                .expect(201);
        bind();
        check(Map.of());
    }

    @Test
    void throughAParentThatScatters() {
        // only what the process needs: its tables, and the pages that the lines ask for
        var needed = new TreeSet<Long>();
        for (int i = 0; i < PROCESS.pages().size(); i++) {
            needed.add(Capture.number(PROCESS.page(i)));
        }
        for (var line : PROCESS.expected()) {
            if (line.has("address")) {
                needed.add(Capture.number(line.get("address").asString()) & -PAGE);
            }
        }
        var places = new ArrayList<Long>();
        for (long i = 0; i < needed.size(); i++) {
            places.add(0x80_0000 + i * PAGE);
        }
        Collections.shuffle(places, new Random(1));
        var scattered = new HashMap<Long, Long>();
        var mappings = new ArrayList<String>();
        for (long page : needed) {
            long place = places.get(mappings.size());
            scattered.put(page, place);
            mappings.add("{\"iova\":%d,\"length\":4096,\"permissions\":\"rw\",\"physicalAddress\":%d}"
                    .formatted(page, place));
        }
        client.post(MACHINE + "/ioasids/1/mappings", "{\"mappings\":[" + String.join(",", mappings) + "]}")
                .expect(201);
        for (int i = 0; i < PROCESS.pages().size(); i++) {
            client.putBytes(
                            MACHINE + "/ioasids/1/memory/" + PROCESS.page(i),
                            PROCESS.pages().get(i))
                    .expect(204);
        }
        bind();
        check(scattered);
    }

    /** @param scattered where each guest page lies; where it is itself if it is not there */
    private void check(Map<Long, Long> scattered) {
        var wrong = new ArrayList<String>();
        for (var access : List.of("read", "write")) {
            var requests = PROCESS.expected().stream()
                    .map(line -> "{\"rid\":\"01:00.0\",\"pasid\":7,\"iova\":%s,\"access\":\"%s\"}"
                            .formatted(line.get("iova"), access))
                    .toList();
            var answers = client.post(MACHINE + "/translations", "{\"requests\":[" + String.join(",", requests) + "]}")
                    .expect(200)
                    .json()
                    .get("results");
            int right = 0;
            for (int i = 0; i < requests.size(); i++) {
                var line = PROCESS.expected().get(i);
                if (right(line, access, answers.get(i), scattered)) {
                    right++;
                } else {
                    wrong.add(access + " " + line + " -> " + answers.get(i));
                }
            }
            assertThat(wrong).isEmpty();
            assertThat(right).isEqualTo(2938);
        }
    }

    private static boolean right(JsonNode line, String access, JsonNode answer, Map<Long, Long> scattered) {
        if (line.has("fault")) {
            return faults(answer, line.get("fault").asString().equals("non-canonical") ? 0x80 : 0x71);
        }
        if (!line.get("user").asBoolean()) {
            return faults(answer, 0x81);
        }
        boolean writable = line.get("writable").asBoolean();
        if (access.equals("write") && !writable) {
            return faults(answer, 0x85);
        }
        long guest = Capture.number(line.get("address").asString());
        long expected = scattered.getOrDefault(guest & -PAGE, guest & -PAGE) | guest & PAGE - 1;
        var size = scattered.isEmpty() ? line.get("pageSize").asString() : "0x1000";
        return answer.get("status").asString().equals("translated")
                && Capture.number(answer.get("address").asString()) == expected
                && answer.get("pageSize").asString().equals(size)
                && answer.get("permissions").asString().equals(writable ? "rw" : "r");
    }

    private static boolean faults(JsonNode answer, long code) {
        return answer.get("status").asString().equals("fault")
                && Capture.number(answer.get("fault").get("code").asString()) == code;
    }
}
