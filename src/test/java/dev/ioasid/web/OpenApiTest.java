package dev.ioasid.web;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Locale;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.springframework.http.HttpMethod;
import org.springframework.http.MediaType;
import org.springframework.web.util.UriComponentsBuilder;
import tools.jackson.databind.JsonNode;

/** The OpenAPI document: what is served is what is committed, it is complete, and its examples work. */
class OpenApiTest extends HttpTest {
    private static final Path COMMITTED = Path.of("openapi/ioasid.yaml");

    private record Operation(String method, String path, JsonNode described) {
        String name() {
            return described.path("operationId").asString();
        }

        JsonNode content() {
            return described.path("requestBody").path("content");
        }
    }

    private Stream<Operation> operations() {
        return json("/v3/api-docs")
                .path("paths")
                .propertyStream()
                .flatMap(path -> path.getValue()
                        .propertyStream()
                        .map(method -> new Operation(
                                method.getKey().toUpperCase(Locale.ROOT), path.getKey(), method.getValue())));
    }

    /** Run with -Dioasid.openapi.write=true to commit what is served. */
    @Test
    void whatIsServedIsWhatIsCommitted() throws IOException {
        var served = new String(bytes(get("/v3/api-docs.yaml").expectStatus().isOk()), StandardCharsets.UTF_8);
        if (Boolean.getBoolean("ioasid.openapi.write")) {
            Files.createDirectories(Path.of("openapi"));
            Files.writeString(COMMITTED, served);
        }
        assertThat(served).isEqualTo(Files.readString(COMMITTED));
    }

    @Test
    void everythingIsDescribed() {
        var names = new TreeSet<String>();
        operations().forEach(operation -> {
            assertThat(names.add(operation.name()))
                    .as("one %s", operation.name())
                    .isTrue();
            assertThat(operation.described().path("summary").asString())
                    .as(operation.name())
                    .isNotEmpty();
            for (var parameter : operation.described().path("parameters")) {
                assertThat(parameter.propertyNames())
                        .as("%s of %s", parameter.path("name"), operation.name())
                        .contains("description", "schema");
            }
            for (var content : operation.content()) {
                assertThat(content.propertyNames()).as(operation.name()).contains("example", "schema");
            }
            var responses = operation.described().path("responses");
            assertThat(responses.propertyNames())
                    .as(operation.name())
                    .contains("400", "500")
                    .anyMatch(status -> status.startsWith("2"));
            responses
                    .propertyStream()
                    .filter(response -> response.getKey().compareTo("400") >= 0)
                    .forEach(response -> assertThat(
                                    response.getValue().path("content").propertyNames())
                            .as("%s of %s", response.getKey(), operation.name())
                            .containsExactly("application/problem+json"));
        });
        assertThat(names).hasSizeGreaterThan(40);
        json("/v3/api-docs")
                .path("components")
                .path("schemas")
                .propertyStream()
                .forEach(schema -> schema.getValue()
                        .path("properties")
                        .propertyStream()
                        .forEach(property -> assertThat(property.getValue().propertyNames())
                                .as("%s.%s", schema.getKey(), property.getKey())
                                .contains("description")));
    }

    /** Every operation, in every form that its body has, alone against a machine m1 that was just made. */
    @TestFactory
    Stream<DynamicTest> everyExampleWorksAsItStands() {
        return operations().toList().stream()
                .flatMap(operation -> operation.content().isMissingNode()
                        ? Stream.of(DynamicTest.dynamicTest(operation.name(), () -> run(operation, "", new byte[0])))
                        : operation
                                .content()
                                .propertyStream()
                                .map(content -> DynamicTest.dynamicTest(
                                        operation.name() + " as " + content.getKey(),
                                        () -> run(
                                                operation,
                                                content.getKey(),
                                                bytes(content.getValue().path("example"))))));
    }

    private static byte[] bytes(JsonNode example) {
        return (example.isString() ? example.asString() : example.toString()).getBytes(StandardCharsets.UTF_8);
    }

    private void run(Operation operation, String type, byte[] body) {
        deleteMachines();
        machine("siov");
        for (var first : operation.described().path("x-before")) {
            send(
                            HttpMethod.valueOf(first.path("method").asString()),
                            first.path("path").asString(),
                            first.path("body").toString())
                    .expectStatus()
                    .is2xxSuccessful();
        }
        var uri = UriComponentsBuilder.fromPath(operation.path());
        var variables = new HashMap<String, Object>();
        for (var parameter : operation.described().path("parameters")) {
            var name = parameter.path("name").asString();
            var example = parameter.path("example");
            if (parameter.path("in").asString().equals("path")) {
                variables.put(name, example.asString());
            } else if (!example.isMissingNode()) {
                uri.queryParam(name, example.asString());
            }
        }
        var request = client.method(HttpMethod.valueOf(operation.method()))
                .uri(uri.buildAndExpand(variables).toUriString());
        if (!type.isEmpty()) {
            request.contentType(MediaType.valueOf(type)).body(body);
        }
        request.exchange().expectStatus().is2xxSuccessful();
    }
}
