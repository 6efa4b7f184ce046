package dev.ioasid.web;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.boot.test.web.server.LocalServerPort;
import org.springframework.http.HttpMethod;

/** Requests that no client library would send: bytes on a socket. */
class CutOffTest extends HttpTest {
    private static final String READ = """
            {"rid": "3a:00.0", "pasid": 1, "iova": "0x1000", "operation": "read", "length": 1}""";

    @LocalServerPort
    int port;

    /** Sends the bytes, then says that there are no more; answers what came back. */
    private String exchange(String bytes) throws IOException {
        try (var socket = new Socket("127.0.0.1", port)) {
            socket.setSoTimeout(10_000);
            socket.getOutputStream().write(bytes.getBytes(StandardCharsets.ISO_8859_1));
            socket.shutdownOutput();
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);
        }
    }

    @ParameterizedTest(name = "{0} {1}")
    @CsvSource(delimiter = '|', textBlock = """
            PUT  | /v1/machines/m1/memory/0x0          | application/octet-stream | 0123456789
            POST | /v1/machines                        | application/json         | {"name": "m2", "memory": 4096}
            POST | /v1/machines/m1/ioasids             | application/json         | {"type": "paging"}
            PUT  | /v1/machines/m1/devices/3b:00.0/attachment | application/json  | {"ioasid": 1}
            POST | /v1/machines/m1/devices/import      | text/plain               | 0000:00:1f.6 Ethernet controller [0200]: X [8086:15fb]
            """)
    void aRequestThatIsCutOffChangesNothing(String method, String path, String type, String body) throws IOException {
        machine("siov");
        send(HttpMethod.PUT, M1 + "/memory/0x0", "before".getBytes(StandardCharsets.UTF_8));
        var before = everything();
        var head = "%s %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\n".formatted(method, path, type);
        exchange(head + "Content-Length: " + (body.length() + 1) + "\r\n\r\n" + body);
        assertThat(everything()).isEqualTo(before);
        exchange(head + "Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n".formatted(body.length(), body));
        assertThat(everything()).isEqualTo(before);
        exchange(head + "Transfer-Encoding: chunked\r\n\r\n%x\r\n%s".formatted(body.length() + 4, body));
        assertThat(everything()).isEqualTo(before);
    }

    private String everything() {
        return json("/v1/machines").toString()
                + json(M1 + "/ioasids")
                + json(M1 + "/devices")
                + new String(bytes(get(M1 + "/memory/0x0?length=0x20")), StandardCharsets.ISO_8859_1);
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', textBlock = """
            NONSENSE                                | 400
            GET                                     | 400
            GET /v1/{x} HTTP/1.1                    | 400
            GET /v1/machines/a%2fb HTTP/1.1         | 400
            GET /v1/machines/a%zz HTTP/1.1          | 400
            GET /v1/machines/a%00b HTTP/1.1         | 400
            GET /v1/../../etc/passwd HTTP/1.1       | 400
            GET /v1/machines HTTP/1.1 extra         | 400
            GET /v1/machines HTTP/7.1               | 505
            TRACE /v1/machines HTTP/1.1             | 405
            BREW /v1/machines HTTP/1.1              | 405
            """)
    void whatIsNotHttpIsToldAsAProblemAndNeverAsAPage(String line, int status) throws IOException {
        var answer = exchange(line + "\r\nHost: localhost\r\nAccept: text/html\r\nConnection: close\r\n\r\n");
        assertThat(answer).startsWith("HTTP/1.1 " + status + " ");
        assertThat(answer).containsIgnoringCase("Content-Type: application/problem+json");
        assertThat(answer).contains("\"errno\":\"").doesNotContain("<html").doesNotContain("Exception");
    }

    @Test
    void aReadEndsWhereTheMachineIsDeleted() throws IOException {
        machine("empty");
        try (var socket = new Socket("127.0.0.1", port)) {
            socket.setSoTimeout(10_000);
            socket.getOutputStream()
                    .write("GET /v1/machines/m1/memory/0?length=0x10000000 HTTP/1.1\r\nHost: localhost\r\n\r\n"
                            .getBytes(StandardCharsets.ISO_8859_1));
            var received = new ByteArrayOutputStream();
            received.write(socket.getInputStream().readNBytes(4096)); // under way
            delete(M1).expectStatus().isNoContent();
            socket.getInputStream().transferTo(received); // ends, although the connection was to be kept
            assertThat(received.size()).isLessThan(0x10000000);
            assertThat(received.toString(StandardCharsets.ISO_8859_1)).doesNotContain("errno");
        }
    }

    @Test
    void aClientThatGoesAwayIsNoError() throws IOException {
        machine("empty");
        for (int i = 0; i < 3; i++) {
            try (var socket = new Socket("127.0.0.1", port)) {
                socket.getOutputStream()
                        .write("GET /v1/machines/m1/memory/0?length=0x10000000 HTTP/1.1\r\nHost: localhost\r\n\r\n"
                                .getBytes(StandardCharsets.ISO_8859_1));
                socket.getInputStream().readNBytes(4096);
            }
        }
        get(M1).expectStatus().isOk();
    }

    /** A device with PRI whose PASID 1 leads to an IOASID in which nothing is mapped: its DMA waits. */
    private void deviceThatWaits() {
        machine("vtd");
        post(M1 + "/devices", "{\"rid\": \"3a:00.0\", \"iommu\": \"iommu0\"}")
                .expectStatus()
                .isCreated();
        post(M1 + "/ioasids", "{\"type\": \"paging\"}").expectStatus().isCreated();
        put(M1 + "/devices/3a:00.0/pasids/1/attachment", "{\"ioasid\": 1}")
                .expectStatus()
                .isOk();
    }

    /** Otherwise every client that loses patience would leave a connection and a thread behind, for an hour. */
    @Test
    void nobodyWaitsForAClientThatHasGone() throws IOException {
        deviceThatWaits();
        assertThat(exchange("GET " + M1 + "/page-requests?wait=60m HTTP/1.1\r\nHost: localhost\r\n\r\n"))
                .startsWith("HTTP/1.1 200 ")
                .contains("{\"items\":[]}");
        var dma = " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
        assertThat(exchange(
                        "POST " + M1 + "/dma?wait=60m" + dma + "Content-Length: " + READ.length() + "\r\n\r\n" + READ))
                .startsWith("HTTP/1.1 202 ");
        assertThat(exchange("GET " + M1 + "/dma/1?wait=60m HTTP/1.1\r\nHost: localhost\r\n\r\n"))
                .startsWith("HTTP/1.1 200 ")
                .contains("\"pending\"");
    }

    /** However its body has come. */
    @ParameterizedTest
    @ValueSource(
            strings = {"Content-Length: %1$d\r\n\r\n%2$s", "Transfer-Encoding: chunked\r\n\r\n%1$x\r\n%2$s\r\n0\r\n\r\n"
            })
    void aClientThatIsStillThereIsWaitedFor(String body) throws IOException {
        deviceThatWaits();
        var head = "POST " + M1 + "/dma?wait=2500ms HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
        long begun = System.nanoTime();
        try (var socket = new Socket("127.0.0.1", port)) {
            socket.setSoTimeout(10_000);
            socket.getOutputStream()
                    .write((head + body.formatted(READ.length(), READ)).getBytes(StandardCharsets.ISO_8859_1));
            assertThat(socket.getInputStream().read()).isEqualTo('H');
        }
        assertThat(Duration.ofNanos(System.nanoTime() - begun)).isGreaterThan(Duration.ofMillis(2400));
    }
}
