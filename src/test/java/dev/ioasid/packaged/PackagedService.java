package dev.ioasid.packaged;

import static java.util.concurrent.TimeUnit.MINUTES;
import static org.assertj.core.api.Assertions.assertThat;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What must hold however the service was packaged. A subclass says how its users start it. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(value = 5, unit = MINUTES)
abstract class PackagedService {
    /** How long the service may take to be ready: a machine that builds beside it is slow. */
    static final Duration READY_WITHIN = Duration.ofSeconds(60);

    static final String READINESS = "/actuator/health/readiness";
    private static final Duration ENDS_WITHIN = Duration.ofSeconds(20);

    /** A service that was ready once, and is ended by {@link #close} at the latest. */
    interface Running extends AutoCloseable {
        /** Host and port where it answers. */
        String address();

        /** What it has printed so far. */
        String output();

        /** Sends SIGTERM, waits, and returns the exit code; kills what takes longer than {@code longest}. */
        int terminate(Duration longest) throws Exception;

        @Override
        void close() throws Exception;
    }

    /** Starts one and returns when it is ready. */
    abstract Running start() throws Exception;

    private @Nullable Running running;

    @BeforeAll
    void startOnce() throws Exception {
        running = start();
    }

    @AfterAll
    void stop() throws Exception {
        if (running != null) { // it did start
            running.close();
        }
    }

    final Running running() {
        return Objects.requireNonNull(running);
    }

    @Test
    void answersTheReadmesTourAsWrittenAndWithoutAWarningOfTheJvm() throws Exception {
        ReadmeTour.of(Path.of("README.md")).run(running().address());
        // such as "WARNING: A restricted method in java.lang.foreign.Linker has been called"; log lines start with a
        // time
        assertThat(running().output().lines())
                .noneMatch(line -> line.startsWith("WARNING: ") || line.contains(" VM warning: "));
    }

    /** Also: beans that were written down by the build are those that a test finds. */
    @ParameterizedTest
    @MethodSource("dev.ioasid.packaged.ApiPagesTest#pages")
    void answersWhatThePagesOfTheApiSay(Path page) throws Exception {
        ReadmeTour.of(Files.readString(page), "## Requests").run(running().address());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"/v3/api-docs", "/swagger-ui/index.html", "/actuator/prometheus", "/actuator/health/liveness"})
    void servesWhatIsBesideTheApi(String path) throws Exception {
        try (var http = HttpClient.newHttpClient()) {
            var request =
                    HttpRequest.newBuilder(URI.create("http://" + running().address() + path));
            var answer = http.send(request.build(), HttpResponse.BodyHandlers.ofString());
            assertThat(answer.statusCode()).isEqualTo(200);
            assertThat(answer.body()).isNotEmpty();
        }
    }

    /** Who follows a machine is not waited for, and is not cut off in the middle. */
    @Test
    void endsInTimeWhenToldThoughSomebodyFollows() throws Exception {
        try (var another = start();
                var http = HttpClient.newHttpClient()) {
            var machines = HttpRequest.newBuilder(URI.create("http://" + another.address() + "/v1/machines"))
                    .header("Content-Type", "application/json")
                    .POST(HttpRequest.BodyPublishers.ofString("{\"name\": \"m1\", \"memory\": 4096}"));
            http.send(machines.build(), HttpResponse.BodyHandlers.discarding());
            var events = HttpRequest.newBuilder(URI.create("http://" + another.address() + "/v1/machines/m1/events"));
            var stream = http.send(events.build(), HttpResponse.BodyHandlers.ofLines());
            assertThat(stream.statusCode()).isEqualTo(200);
            assertThat(another.terminate(ENDS_WITHIN)).as(another.output()).isIn(0, 128 + 15);
            assertThat(stream.body().filter(line -> line.startsWith("id:"))).isEmpty();
        }
    }

    @Test
    void endsInTimeWhenTold() throws Exception {
        try (var another = start()) {
            assertThat(another.terminate(ENDS_WITHIN)).as(another.output()).isIn(0, 128 + 15);
        }
    }
}
