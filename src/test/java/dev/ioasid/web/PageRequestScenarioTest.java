package dev.ioasid.web;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.function.Supplier;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.test.web.servlet.client.RestTestClient.ResponseSpec;
import tools.jackson.databind.JsonNode;

/** A device with PRI asks for the pages it misses; its DMA waits, and a client says what becomes of it. */
class PageRequestScenarioTest extends BothArchitecturesTest {
    private static final String RID = "0000:3a:00.0";
    private static final String DEVICE = M1 + "/devices/" + RID;
    private static final String REQUESTS = M1 + "/page-requests";

    /** PASID 1 leads to an IOASID in which nothing is mapped. */
    @BeforeEach
    void make() {
        machine();
        post(M1 + "/devices", """
                {"rid": "%s", "iommu": "iommu0", "pasidBits": 8}""".formatted(RID)).expectStatus().isCreated();
        post(M1 + "/ioasids", """
                {"type": "paging", "format": "%s"}""".formatted(on.firstStage())).expectStatus().isCreated();
        put(DEVICE + "/pasids/1/attachment", """
                {"ioasid": 1}""").expectStatus().isOk();
    }

    private ResponseSpec dma(String iova, String wait) {
        return post(M1 + "/dma?wait=" + wait, """
                {"rid": "%s", "pasid": 1, "iova": "%s", "operation": "write", "data": "ZGF0YQ=="}""".formatted(RID, iova));
    }

    /** A DMA that waits; its id. */
    private long pending(String iova) {
        var answer =
                json(dma(iova, "0s").expectStatus().isAccepted().expectHeader().exists("Location"));
        assertThat(answer.get("status").asString()).isEqualTo("pending");
        return answer.get("id").asLong();
    }

    private void map(String iova) {
        post(M1 + "/ioasids/1/mappings", """
                {"iova": "%s", "length": "0x1000", "permissions": "rw"}""".formatted(iova)).expectStatus().isCreated();
    }

    private JsonNode requests() {
        return json(REQUESTS + "?state=pending").get("items");
    }

    private ResponseSpec respond(long id, String code) {
        return post(REQUESTS + "/" + id + "/response", """
                {"code": "%s"}""".formatted(code));
    }

    private JsonNode outcome(long dma) {
        return json(M1 + "/dma/" + dma + "?wait=30s");
    }

    private static <T> CompletableFuture<T> beside(Supplier<T> call) {
        return CompletableFuture.supplyAsync(call, Executors.newVirtualThreadPerTaskExecutor());
    }

    @Test
    void aPageThatAppearsLetsTheDmaGoOn() {
        long dma = pending("0x5ffe");
        assertThat(requests().toString())
                .isEqualTo(
                        "[{\"id\":1,\"kind\":\"page-request\",\"rid\":\"0000:3a:00.0\",\"pasid\":1,\"address\":\"0x5000\","
                                + "\"permissions\":\"w\",\"group\":0,\"last\":true,\"dma\":1,\"state\":\"pending\"}]");
        map("0x5000");
        assertThat(json(respond(1, "success").expectStatus().isOk())
                        .get("state")
                        .asString())
                .isEqualTo("answered");
        // it goes on to the next page, and waits there
        assertThat(requests().get(0).get("address").asString()).isEqualTo("0x6000");
        assertThat(json(M1 + "/dma/" + dma).get("transferred").asInt()).isEqualTo(2);
        map("0x6000");
        respond(2, "success").expectStatus().isOk();
        var outcome = outcome(dma);
        assertThat(outcome.get("status").asString()).isEqualTo("completed");
        assertThat(outcome.get("transferred").asInt()).isEqualTo(4);
        assertThat(new String(bytes(get(M1 + "/ioasids/1/memory/0x5ffe?length=4"))))
                .isEqualTo("data");
        assertThat(requests()).isEmpty();
        assertThat(json(M1 + "/iommus/iommu0/faults").get("items")).isEmpty();
        // the device knows the pages now
        dma("0x5000", "0s").expectStatus().isOk();
    }

    /** What waits has its bytes in the service's own memory. */
    @Test
    void sixtyFourMebibytesCanWait() {
        var read = """
                {"rid": "%s", "pasid": 1, "iova": "0x%x", "operation": "read", "length": "0x1000000"}""";
        for (int i = 0; i < 4; i++) {
            post(M1 + "/dma", read.formatted(RID, (long) i << 24))
                    .expectStatus()
                    .isAccepted();
        }
        refused(dma("0x5000", "0s"), 409, "ENOSPC", """
                {"limit": {"name": "bytes of waiting DMA", "value": "0x4000000"}}""");
        respond(1, "invalid").expectStatus().isOk();
        dma("0x5000", "0s").expectStatus().isAccepted();
    }

    /** Whoever waits for one of them has to be told. */
    @Test
    void allThatEndsAtOnceIsRemembered() {
        int groups = 512;
        for (int i = 0; i < groups; i++) {
            pending("0x%x".formatted(0x10000 + i * 0x1000));
        }
        delete(DEVICE + "/pasids/1/attachment").expectStatus().isNoContent();
        for (int i = 1; i <= groups; i++) {
            assertThat(json(M1 + "/dma/" + i).get("status").asString()).isEqualTo("faulted");
        }
    }

    /** Success only means: try again. */
    @Test
    void aPageThatIsStillMissingIsAskedForAgain() {
        long dma = pending("0x5000");
        respond(1, "success").expectStatus().isOk();
        assertThat(requests().get(0).get("id").asLong()).isEqualTo(2);
        assertThat(requests().get(0).get("dma").asLong()).isEqualTo(dma);
    }

    @ParameterizedTest
    @CsvSource({"invalid", "failure"})
    void aRefusedPageStopsTheDma(String code) {
        long dma = pending("0x5000");
        respond(1, code).expectStatus().isOk();
        var outcome = outcome(dma);
        assertThat(outcome.get("status").asString()).isEqualTo("faulted");
        assertThat(outcome.get("transferred").asInt()).isZero();
        assertThat(outcome.get("fault").get("detail").asString()).contains("answered: " + code);
        assertThat(requests()).isEmpty();
    }

    @Test
    void anAnswerIsGivenOnceAndInTheRightWords() {
        pending("0x5000");
        expectRefused(respond(1, "perhaps"), 400, "EINVAL");
        expectRefused(respond(1, "retry"), 400, "EINVAL");
        refused(respond(2, "success"), 404, "ENOENT", """
                {"detail": "there is no page request 2", "pageRequest": 2}""");
        refused(get(M1 + "/dma/7"), 404, "ENOENT", """
                {"dma": 7}""");
        refused(get(REQUESTS + "/x"), 400, "EINVAL", """
                {"detail": "id: 'x' is not an integer of 64 bits"}""");
        expectRefused(post(REQUESTS + "/1/response", "{}"), 400, "EINVAL");
        assertThat(requests()).hasSize(1);
        respond(1, "invalid").expectStatus().isOk();
        expectRefused(respond(1, "success"), 400, "EINVAL");
        assertThat(json(REQUESTS + "/1").get("state").asString()).isEqualTo("answered");
    }

    @Test
    void aClientWaitsForRequestsAndAnotherForItsDma() {
        var dma = beside(() -> json(dma("0x5000", "30s").expectStatus().isOk()));
        var asked = json(REQUESTS + "?state=pending&wait=30s").get("items");
        assertThat(asked).hasSize(1);
        map("0x5000");
        respond(asked.get(0).get("id").asLong(), "success").expectStatus().isOk();
        assertThat(dma.join().get("status").asString()).isEqualTo("completed");
    }

    @Test
    void nobodyWaitsForEver() {
        patch(DEVICE, """
                {"pageRequestTimeout": "50ms"}""").expectStatus().isOk().expectBody().json("""
                {"pageRequestTimeout": "50ms", "invalidationAnswers": true}""");
        refused(patch(DEVICE, """
                {"pageRequestTimeout": "2d"}"""), 400, "EINVAL", """
                {"detail": "pageRequestTimeout is '2d', expected a time as in 500ms, 30s or 5m, at most 1h"}""");
        var outcome = json(dma("0x5000", "30s").expectStatus().isOk());
        assertThat(outcome.get("status").asString()).isEqualTo("faulted");
        assertThat(outcome.get("fault").get("detail").asString()).contains("nobody answered in time");
        assertThat(json(REQUESTS + "/1").get("state").asString()).isEqualTo("expired");
        expectRefused(respond(1, "success"), 400, "EINVAL");
    }

    @Test
    void aRouteThatGoesTakesItsRequestsWithIt() {
        long dma = pending("0x5000");
        delete(DEVICE + "/pasids/1/attachment").expectStatus().isNoContent();
        assertThat(requests()).isEmpty();
        assertThat(outcome(dma).get("status").asString()).isEqualTo("faulted");
        // where nothing is attached nothing can be asked for
        assertThat(json(dma("0x5000", "30s").expectStatus().isOk())
                        .get("status")
                        .asString())
                .isEqualTo("faulted");
    }

    @Test
    void aRouteThatIsReplacedFailsWhatWaited() {
        post(M1 + "/ioasids", """
                {"type": "paging", "format": "%s"}""".formatted(on.firstStage())).expectStatus().isCreated();
        long dma = pending("0x5000");
        put(DEVICE + "/pasids/1/attachment", """
                {"ioasid": 2}""").expectStatus().isOk();
        assertThat(requests()).isEmpty();
        assertThat(outcome(dma).get("status").asString()).isEqualTo("faulted");
    }

    @Test
    void aMachineThatGoesLetsItsCallersGo() {
        var dma = beside(() -> dma("0x5000", "60s"));
        assertThat(json(REQUESTS + "?state=pending&wait=30s").get("items")).hasSize(1);
        delete(M1).expectStatus().isNoContent();
        expectRefused(dma.join(), 404, "ENOENT");
    }

    /** The rest of a batch waits behind; when one is refused the next has its turn. */
    @Test
    void aBatchWaitsInOrder() {
        map("0x1000");
        var batch =
                json(post(M1 + "/dma/batch", """
                {"rid": "%s", "requests": [
                  {"pasid": 1, "iova": "0x1000", "operation": "write", "data": "AQID"},
                  {"pasid": 1, "iova": "0x5000", "operation": "read", "length": 1},
                  {"pasid": 1, "iova": "0x1000", "operation": "read", "length": 3}]}""".formatted(RID)).expectStatus().isAccepted());
        assertThat(batch.get("status").asString()).isEqualTo("pending");
        assertThat(batch.get("results").get(0).get("status").asString()).isEqualTo("completed");
        assertThat(batch.get("results").get(2).get("status").asString()).isEqualTo("pending");
        respond(1, "invalid").expectStatus().isOk();
        var results = outcome(1).get("results");
        assertThat(results.get(1).get("status").asString()).isEqualTo("faulted");
        assertThat(results.get(2).get("data").binaryValue()).containsExactly(1, 2, 3);
    }

    @Test
    void manyWaitAtATimeAndTheDeviceNeedsNoMoreThanItsGroups() {
        for (int i = 0; i < 20; i++) {
            pending("0x%x".formatted(0x10000 + i * 0x1000));
        }
        assertThat(requests()).hasSize(20);
        assertThat(requests().get(19).get("group").asInt()).isEqualTo(19);
        respond(3, "invalid").expectStatus().isOk();
        pending("0x90000");
        assertThat(requests().get(19).get("group").asInt()).isEqualTo(2);
    }

    /** What a device misses on its way it may ask for at once; the answer to one is the answer to all. */
    @Test
    void aGroupIsAnsweredAsAWhole() {
        patch(DEVICE, """
                {"pageRequestsPerGroup": 4}""").expectStatus().isOk();
        map("0x7000");
        long dma = json(post(M1 + "/dma", """
                {"rid": "%s", "pasid": 1, "iova": "0x5800", "operation": "read", "length": "0x6000"}""".formatted(RID)).expectStatus().isAccepted())
                .get("id")
                .asLong();
        var asked = requests();
        assertThat(asked.valueStream().map(request -> request.get("address").asString() + request.get("last")))
                .containsExactly("0x5000false", "0x6000false", "0x8000false", "0x9000true");
        assertThat(asked.valueStream().map(request -> request.get("group").asInt()))
                .containsOnly(0);
        for (var page : asked) {
            map(page.get("address").asString());
        }
        respond(2, "success").expectStatus().isOk();
        expectRefused(respond(4, "success"), 400, "EINVAL");
        assertThat(requests()
                        .valueStream()
                        .map(request -> request.get("address").asString()))
                .containsExactly("0xa000", "0xb000");
        map("0xa000");
        map("0xb000");
        respond(5, "success").expectStatus().isOk();
        assertThat(outcome(dma).get("transferred").asInt()).isEqualTo(0x6000);
        expectRefused(patch(DEVICE, """
                {"pageRequestsPerGroup": 65}"""), 400, "EINVAL");
    }
}
