package dev.ioasid.web;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/** Paging IOASIDs whose table is an x86-64 one: first stage only. */
class FirstStageScenarioTest extends HttpTest {
    private static final String RID3 = M1 + "/devices/3c:00.0";

    @BeforeEach
    void makeMachine() {
        machine("siov");
        post(M1 + "/devices", "{\"rid\": \"3c:00.0\", \"iommu\": \"iommu0\", \"pasidBits\": 8}")
                .expectStatus()
                .isCreated();
    }

    private void firstStage(int width) {
        post(
                        M1 + "/ioasids",
                        "{\"type\": \"paging\", \"iommu\": \"iommu0\", \"format\": \"x86-64\", \"addressWidth\": %d}"
                                .formatted(width))
                .expectStatus()
                .isCreated()
                .expectBody()
                .json("{\"id\": 4, \"format\": \"x86-64\", \"addressWidth\": %d}".formatted(width));
    }

    private JsonNode translate(String request) {
        return json(post(M1 + "/translations", "{\"requests\": [{" + request + "}]}")
                        .expectStatus()
                        .isOk())
                .get("results")
                .get(0);
    }

    @ParameterizedTest
    @CsvSource({"48, 0x7ffffffff000, 0x7fffffffffff", "57, 0xfffffffffff000, 0xffffffffffffff"})
    void mapsTheLowerHalf(int width, String highest, String last) {
        firstStage(width);
        var ranges = json(M1 + "/ioasids/4/iova-ranges").get("ranges");
        assertThat(ranges.get(ranges.size() - 1).get("last").asString()).isEqualTo(last);
        put(RID3 + "/pasids/1/attachment", "{\"ioasid\": 4}").expectStatus().isOk();
        post(M1 + "/ioasids/4/mappings", """
                {"iova": "%s", "length": "0x1000", "permissions": "rw", "physicalAddress": "0x5000"}""".formatted(highest)).expectStatus().isCreated();
        assertThat(translate("\"rid\": \"3c:00.0\", \"pasid\": 1, \"iova\": \"" + highest + "\", \"access\": \"write\"")
                        .toString())
                .isEqualTo(
                        "{\"status\":\"translated\",\"address\":\"0x5000\",\"pageSize\":\"0x1000\",\"permissions\":\"rw\"}");
        expectRefused(post(M1 + "/ioasids/4/mappings", """
                        {"iova": "0x%x", "length": "0x1000", "permissions": "rw"}""".formatted(1L << width - 1)), 400, "EINVAL");
    }

    @Test
    void largePagesRightsAndPrivilegeAreThoseOfTheFormat() {
        firstStage(48);
        put(RID3 + "/pasids/1/attachment", "{\"ioasid\": 4}").expectStatus().isOk();
        post(M1 + "/ioasids/4/mappings", """
                {"mappings": [
                  {"iova": "0x40000000", "length": "0x40000000", "permissions": "r", "physicalAddress": "0x0"},
                  {"iova": "0x200000", "length": "0x200000", "permissions": "rw", "physicalAddress": "0x400000"},
                  {"iova": "0x1000", "length": "0x1000", "permissions": "rp", "physicalAddress": "0x9000"}]}""").expectStatus().isCreated();
        var route = "\"rid\": \"3c:00.0\", \"pasid\": 1, ";
        assertThat(translate(route + "\"iova\": \"0x40001234\", \"access\": \"read\"")
                        .toString())
                .isEqualTo(
                        "{\"status\":\"translated\",\"address\":\"0x1234\",\"pageSize\":\"0x40000000\",\"permissions\":\"r\"}");
        assertThat(translate(route + "\"iova\": \"0x201234\", \"access\": \"write\"")
                        .get("pageSize")
                        .asString())
                .isEqualTo("0x200000");
        assertThat(code(translate(route + "\"iova\": \"0x40001234\", \"access\": \"write\"")))
                .isEqualTo("0x85");
        assertThat(code(translate(route + "\"iova\": \"0x1000\", \"access\": \"read\"")))
                .isEqualTo("0x81");
        var privileged = route + "\"privileged\": true, ";
        assertThat(translate(privileged + "\"iova\": \"0x1000\", \"access\": \"read\"")
                        .get("address")
                        .asString())
                .isEqualTo("0x9000");
        assertThat(code(translate(privileged + "\"iova\": \"0x1000\", \"access\": \"write\"")))
                .isEqualTo("0x85");
        assertThat(code(translate(route + "\"iova\": \"0x800000000000\", \"access\": \"read\"")))
                .isEqualTo("0x80");
    }

    private static String code(JsonNode answer) {
        return answer.get("fault").get("code").asString();
    }

    @Test
    void theHardwareMarksWhatItUses() {
        firstStage(48);
        put(RID3 + "/attachment", "{\"ioasid\": 4}").expectStatus().isOk();
        post(M1 + "/ioasids/4/mappings", """
                {"iova": "0x1000", "length": "0x2000", "permissions": "rw", "physicalAddress": "0x5000"}""").expectStatus().isCreated();
        translate("\"rid\": \"3c:00.0\", \"iova\": \"0x1000\", \"access\": \"read\"");
        translate("\"rid\": \"3c:00.0\", \"iova\": \"0x2000\", \"access\": \"write\"");
        // the IOTLB knows the page for reads: a write, which it is not good for, is walked
        var steps = json(post(
                                M1 + "/translations/explain",
                                "{\"rid\": \"3c:00.0\", \"iova\": \"0x1000\", \"access\": \"write\"}")
                        .expectStatus()
                        .isOk())
                .get("steps");
        assertThat(steps.findValuesAsString("decision").toString())
                .contains("first-stage table at", "4 levels, domain");
        var leaf = steps.get(steps.size() - 1).get("address").asString();
        var words = ByteBuffer.wrap(bytes(get(M1 + "/memory/" + leaf + "?length=16")))
                .order(ByteOrder.LITTLE_ENDIAN);
        assertThat(words.getLong()).isEqualTo(0x5027);
        assertThat(words.getLong()).isEqualTo(0x6067);
        // and what was marked is unmapped like anything else
        delete(M1 + "/ioasids/4/mappings?iova=0x1000&length=0x2000")
                .expectStatus()
                .isOk();
        assertThat(code(translate("\"rid\": \"3c:00.0\", \"iova\": \"0x1000\", \"access\": \"read\"")))
                .isEqualTo("0x71");
        assertThat(json(M1 + "/ioasids/4").get("tableBytes").asString()).isEqualTo("0x1000");
    }

    @Test
    void whatTheFormatCannotSayIsRefused() {
        firstStage(48);
        for (var permissions : new String[] {"w", "rx"}) {
            var refused = post(M1 + "/ioasids/4/mappings", """
                    {"iova": "0x1000", "length": "0x1000", "permissions": "%s"}""".formatted(permissions));
            expectRefused(
                    refused, permissions.equals("w") ? 400 : 422, permissions.equals("w") ? "EINVAL" : "EOPNOTSUPP");
        }
        expectRefused(
                post(M1 + "/ioasids", "{\"type\": \"paging\", \"format\": \"x86-64\", \"addressWidth\": 39}"),
                400,
                "EINVAL");
        expectRefused(post(M1 + "/ioasids", "{\"type\": \"paging\", \"format\": \"armv8-stage1\"}"), 422, "EOPNOTSUPP");
        refused(post(M1 + "/binds", """
                        {"rid": "3c:00.0", "parent": 4, "format": "x86-64", "root": "0x1000"}"""), 400, "EINVAL", "{\"ioasid\": 4}");
        assertThat(json(M1 + "/ioasids/4").get("mappedBytes").asString()).isEqualTo("0x0");
    }

    @ParameterizedTest
    @CsvSource({"\"firstStage\": false, firstStage", "\"scalable\": false, scalable"})
    void aUnitWithoutAFirstStageSaysSo(String capability, String missing) {
        post(M1 + "/iommus", "{\"name\": \"u\", \"type\": \"vtd\", \"capabilities\": {%s}}".formatted(capability))
                .expectStatus()
                .isCreated();
        refused(
                post(M1 + "/ioasids", "{\"type\": \"paging\", \"iommu\": \"u\", \"format\": \"x86-64\"}"),
                422,
                "EOPNOTSUPP",
                "{\"capability\": \"" + missing + "\"}");
        // and a table made for one that has it cannot be attached there
        firstStage(48);
        post(M1 + "/devices", "{\"rid\": \"3d:00.0\", \"iommu\": \"u\"}")
                .expectStatus()
                .isCreated();
        expectRefused(put(M1 + "/devices/3d:00.0/attachment", "{\"ioasid\": 4}"), 400, "EINVAL");
    }
}
