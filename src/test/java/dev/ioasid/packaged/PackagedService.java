package dev.ioasid.packaged;

import static java.util.concurrent.TimeUnit.MINUTES;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;

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

    @Test
    void endsInTimeWhenTold() throws Exception {
        try (var another = start()) {
            assertThat(another.terminate(ENDS_WITHIN)).as(another.output()).isIn(0, 128 + 15);
        }
    }
}
