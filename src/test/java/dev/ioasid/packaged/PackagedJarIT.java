package dev.ioasid.packaged;

import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** {@code java -jar target/ioasid-*.jar} on the JDK that runs this test, so that no skip leaves the package untested. */
class PackagedJarIT extends PackagedService {
    private static final Pattern STARTED = Pattern.compile("Tomcat started on port (\\d+)");

    /** A child process that listens on {@code port} and prints to {@code log}. */
    record Child(Process process, Path log, int port) implements Running {
        @Override
        public String address() {
            return "localhost:" + port;
        }

        @Override
        public String output() {
            return read(log);
        }

        @Override
        public int terminate(Duration longest) throws InterruptedException {
            process.destroy();
            if (!process.waitFor(longest)) {
                process.destroyForcibly();
            }
            return process.waitFor();
        }

        @Override
        public void close() throws IOException {
            process.destroyForcibly();
            Files.delete(log);
        }
    }

    @Override
    Child start() throws IOException, InterruptedException {
        return start(List.of(), List.of());
    }

    static Child start(List<String> jvmFlags, List<String> properties) throws IOException, InterruptedException {
        var command = new ArrayList<String>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(jvmFlags);
        command.addAll(List.of(
                "-jar", System.getProperty("ioasid.jar"), "--server.port=0")); // a free one, which the log tells
        command.addAll(properties);
        var log = Files.createTempFile("ioasid", ".log");
        var process = new ProcessBuilder(command)
                .redirectInput(new File("/dev/null"))
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        try {
            return ready(process, log);
        } catch (AssertionError | IOException | InterruptedException e) {
            process.destroyForcibly();
            throw e;
        }
    }

    private static Child ready(Process process, Path log) throws IOException, InterruptedException {
        var deadline = Instant.now().plus(READY_WITHIN);
        try (var http = HttpClient.newHttpClient()) {
            while (Instant.now().isBefore(deadline) && process.isAlive()) {
                var started = STARTED.matcher(read(log));
                if (started.find()) {
                    var child = new Child(process, log, Integer.parseInt(started.group(1)));
                    var request = HttpRequest.newBuilder(URI.create("http://" + child.address() + READINESS));
                    var answer =
                            http.send(request.timeout(READY_WITHIN).build(), HttpResponse.BodyHandlers.discarding());
                    if (answer.statusCode() == 200) {
                        return child;
                    }
                }
                Thread.sleep(Duration.ofMillis(100));
            }
        }
        throw new AssertionError("not ready within " + READY_WITHIN.toSeconds() + " s; it printed\n" + read(log));
    }

    private static String read(Path log) {
        try {
            return Files.readString(log);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void listensOnLoopbackOnly() throws IOException {
        // 127.0.0.2 tells "127.0.0.1 only" from "everywhere" even on a machine without a network
        var others = Stream.concat(
                Stream.of(InetAddress.getByName("127.0.0.2")),
                NetworkInterface.networkInterfaces()
                        .flatMap(NetworkInterface::inetAddresses)
                        .filter(address -> !address.isLoopbackAddress()));
        int port = ((Child) running()).port();
        others.forEach(address -> assertThatExceptionOfType(ConnectException.class)
                .as("connect to %s", address)
                .isThrownBy(() -> new Socket(address, port).close()));
    }
}
