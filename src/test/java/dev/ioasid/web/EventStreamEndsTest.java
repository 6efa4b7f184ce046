package dev.ioasid.web;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.ioasid.IoasidApplication;
import dev.ioasid.machine.Command;
import dev.ioasid.machine.MapRequest;
import dev.ioasid.machine.Preset;
import dev.ioasid.pagetable.Permissions;
import dev.ioasid.service.EventStreams;
import dev.ioasid.service.Machines;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;

/** How a stream ends on which nothing is said, so that no write finds out: by its client, and by the service. */
@Timeout(180)
class EventStreamEndsTest {
    private ConfigurableApplicationContext service;
    private EventStreams streams;
    private int port;

    @BeforeEach
    void start() {
        service = new SpringApplicationBuilder(IoasidApplication.class)
                .run("--server.port=0", "--ioasid.events.heartbeat=1d");
        streams = service.getBean(EventStreams.class);
        port = service.getEnvironment().getRequiredProperty("local.server.port", Integer.class);
        service.getBean(Machines.class).create("m1", 1L << 32, List.of(), Preset.SIOV);
    }

    @AfterEach
    void stop() {
        service.close();
    }

    private Socket follow(String query) throws IOException {
        var socket = new Socket();
        socket.setReceiveBufferSize(4096);
        socket.connect(new InetSocketAddress("127.0.0.1", port));
        socket.setSoTimeout(120_000);
        socket.getOutputStream()
                .write("GET /v1/machines/m1/events%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
                        .formatted(query)
                        .getBytes(UTF_8));
        assertThat(socket.getInputStream().readNBytes(12)).asString(UTF_8).isEqualTo("HTTP/1.1 200");
        return socket;
    }

    @Test
    void aClientThatGoesIsNotWaitedFor() throws IOException {
        for (int i = 0; i < 3; i++) {
            try (var _ = follow("")) {
                assertThat(streams.open()).isEqualTo(1);
            }
            await().atMost(Duration.ofMinutes(1)).until(() -> streams.open() == 0);
        }
    }

    @Test
    void aClientThatSendsMoreIsStillThere() throws IOException {
        try (var socket = follow("?limit=1")) {
            socket.getOutputStream().write('\n'); // between two requests, so it means nothing
            service.getBean(Machines.class).apply("m1", new Command.UnmapAll(3));
            map(1);
            assertThat(new String(socket.getInputStream().readAllBytes(), UTF_8))
                    .contains("event: map");
        }
    }

    @Test
    void theServiceEndsWithItsStreams() throws IOException {
        try (var idle = follow("?type=fault");
                var _ = stalled()) {
            service.close();
            var rest = new String(idle.getInputStream().readAllBytes(), UTF_8);
            assertThat(rest).endsWith("0\r\n\r\n"); // whole, and not cut off
        }
        assertThat(streams.open()).isZero();
    }

    /** One that there is more for than it has room for, and that does not read. */
    private Socket stalled() throws IOException {
        var socket = follow("?after=0");
        for (int page = 0; page < 50_000; page++) {
            map(page);
        }
        return socket;
    }

    private void map(int page) {
        long iova = page * 0x1000L;
        service.getBean(Machines.class)
                .apply(
                        "m1",
                        new Command.Map(
                                3, List.of(new MapRequest(iova, 0x1000, Permissions.READ_WRITE, 0x1000000L + iova))));
    }
}
