package dev.ioasid.web;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.http.HttpMethod;
import tools.jackson.databind.JsonNode;

/** A device works in the addresses of a process, whose pages appear as they are asked for. */
class SharedProcessDmaScenarioTest extends BothArchitecturesTest {
    private static final String RID = "0000:3a:00.0";
    private static final String DEVICE = M1 + "/devices/" + RID;
    private static final String PROCESS = M1 + "/processes/1";

    /** A process with one region of 16 pages, none of which is there, and PASID 1 of a device that shares it. */
    @BeforeEach
    void make() {
        machine();
        post(M1 + "/devices", """
                {"rid": "%s", "iommu": "iommu0", "pasidBits": 8}""".formatted(RID)).expectStatus().isCreated();
        post(M1 + "/processes", """
                {"format": "%s", "demandPaging": true}""".formatted(on.firstStage())).expectStatus().isCreated();
        post(PROCESS + "/mappings", """
                {"address": "0x400000", "length": "0x10000", "permissions": "rw"}""").expectStatus().isCreated();
        post(PROCESS + "/mappings", """
                {"address": "0x500000", "length": "0x1000", "permissions": "r"}""").expectStatus().isCreated();
        post(M1 + "/ioasids", """
                {"type": "sva", "process": 1}""").expectStatus().isCreated();
        put(DEVICE + "/pasids/1/attachment", """
                {"ioasid": 1}""").expectStatus().isOk();
    }

    private JsonNode write(String iova, int length) {
        return json(send(
                        HttpMethod.POST,
                        M1 + "/dma?rid=%s&pasid=1&iova=%s".formatted(RID, iova),
                        "x".repeat(length).getBytes(StandardCharsets.US_ASCII))
                .expectStatus()
                .isOk());
    }

    private String resident() {
        return json(PROCESS).get("residentBytes").asString();
    }

    @Test
    void touchedPagesAppearAndTheDmaNeverWaits() {
        assertThat(resident()).isEqualTo("0x0");
        assertThat(write("0x401ffe", 0x1004).get("status").asString()).isEqualTo("completed");
        assertThat(resident()).isEqualTo("0x3000");
        assertThat(new String(bytes(get(PROCESS + "/memory/0x401ffd?length=5")), StandardCharsets.ISO_8859_1))
                .isEqualTo("\0xxxx");
        assertThat(json(M1 + "/page-requests")
                        .get("items")
                        .valueStream()
                        .map(request -> request.get("address").asString()
                                + request.get("state").asString()))
                .containsExactly("0x401000answered", "0x402000answered", "0x403000answered");
        // and what the process writes the device reads
        send(HttpMethod.PUT, PROCESS + "/memory/0x40fff0", "hello".getBytes(StandardCharsets.US_ASCII))
                .expectStatus()
                .is2xxSuccessful();
        var read = json(post(M1 + "/dma", """
                {"rid": "%s", "pasid": 1, "iova": "0x40fff0", "operation": "read", "length": 5}""".formatted(RID)).expectStatus().isOk());
        assertThat(new String(read.get("data").binaryValue(), StandardCharsets.US_ASCII))
                .isEqualTo("hello");
    }

    @Test
    void aHoleOrAMissingRightIsAFailedDma() {
        var hole = write("0x40fffe", 4);
        assertThat(hole.get("status").asString()).isEqualTo("faulted");
        assertThat(hole.get("transferred").asInt()).isEqualTo(2);
        assertThat(hole.get("fault").get("detail").asString()).contains("answered: invalid");
        assertThat(write("0x500000", 1).get("status").asString()).isEqualTo("faulted");
        assertThat(resident()).isEqualTo("0x1000");
    }

    @Test
    void whatTheProcessUnmapsTheDeviceReachesNoMore() {
        write("0x400000", 0x4000);
        delete(PROCESS + "/mappings?address=0x401000&length=0x1000")
                .expectStatus()
                .isOk();
        assertThat(write("0x400000", 0x4000).get("transferred").asInt()).isEqualTo(0x1000);
    }

    @Test
    void aProcessThatEndsTakesItsRouteWithIt() {
        write("0x400000", 1);
        delete(PROCESS).expectStatus().isNoContent();
        assertThat(write("0x400000", 1).get("status").asString()).isEqualTo("faulted");
    }

    /** Without PRI nothing makes a page appear for the device, but what the process has touched is there. */
    @Test
    void aDeviceWithoutPriFindsWhatTheProcessHasTouched() {
        post(M1 + "/devices", """
                {"rid": "0000:3b:00.0", "iommu": "iommu0", "pasidBits": 8, "pri": false}""").expectStatus().isCreated();
        put(M1 + "/devices/0000:3b:00.0/pasids/2/attachment", """
                {"ioasid": 1}""")
                .expectStatus()
                .isOk();
        var call = M1 + "/dma?rid=0000:3b:00.0&pasid=2&iova=0x400000";
        assertThat(json(send(HttpMethod.POST, call, new byte[] {1}))
                        .get("status")
                        .asString())
                .isEqualTo("faulted");
        send(HttpMethod.PUT, PROCESS + "/memory/0x400000", new byte[] {7})
                .expectStatus()
                .is2xxSuccessful();
        assertThat(json(send(HttpMethod.POST, call, new byte[] {1}))
                        .get("status")
                        .asString())
                .isEqualTo("completed");
    }
}
