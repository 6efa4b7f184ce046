package dev.ioasid.scenario;

import org.junit.jupiter.api.BeforeEach;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.web.server.LocalServerPort;

/** Speaks to the running service as the program of a user does. */
@SpringBootTest(webEnvironment = SpringBootTest.WebEnvironment.RANDOM_PORT)
abstract class ClientTest {
    @LocalServerPort
    private int port;

    Client client = new Client(0);

    @BeforeEach
    void connect() {
        client = new Client(port);
    }
}
