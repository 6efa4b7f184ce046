package dev.ioasid.web;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.springframework.http.HttpMethod;
import org.springframework.http.MediaType;
import org.springframework.web.util.UriComponentsBuilder;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import tools.jackson.databind.json.JsonMapper;

/** The OpenAPI document: what is served is what is committed, it is complete, and its examples work. */
@SuppressWarnings("unchecked")
class OpenApiTest extends HttpTest {
    private static final Path COMMITTED = Path.of("openapi/ioasid.yaml");
    private static final JsonMapper JSON = new JsonMapper();

    private String served() {
        return new String(bytes(get("/v3/api-docs.yaml").expectStatus().isOk()), StandardCharsets.UTF_8);
    }

    private Map<String, Object> document() {
        var options = new LoaderOptions();
        options.setCodePointLimit(10 << 20);
        return new Yaml(options).load(served());
    }

    private record Operation(String method, String path, Map<String, Object> described) {
        String name() {
            return String.valueOf(described.get("operationId"));
        }

        Map<String, Map<String, Object>> content() {
            var body = (Map<String, Object>) described.get("requestBody");
            return body == null ? Map.of() : (Map<String, Map<String, Object>>) body.get("content");
        }

        List<Map<String, Object>> parameters() {
            return (List<Map<String, Object>>) described.getOrDefault("parameters", List.of());
        }
    }

    private Stream<Operation> operations() {
        var paths = (Map<String, Map<String, Map<String, Object>>>) document().get("paths");
        return paths.entrySet().stream()
                .flatMap(path -> path.getValue().entrySet().stream()
                        .map(method -> new Operation(method.getKey().toUpperCase(), path.getKey(), method.getValue())));
    }

    /** Run with -Dioasid.openapi.write=true to commit what is served. */
    @Test
    void whatIsServedIsWhatIsCommitted() throws IOException {
        if (Boolean.getBoolean("ioasid.openapi.write")) {
            Files.createDirectories(COMMITTED.getParent());
            Files.writeString(COMMITTED, served());
        }
        assertThat(served()).isEqualTo(Files.readString(COMMITTED));
    }

    @Test
    void everythingIsDescribed() {
        var names = new TreeSet<String>();
        operations().forEach(operation -> {
            assertThat(names.add(operation.name()))
                    .as("one %s", operation.name())
                    .isTrue();
            assertThat(operation.described()).containsKey("summary");
            operation
                    .parameters()
                    .forEach(parameter -> assertThat(parameter)
                            .as("%s of %s", parameter.get("name"), operation.name())
                            .containsKeys("description", "schema"));
            operation
                    .content()
                    .forEach((type, content) -> assertThat(content)
                            .as("%s of %s", type, operation.name())
                            .containsKeys("example", "schema"));
            var responses =
                    (Map<String, Map<String, Object>>) operation.described().get("responses");
            assertThat(responses.keySet())
                    .as(operation.name())
                    .contains("400", "500")
                    .anyMatch(status -> status.startsWith("2"));
            responses.forEach((status, response) -> {
                if (status.compareTo("400") >= 0) {
                    assertThat((Map<String, Object>) response.get("content"))
                            .as("%s of %s", status, operation.name())
                            .containsOnlyKeys("application/problem+json");
                }
            });
        });
        assertThat(names).hasSizeGreaterThan(40);
        var schemas = (Map<String, Map<String, Object>>)
                ((Map<String, Object>) document().get("components")).get("schemas");
        schemas.forEach((schema, description) -> ((Map<String, Map<String, Object>>)
                        description.getOrDefault("properties", Map.of()))
                .forEach((property, says) ->
                        assertThat(says).as("%s.%s", schema, property).containsKey("description")));
    }

    /** Every operation, in every form that its body has, alone against a machine m1 that was just made. */
    @TestFactory
    Stream<DynamicTest> everyExampleWorksAsItStands() {
        return operations().toList().stream()
                .flatMap(operation -> operation.content().isEmpty()
                        ? Stream.of(DynamicTest.dynamicTest(operation.name(), () -> run(operation, null, null)))
                        : operation.content().entrySet().stream()
                                .map(content -> DynamicTest.dynamicTest(
                                        operation.name() + " " + content.getKey(),
                                        () -> run(
                                                operation,
                                                content.getKey(),
                                                content.getValue().get("example")))));
    }

    private void run(Operation operation, String type, Object example) {
        deleteMachines();
        machine("siov");
        for (var request : (List<Map<String, Object>>) operation.described().getOrDefault("x-before", List.of())) {
            send(
                            HttpMethod.valueOf((String) request.get("method")),
                            (String) request.get("path"),
                            JSON.writeValueAsString(request.get("body")))
                    .expectStatus()
                    .is2xxSuccessful();
        }
        var uri = UriComponentsBuilder.fromPath(operation.path());
        var variables = new java.util.HashMap<String, Object>();
        for (var parameter : operation.parameters()) {
            var name = (String) parameter.get("name");
            if (parameter.get("in").equals("path")) {
                variables.put(name, parameter.get("example"));
            } else if (parameter.containsKey("example")) {
                uri.queryParam(name, parameter.get("example"));
            }
        }
        var request = client.method(HttpMethod.valueOf(operation.method()))
                .uri(uri.buildAndExpand(variables).toUriString());
        if (type != null) {
            request.contentType(MediaType.valueOf(type))
                    .body(
                            example instanceof String text
                                    ? text.getBytes(StandardCharsets.UTF_8)
                                    : JSON.writeValueAsBytes(example));
        }
        request.exchange().expectStatus().is2xxSuccessful();
    }
}
