package dev.ioasid.packaged;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.URI;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.IntPredicate;
import java.util.stream.LongStream;

/** Somebody who has one request translated at a time, in another machine, and looks at the clock. Asks and waits on one thread, so that it is the service whose turns count. */
final class Bystander {
    /** Between two requests: who asks without a pause is a storm, too. */
    private static final Duration PAUSE = Duration.ofMillis(2);

    private final URI uri;
    private final String body;

    Bystander(URI uri, String body) {
        this.uri = uri;
        this.body = body;
    }

    /** How long requests have taken. */
    record Latency(long[] sorted) {
        private double millis(double part) {
            return sorted[(int) (part * (sorted.length - 1))] / 1e6;
        }

        double median() {
            return millis(0.5);
        }

        @Override
        public String toString() {
            return "median %.2f ms, 90%% %.2f ms, 99%% %.2f ms, %d rounds"
                    .formatted(median(), millis(0.9), millis(0.99), sorted.length);
        }
    }

    /** Asks as long as {@code goesOn} says so of the number of requests so far. */
    Latency ask(IntPredicate goesOn) throws IOException, InterruptedException {
        var times = LongStream.builder();
        for (int round = 0; goesOn.test(round); round++) {
            TimeUnit.NANOSECONDS.sleep(PAUSE.toNanos());
            long start = System.nanoTime();
            var answer = send();
            times.add(System.nanoTime() - start);
            assertThat(answer).contains("translated");
        }
        return new Latency(times.build().sorted().toArray());
    }

    private String send() throws IOException {
        var connection = (HttpURLConnection) uri.toURL().openConnection();
        connection.setRequestMethod("POST");
        connection.setRequestProperty("Content-Type", "application/json");
        connection.setDoOutput(true);
        try (var out = connection.getOutputStream()) {
            out.write(body.getBytes(UTF_8));
        }
        try (var in = connection.getInputStream()) {
            return new String(in.readAllBytes(), UTF_8);
        }
    }
}
