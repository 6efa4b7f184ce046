package dev.ioasid.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.scenario.Client.Answer;
import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.web.server.LocalServerPort;

/** Bad input gets a problem document that says what is wrong, and changes nothing. */
@SpringBootTest(webEnvironment = SpringBootTest.WebEnvironment.RANDOM_PORT)
class BadInputScenarioTest {
    private static final byte[] NO_BODY = new byte[0];

    @LocalServerPort
    private int port;

    private Client client = new Client(0);
    private List<String> before = List.of();

    @BeforeEach
    void makeMachine() {
        client = new Client(port);
        client.post("", "{\"name\":\"bad\",\"memory\":\"0x10000000\",\"preset\":\"siov\"}")
                .expect(201);
        client.post("/bad/iommus", "{\"name\":\"own\",\"type\":\"vtd\",\"managed\":false}")
                .expect(201);
        client.post("/bad/ioasids/3/mappings", "{\"iova\":\"0x200000\",\"length\":\"0x2000\",\"permissions\":\"rw\"}")
                .expect(201);
        client.post("/bad/ioasids", "{\"type\":\"identity\"}").expect(201);
        before = state();
    }

    @AfterEach
    void nothingHasChanged() {
        var after = state();
        client.delete("/bad").expect(204);
        assertThat(after).isEqualTo(before);
    }

    private List<String> state() {
        var state = new ArrayList<String>();
        for (var path : List.of(
                "",
                "/bad",
                "/bad/topology",
                "/bad/iommus",
                "/bad/iommus/own/registers",
                "/bad/iommus/iommu0/registers",
                "/bad/devices",
                "/bad/devices/3a:00.0/pasids",
                "/bad/ioasids",
                "/bad/ioasids/3/mappings",
                "/bad/ioasids/3/allowed-ranges")) {
            state.add(client.get(path).expect(200).text().replaceAll(",\"committedBytes\":\"0x[0-9a-f]*\"", ""));
        }
        state.add("tables and data: "
                + Arrays.hashCode(client.get("/bad/memory/0x1000000?length=0x80000")
                        .expect(200)
                        .body()));
        return state;
    }

    private static void check(Answer answer, int status, String errno, String says) {
        assertThat(answer.text()).doesNotContain("Exception", "\tat ", "<html", "dev.ioasid.", "org.springframework");
        assertThat(answer.status()).as(answer.text()).isEqualTo(status);
        assertThat(answer.type()).startsWith("application/problem+json");
        var problem = answer.json();
        assertThat(problem.get("errno").asString()).isEqualTo(errno);
        assertThat(problem.get("status").asInt()).isEqualTo(status);
        assertThat(problem.get("title").asString()).isNotBlank();
        assertThat(problem.get("type").asString()).isEqualTo("urn:ioasid:errno:" + errno);
        assertThat(problem.get("detail").asString()).contains(says == null ? "" : says);
    }

    // spotless:off  columns are the point
    @ParameterizedTest(name = "{0} {1} {2}")
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            POST   |                                           | {                                                                     | 400 | EINVAL     | JSON
            POST   |                                           | []                                                                    | 400 | EINVAL     |
            POST   |                                           | {"name":"x"}                                                          | 400 | EINVAL     | memory
            POST   |                                           | {"memory":"0x1000"}                                                   | 400 | EINVAL     | name
            POST   |                                           | {"name":"a b","memory":"0x1000"}                                      | 400 | EINVAL     | name
            POST   |                                           | {"name":"x","memory":"0x1001"}                                        | 400 | EINVAL     | 0x1001
            POST   |                                           | {"name":"x","memory":0}                                               | 400 | EINVAL     | 0x0
            POST   |                                           | {"name":"x","memory":-4096}                                           | 400 | EINVAL     | memory
            POST   |                                           | {"name":"x","memory":4096.0}                                          | 400 | EINVAL     | memory
            POST   |                                           | {"name":"x","memory":"0x10000000000000000"}                           | 400 | EINVAL     | memory
            POST   |                                           | {"name":"x","memory":18446744073709551616}                            | 400 | EINVAL     | memory
            POST   |                                           | {"name":"x","memory":"4096"}                                          | 400 | EINVAL     | memory
            POST   |                                           | {"name":"x","memory":null}                                            | 400 | EINVAL     | memory
            POST   |                                           | {"name":"x","memory":"0x1000","memory":"0x2000"}                      | 400 | EINVAL     | memory
            POST   |                                           | {"name":"x","memory":"0x1000"} trailing                               | 400 | EINVAL     |
            POST   |                                           | {"name":"x","memory":"0x1000","colour":"red"}                         | 400 | EINVAL     | colour
            POST   |                                           | {"name":"x","memory":"0x1000","preset":"amd"}                         | 400 | EINVAL     | siov
            POST   |                                           | {"name":"bad","memory":"0x1000"}                                      | 409 | EEXIST     | bad
            POST   |                                           | {"name":"x","memory":"0x1000","preset":"siov"}                        | 507 | ENOMEM     |
            POST   |                                           | {"name":"x","memory":"0x10000","holes":[{"first":"0x800","last":"0xfff"}]} | 400 | EINVAL | hole
            GET    | /none                                     |                                                                       | 404 | ENOENT     | none
            DELETE | /none                                     |                                                                       | 404 | ENOENT     | none
            PATCH  | /bad                                      | {}                                                                    | 405 | EINVAL     |
            GET    | /bad/elsewhere                            |                                                                       | 404 | ENOENT     |
            GET    | /bad/memory/0x10000000?length=1           |                                                                       | 400 | EINVAL     | 0x10000000
            GET    | /bad/memory/0xffffffffffffffff?length=2   |                                                                       | 400 | EINVAL     |
            GET    | /bad/memory/0x0?length=0                  |                                                                       | 400 | EINVAL     |
            GET    | /bad/memory/0x0?length=0x10000001         |                                                                       | 413 | E2BIG      |
            GET    | /bad/memory/nowhere                       |                                                                       | 400 | EINVAL     | nowhere
            GET    | /bad/devices?limit=0                      |                                                                       | 400 | EINVAL     | limit
            GET    | /bad/devices?limit=many                   |                                                                       | 400 | EINVAL     | limit
            GET    | /bad/devices?colour=red                   |                                                                       | 400 | EINVAL     | colour
            POST   | /bad/iommus                               | {"name":"iommu0","type":"vtd"}                                        | 409 | EEXIST     | iommu0
            POST   | /bad/iommus                               | {"name":"x","type":"amd"}                                             | 400 | EINVAL     | vtd
            POST   | /bad/iommus                               | {"name":"x","type":"smmuv3"}                                          | 422 | EOPNOTSUPP |
            POST   | /bad/iommus                               | {"name":"x","type":"vtd","capabilities":{"addressWidth":40}}          | 400 | EINVAL     | addressWidth
            POST   | /bad/iommus                               | {"name":"x","type":"vtd","capabilities":{"pasidBits":21}}             | 400 | EINVAL     | pasidBits
            POST   | /bad/iommus                               | {"name":"x","type":"vtd","capabilities":{"CAP":"0x1"}}                | 400 | EINVAL     | ECAP
            POST   | /bad/iommus                               | {"name":"x","type":"vtd","capabilities":{"CAP":"0x1","ECAP":"0x1","nesting":true}} | 400 | EINVAL |
            POST   | /bad/iommus                               | {"name":"x","type":"vtd","capabilities":{"firstStage":false,"nesting":true}} | 400 | EINVAL | nesting
            DELETE | /bad/iommus/iommu0                        |                                                                       | 409 | EBUSY      | devices
            GET    | /bad/iommus/none                          |                                                                       | 404 | ENOENT     | none
            PATCH  | /bad/iommus/iommu0/registers              | {"FSTS":"0x1"}                                                        | 400 | EINVAL     | managed
            PATCH  | /bad/iommus/own/registers                 | {"RTADDR":"0x1000","NOPE":"0x1"}                                      | 400 | EINVAL     | NOPE
            PATCH  | /bad/iommus/own/registers                 | {"RTADDR":"0x1000","CAP":"0x1"}                                       | 400 | EINVAL     | read-only
            PATCH  | /bad/iommus/own/registers                 | {"RTADDR":"0x1000","GCMD":"0x100000000"}                              | 400 | EINVAL     | 32 bits
            POST   | /bad/devices                              | {"rid":"0000:3a:00.0","iommu":"iommu0"}                               | 409 | EEXIST     | 3a:00.0
            POST   | /bad/devices                              | {"rid":"0000:3a:20.0","iommu":"iommu0"}                               | 400 | EINVAL     | 3a:20.0
            POST   | /bad/devices                              | {"rid":"3c:00.0","iommu":"none"}                                      | 404 | ENOENT     | none
            POST   | /bad/devices                              | {"rid":"3c:00.0","iommu":"iommu0","pasidBits":21}                     | 400 | EINVAL     | pasidBits
            POST   | /bad/devices                              | {"rid":"3c:00.0","iommu":"iommu0","ats":false,"pri":true}                         | 400 | EINVAL     | ats
            POST   | /bad/devices                              | {"rid":"3c:00.0","iommu":"iommu0","ats":"yes"}                        | 400 | EINVAL     | ats
            POST   | /bad/devices                              | {"rid":"0001:3c:00.0","iommu":"iommu0"}                               | 400 | EINVAL     | segment
            DELETE | /bad/devices/3a:00.0                      |                                                                       | 409 | EBUSY      | attached
            GET    | /bad/devices/3c:00.0                      |                                                                       | 404 | ENODEV     | 3c:00.0
            PUT    | /bad/devices/3c:00.0/attachment           | {"ioasid":1}                                                          | 404 | ENODEV     | 3c:00.0
            PUT    | /bad/devices/3a:00.0/attachment           | {"ioasid":9}                                                          | 404 | ENOENT     | 9
            PUT    | /bad/devices/3a:00.0/attachment           | {"ioasid":2,"replace":false}                                          | 409 | EBUSY      | 3a:00.0
            PUT    | /bad/devices/3a:00.0/attachment           | {"ioasid":"1"}                                                        | 400 | EINVAL     | ioasid
            PUT    | /bad/devices/3a:00.0/pasids/9/attachment  | {"ioasid":1,"replace":true}                                           | 400 | EINVAL     |
            PUT    | /bad/devices/3a:00.0/pasids/0/attachment  | {"ioasid":1}                                                          | 400 | EINVAL     | PASID
            PUT    | /bad/devices/3a:00.0/pasids/1048576/attachment | {"ioasid":1}                                                     | 400 | EINVAL     | 1048576
            POST   | /bad/devices/3a:00.0/pasids               | {"pasid":1}                                                           | 409 | EBUSY      | 1
            DELETE | /bad/devices/3a:00.0/pasids/1             |                                                                       | 409 | EBUSY      |
            DELETE | /bad/devices/3a:00.0/pasids/77            |                                                                       | 404 | ENOENT     | 77
            GET    | /bad/devices/3a:00.0/pasids/77/attachment |                                                                       | 404 | ENOENT     |
            POST   | /bad/ioasids                              | {"type":"paging","iommu":"own"}                                       | 400 | EINVAL     | unmanaged
            POST   | /bad/ioasids                              | {"type":"paging","addressWidth":50}                                   | 400 | EINVAL     | 50
            POST   | /bad/ioasids                              | {"type":"paging","format":"riscv"}                                    | 400 | EINVAL     | format
            POST   | /bad/ioasids                              | {"type":"identity","addressWidth":48}                                 | 400 | EINVAL     |
            DELETE | /bad/ioasids/3                            |                                                                       | 409 | EBUSY      | 3b:00.0
            DELETE | /bad/ioasids/0                            |                                                                       | 404 | ENOENT     |
            GET    | /bad/ioasids/x                            |                                                                       | 400 | EINVAL     | x
            POST   | /bad/ioasids/4/mappings                   | {"iova":"0x0","length":"0x1000","permissions":"rw"}                   | 400 | EINVAL     | identity
            POST   | /bad/ioasids/3/mappings                   | {"iova":"0x1800","length":"0x1000","permissions":"rw"}                | 400 | EINVAL     | granule
            POST   | /bad/ioasids/3/mappings                   | {"iova":"0x1000","length":"0x1800","permissions":"rw"}                | 400 | EINVAL     | 0x1800
            POST   | /bad/ioasids/3/mappings                   | {"iova":"0x1000","length":"0x0","permissions":"rw"}                   | 400 | EINVAL     | length
            POST   | /bad/ioasids/3/mappings                   | {"iova":"0x1000000000000","length":"0x1000","permissions":"rw"}       | 400 | EINVAL     | 2^48
            POST   | /bad/ioasids/3/mappings                   | {"iova":"0xfffffffff000","length":"0x2000","permissions":"rw"}        | 400 | EINVAL     | 2^48
            POST   | /bad/ioasids/3/mappings                   | {"iova":"0xfffffffffffff000","length":"0x2000","permissions":"rw"}    | 400 | EINVAL     |
            POST   | /bad/ioasids/3/mappings                   | {"iova":"0xfee00000","length":"0x1000","permissions":"rw"}            | 400 | EINVAL     | reserved
            POST   | /bad/ioasids/3/mappings                   | {"iova":"0x1ff000","length":"0x2000","permissions":"rw"}              | 409 | EEXIST     | 0x200000
            POST   | /bad/ioasids/3/mappings                   | {"iova":"0x1000","length":"0x1000","permissions":""}                  | 400 | EINVAL     | permissions
            POST   | /bad/ioasids/3/mappings                   | {"iova":"0x1000","length":"0x1000","permissions":"wr"}                | 400 | EINVAL     | permissions
            POST   | /bad/ioasids/3/mappings                   | {"iova":"0x1000","length":"0x1000","permissions":"rwx"}               | 422 | EOPNOTSUPP | rwx
            POST   | /bad/ioasids/3/mappings                   | {"iova":"0x1000","length":"0x1000","permissions":"r","physicalAddress":"0x800"} | 400 | EINVAL | 0x800
            POST   | /bad/ioasids/3/mappings                   | {"iova":"0x1000","length":"0x2000","permissions":"r","physicalAddress":"0xffff000"} | 400 | EINVAL | memory
            POST   | /bad/ioasids/3/mappings                   | {"length":"0x20000000","permissions":"rw"}                            | 507 | ENOMEM     | memory
            POST   | /bad/ioasids/3/mappings                   | {"mappings":[{"iova":"0x1000","length":"0x1000","permissions":"rw"},{"iova":"0x1000","length":"0x1000","permissions":"rw"}]} | 409 | EEXIST | 0x1000
            DELETE | /bad/ioasids/3/mappings?iova=0x200000     |                                                                       | 400 | EINVAL     | length
            DELETE | /bad/ioasids/3/mappings?iova=0x200000&length=0x1000 |                                                             | 404 | ENOENT     | sticks out
            DELETE | /bad/ioasids/3/mappings?iova=0x900000&length=0x1000 |                                                             | 404 | ENOENT     | nothing
            DELETE | /bad/ioasids/3/mappings?iova=0x200000&length=0 |                                                                  | 400 | EINVAL     | length
            DELETE | /bad/ioasids/3/mappings?iova=0x200000&length=0xffffffffffffffff |                                                 | 400 | EINVAL     | wrap
            POST   | /bad/translations                         | {"requests":[{"rid":"3c:00.0","iova":"0x0","access":"read"}]}         | 404 | ENODEV     | 3c:00.0
            POST   | /bad/translations                         | {"requests":[{"rid":"3b:00.0","iova":"0x0","access":"peek"}]}         | 400 | EINVAL     | access
            POST   | /bad/translations                         | {"requests":[{"rid":"3b:00.0","access":"read"}]}                      | 400 | EINVAL     | iova
            POST   | /bad/translations                         | {"requests":[{"rid":"3b:00.0","iova":"0x0","access":"read","pasid":-1}]} | 400 | EINVAL  | pasid
            POST   | /bad/translations/explain                 | {"rid":"3c:00.0","iova":"0x0","access":"read"}                        | 404 | ENODEV     | 3c:00.0
            """)
    // spotless:on
    void isRefused(String method, String path, String body, int status, String errno, String says) {
        var bytes = body == null ? NO_BODY : body.getBytes(StandardCharsets.UTF_8);
        check(
                client.send(
                        method, "/v1/machines" + (path == null ? "" : path), bytes, "Content-Type", "application/json"),
                status,
                errno,
                says);
    }

    @Test
    void ofManyRequestsTheBadOneIsNamed() {
        var answer = client.post("/bad/ioasids/3/mappings", """
                {"mappings":[{"iova":"0x1000","length":"0x1000","permissions":"rw"},{"iova":"0x1800","length":"0x1000","permissions":"rw"}]}
                """);
        check(answer, 400, "EINVAL", "0x1800");
        assertThat(answer.json().get("index").asInt()).isEqualTo(1);
    }

    @Test
    void whatIsTooMuchIsRefusedAsTooMuch() {
        var request = "{\"rid\":\"3b:00.0\",\"iova\":\"0x0\",\"access\":\"read\"}";
        var many = "{\"requests\":[" + (request + ",").repeat(10_000) + request + "]}";
        check(client.post("/bad/translations", many), 413, "E2BIG", "10000");
        check(client.post("", "{\"name\":\"" + "x".repeat(9 << 20) + "\"}"), 413, "E2BIG", null);
        check(client.putBytes("/bad/memory/0x0", new byte[(64 << 20) + 1]), 413, "E2BIG", null);
    }

    @Test
    void formsThatAreNotThereAreRefusedBeforeAnythingIsDone() {
        var body = "{\"name\":\"other\",\"memory\":\"0x1000\"}".getBytes(StandardCharsets.UTF_8);
        check(
                client.send("POST", "/v1/machines", body, "Content-Type", "application/json", "Accept", "text/csv"),
                406,
                "EINVAL",
                null);
        check(client.send("POST", "/v1/machines", body, "Content-Type", "text/csv"), 415, "EINVAL", null);
        check(client.send("POST", "/v1/machines", body), 415, "EINVAL", null);
        check(
                client.send(
                        "POST",
                        "/v1/machines/bad/translations",
                        new byte[33],
                        "Content-Type",
                        "application/octet-stream"),
                400,
                "EINVAL",
                "32");
    }

    @Test
    void aRequestThatIsCutOffChangesNothing() throws IOException, InterruptedException {
        for (var head : List.of(
                "PUT /v1/machines/bad/memory/0x1000000 HTTP/1.1\r\nHost: h\r\nContent-Type: application/octet-stream\r\n"
                        + "Content-Length: 4096\r\n\r\nxxxx",
                "POST /v1/machines HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
                        + "{\"name\":\"cut\",\"memory\":\"0x1000\"}",
                "PUT /v1/machines/bad/memory/0x1000000 HTTP/1.1\r\nHost: h\r\nContent-Type: application/octet-stream\r\n"
                        + "Transfer-Encoding: chunked\r\n\r\n4\r\nxxxx\r\n")) {
            try (var socket = new Socket("localhost", port)) {
                socket.getOutputStream().write(head.getBytes(StandardCharsets.ISO_8859_1));
                socket.getOutputStream().flush();
                Thread.sleep(100);
            }
        }
        Thread.sleep(200);
    }

    @Test
    void whatIsNoHttpGetsNoPage() throws IOException {
        for (var request :
                List.of("GET /v1/machines/%zz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "NONSENSE\r\n\r\n")) {
            try (var socket = new Socket("localhost", port)) {
                socket.getOutputStream().write(request.getBytes(StandardCharsets.ISO_8859_1));
                var answer = new String(socket.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);
                assertThat(answer).startsWith("HTTP/1.1 400").doesNotContain("<html", "Exception");
            }
        }
    }
}
