package dev.ioasid.web;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.springframework.http.MediaType;
import org.springframework.test.web.servlet.client.RestTestClient.ResponseSpec;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

class FaultDecodeScenarioTest extends HttpTest {
    private static final String DECODE = "/v1/faults/decode";

    private ResponseSpec decode(byte[] text) {
        return client.post()
                .uri(DECODE)
                .contentType(MediaType.TEXT_PLAIN)
                .body(text)
                .exchange();
    }

    private ResponseSpec decode(String text) {
        return decode(text.getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void theFaultsOfRealKernels() throws IOException {
        var body = json(decode(Files.readString(Path.of("src/test/resources/faults/kernel-fault-lines.txt")))
                .expectStatus()
                .isOk());
        assertThat(body.get("items")).hasSize(8);
        assertThat(body.get("skipped").asInt()).isEqualTo(3);
        assertThat(body.get("truncated").asBoolean()).isFalse();
        assertThat(body.get("items")).allSatisfy(item -> {
            assertThat(item.get("likelyCauses")).isNotEmpty();
            assertThat(item.get("lookNext")).isNotEmpty();
        });
        assertThat(without(body.get("items").get(0))).isEqualTo("""
                {"line":4,"text":"DMAR: [DMA Write NO_PASID] Request device [00:16.7] fault addr 0xdceff000 [fault reason 0x05] \
                PTE Write access is not set","architecture":"vtd","rid":"0000:00:16.7","address":"0xdceff000","access":"write",\
                "code":"0x5","name":"LGN.2","detail":"a write, and the second stage does not allow it","stage":"second"}""");
        assertThat(without(body.get("items").get(4))).isEqualTo("""
                {"line":8,"text":"DMAR: [INTR-REMAP] Request device [0xe2:0x00.0] fault index 0xa00 [fault reason 0x25] Blocked a \
                compatibility format interrupt request","architecture":"vtd","rid":"0000:e2:00.0","interruptIndex":"0xa00",\
                "code":"0x25","name":"interrupt remapping: format",\
                "detail":"an interrupt request of the compatibility format, which is blocked"}""");
        assertThat(without(body.get("items").get(7))).isEqualTo("""
                {"line":15,"text":"arm-smmu-v3 fc900000.iommu: event 0x10 received:","architecture":"smmuv3","rid":"0000:00:00.0",\
                "streamId":"0x0","address":"0xffffff90f040","access":"write","privileged":false,"execute":false,"code":"0x10",\
                "name":"F_TRANSLATION","detail":"the address is not mapped: a descriptor is not valid, or there is no table for such \
                an address; at stage 1","stage":"first","class":"in",\
                "words":["0x10","0x20000000000","0xffffff90f040","0x0"]}""");
    }

    /** As where a search of a log has found nothing. */
    @Test
    void nothingAtAll() {
        decode("").expectStatus().isOk().expectBody().json("{\"items\": [], \"skipped\": 0, \"truncated\": false}");
    }

    /** The advice aside. */
    private static String without(JsonNode item) {
        var said = (ObjectNode) item.deepCopy();
        said.remove("likelyCauses");
        said.remove("lookNext");
        return said.toString();
    }

    /** What the service records and what it decodes are the same. */
    @Test
    void recordsOfTheService() {
        machine("siov");
        post(M1 + "/translations", """
                {"requests": [{"rid": "3a:00.0", "pasid": 1, "iova": "0x1234", "access": "read"},
                 {"rid": "3a:00.0", "pasid": 6, "iova": "0x1234", "access": "write"}]}""").expectStatus().isOk();
        var faults = json(M1 + "/iommus/iommu0/faults").get("items");
        assertThat(faults).hasSize(2);
        for (var fault : faults) {
            var words = fault.get("words");
            var item = json(decode(words.toString())).get("items").get(0);
            for (var property :
                    new String[] {"rid", "pasid", "address", "access", "code", "name", "detail", "stage", "words"}) {
                assertThat(item.get(property)).as(property).isEqualTo(fault.get(property));
            }
        }
    }

    @Test
    void garbageIsNoFault() {
        var bytes = new byte[1 << 16];
        new Random(1).nextBytes(bytes);
        decode(bytes).expectStatus().isOk().expectBody().json("""
                {"items": [], "truncated": false}""");
        decode(new byte[] {(byte) 0xc3, 0x28, '\n', (byte) 0xff, (byte) 0xfe, 0, 0})
                .expectStatus()
                .isOk()
                .expectBody()
                .json("""
                {"items": [], "skipped": 2}""");
        decode("\ud83d\ude00 [" + "x".repeat(4 << 20))
                .expectStatus()
                .isOk()
                .expectBody()
                .json("""
                {"items": [], "skipped": 1}""");
    }

    @Test
    void whatIsRefused() {
        expectRefused(decode(new byte[(8 << 20) + 1]), 413, "E2BIG");
        expectRefused(post(DECODE, "{}"), 415, "EINVAL");
        expectRefused(
                client.post()
                        .uri(DECODE + "?verbose=true")
                        .contentType(MediaType.TEXT_PLAIN)
                        .body("x")
                        .exchange(),
                400,
                "EINVAL");
    }

    @Test
    void theLargestBodyIsAnswered() {
        var line = "DMAR: [DMA Read NO_PASID] Request device [00:1f.7] fault addr 0x0 [fault reason 0x59]\n";
        var body = json(
                decode(line.repeat((8 << 20) / line.length())).expectStatus().isOk());
        assertThat(body.get("items")).hasSize(10_000);
        assertThat(body.get("truncated").asBoolean()).isTrue();
    }
}
