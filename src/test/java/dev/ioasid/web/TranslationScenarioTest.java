package dev.ioasid.web;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.Architecture;
import dev.ioasid.Arrangement;
import dev.ioasid.iommu.Stage;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.http.HttpMethod;
import org.springframework.http.MediaType;
import tools.jackson.databind.JsonNode;

class TranslationScenarioTest extends BothArchitecturesTest {
    private static final String TRANSLATIONS = M1 + "/translations";

    @BeforeEach
    void makeMachine() {
        machine(Arrangement.SHARED);
        post(M1 + "/ioasids/3/mappings", """
                {"iova": "0x1000", "length": "0x2000", "permissions": "r", "physicalAddress": "0x40000000"}""").expectStatus().isCreated();
        post(M1 + "/ioasids/3/mappings", """
                {"iova": "0x200000", "length": "0x200000", "permissions": "rw", "physicalAddress": "0x40200000"}""").expectStatus().isCreated();
    }

    @Test
    void requestsAreAnsweredInOrder() {
        post(TRANSLATIONS, """
                {"requests": [
                  {"rid": "3b:00.0", "iova": "0x1234", "access": "read"},
                  {"rid": "3a:00.0", "pasid": 2, "iova": "0x234567", "access": "write", "type": "untranslated"},
                  {"rid": "3b:00.0", "iova": "0x1234", "access": "write"},
                  {"rid": "3a:00.0", "pasid": 6, "iova": "0x1234", "access": "read"}]}""").expectStatus().isOk().expectBody().json("""
                        {"results": [
                          {"status": "translated", "address": "0x40000234", "pageSize": "0x1000", "permissions": "r"},
                          {"status": "translated", "address": "0x40234567", "pageSize": "0x200000", "permissions": "rw"},
                          {"status": "fault", "fault": {"code": "%s", "name": "%s", "address": "0x1234",
                                                        "recorded": true}},
                          {"status": "fault", "fault": %s}]}""".formatted(
                on.readOnly().code(), on.readOnly().name(), on.notAttached().json()));
        get(M1 + "/iommus/iommu0/faults").expectBody().json("""
                {"overflow": false, "dropped": 0, "items": [
                  {"rid": "0000:3b:00.0", "address": "%s", "access": "write", "code": "%s", "name": "%s"},
                  {"rid": "0000:3a:00.0", "pasid": 6, "name": "%s"}]}""".formatted(
                        on == Architecture.VTD ? "0x1000" : "0x1234", // VT-d records the page alone
                        on.readOnly().code(),
                        on.readOnly().name(),
                        on.notAttached().name()));
        assertThat(json(M1 + "/iommus/iommu0/faults").get("items").get(0).has("pasid"))
                .isFalse();
        assertThat(json(M1 + "/iommus/iommu0/faults?limit=1").get("next").asString())
                .isEqualTo("0");
        assertThat(json(M1 + "/iommus/iommu0/faults?after=0").get("items")).hasSize(1);
        delete(M1 + "/iommus/iommu0/faults").expectStatus().isNoContent();
        assertThat(json(M1 + "/iommus/iommu0/faults").get("items")).isEmpty();
    }

    @Test
    void faultsWithoutRoomAreMarked() {
        var request = "{\"rid\": \"3b:00.0\", \"iova\": \"0x9%03d000\", \"access\": \"read\"}";
        int room = on == Architecture.VTD ? 8 : 256;
        var requests =
                IntStream.rangeClosed(0, room).mapToObj(request::formatted).collect(Collectors.joining(","));
        post(TRANSLATIONS, "{\"requests\": [" + requests + "]}").expectStatus().isOk();
        get(M1 + "/iommus/iommu0/faults").expectBody().json("""
                {"overflow": true, "dropped": 1}""");
        assertThat(json(M1 + "/iommus/iommu0/faults").get("items")).hasSize(room);
        delete(M1 + "/iommus/iommu0/faults").expectStatus().isNoContent();
        get(M1 + "/iommus/iommu0/faults").expectBody().json("""
                {"overflow": false, "dropped": 1, "items": []}""");
    }

    /** What is read on the way of a request without PASID, and the leaf of a page for reading at 0x40000000. */
    private record Read(List<String> structures, int level, long leaf, Map<String, String> fields) {}

    private Read read() {
        return switch (on) {
            case VTD ->
                new Read(
                        List.of(
                                "rtaddr",
                                "root-entry",
                                "context-entry",
                                "pasid-directory-entry",
                                "pasid-table-entry",
                                "second-stage-entry",
                                "second-stage-entry",
                                "second-stage-entry",
                                "second-stage-entry"),
                        1,
                        0x40000001L,
                        Map.of("R", "0x1", "W", "0x0"));
            case SMMUV3 ->
                new Read(
                        List.of(
                                "strtab-base",
                                "l1-stream-table-descriptor",
                                "ste",
                                "l1-cd-descriptor",
                                "cd",
                                "stage-1-descriptor",
                                "stage-1-descriptor",
                                "stage-1-descriptor",
                                "stage-1-descriptor"),
                        3,
                        0x60_0000_4000_0fc3L, // UXN, PXN, nG, AF, inner shareable, read-only, for users, page
                        Map.of("AP[2]", "0x1", "AF", "0x1"));
        };
    }

    @Test
    void explainTellsEveryStepAndChangesNothing() {
        var explanation =
                json(post(TRANSLATIONS + "/explain", """
                {"rid": "3b:00.0", "iova": "0x1234", "access": "read"}""").expectStatus().isOk());
        assertThat(explanation.get("result").toString()).isEqualTo("""
                        {"status":"translated","address":"0x40000234","pageSize":"0x1000","permissions":"r"}""");
        var steps = explanation.get("steps");
        var read = read();
        assertThat(steps.valueStream().map(step -> step.get("structure").asString()))
                .containsExactlyElementsOf(read.structures);
        var last = steps.get(steps.size() - 1);
        assertThat(last.get("level").asInt()).isEqualTo(read.level);
        assertThat(last.get("stage").asString()).isEqualTo(on.sharedStage() == Stage.FIRST ? "first" : "second");
        assertThat(last.get("raw").toString()).isEqualTo("[\"0x%016x\"]".formatted(read.leaf));
        read.fields.forEach((name, value) ->
                assertThat(last.get("fields").get(name).asString()).isEqualTo(value));
        assertThat(last.get("section").asString()).isNotEmpty();
        assertThat(last.get("decision").asString()).isNotEmpty();
        var address = last.get("address").asString();
        assertThat(ByteBuffer.wrap(bytes(get(M1 + "/memory/" + address + "?length=8")))
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .getLong())
                .isEqualTo(read.leaf);
        post(TRANSLATIONS + "/explain", """
                {"rid": "3b:00.0", "iova": "0x1234", "access": "write"}""").expectBody().json("""
                {"result": {"status": "fault", "fault": {"name": "%s"}}}""".formatted(
                        on.readOnly().name()));
        assertThat(json(M1 + "/iommus/iommu0/faults").get("items")).isEmpty();
    }

    @Test
    void recordsAreAnsweredAsJsonIs() {
        var requests = ByteBuffer.allocate(4 * 32).order(ByteOrder.LITTLE_ENDIAN);
        record(requests, 0x3b00, -1, 0x1234, 0, 11);
        record(requests, 0x3a00, 2, 0x234567, 1, -1);
        record(requests, 0x3b00, -1, 0x1234, 1, 0x8000_0000_0000_0001L);
        record(requests, 0x3a00, 6, 0xffff_ffff_ffff_f000L, 0, 0);
        var results = json(post(TRANSLATIONS, """
                {"requests": [
                  {"rid": "3b:00.0", "iova": "0x1234", "access": "read"},
                  {"rid": "3a:00.0", "pasid": 2, "iova": "0x234567", "access": "write"},
                  {"rid": "3b:00.0", "iova": "0x1234", "access": "write"},
                  {"rid": "3a:00.0", "pasid": 6, "iova": "0xfffffffffffff000", "access": "read"}]}""")).get("results");
        var response = send(HttpMethod.POST, TRANSLATIONS, requests.array());
        response.expectStatus().isOk().expectHeader().contentType(MediaType.APPLICATION_OCTET_STREAM);
        var answers = ByteBuffer.wrap(bytes(response)).order(ByteOrder.LITTLE_ENDIAN);
        assertThat(answers.capacity()).isEqualTo(4 * 32);
        var tags = List.of(11L, -1L, 0x8000_0000_0000_0001L, 0L);
        for (int i = 0; i < 4; i++) {
            assertThat(asJson(answers, i * 32)).as("answer %d", i).isEqualTo(asMap(results.get(i)));
            assertThat(answers.getLong(i * 32 + 24)).isEqualTo(tags.get(i));
        }
    }

    private static void record(ByteBuffer records, int source, int pasid, long iova, int access, long tag) {
        records.putInt(source)
                .putInt(pasid)
                .putLong(iova)
                .put((byte) access)
                .put(new byte[7])
                .putLong(tag);
    }

    private static Map<String, Object> asJson(ByteBuffer answers, int at) {
        if (answers.get(at + 8) == 0) {
            int bits = answers.get(at + 9);
            return Map.of(
                    "address", new Hex(answers.getLong(at)).toString(),
                    "pageSize", new Hex(1L << answers.get(at + 10)).toString(),
                    "permissions", ((bits & 1) != 0 ? "r" : "") + ((bits & 2) != 0 ? "w" : ""));
        }
        return Map.of(
                "code", new Hex(answers.getInt(at + 12)).toString(),
                "stage", List.of("", "first", "second").get(answers.get(at + 11)),
                "address", new Hex(answers.getLong(at + 16)).toString());
    }

    private static Map<String, Object> asMap(JsonNode result) {
        if (result.get("status").asString().equals("translated")) {
            return Map.of(
                    "address", result.get("address").asString(),
                    "pageSize", result.get("pageSize").asString(),
                    "permissions", result.get("permissions").asString());
        }
        var fault = result.get("fault");
        return Map.of(
                "code", fault.get("code").asString(),
                "stage", fault.has("stage") ? fault.get("stage").asString() : "",
                "address", fault.get("address").asString());
    }

    @ParameterizedTest(name = "byte {0} is {1}")
    @CsvSource(textBlock = """
            7,  0x7f, 400, EINVAL
            6,  0x10, 400, EINVAL
            16, 3,    400, EINVAL
            17, 2,    400, EINVAL
            17, 4,    400, EINVAL
            18, 3,    400, EINVAL
            19, 1,    400, EINVAL
            23, 1,    400, EINVAL
            0,  1,    404, ENODEV
            """)
    void aBadRecordIsNamedAndNoneIsTranslated(int offset, int value, int status, String errno) {
        var requests = ByteBuffer.allocate(3 * 32).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < 3; i++) {
            record(requests, 0x3b00, offset == 7 || offset == 6 ? 0 : -1, 0x9000, 0, 0);
        }
        requests.put(2 * 32 + offset, (byte) value);
        refused(send(HttpMethod.POST, TRANSLATIONS, requests.array()), status, errno, """
                {"index": 2}""");
        assertThat(json(M1 + "/iommus/iommu0/faults").get("items")).isEmpty();
    }

    @Test
    void partOfARecordIsNone() {
        expectRefused(send(HttpMethod.POST, TRANSLATIONS, new byte[33]), 400, "EINVAL");
    }

    @Test
    void aBatchHasAMost() {
        var request = "{\"rid\": \"3b:00.0\", \"iova\": \"0x1000\", \"access\": \"read\"}";
        var most = String.join(",", Collections.nCopies(10_000, request));
        assertThat(json(post(TRANSLATIONS, "{\"requests\": [" + most + "]}")).get("results"))
                .hasSize(10_000);
        refused(post(TRANSLATIONS, "{\"requests\": [" + most + "," + request + "]}"), 413, "E2BIG", """
                {"limit": {"name": "requests", "value": 10000}}""");
        refused(send(HttpMethod.POST, TRANSLATIONS, new byte[32 * 1_000_001]), 413, "E2BIG", """
                {"limit": {"name": "requests", "value": 1000000}}""");
    }

    @Test
    void oneBadRequestOfManyIsNamed() {
        refused(post(TRANSLATIONS, """
                {"requests": [{"rid": "3b:00.0", "iova": "0x9000", "access": "read"},
                              {"rid": "3d:00.0", "iova": "0x9000", "access": "read"}]}"""), 404, "ENODEV", """
                {"index": 1, "rid": "0000:3d:00.0"}""");
        refused(post(TRANSLATIONS, """
                {"requests": [{"rid": "3b:00.0", "iova": "0x9000", "access": "read"},
                              {"rid": "3b:00.0", "iova": "0x9000", "access": "read", "noWrite": true}]}"""), 400, "EINVAL", """
                {"index": 1, "property": "requests[1].noWrite"}""");
        assertThat(json(M1 + "/iommus/iommu0/faults").get("items")).isEmpty();
        assertThat(json(post(TRANSLATIONS, "{\"requests\": []}")).toString()).isEqualTo("{\"results\":[]}");
    }

    @Test
    void anExplanationIsADrawingOnATerminal() {
        for (var request : new String[] {
            "\"rid\": \"3b:00.0\", \"iova\": \"0x1234\", \"access\": \"read\"",
            "\"rid\": \"3b:00.0\", \"iova\": \"0x1234\", \"access\": \"write\"",
            "\"rid\": \"3a:00.0\", \"pasid\": 5, \"iova\": \"0x7fffffffffff\", \"access\": \"read\", \"privileged\": true",
            "\"rid\": \"3a:00.0\", \"pasid\": 9, \"iova\": \"0x1234\", \"access\": \"read\""
        }) {
            var answer = client.post()
                    .uri(TRANSLATIONS + "/explain")
                    .contentType(MediaType.APPLICATION_JSON)
                    .accept(MediaType.TEXT_PLAIN)
                    .body("{" + request + "}")
                    .exchange();
            answer.expectStatus().isOk().expectHeader().contentTypeCompatibleWith(MediaType.TEXT_PLAIN);
            var lines = new String(bytes(answer), java.nio.charset.StandardCharsets.UTF_8)
                    .lines()
                    .toList();
            assertThat(lines).allMatch(line -> line.length() <= 80).hasSizeGreaterThan(6);
            assertThat(lines.getFirst()).startsWith("0000:3");
            assertThat(lines).contains("|-- " + read().structures.getFirst());
        }
    }
}
