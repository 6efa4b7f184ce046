package dev.ioasid.packaged;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.IntPredicate;
import java.util.stream.LongStream;

/** Somebody who has one request translated at a time, in another machine, and looks at the clock. */
final class Bystander {
    /** Between two requests: who asks without a pause is a storm, too. */
    private static final Duration PAUSE = Duration.ofMillis(2);

    private final HttpRequest request;

    Bystander(HttpRequest request) {
        this.request = request;
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
        try (var http = HttpClient.newHttpClient()) {
            for (int round = 0; goesOn.test(round); round++) {
                TimeUnit.NANOSECONDS.sleep(PAUSE.toNanos());
                long start = System.nanoTime();
                var answer = http.send(request, HttpResponse.BodyHandlers.ofString());
                times.add(System.nanoTime() - start);
                assertThat(answer.body()).contains("translated");
            }
        }
        return new Latency(times.build().sorted().toArray());
    }
}
