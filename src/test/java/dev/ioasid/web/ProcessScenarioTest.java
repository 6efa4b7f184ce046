package dev.ioasid.web;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.http.HttpMethod;
import tools.jackson.databind.JsonNode;

/** Processes over HTTP, and devices that share their address spaces. */
class ProcessScenarioTest extends HttpTest {
    private static final String PROCESSES = M1 + "/processes";
    private static final String P1 = PROCESSES + "/1";

    private void process(String body) {
        post(PROCESSES, body)
                .expectStatus()
                .isCreated()
                .expectHeader()
                .valueEquals("Location", P1)
                .expectBody()
                .json("{\"id\": 1}");
    }

    private JsonNode map(String body) {
        return json(post(P1 + "/mappings", body).expectStatus().isCreated());
    }

    private void write(String address, String text) {
        send(HttpMethod.PUT, P1 + "/memory/" + address, text.getBytes(StandardCharsets.US_ASCII))
                .expectStatus()
                .isNoContent();
    }

    private String read(String address, int length) {
        return new String(
                bytes(get(P1 + "/memory/" + address + "?length=" + length)
                        .expectStatus()
                        .isOk()),
                StandardCharsets.US_ASCII);
    }

    private JsonNode translate(String rid, int pasid, String iova) {
        return json(post(M1 + "/translations", """
                        {"requests": [{"rid": "%s", "pasid": %d, "iova": "%s", "access": "write"}]}""".formatted(rid, pasid, iova))
                        .expectStatus()
                        .isOk())
                .get("results")
                .get(0);
    }

    private String code(String rid, int pasid, String iova) {
        return translate(rid, pasid, iova).get("fault").get("code").asString();
    }

    private void device(String rid) {
        post(M1 + "/devices", """
                {"rid": "%s", "iommu": "iommu0", "pasidBits": 8, "ats": true}""".formatted(rid)).expectStatus().isCreated();
    }

    /** A process's memory, shared with two devices, from its first page to its end. */
    @ParameterizedTest
    @CsvSource({
        "vtd,    x86-64,       4, 0x1000,  0x71, 0x39",
        "vtd,    x86-64,       5, 0x1000,  0x71, 0x39",
        "smmuv3, armv8-stage1, 4, 0x1000,  0x10, 0x0",
        "smmuv3, armv8-stage1, 2, 0x4000,  0x10, 0x0",
        "smmuv3, armv8-stage1, 3, 0x10000, 0x10, 0x0"
    })
    void devicesUseTheAddressesOfTheProcess(
            String preset, String format, int levels, String granule, String absent, String blocked) {
        machine(preset);
        process("{\"format\": \"%s\", \"levels\": %d, \"granule\": \"%s\"}".formatted(format, levels, granule));
        map("{\"address\": \"0x100000\", \"length\": \"0x40000\", \"permissions\": \"rw\"}");
        int sva = json(post(M1 + "/ioasids", "{\"type\": \"sva\", \"process\": 1, \"name\": \"p1\"}")
                        .expectStatus()
                        .isCreated())
                .get("id")
                .asInt();
        device("3c:00.0");
        device("3d:00.0");
        for (var rid : new String[] {"3c:00.0", "3d:00.0"}) {
            put(M1 + "/devices/" + rid + "/pasids/5/attachment", "{\"ioasid\": %d}".formatted(sva))
                    .expectStatus()
                    .isOk();
        }
        assertThat(json(P1).get("ioasids").get(0).asInt()).isEqualTo(sva);
        get(M1 + "/ioasids/" + sva).expectBody().json("""
                {"type": "sva", "process": 1, "iommu": "iommu0", "format": "%s", "granule": "%s", "mappedBytes": "0x0",
                 "routes": [{"rid": "0000:3c:00.0", "pasid": 5}, {"rid": "0000:3d:00.0", "pasid": 5}]}""".formatted(format, granule));

        assertThat(code("3c:00.0", 5, "0x10ffff")).as("not touched yet").isEqualTo(absent);
        write("0x10fffe", "abcd"); // two pages, whatever the granule
        for (var rid : new String[] {"3c:00.0", "3d:00.0"}) {
            assertThat(new String(memory(translate(rid, 5, "0x10fffe"), 2), StandardCharsets.US_ASCII))
                    .isEqualTo("ab");
            assertThat(new String(memory(translate(rid, 5, "0x110000"), 2), StandardCharsets.US_ASCII))
                    .isEqualTo("cd");
        }
        assertThat(json(P1).get("residentBytes").asString()).isEqualTo("0x%x".formatted(2 * Long.decode(granule)));

        delete(P1 + "/mappings?address=0x110000&length=0x10000")
                .expectStatus()
                .isOk()
                .expectBody()
                .json("{\"unmapped\": \"0x10000\"}");
        assertThat(json(P1 + "/mappings").get("items")).hasSize(2);
        for (var rid : new String[] {"3c:00.0", "3d:00.0"}) {
            assertThat(code(rid, 5, "0x110000")).isEqualTo(absent);
            assertThat(translate(rid, 5, "0x10fffe").get("status").asString()).isEqualTo("translated");
        }

        delete(P1).expectStatus().isNoContent();
        for (var rid : new String[] {"3c:00.0", "3d:00.0"}) {
            assertThat(code(rid, 5, "0x10fffe")).isEqualTo(blocked);
        }
        assertThat(json(M1 + "/ioasids/" + sva).has("process")).isFalse();
        expectRefused(delete(M1 + "/ioasids/" + sva), 409, "EBUSY");
        expectRefused(
                put(M1 + "/devices/3c:00.0/pasids/6/attachment", "{\"ioasid\": %d}".formatted(sva)), 400, "EINVAL");
        for (var rid : new String[] {"3c:00.0", "3d:00.0"}) {
            delete(M1 + "/devices/" + rid + "/pasids/5/attachment")
                    .expectStatus()
                    .isNoContent();
        }
        delete(M1 + "/ioasids/" + sva).expectStatus().isNoContent();
    }

    private byte[] memory(JsonNode translated, int length) {
        return bytes(get(M1 + "/memory/" + translated.get("address").asString() + "?length=" + length)
                .expectStatus()
                .isOk());
    }

    @Test
    void whatAProgramDoesIsDoneOrRefused() {
        machine("empty");
        process("{\"format\": \"x86-64\"}");
        assertThat(map("{\"length\": \"0x3000\", \"permissions\": \"r\"}").toString())
                .isEqualTo(
                        "{\"address\":\"0x200000000000\",\"length\":\"0x3000\",\"permissions\":\"r\",\"residentBytes\":\"0x0\"}");
        map("{\"address\": \"0x200000003000\", \"length\": \"0x1000\", \"permissions\": \"rwx\"}");
        write("0x200000003ffc", "text");
        assertThat(read("0x200000002ffe", 2)).isEqualTo("\0\0");
        assertThat(read("0x200000003ffc", 4)).isEqualTo("text");
        refused(
                send(HttpMethod.PUT, P1 + "/memory/0x200000002ffe", new byte[4]),
                403,
                "EPERM",
                "{\"process\": 1, \"address\": \"0x200000002ffe\"}");
        refused(
                get(P1 + "/memory/0x200000003ffe?length=4"),
                404,
                "ENOENT",
                "{\"process\": 1, \"address\": \"0x200000004000\"}");
        refused(
                post(
                        P1 + "/mappings",
                        "{\"address\": \"0x200000002000\", \"length\": \"0x1000\", \"permissions\": \"r\"}"),
                409,
                "EEXIST",
                "{\"conflict\": {\"first\": \"0x200000000000\", \"last\": \"0x200000002fff\", \"owner\": \"mapping\"}}");
        refused(
                post(
                        P1 + "/mappings",
                        "{\"address\": \"0x7ffffffff000\", \"length\": \"0x2000\", \"permissions\": \"r\"}"),
                400,
                "EINVAL",
                "{\"process\": 1, \"address\": \"0x7ffffffff000\", \"length\": \"0x2000\"}");
        refused(
                post(P1 + "/mappings", "{\"address\": \"0x1000\", \"length\": \"0x1000\", \"permissions\": \"r\"}"),
                403,
                "EPERM",
                "{\"address\": \"0x1000\"}");
        refused(
                post(PROCESSES, "{\"format\": \"armv8-stage1\", \"levels\": 5}"),
                400,
                "EINVAL",
                "{\"detail\": \"levels is 5, expected 3 to 4 with a granule of 0x1000\", \"levels\": 5}");
        refused(
                delete(P1 + "/mappings?address=0x1000"),
                400,
                "EINVAL",
                "{\"detail\": \"query parameter 'length' is missing\", \"parameter\": \"length\"}");
    }

    @Test
    void withoutDemandPagingMemoryIsThereOrTheMappingIsRefused() {
        machine("empty");
        process("{\"format\": \"armv8-stage1\", \"granule\": \"0x4000\", \"demandPaging\": false}");
        assertThat(map("{\"length\": \"0x10000\", \"permissions\": \"rw\"}")
                        .get("residentBytes")
                        .asString())
                .isEqualTo("0x10000");
        refused(
                post(P1 + "/mappings", "{\"length\": \"0x100000000\", \"permissions\": \"rw\"}"),
                507,
                "ENOMEM",
                "{\"process\": 1, \"length\": \"0x100000000\"}");
        refused(
                post(P1 + "/mappings", "{\"length\": \"0x400004000\", \"permissions\": \"rw\"}"),
                413,
                "E2BIG",
                "{\"limit\": {\"name\": \"length\", \"value\": \"0x400000000\"}}");
        get(P1).expectBody().json("{\"mappedBytes\": \"0x10000\", \"residentBytes\": \"0x10000\"}");
    }

    @ParameterizedTest
    @ValueSource(strings = {"x86-64", "armv8-stage1"})
    void listsArePaged(String format) {
        machine("empty");
        for (int id = 1; id <= 3; id++) {
            post(PROCESSES, "{\"format\": \"%s\"}".formatted(format))
                    .expectStatus()
                    .isCreated();
            map("{\"length\": \"0x1000\", \"permissions\": \"r\"}");
        }
        assertThat(json(PROCESSES + "?limit=2").get("next").asString()).isEqualTo("2");
        assertThat(json(PROCESSES + "?after=2").get("items")).hasSize(1);
        var first = json(P1 + "/mappings?limit=2");
        assertThat(first.get("items")).hasSize(2);
        var rest = json(P1 + "/mappings?after=" + first.get("next").asString());
        assertThat(rest.get("items")).hasSize(1);
        assertThat(rest.has("next")).isFalse();
        var address = rest.get("items").get(0).get("address").asString();
        get(P1 + "/mappings/" + address).expectBody().json("{\"address\": \"%s\"}".formatted(address));
        delete(PROCESSES + "/2").expectStatus().isNoContent();
        expectRefused(get(PROCESSES + "/2"), 404, "ENOENT");
    }

    @Test
    void theTopologySaysWhatShares() {
        machine("siov");
        process("{\"format\": \"x86-64\"}");
        post(M1 + "/ioasids", "{\"type\": \"sva\", \"process\": 1}")
                .expectStatus()
                .isCreated();
        put(M1 + "/devices/3a:00.0/pasids/9/attachment", "{\"ioasid\": 4}")
                .expectStatus()
                .isOk();
        assertThat(new String(bytes(get(M1 + "/topology?format=text")), StandardCharsets.UTF_8))
                .contains("|-- ioasid4  sva\n", "|-- [RID1, PASID 9]");
        assertThat(new String(bytes(get(M1 + "/topology?format=svg")), StandardCharsets.UTF_8))
                .contains("nothing in memory");
        map("{\"address\": \"0x100000\", \"length\": \"0x4000\", \"permissions\": \"rw\"}");
        write("0x100000", "x");
        assertThat(new String(bytes(get(M1 + "/topology?format=svg")), StandardCharsets.UTF_8))
                .contains("4 KiB in memory");
        assertThat(json(M1 + "/topology").get("ioasids").get(3).get("type").asString())
                .isEqualTo("sva");
    }
}
