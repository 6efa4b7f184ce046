package dev.ioasid.web;

import org.junit.jupiter.api.AfterEach;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.resttestclient.autoconfigure.AutoConfigureRestTestClient;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.http.HttpMethod;
import org.springframework.http.MediaType;
import org.springframework.test.web.servlet.client.RestTestClient;
import org.springframework.test.web.servlet.client.RestTestClient.ResponseSpec;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Speaks HTTP to the running service. Whatever machines a test makes are deleted after it. */
@SpringBootTest(webEnvironment = SpringBootTest.WebEnvironment.RANDOM_PORT)
@AutoConfigureRestTestClient
abstract class HttpTest {
    static final String M1 = "/v1/machines/m1";

    private static final JsonMapper JSON = new JsonMapper();

    @Autowired
    RestTestClient client;

    @AfterEach
    void deleteMachines() {
        for (var machine : json("/v1/machines").get("items")) {
            delete("/v1/machines/" + machine.get("name").asString());
        }
    }

    /** Makes the machine m1 of 4 GiB. */
    void machine(String preset) {
        post("/v1/machines", """
                        {"name": "m1", "memory": "0x100000000", "preset": "%s"}""".formatted(preset)).expectStatus().isCreated();
    }

    ResponseSpec get(String path) {
        return client.get().uri(path).exchange();
    }

    ResponseSpec delete(String path) {
        return client.delete().uri(path).exchange();
    }

    ResponseSpec post(String path, String body) {
        return send(HttpMethod.POST, path, body);
    }

    ResponseSpec put(String path, String body) {
        return send(HttpMethod.PUT, path, body);
    }

    ResponseSpec patch(String path, String body) {
        return send(HttpMethod.PATCH, path, body);
    }

    ResponseSpec send(HttpMethod method, String path, String body) {
        return client.method(method)
                .uri(path)
                .contentType(MediaType.APPLICATION_JSON)
                .body(body)
                .exchange();
    }

    ResponseSpec send(HttpMethod method, String path, byte[] body) {
        return client.method(method)
                .uri(path)
                .contentType(MediaType.APPLICATION_OCTET_STREAM)
                .body(body)
                .exchange();
    }

    /** The body of a successful GET. */
    JsonNode json(String path) {
        return json(get(path).expectStatus().isOk());
    }

    static JsonNode json(ResponseSpec response) {
        return JSON.readTree(bytes(response));
    }

    static byte[] bytes(ResponseSpec response) {
        var body = response.expectBody().returnResult().getResponseBody();
        return body == null ? new byte[0] : body;
    }

    static void expectRefused(ResponseSpec response, int status, String errno) {
        response.expectStatus()
                .isEqualTo(status)
                .expectHeader()
                .contentType(MediaType.APPLICATION_PROBLEM_JSON)
                .expectBody()
                .jsonPath("$.errno")
                .isEqualTo(errno)
                .jsonPath("$.status")
                .isEqualTo(status)
                .jsonPath("$.type")
                .isEqualTo("urn:ioasid:errno:" + errno)
                .jsonPath("$.title")
                .isNotEmpty()
                .jsonPath("$.detail")
                .isNotEmpty()
                .jsonPath("$.instance")
                .isNotEmpty();
    }

    static void refused(ResponseSpec response, int status, String errno, String problem) {
        response.expectStatus()
                .isEqualTo(status)
                .expectBody()
                .json("{\"errno\": \"" + errno + "\"}")
                .json(problem);
    }
}
