package dev.ioasid.scenario;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A client as a user would write one: it knows the service by HTTP only. */
final class Client {
    private static final JsonMapper JSON = JsonMapper.builder().build();

    private final HttpClient http = HttpClient.newHttpClient();
    private final String root;
    private final String base;

    Client(int port) {
        this.root = "http://localhost:" + port;
        this.base = root + "/v1/machines";
    }

    /** What came back. */
    record Answer(int status, String type, String location, byte[] body) {
        String text() {
            return new String(body, StandardCharsets.UTF_8);
        }

        JsonNode json() {
            return JSON.readTree(body);
        }

        Answer expect(int expected) {
            if (status != expected) {
                throw new AssertionError(
                        status + " instead of " + expected + ": " + new String(body, StandardCharsets.UTF_8));
            }
            return this;
        }
    }

    Answer get(String path) {
        return send(path, "GET", BodyPublishers.noBody(), "application/json");
    }

    Answer delete(String path) {
        return send(path, "DELETE", BodyPublishers.noBody(), "application/json");
    }

    Answer post(String path, String json) {
        return send(path, "POST", BodyPublishers.ofString(json), "application/json");
    }

    Answer put(String path, String json) {
        return send(path, "PUT", BodyPublishers.ofString(json), "application/json");
    }

    Answer patch(String path, String json) {
        return send(path, "PATCH", BodyPublishers.ofString(json), "application/json");
    }

    Answer putBytes(String path, byte[] bytes) {
        return send(path, "PUT", BodyPublishers.ofByteArray(bytes), "application/octet-stream");
    }

    private Answer send(String path, String method, BodyPublisher body, String type) {
        return send(HttpRequest.newBuilder(URI.create(base + path))
                .method(method, body)
                .header("Content-Type", type)
                .build());
    }

    /**
     * Any request.
     *
     * @param path from the root of the service
     * @param headers names and values in turn
     */
    Answer send(String method, String path, byte[] body, String... headers) {
        var request = HttpRequest.newBuilder(URI.create(root + path))
                .method(method, body.length == 0 ? BodyPublishers.noBody() : BodyPublishers.ofByteArray(body));
        return send((headers.length == 0 ? request : request.headers(headers)).build());
    }

    private Answer send(HttpRequest request) {
        try {
            HttpResponse<byte[]> response = http.send(request, BodyHandlers.ofByteArray());
            return new Answer(
                    response.statusCode(),
                    response.headers().firstValue("Content-Type").orElse(""),
                    response.headers().firstValue("Location").orElse(""),
                    response.body());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }
}
