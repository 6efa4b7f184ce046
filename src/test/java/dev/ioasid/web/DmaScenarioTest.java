package dev.ioasid.web;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.http.HttpMethod;
import org.springframework.http.MediaType;
import tools.jackson.databind.JsonNode;

/** DMA moves bytes through the IOMMU, page by page, up to where it is stopped. */
class DmaScenarioTest extends BothArchitecturesTest {
    private static final String DMA = M1 + "/dma";
    private static final String RID = "0000:3a:00.0";

    /** Pages at 0x1000 and 0x2000, apart in memory; the first may only be read at 0x3000. */
    @BeforeEach
    void make() {
        machine();
        post(M1 + "/devices", """
                {"rid": "%s", "iommu": "iommu0", "pasidBits": 8, "pri": false}""".formatted(RID)).expectStatus().isCreated();
        post(M1 + "/ioasids", """
                {"type": "paging"}""").expectStatus().isCreated();
        post(M1 + "/ioasids/1/mappings", """
                {"mappings": [
                  {"iova": "0x1000", "length": "0x1000", "permissions": "rw", "physicalAddress": "0x5000000"},
                  {"iova": "0x2000", "length": "0x1000", "permissions": "rw", "physicalAddress": "0x9000000"},
                  {"iova": "0x3000", "length": "0x1000", "permissions": "r", "physicalAddress": "0x7000000"}]}""").expectStatus().isCreated();
        put(M1 + "/devices/" + RID + "/attachment", """
                {"ioasid": 1}""").expectStatus().isOk();
    }

    private JsonNode dma(String body) {
        return json(post(DMA, body).expectStatus().isOk());
    }

    private byte[] memory(long address, int length) {
        return bytes(get(M1 + "/memory/0x%x?length=%d".formatted(address, length))
                .expectStatus()
                .isOk());
    }

    private static String base64(byte[] bytes) {
        return Base64.getEncoder().encodeToString(bytes);
    }

    private static byte[] random(int length) {
        var bytes = new byte[length];
        new Random(length).nextBytes(bytes);
        return bytes;
    }

    @Test
    void bytesGoWhereTheTablesSay() {
        var sent = random(100);
        var written = dma("""
                {"rid": "%s", "iova": "0x1fce", "operation": "write", "data": "%s"}""".formatted(RID, base64(sent)));
        assertThat(written.get("status").asString()).isEqualTo("completed");
        assertThat(written.get("transferred").asInt()).isEqualTo(100);
        assertThat(written.has("id")).isFalse();
        assertThat(memory(0x5000fceL, 50)).isEqualTo(Arrays.copyOf(sent, 50));
        assertThat(memory(0x9000000L, 50)).isEqualTo(Arrays.copyOfRange(sent, 50, 100));

        var read = dma("""
                {"rid": "%s", "iova": "0x1fce", "operation": "read", "length": 100}""".formatted(RID));
        assertThat(read.get("status").asString()).isEqualTo("completed");
        assertThat(read.get("data").binaryValue()).isEqualTo(sent);
    }

    @Test
    void whatWasMovedBeforeAFaultStaysMoved() {
        var sent = random(0x2800);
        var written = dma("""
                {"rid": "%s", "iova": "0x1800", "operation": "write", "data": "%s"}""".formatted(RID, base64(sent)));
        assertThat(written.get("status").asString()).isEqualTo("faulted");
        assertThat(written.get("transferred").asInt()).isEqualTo(0x1800);
        assertThat(written.get("fault").get("address").asString()).isEqualTo("0x3000");
        assertThat(written.get("fault").get("recorded").asBoolean()).isTrue();
        assertThat(memory(0x9000000L, 0x1000)).isEqualTo(Arrays.copyOfRange(sent, 0x800, 0x1800));
        assertThat(memory(0x7000000L, 0x1000)).containsOnly(0);
        assertThat(json(M1 + "/iommus/iommu0/faults").get("items")).hasSize(1);

        var read = dma("""
                {"rid": "%s", "iova": "0x1800", "operation": "read", "length": "0x4000"}""".formatted(RID));
        assertThat(read.get("status").asString()).isEqualTo("faulted");
        assertThat(read.get("transferred").asInt()).isEqualTo(0x2800);
        assertThat(read.get("data").binaryValue()).hasSize(0x2800).startsWith(Arrays.copyOf(sent, 0x1800));
    }

    @Test
    void bytesAsTheyAre() {
        var sent = random(0x2000);
        var written = json(send(HttpMethod.POST, DMA + "?rid=" + RID + "&iova=0x1000", sent)
                .expectStatus()
                .isOk());
        assertThat(written.get("status").asString()).isEqualTo("completed");
        assertThat(written.get("transferred").asInt()).isEqualTo(0x2000);
        var read = client.post()
                .uri(DMA)
                .contentType(MediaType.APPLICATION_JSON)
                .accept(MediaType.APPLICATION_OCTET_STREAM)
                .body("""
                        {"rid": "%s", "iova": "0x1000", "operation": "read", "length": "0x5000"}""".formatted(RID))
                .exchange();
        read.expectStatus()
                .isOk()
                .expectHeader()
                .valueEquals("Dma-Status", "faulted")
                .expectHeader()
                .valueEquals("Dma-Transferred", "12288");
        assertThat(bytes(read)).hasSize(0x3000).startsWith(sent);
    }

    /** Each is done when the one before has been, whatever became of that. */
    @Test
    void aBatchIsOneStream() {
        var batch = json(post(DMA + "/batch", """
                {"rid": "%s", "requests": [
                  {"iova": "0x1000", "operation": "write", "data": "%s"},
                  {"iova": "0x1001", "operation": "read", "length": 2},
                  {"iova": "0x3000", "operation": "write", "data": "AAAA"},
                  {"iova": "0x1000", "operation": "read", "length": 4}]}""".formatted(RID, base64("dmas".getBytes(StandardCharsets.US_ASCII))))
                .expectStatus()
                .isOk());
        assertThat(batch.get("status").asString()).isEqualTo("faulted");
        assertThat(batch.get("transferred").asInt()).isEqualTo(10);
        var results = batch.get("results");
        assertThat(results.get(1).get("data").binaryValue()).isEqualTo("ma".getBytes(StandardCharsets.US_ASCII));
        assertThat(results.get(2).get("status").asString()).isEqualTo("faulted");
        assertThat(results.get(3).get("data").binaryValue()).isEqualTo("dmas".getBytes(StandardCharsets.US_ASCII));
    }

    @Test
    void sixteenMebibytesInOneCall() {
        post(M1 + "/ioasids/1/mappings", """
                {"iova": "0x10000000", "length": "0x1000000", "permissions": "rw"}""").expectStatus().isCreated();
        var sent = random(16 << 20);
        var written = json(send(HttpMethod.POST, DMA + "?rid=" + RID + "&iova=0x10000000", sent)
                .expectStatus()
                .isOk());
        assertThat(written.get("transferred").asInt()).isEqualTo(16 << 20);
        assertThat(bytes(get(M1 + "/ioasids/1/memory/0x10000000?length=0x1000000")))
                .isEqualTo(sent);
        expectRefused(
                send(HttpMethod.POST, DMA + "?rid=" + RID + "&iova=0x1000", new byte[(16 << 20) + 1]), 413, "E2BIG");
    }

    /** However they are cut up: what was read is kept until the call has been answered. */
    @Test
    void sixteenMebibytesInOneBatch() {
        var read = """
                {"iova": "0x10000000", "operation": "read", "length": "0x%x"}""";
        post(M1 + "/ioasids/1/mappings", """
                {"iova": "0x10000000", "length": "0x800000", "permissions": "rw"}""").expectStatus().isCreated();
        var batch = """
                {"rid": "%s", "requests": [{"iova": "0x1000", "operation": "write", "data": "AQ=="}, %s, %s]}""";
        var most = batch.formatted(RID, read.formatted(8 << 20), read.formatted((8 << 20) - 1));
        assertThat(json(post(DMA + "/batch", most).expectStatus().isOk())
                        .get("transferred")
                        .asInt())
                .isEqualTo(16 << 20);
        send(HttpMethod.PUT, M1 + "/ioasids/1/memory/0x1000", new byte[] {7})
                .expectStatus()
                .is2xxSuccessful();
        refused(
                post(DMA + "/batch", batch.formatted(RID, read.formatted(8 << 20), read.formatted(8 << 20))),
                413,
                "E2BIG",
                """
                {"index": 2, "detail": "0x1000001 bytes together, expected at most 0x1000000 in a call",
                 "limit": {"name": "bytes", "value": "0x1000000"}}""");
        assertThat(memory(0x5000000L, 1)).containsExactly(7);
    }

    @Test
    void aRefusalNamesWhatWasAskedFor() {
        var problem = json(post(DMA, """
                {"rid": "%s", "iova": "0x1000", "operation": "read", "length": "0xffffffffffffffff"}""".formatted(RID)));
        assertThat(problem.get("detail").asString())
                .isEqualTo("length is 0xffffffffffffffff, expected 0x1 to 0x1000000");
        var single = json(post(DMA, """
                {"rid": "%s", "iova": "0x1000", "operation": "read", "length": 0}""".formatted(RID)));
        assertThat(single.has("index")).as("it is not one of several").isFalse();
    }

    @Test
    void whereThereIsNoMemoryNobodyAnswers() {
        post(M1 + "/ioasids", """
                {"type": "identity"}""").expectStatus().isCreated();
        put(M1 + "/devices/" + RID + "/attachment", """
                {"ioasid": 2}""").expectStatus().isOk();
        var read = dma("""
                {"rid": "%s", "iova": "0xfffffff0", "operation": "read", "length": 32}""".formatted(RID));
        assertThat(read.get("status").asString()).isEqualTo("faulted");
        assertThat(read.get("transferred").asInt()).isEqualTo(16);
        assertThat(read.get("fault").get("name").asString()).isEqualTo("unclaimed");
    }

    @Test
    void whatCannotBeAskedForIsRefused() {
        expectRefused(post(DMA, """
                {"rid": "%s", "iova": "0x1000", "operation": "read", "length": 0}""".formatted(RID)), 400, "EINVAL");
        expectRefused(post(DMA, """
                {"rid": "%s", "iova": "0x1000", "operation": "read", "length": "0x1000001"}""".formatted(RID)), 413, "E2BIG");
        expectRefused(post(DMA, """
                {"rid": "%s", "iova": "0x1000", "operation": "read"}""".formatted(RID)), 400, "EINVAL");
        expectRefused(post(DMA, """
                {"rid": "%s", "iova": "0x1000", "operation": "write", "length": 4}""".formatted(RID)), 400, "EINVAL");
        expectRefused(post(DMA, """
                {"rid": "%s", "iova": "0x1000", "operation": "write", "length": 4, "data": "AA=="}""".formatted(RID)), 400, "EINVAL");
        expectRefused(post(DMA, """
                {"rid": "%s", "iova": "0x1000", "operation": "write", "data": "A A"}""".formatted(RID)), 400, "EINVAL");
        expectRefused(post(DMA, """
                {"rid": "%s", "iova": "0xfffffffffffffff0", "operation": "read", "length": 17}""".formatted(RID)), 400, "EINVAL");
        expectRefused(post(DMA, """
                {"rid": "%s", "pasid": 256, "iova": "0x1000", "operation": "read", "length": 1}""".formatted(RID)), 400, "EINVAL");
        expectRefused(post(DMA, """
                {"rid": "00:01.0", "iova": "0x1000", "operation": "read", "length": 1}"""), 404, "ENODEV");
        expectRefused(post(DMA + "?wait=2h", """
                {"rid": "%s", "iova": "0x1000", "operation": "read", "length": 1}""".formatted(RID)), 400, "EINVAL");
        expectRefused(post(DMA + "/batch", """
                {"rid": "%s", "requests": []}""".formatted(RID)), 400, "EINVAL");
        expectRefused(get(DMA + "/1"), 404, "ENOENT");
        var before = memory(0x5000000L, 4);
        refused(post(DMA + "/batch", """
                {"rid": "%s", "requests": [
                  {"iova": "0x1000", "operation": "write", "data": "AQID"},
                  {"iova": "0x1000", "operation": "read", "length": 0}]}""".formatted(RID)), 400, "EINVAL", """
                {"index": 1}""");
        assertThat(memory(0x5000000L, 4)).isEqualTo(before);
    }
}
