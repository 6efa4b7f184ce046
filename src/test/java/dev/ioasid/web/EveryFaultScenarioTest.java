package dev.ioasid.web;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.iommu.FaultReason;
import dev.ioasid.iommu.vtd.VtdReasons;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.springframework.http.HttpMethod;
import org.springframework.http.MediaType;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** Every fault that a request can cause is caused, over HTTP, by the request that {@link FaultEvidence} names. */
class EveryFaultScenarioTest extends HttpTest {
    private static final FaultEvidence VTD = FaultEvidence.load("vtd.yaml");
    private static final FaultEvidence SMMUV3 = FaultEvidence.load("smmuv3.yaml");
    private static final JsonMapper JSON = new JsonMapper();
    private static final Path PAGE = Path.of("docs/faults.md");
    private static final String ADDRESS = "[0-9A-Fa-f]{6,}";
    private static final String UNIT = M1 + "/iommus/u0";

    static Stream<FaultEvidence.Row> vtd() {
        return VTD.evidence().stream();
    }

    static Stream<FaultEvidence.Row> smmuv3() {
        return SMMUV3.evidence().stream();
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource
    void vtd(FaultEvidence.Row row) {
        check(VTD, row);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource
    void smmuv3(FaultEvidence.Row row) {
        check(SMMUV3, row);
    }

    private void check(FaultEvidence evidence, FaultEvidence.Row row) {
        make(evidence.unit(), row);
        write(evidence.world(row), row);

        for (var call : row.before() == null ? List.<FaultEvidence.Call>of() : row.before()) {
            post(M1 + "/" + call.path(), call.body().toString()).expectStatus().is2xxSuccessful();
        }

        var result = result(row);

        var outcome = row.answer().outcome();
        assertThat(result.get("status").asString()).isEqualTo(outcome);
        assertThat(result.has("fault")).isEqualTo(!outcome.equals("translated"));
        if (result.get("fault") instanceof ObjectNode fault) {
            assertThat(fault.remove("detail").asString()).isNotBlank();
            assertThat(fault).isEqualTo(expected(evidence, row));
        }
        checkRecords(evidence, row);
    }

    private JsonNode result(FaultEvidence.Row row) {
        if (row.call() != null) {
            return json(post(M1 + "/" + row.call(), row.request().toString())
                    .expectStatus()
                    .is2xxSuccessful());
        }
        var requests = JSON.createObjectNode();
        requests.putArray("requests").add(row.request());
        return json(post(M1 + "/translations", requests.toString())
                        .expectStatus()
                        .isOk())
                .get("results")
                .get(0);
    }

    /** The fault of the answer, but for the words that explain it. */
    private static JsonNode expected(FaultEvidence evidence, FaultEvidence.Row row) {
        var answer = row.answer();
        var fault = JSON.createObjectNode()
                .put("code", answer.code())
                .put("name", answer.name() == null ? row.fault() : answer.name());
        if (answer.stage() != null) {
            fault.put("stage", answer.stage());
        }
        if (answer.level() != null) {
            fault.put("level", answer.level());
        }
        fault.set("address", row.request().get("iova"));
        fault.put("recoverable", Boolean.TRUE.equals(answer.recoverable())).put("recorded", row.isAnsweredAsRecorded());
        if (evidence == SMMUV3) {
            fault.set("words", JSON.valueToTree(row.words()));
        }
        return fault;
    }

    private void make(FaultEvidence.Unit unit, FaultEvidence.Row row) {
        var identity = new TreeMap<>(unit.identity());
        for (var edit : row.parsedEdits()) {
            identity.computeIfPresent(
                    edit.target(),
                    (name, value) -> JSON.valueToTree(
                            "0x" + Long.toHexString(edit.applyTo(FaultEvidence.hex(value.asString())))));
        }
        post("/v1/machines", """
                {"name": "m1", "memory": "%s", "preset": "empty"}""".formatted(unit.memory())).expectStatus().isCreated();
        post(M1 + "/iommus", """
                {"name": "u0", "type": "%s", "managed": false, "capabilities": %s}""".formatted(unit.type(), JSON.valueToTree(identity)))
                .expectStatus()
                .isCreated();
        var device = JSON.createObjectNode()
                .put("iommu", "u0")
                .put("ats", row.request().has("type"))
                .put("pasidBits", row.request().has("pasid") ? 20 : 0);
        device.set("rid", row.request().get("rid"));
        device.setAll(row.device() == null ? Map.of() : row.device());
        post(M1 + "/devices", device.toString()).expectStatus().isCreated();
    }

    private void write(FaultEvidence.World world, FaultEvidence.Row row) {
        var memory = world.memory();
        row.parsedEdits().stream()
                .filter(edit -> edit.target().matches(ADDRESS))
                .forEach(edit -> memory.merge(
                        FaultEvidence.hex(edit.target()), edit.applyTo(0), (word, zero) -> edit.applyTo(word)));
        memory.forEach(this::writeWord);
        for (var register : world.registers()) {
            register.forEach((name, value) -> writeRegister(name, edited(name, FaultEvidence.hex(value), row)));
        }
    }

    private static long edited(String register, long value, FaultEvidence.Row row) {
        for (var edit : row.parsedEdits()) {
            value = edit.target().equals(register) ? edit.applyTo(value) : value;
        }
        return value;
    }

    private void writeWord(long address, long word) {
        var bytes = ByteBuffer.allocate(Long.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(word)
                .array();
        send(HttpMethod.PUT, M1 + "/memory/0x" + Long.toHexString(address), bytes)
                .expectStatus()
                .is2xxSuccessful();
    }

    private void writeRegister(String name, long value) {
        patch(UNIT + "/registers", "{\"%s\": \"0x%x\"}".formatted(name, value))
                .expectStatus()
                .isOk();
    }

    /** What the unit has recorded is what the row says, and is decoded alike from its words alone. */
    private void checkRecords(FaultEvidence evidence, FaultEvidence.Row row) {
        var recorded = json(UNIT + "/faults").get("items");
        if (row.words() == null) {
            assertThat(recorded).isEmpty();
            return;
        }
        assertThat(recorded).hasSize(1);
        assertThat(recorded.get(0).get("words")).isEqualTo(JSON.valueToTree(row.words()));
        var decoded = json(client.post()
                        .uri("/v1/faults/decode")
                        .contentType(MediaType.TEXT_PLAIN)
                        .body(evidence.unit().type() + ": " + String.join(" ", row.words()))
                        .exchange())
                .get("items")
                .get(0);
        for (var property : List.of("rid", "pasid", "code", "name", "detail", "stage", "words")) {
            assertThat(decoded.get(property))
                    .as(property)
                    .isEqualTo(recorded.get(0).get(property));
        }
    }

    /** A misspelt edit would edit nothing. */
    @Test
    void everyEditEditsSomething() {
        for (var evidence : List.of(VTD, SMMUV3)) {
            for (var row : evidence.evidence()) {
                var known = evidence.world(row).registers().stream()
                        .flatMap(register -> register.keySet().stream())
                        .collect(Collectors.toSet());
                known.addAll(evidence.unit().identity().keySet());
                assertThat(row.parsedEdits())
                        .as(row.toString())
                        .allMatch(edit ->
                                known.contains(edit.target()) || edit.target().matches(ADDRESS));
            }
        }
    }

    /** {@code -Dioasid.faults.write=true} publishes a new one. */
    @Test
    void thePageIsMadeOfTheTables() throws IOException {
        var page = FaultPage.of(VTD, SMMUV3);
        if (Boolean.getBoolean("ioasid.faults.write")) {
            Files.writeString(PAGE, page);
        }
        assertThat(page)
                .as("the page; if the change is meant: ./mvnw verify -Dioasid.faults.write=true")
                .isEqualTo(Files.readString(PAGE));
    }

    @Test
    void everyReasonOfVtdHasARequestOrAReasonWhyNot() {
        var reasons = VtdReasons.all();
        assertThat(VTD.codes())
                .containsExactlyElementsOf(
                        reasons.stream().map(FaultReason::code).toList());
        for (var reason : reasons) {
            var names = names(VTD, reason.code());
            boolean never = VTD.whyNever(reason.code()) != null;
            int alternatives = reason.detail().split("; or ").length;
            assertThat(names).as(reason.name()).hasSize(never ? 0 : alternatives);
        }
    }

    @Test
    void everyEventOfSmmuv3HasARequestOrAReasonWhyNot() {
        var events = FaultPage.events();
        assertThat(SMMUV3.codes())
                .containsExactlyElementsOf(
                        events.stream().map(FaultReason::code).toList());
        for (var event : events) {
            boolean never = SMMUV3.whyNever(event.code()) != null;
            assertThat(names(SMMUV3, event.code())).isEqualTo(never ? Set.of() : Set.of(event.name()));
        }
    }

    private static Set<String> names(FaultEvidence evidence, int code) {
        return evidence.rows(code).stream().map(FaultEvidence.Row::fault).collect(Collectors.toSet());
    }
}
