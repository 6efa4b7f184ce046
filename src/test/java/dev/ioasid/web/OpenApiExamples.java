package dev.ioasid.web;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.Yaml;

/** What {@code openapi/words.yaml} and {@code openapi/examples.yaml} say. */
record OpenApiExamples(Map<String, String> words, Map<String, Object> parameters, Map<String, Example> operations) {
    /**
     * The example of one operation.
     *
     * @param parameters by name; the others are as everywhere
     * @param body as JSON
     * @param text as text/plain
     * @param bytes as application/octet-stream, each character a byte
     * @param before requests that have to be made first
     */
    record Example(
            Map<String, Object> parameters,
            @Nullable Object body,
            @Nullable String text,
            @Nullable String bytes,
            @Nullable List<Object> before) {
        static final Example NONE = new Example(Map.of(), null, null, null, null);

        @SuppressWarnings("unchecked")
        static Example of(Map<String, Object> yaml) {
            return new Example(
                    (Map<String, Object>) yaml.getOrDefault("parameters", Map.of()),
                    yaml.get("body"),
                    (String) yaml.get("text"),
                    (String) yaml.get("bytes"),
                    (List<Object>) yaml.get("before"));
        }

        @Nullable
        Object in(String mediaType) {
            return switch (mediaType) {
                case Web.JSON -> body;
                case Web.TEXT -> text;
                case Web.BYTES -> bytes;
                default -> null;
            };
        }
    }

    @SuppressWarnings("unchecked")
    static OpenApiExamples load() {
        var examples = yaml("examples.yaml");
        var operations = new java.util.TreeMap<String, Example>();
        ((Map<String, Map<String, Object>>) Objects.requireNonNull(examples.get("operations")))
                .forEach((operation, example) -> operations.put(operation, Example.of(example)));
        return new OpenApiExamples(
                (Map<String, String>) (Map<String, ?>) yaml("words.yaml"),
                (Map<String, Object>) Objects.requireNonNull(examples.get("parameters")),
                operations);
    }

    private static Map<String, Object> yaml(String name) {
        try (InputStream file = OpenApiExamples.class.getResourceAsStream("/openapi/" + name)) {
            return new Yaml().load(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    Example of(String operation) {
        return operations.getOrDefault(operation, Example.NONE);
    }
}
