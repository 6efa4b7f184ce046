package dev.ioasid.packaged;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.service.Machines;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.web.server.LocalServerPort;

/** The requests of {@code docs/api}, as they stand: each page answers what it says, and leaves nothing behind. */
@SpringBootTest(webEnvironment = SpringBootTest.WebEnvironment.RANDOM_PORT)
class ApiPagesTest {
    @LocalServerPort
    int port;

    @Autowired
    Machines machines;

    static Stream<Path> pages() throws IOException {
        try (var files = Files.list(Path.of("docs/api"))) {
            return files.filter(page -> !page.endsWith("README.md")).sorted().toList().stream();
        }
    }

    @ParameterizedTest
    @MethodSource("pages")
    void answersWhatItSays(Path page) throws Exception {
        ReadmeTour.of(Files.readString(page), "## Requests").run("127.0.0.1:" + port);
        assertThat(machines.list(null, 1)).isEmpty();
    }

    @AfterEach
    void deleteMachines() {
        machines.list(null, 1000).forEach(machine -> machines.delete(machine.name()));
    }
}
