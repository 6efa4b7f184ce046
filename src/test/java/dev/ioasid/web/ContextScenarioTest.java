package dev.ioasid.web;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.http.HttpMethod;
import org.springframework.test.web.servlet.client.RestTestClient.ResponseSpec;
import tools.jackson.databind.JsonNode;

/** Contexts over HTTP: what they own goes with them. */
class ContextScenarioTest extends BothArchitecturesTest {
    private static final String CONTEXTS = M1 + "/contexts";
    private static final String DEVICE = M1 + "/devices/0000:3a:00.0";
    private static final String PASID_1 = DEVICE + "/pasids/1/attachment";

    @BeforeEach
    void make() {
        machine();
        post(M1 + "/devices", """
                {"rid": "3a:00.0", "iommu": "iommu0", "pasidBits": 8}""").expectStatus().isCreated();
    }

    private int open(String body) {
        return json(post(CONTEXTS, body).expectStatus().isCreated()).get("id").asInt();
    }

    private ResponseSpec create(int context) {
        return post(M1 + "/ioasids", """
                {"type": "paging", "format": "%s", "context": %d}""".formatted(on.firstStage(), context));
    }

    private ResponseSpec attach(int ioasid) {
        return put(PASID_1, "{\"ioasid\": %d}".formatted(ioasid));
    }

    private List<String> eventTypes(String query) {
        var text = new String(
                bytes(client.get().uri(M1 + "/events?follow=false" + query).exchange()));
        return text.lines()
                .filter(line -> line.startsWith("event: "))
                .map(line -> line.substring(7))
                .toList();
    }

    @Test
    void isOpenedShownAndClosed() {
        post(CONTEXTS, """
                {"name": "vm1", "limits": {"ioasids": 2, "mappings": 3, "pasids": 4, "pinnedBytes": "0x100000"}}""").expectStatus().isCreated().expectHeader().valueEquals("Location", CONTEXTS + "/1");
        assertThat(json(create(1).expectStatus().isCreated()).get("context").asInt())
                .isEqualTo(1);
        post(M1 + "/ioasids/1/mappings", """
                {"iova": "0x1000", "length": "0x3000", "permissions": "rw"}""").expectStatus().isCreated();
        attach(1).expectStatus().isOk();
        assertThat(json(CONTEXTS + "/1").toString())
                .isEqualTo(
                        "{\"id\":1,\"name\":\"vm1\",\"limits\":{\"pinnedBytes\":\"0x100000\",\"ioasids\":2,\"mappings\":3,\"pasids\":4},"
                                + "\"used\":{\"pinnedBytes\":\"0x3000\",\"ioasids\":1,\"mappings\":1,\"pasids\":1}}");
        assertThat(open("{\"name\": \"vm2\"}")).isEqualTo(2);
        assertThat(json(CONTEXTS + "?limit=1").get("next").asInt()).isEqualTo(1);
        assertThat(json(CONTEXTS + "?after=1").get("items").toString())
                .isEqualTo("[{\"id\":2,\"name\":\"vm2\",\"limits\":{},"
                        + "\"used\":{\"pinnedBytes\":\"0x0\",\"ioasids\":0,\"mappings\":0,\"pasids\":0}}]");

        delete(CONTEXTS + "/1").expectStatus().isNoContent();
        refused(delete(CONTEXTS + "/1"), 404, "ENOENT", "{\"context\": 1}");
        refused(get(CONTEXTS + "/1"), 404, "ENOENT", "{\"context\": 1}");
        refused(get(M1 + "/ioasids/1"), 404, "ENOENT", "{\"ioasid\": 1}");
        refused(get(PASID_1), 404, "ENOENT", "{}");
        assertThat(translate("\"rid\": \"3a:00.0\", \"pasid\": 1, \"iova\": \"0x1000\", \"access\": \"read\"")
                        .get("status")
                        .asString())
                .isEqualTo("fault");
        assertThat(eventTypes("&type=context-created,context-closed,detach,ioasid-deleted"))
                .containsExactly("context-created", "context-created", "detach", "ioasid-deleted", "context-closed");
        assertThat(open("{\"name\": \"vm3\"}")).isEqualTo(1);
    }

    @Test
    void aDmaThatWaitsEndsWithTheContext() {
        open("{\"name\": \"vm1\"}");
        create(1).expectStatus().isCreated();
        attach(1).expectStatus().isOk();
        var dma = json(post(M1 + "/dma?wait=0s", """
                {"rid": "3a:00.0", "pasid": 1, "iova": "0x5000", "operation": "read", "length": 4}""").expectStatus().isAccepted());
        assertThat(json(M1 + "/page-requests?state=pending").get("items")).hasSize(1);
        delete(CONTEXTS + "/1").expectStatus().isNoContent();
        assertThat(json(M1 + "/page-requests?state=pending").get("items")).isEmpty();
        assertThat(json(M1 + "/dma/" + dma.get("id").asLong()).get("status").asString())
                .isEqualTo("faulted");
        assertThat(eventTypes("&type=page-response,dma,detach,context-closed"))
                .containsExactly("page-response", "dma", "detach", "context-closed");
    }

    @Test
    void theHolderIsNamed() {
        open("{\"name\": \"vm1\"}");
        open("{\"name\": \"vm2\"}");
        create(1).expectStatus().isCreated();
        create(2).expectStatus().isCreated();
        attach(1).expectStatus().isOk();
        refused(attach(2), 409, "EBUSY", """
                {"context": 1, "ioasid": 2, "routes": [{"rid": "0000:3a:00.0", "pasid": 1}]}""");
        delete(PASID_1).expectStatus().isNoContent();
        attach(2).expectStatus().isOk();
    }

    @Test
    void limitsAreNamed() {
        open("{\"name\": \"vm1\", \"limits\": {\"ioasids\": 1, \"mappings\": 1, \"pinnedBytes\": 8192}}");
        create(1).expectStatus().isCreated();
        refused(create(1), 409, "ENOSPC", """
                {"context": 1, "limit": {"name": "ioasids", "value": 1, "used": 1}}""");
        refused(post(M1 + "/ioasids/1/mappings", """
                {"length": "0x3000", "permissions": "r"}"""), 507, "ENOMEM", """
                {"context": 1, "limit": {"name": "pinnedBytes", "value": "0x2000", "used": "0x0"}}""");
        post(M1 + "/ioasids/1/mappings", """
                {"length": "0x2000", "permissions": "r"}""").expectStatus().isCreated();
        refused(post(M1 + "/ioasids/1/mappings", """
                {"length": "0x1000", "permissions": "r"}"""), 409, "ENOSPC", """
                {"limit": {"name": "mappings", "value": 1, "used": 1}}""");
    }

    @Test
    void aLeaseThatNobodyRenewsEnds() {
        var before = Instant.now();
        var context = json(post(CONTEXTS, """
                {"name": "ci", "leaseSeconds": 1}""").expectStatus().isCreated());
        assertThat(context.get("leaseSeconds").asInt()).isEqualTo(1);
        assertThat(expiry(context))
                .isBetween(before.plusMillis(999), Instant.now().plusSeconds(1));
        open("{\"name\": \"stays\"}");
        create(1).expectStatus().isCreated();
        attach(1).expectStatus().isOk();
        var renewed = json(post(CONTEXTS + "/1/renewals", "").expectStatus().isOk());
        assertThat(renewed.propertyNames()).containsExactly("expiresAt");
        assertThat(expiry(renewed)).isAfterOrEqualTo(expiry(context));
        await().atMost(Duration.ofSeconds(20))
                .untilAsserted(() -> refused(get(CONTEXTS + "/1"), 404, "ENOENT", "{\"context\": 1}"));
        assertThat(Instant.now()).isAfterOrEqualTo(expiry(renewed));
        refused(post(CONTEXTS + "/1/renewals", ""), 404, "ENOENT", "{\"context\": 1}");
        refused(get(M1 + "/ioasids/1"), 404, "ENOENT", "{}");
        assertThat(eventTypes("&type=context-expired,context-closed,detach,ioasid-deleted"))
                .containsExactly("detach", "ioasid-deleted", "context-expired");
        refused(post(CONTEXTS + "/2/renewals", ""), 400, "EINVAL", "{\"context\": 2}");
    }

    private static Instant expiry(JsonNode body) {
        return Instant.parse(body.get("expiresAt").asString());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{}                                                  | name",
                "{\"name\": null}                                    | name",
                "{\"name\": \"a\", \"leaseSeconds\": 0}              | leaseSeconds",
                "{\"name\": \"a\", \"leaseSeconds\": -1}             | leaseSeconds",
                "{\"name\": \"a\", \"leaseSeconds\": 31536001}       | leaseSeconds",
                "{\"name\": \"a\", \"leaseSeconds\": 1.5}            | leaseSeconds",
                "{\"name\": \"a\", \"leaseSeconds\": \"1s\"}         | leaseSeconds",
                "{\"name\": \"a\", \"leaseSeconds\": 99999999999}    | leaseSeconds",
                "{\"name\": \"a\", \"limits\": {\"ioasids\": -1}}    | limits.ioasids",
                "{\"name\": \"a\", \"limits\": {\"pasids\": \"x\"}}  | limits.pasids",
                "{\"name\": \"a\", \"limits\": {\"pinnedBytes\": -1}}| limits.pinnedBytes",
                "{\"name\": \"a\", \"limits\": {\"cpus\": 1}}        | limits.cpus",
                "{\"name\": \"a\", \"lease\": 1}                     | lease"
            })
    void whatMakesNoSenseIsRefused(String body, String property) {
        refused(post(CONTEXTS, body), 400, "EINVAL", "{\"property\": \"%s\"}".formatted(property));
        assertThat(json(CONTEXTS).get("items")).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({"0", "7", "-1"})
    void anUnknownContextOwnsNothing(int context) {
        refused(create(context), 404, "ENOENT", "{\"context\": %d}".formatted(context));
        refused(post(CONTEXTS + "/" + context + "/renewals", ""), 404, "ENOENT", "{}");
        assertThat(json(M1 + "/ioasids").get("items")).isEmpty();
    }

    @Test
    void whatIsNoNumberNamesNoContext() {
        expectRefused(get(CONTEXTS + "/one"), 400, "EINVAL");
        expectRefused(send(HttpMethod.PUT, CONTEXTS + "/1", "{}"), 405, "EINVAL");
        expectRefused(post("/v1/machines/none/contexts", "{\"name\": \"a\"}"), 404, "ENOENT");
    }

    @Test
    void aSharedProcessOutlivesTheContext() {
        open("{\"name\": \"vm1\"}");
        post(M1 + "/processes", "{\"format\": \"%s\"}".formatted(on.firstStage()))
                .expectStatus()
                .isCreated();
        var sva = json(post(M1 + "/ioasids", """
                {"type": "sva", "process": 1, "context": 1}""").expectStatus().isCreated());
        assertThat(sva.get("context").asInt()).isEqualTo(1);
        attach(1).expectStatus().isOk();
        delete(CONTEXTS + "/1").expectStatus().isNoContent();
        assertThat(json(M1 + "/processes/1").get("ioasids")).isEmpty();
    }
}
