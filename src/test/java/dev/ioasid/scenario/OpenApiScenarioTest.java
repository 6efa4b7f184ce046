package dev.ioasid.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/**
 * The OpenAPI document: what is published is what is served, nothing in it is left without a word, and every operation's example
 * works as it stands.
 */
class OpenApiScenarioTest extends ClientTest {
    private static final Path PUBLISHED = Path.of("openapi/ioasid.yaml");

    private record Operation(String method, String path, JsonNode spec) {
        String id() {
            return spec.path("operationId").asString(method + " " + path);
        }
    }

    private List<Operation> operations() {
        var operations = new ArrayList<Operation>();
        var document =
                client.send("GET", "/v3/api-docs", new byte[0]).expect(200).json();
        document.get("paths")
                .properties()
                .forEach(path -> path.getValue()
                        .properties()
                        .forEach(operation -> operations.add(new Operation(
                                operation.getKey().toUpperCase(java.util.Locale.ROOT),
                                path.getKey(),
                                operation.getValue()))));
        assertThat(operations).hasSizeGreaterThan(40);
        return operations;
    }

    @Test
    void whatIsPublishedIsWhatIsServed() throws IOException {
        var served =
                client.send("GET", "/v3/api-docs.yaml", new byte[0]).expect(200).text();
        assertThat(served).isEqualTo(Files.readString(PUBLISHED));
    }

    @Test
    void nothingIsLeftWithoutAWord() {
        var silent = new ArrayList<String>();
        for (var operation : operations()) {
            var spec = operation.spec();
            if (spec.path("summary").asString("").isBlank()) {
                silent.add(operation.id() + ": no summary");
            }
            for (var parameter : spec.path("parameters")) {
                if (parameter.path("description").asString("").isBlank()) {
                    silent.add(operation.id() + ": " + parameter.get("name"));
                }
            }
            var responses = spec.get("responses");
            boolean refuses = false;
            boolean succeeds = false;
            for (var response : responses.properties()) {
                int status = Integer.parseInt(response.getKey());
                succeeds |= status < 300;
                refuses |= status == 400;
                boolean problem = response.getValue().path("content").has("application/problem+json");
                if (status >= 400 && !problem
                        || response.getValue().path("description").asString("").isBlank()) {
                    silent.add(operation.id() + ": response " + status);
                }
            }
            if (!refuses || !succeeds) {
                silent.add(operation.id() + ": lacks 400 or a success");
            }
            for (var content : spec.path("requestBody").path("content")) {
                if (!content.has("example") && !content.has("examples")) {
                    silent.add(operation.id() + ": no example");
                }
            }
        }
        assertThat(silent).isEmpty();
    }

    @Test
    void everyExampleWorksAsItStands() {
        var failed = new ArrayList<String>();
        for (var operation : operations()) {
            var bodies = operation.spec().path("requestBody").path("content").properties();
            if (bodies.isEmpty()) {
                attempt(operation, null, failed);
            }
            bodies.forEach(body -> attempt(operation, body, failed));
        }
        assertThat(failed).isEmpty();
    }

    /** One operation with one of its bodies, on a machine that was just made. */
    private void attempt(Operation operation, Map.@Nullable Entry<String, JsonNode> body, List<String> failed) {
        client.delete("/m1");
        client.delete("/m2");
        client.post("", "{\"name\":\"m1\",\"memory\":\"0x100000000\",\"preset\":\"siov\"}")
                .expect(201);
        for (var before : operation.spec().path("x-before")) {
            var made = client.send(
                    before.get("method").asString(),
                    before.get("path").asString(),
                    before.get("body").toString().getBytes(StandardCharsets.UTF_8),
                    "Content-Type",
                    "application/json");
            assertThat(made.status()).as(made.text()).isBetween(200, 202);
        }
        var type = body == null ? "application/json" : body.getKey();
        var bytes = body == null ? new byte[0] : bytes(example(body.getValue()), type);
        var answer = client.send(operation.method(), path(operation), bytes, "Content-Type", type);
        if (answer.status() >= 300) {
            failed.add(operation.id() + " " + type + ": " + answer.status() + " " + answer.text());
        }
    }

    private static JsonNode example(JsonNode content) {
        return content.has("example")
                ? content.get("example")
                : content.get("examples").iterator().next().get("value");
    }

    private static byte[] bytes(JsonNode example, String type) {
        if (type.equals("application/octet-stream")) {
            return example.asString().getBytes(StandardCharsets.ISO_8859_1);
        }
        return (example.isString() ? example.asString() : example.toString()).getBytes(StandardCharsets.UTF_8);
    }

    private static String path(Operation operation) {
        var path = operation.path();
        var query = new ArrayList<String>();
        for (var parameter : operation.spec().path("parameters")) {
            var name = parameter.get("name").asString();
            var example = parameter.path("example").asString("");
            if (parameter.get("in").asString().equals("path")) {
                assertThat(example).as(operation.id() + " " + name).isNotEmpty();
                path = path.replace("{" + name + "}", example);
            } else if (parameter.get("in").asString().equals("query") && !example.isEmpty()) {
                query.add(name + "=" + URLEncoder.encode(example, StandardCharsets.UTF_8));
            }
        }
        return query.isEmpty() ? path : path + "?" + String.join("&", query);
    }
}
