package dev.ioasid.web;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.Architecture;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.http.HttpMethod;

/** Faults on purpose: made, seen, met, removed. */
class InjectionScenarioTest extends BothArchitecturesTest {
    private static final String INJECTIONS = M1 + "/injections";

    @BeforeEach
    void make() {
        machine();
        post(M1 + "/devices", """
                {"rid": "3a:00.0", "iommu": "iommu0", "pasidBits": 8, "pri": false}""").expectStatus().isCreated();
        post(M1 + "/devices", """
                {"rid": "3b:00.0", "iommu": "iommu0", "pasidBits": 0, "ats": false}""").expectStatus().isCreated();
        post(M1 + "/ioasids", """
                {"type": "paging"}""").expectStatus().isCreated();
        post(M1 + "/ioasids/1/mappings", """
                {"iova": "0x1000", "length": "0x1000", "permissions": "rw", "physicalAddress": "0x5000000"}""").expectStatus().isCreated();
        put(M1 + "/devices/3b:00.0/attachment", """
                {"ioasid": 1}""").expectStatus().isOk();
    }

    private String status(String iova) {
        return json(post(M1 + "/dma", """
                {"rid": "3b:00.0", "iova": "%s", "operation": "read", "length": 4}""".formatted(iova))).get("status").asString();
    }

    @Test
    void fromBeginningToEnd() {
        post(INJECTIONS, """
                {"type": "poisoned-memory", "first": "0x5000000", "last": "0x5000fff", "count": 2}""")
                .expectStatus()
                .isCreated()
                .expectHeader()
                .valueEquals("Location", INJECTIONS + "/1")
                .expectBody()
                .json("""
                {"id": 1, "type": "poisoned-memory", "first": "0x5000000", "last": "0x5000fff", "remaining": 2, "met": 0}""");
        post(INJECTIONS, """
                {"type": "malformed-request", "rid": "3b:00.0", "kind": "pasid", "unlimited": true}""").expectBody().json("""
                {"id": 2, "type": "malformed-request", "rid": "0000:3b:00.0", "kind": "pasid", "pasid": 1048575, "met": 0}""");
        assertThat(status("0x1000")).isEqualTo("faulted");
        assertThat(json(INJECTIONS + "/2").has("remaining")).isFalse();
        delete(INJECTIONS + "/2").expectStatus().isNoContent();
        assertThat(status("0x1000")).isEqualTo("faulted");
        assertThat(status("0x1ffc")).isEqualTo("faulted");
        assertThat(status("0x1000")).isEqualTo("completed");
        get(INJECTIONS).expectBody().json("""
                {"items": [{"id": 1, "remaining": 0, "met": 2}]}""");
        send(HttpMethod.PUT, M1 + "/memory/0x5000000", new byte[] {1})
                .expectStatus()
                .isNoContent();
        delete(INJECTIONS + "/1").expectStatus().isNoContent();
        expectRefused(get(INJECTIONS + "/1"), 404, "ENOENT");
        expectRefused(delete(INJECTIONS + "/1"), 404, "ENOENT");
        assertThat(json(INJECTIONS).get("items")).isEmpty();
    }

    @Test
    void listedPageByPage() {
        for (int i = 0; i < 3; i++) {
            post(INJECTIONS, """
                    {"type": "silent-device", "rid": "3a:00.0"}""").expectStatus().isCreated();
        }
        var first = json(INJECTIONS + "?limit=2");
        assertThat(first.get("items")).hasSize(2);
        assertThat(json(INJECTIONS + "?limit=2&after=" + first.get("next").asString())
                        .get("items"))
                .hasSize(1);
    }

    /** A processor is not disturbed by what units cannot fetch, and explain says what is the matter without counting. */
    @Test
    void explainCountsNothing() {
        post(INJECTIONS, """
                {"type": "poisoned-memory", "first": "0x0", "last": "0xffffffff", "unlimited": true}""").expectStatus().isCreated();
        var explained = json(post(M1 + "/translations/explain", """
                {"rid": "3b:00.0", "iova": "0x1000", "access": "read"}"""));
        assertThat(explained.get("result").get("status").asString()).isEqualTo("fault");
        assertThat(explained
                        .get("steps")
                        .valueStream()
                        .toList()
                        .getLast()
                        .get("decision")
                        .asString())
                .contains("poisoned");
        assertThat(json(INJECTIONS + "/1").get("met").asInt()).isZero();
        assertThat(bytes(get(M1 + "/ioasids/1/memory/0x1000?length=4"))).hasSize(4);
        post(M1 + "/ioasids/1/mappings", """
                {"iova": "0x8000", "length": "0x1000", "permissions": "rw"}""").expectStatus().isCreated();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            injection                                                                              | status | errno
            {"type": "poisoned-memory", "first": "0x0"}                                            | 400    | EINVAL
            {"type": "poisoned-memory", "first": "0x1000", "last": "0xfff"}                        | 400    | EINVAL
            {"type": "poisoned-memory", "first": "0xfffff000", "last": "0x100000000"}              | 400    | EINVAL
            {"type": "poisoned-memory", "first": "0x0", "last": "0xfff", "rid": "3a:00.0"}         | 400    | EINVAL
            {"type": "poisoned-memory", "first": "0x0", "last": "0xfff", "count": 0}               | 400    | EINVAL
            {"type": "poisoned-memory", "first": "0x0", "last": "0xfff", "count": -1}              | 400    | EINVAL
            {"type": "poisoned-memory", "first": "0x0", "last": "0xf", "count": 1, "unlimited": true} | 400 | EINVAL
            {"type": "silent-device"}                                                              | 400    | EINVAL
            {"type": "silent-device", "rid": "3c:00.0"}                                            | 404    | ENODEV
            {"type": "silent-device", "rid": "3b:00.0"}                                            | 422    | EOPNOTSUPP
            {"type": "full-queue", "iommu": "iommu7", "queue": "faults"}                           | 404    | ENOENT
            {"type": "full-queue", "iommu": "iommu0"}                                              | 400    | EINVAL
            {"type": "full-queue", "iommu": "iommu0", "queue": "commands"}                         | 400    | EINVAL
            {"type": "delayed-response", "rid": "3a:00.0"}                                         | 422    | EOPNOTSUPP
            {"type": "malformed-request", "rid": "3a:00.0"}                                        | 400    | EINVAL
            {"type": "malformed-request", "rid": "3a:00.0", "kind": "poisoned"}                    | 400    | EINVAL
            {"type": "malformed-request", "rid": "3a:00.0", "kind": "pasid", "pasid": 1048576}     | 400    | EINVAL
            {"type": "malformed-request", "rid": "3a:00.0", "kind": "pasid", "pages": 2}           | 400    | EINVAL
            {"type": "malformed-request", "rid": "3a:00.0", "kind": "tlb-conflict", "pasid": 1}    | 400    | EINVAL
            {"type": "meteorite"}                                                                  | 400    | EINVAL
            {}                                                                                     | 400    | EINVAL
            """)
    void whatCannotBeIsRefused(String injection, int status, String errno) {
        expectRefused(post(INJECTIONS, injection), status, errno);
        assertThat(json(INJECTIONS).get("items")).isEmpty();
    }

    @Test
    void whatOnlyAnSmmuCanRecord() {
        var hint = post(INJECTIONS, """
                {"type": "malformed-request", "rid": "3b:00.0", "kind": "page-hint", "permissions": "rw", "pages": 4}""");
        if (on == Architecture.VTD) {
            refused(hint, 422, "EOPNOTSUPP", """
                    {"rid": "0000:3b:00.0", "iommu": "iommu0"}""");
            return;
        }
        hint.expectStatus().isCreated().expectBody().json("""
                {"id": 1, "kind": "page-hint", "permissions": "rw", "pages": 4, "remaining": 1}""");
        expectRefused(post(INJECTIONS, """
                {"type": "malformed-request", "rid": "3b:00.0", "kind": "page-hint", "pages": 256}"""), 400, "EINVAL");
        assertThat(status("0x1000")).isEqualTo("completed");
        get(M1 + "/iommus/iommu0/faults").expectBody().json("""
                {"items": [{"rid": "0000:3b:00.0", "code": "0x24", "name": "E_PAGE_REQUEST"}]}""");
    }

    /** DMA that waits for the four pages of one group, of which a device will not hear what becomes. */
    private void fourPagesAndNoAnswer() {
        post(M1 + "/devices", "{\"rid\": \"3c:00.0\", \"iommu\": \"iommu0\"}")
                .expectStatus()
                .isCreated();
        patch(M1 + "/devices/3c:00.0", "{\"pageRequestsPerGroup\": 4}")
                .expectStatus()
                .isOk();
        post(M1 + "/ioasids", "{\"type\": \"paging\", \"format\": \"%s\"}".formatted(on.firstStage()))
                .expectStatus()
                .isCreated();
        put(M1 + "/devices/3c:00.0/pasids/1/attachment", "{\"ioasid\": 2}")
                .expectStatus()
                .isOk();
        post(INJECTIONS, "{\"type\": \"delayed-response\", \"rid\": \"3c:00.0\", \"unlimited\": true}")
                .expectStatus()
                .isCreated();
        post(M1 + "/dma", """
                {"rid": "3c:00.0", "pasid": 1, "iova": "0x0", "operation": "read", "length": "0x4000"}""").expectStatus().isAccepted();
        assertThat(json(M1 + "/page-requests?state=pending").get("items")).hasSize(4);
    }

    /** All of the group is over, and its DMA once. */
    @Test
    void aRouteThatGoesDoesNotWaitForADeviceThatHearsNothing() {
        fourPagesAndNoAnswer();
        delete(M1 + "/devices/3c:00.0/pasids/1/attachment").expectStatus().isNoContent();
        assertThat(json(M1 + "/page-requests?state=pending").get("items")).isEmpty();
        var outcome = json(M1 + "/dma/1");
        assertThat(outcome.get("status").asString()).isEqualTo("faulted");
        assertThat(outcome.get("fault").get("detail").asString()).endsWith("; the page request was answered: invalid");
        var events = new String(bytes(get(M1 + "/events?follow=false&type=page-response,dma")));
        assertThat(events.lines().filter(line -> line.contains("\"response\":\"invalid\"")))
                .hasSize(4);
        assertThat(events.lines().filter("event: dma"::equals)).hasSize(1);
        post(INJECTIONS + "/1/release", "{}").expectStatus().isOk();
        delete(INJECTIONS + "/1").expectStatus().isNoContent();
    }

    @Test
    void whatIsHeldBackIsNotAnsweredAgain() {
        fourPagesAndNoAnswer();
        post(M1 + "/page-requests/1/response", "{\"code\": \"invalid\"}")
                .expectStatus()
                .isOk();
        for (int id = 1; id <= 4; id++) {
            refused(
                    post(M1 + "/page-requests/" + id + "/response", "{\"code\": \"success\"}"),
                    400,
                    "EINVAL",
                    """
                    {"pageRequest": %d, "detail": "page request %d has been answered, and an injection holds that back"}""".formatted(id, id));
        }
        post(INJECTIONS + "/1/release", "{}").expectStatus().isOk();
        assertThat(json(M1 + "/dma/1").get("status").asString()).isEqualTo("faulted");
    }

    @Test
    void onlyWhatIsHeldBackIsReleased() {
        post(INJECTIONS, """
                {"type": "silent-device", "rid": "3a:00.0"}""").expectStatus().isCreated();
        refused(client.post().uri(INJECTIONS + "/1/release").exchange(), 400, "EINVAL", """
                {"injection": 1}""");
        expectRefused(client.post().uri(INJECTIONS + "/2/release").exchange(), 404, "ENOENT");
    }
}
