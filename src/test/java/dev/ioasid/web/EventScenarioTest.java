package dev.ioasid.web;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.ioasid.machine.Command;
import dev.ioasid.machine.MapRequest;
import dev.ioasid.pagetable.Permissions;
import dev.ioasid.service.EventStreams;
import dev.ioasid.service.Machines;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.web.server.LocalServerPort;
import org.springframework.http.HttpMethod;
import org.springframework.test.context.TestPropertySource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Streams of events, read as a client does: over a socket, while things happen. */
@Timeout(120)
@TestPropertySource(properties = {"ioasid.events.heartbeat=200ms", "server.tomcat.connection-timeout=3s"})
class EventScenarioTest extends HttpTest {
    private static final String EVENTS = M1 + "/events";
    /** What the preset siov makes: one unit, two devices, six PASIDs, three IOASIDs, four attachments, four binds. */
    private static final int PRESET = 20;

    private static final JsonMapper JSON = new JsonMapper();

    @LocalServerPort
    int port;

    @Autowired
    EventStreams streams;

    @Autowired
    Machines machines;

    private final HttpClient http = HttpClient.newHttpClient();

    @AfterEach
    void noStreamIsLeft() {
        http.shutdownNow();
        await().atMost(Duration.ofSeconds(60)).until(() -> streams.open() == 0);
    }

    /** What stands between two empty lines. */
    record Received(
            @Nullable Long id,
            @Nullable String event,
            @Nullable JsonNode data,
            @Nullable String comment) {
        JsonNode json() {
            return Objects.requireNonNull(data);
        }

        static Received of(List<String> lines) {
            Long id = null;
            String event = null;
            JsonNode data = null;
            String comment = null;
            for (var line : lines) {
                int colon = line.indexOf(':');
                var value = line.substring(colon + 1).strip();
                switch (line.substring(0, colon)) {
                    case "id" -> id = Long.valueOf(value);
                    case "event" -> event = value;
                    case "data" -> data = JSON.readTree(value);
                    default -> comment = value;
                }
            }
            return new Received(id, event, data, comment);
        }
    }

    /** A client's end of a stream. */
    private static final class Reader implements AutoCloseable {
        private final Stream<String> lines;
        private final Iterator<String> iterator;

        Reader(Stream<String> lines) {
            this.lines = lines;
            this.iterator = lines.iterator();
        }

        /** Null at the end. */
        @Nullable
        Received next() {
            var block = new ArrayList<String>();
            while (iterator.hasNext()) {
                var line = iterator.next();
                if (line.isEmpty()) {
                    return Received.of(block);
                }
                block.add(line);
            }
            assertThat(block).isEmpty();
            return null;
        }

        /** The next with data; there is one. */
        Received event() {
            return Objects.requireNonNull(eventOrEnd());
        }

        private @Nullable Received eventOrEnd() {
            var next = next();
            while (next != null && next.data() == null) {
                next = next();
            }
            return next;
        }

        List<Received> rest() {
            var rest = new ArrayList<Received>();
            for (var next = eventOrEnd(); next != null; next = eventOrEnd()) {
                rest.add(next);
            }
            return rest;
        }

        @Override
        public void close() {
            lines.close();
        }
    }

    private Reader follow(String query, String... headers) throws Exception {
        var request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + EVENTS + query));
        var response =
                http.send((headers.length == 0 ? request : request.headers(headers)).build(), BodyHandlers.ofLines());
        assertThat(response.statusCode()).isEqualTo(200);
        assertThat(response.headers().firstValue("Content-Type")).hasValue("text/event-stream;charset=UTF-8");
        return new Reader(response.body());
    }

    private void map(int page) {
        machines.apply("m1", mapping(page));
    }

    private static Command.Map mapping(int page) {
        return new Command.Map(
                3,
                List.of(new MapRequest(page * 0x1000L, 0x1000, Permissions.READ_WRITE, 0x1000000L + page * 0x1000L)));
    }

    @Test
    void whatIsDoneIsTold() throws Exception {
        machine("siov");
        try (var reader = follow("")) {
            post(M1 + "/ioasids/3/mappings", """
                    {"iova": "0x1000", "length": "0x2000", "permissions": "rw", "physicalAddress": "0x1000000"}""").expectStatus().isCreated();
            post(M1 + "/ioasids/3/mappings", """
                    {"iova": "0x1000", "length": "0x1000", "permissions": "rw"}""").expectStatus().isEqualTo(409);
            put(M1 + "/devices/3b:00.0/pasids/9/attachment", "{\"ioasid\": 2}")
                    .expectStatus()
                    .isOk();
            put(M1 + "/devices/3b:00.0/pasids/9/attachment", "{\"ioasid\": 3}")
                    .expectStatus()
                    .isOk();
            delete(M1 + "/devices/3b:00.0/pasids/9/attachment").expectStatus().isNoContent();
            post(M1 + "/invalidations", """
                    {"ioasid": 3, "caches": ["iotlb"], "granularity": "range", "iova": "0x1000", "length": "0x1000"}""").expectStatus().isOk();
            post(M1 + "/translations", """
                    {"requests": [{"rid": "3b:00.0", "iova": "0x1000", "access": "read"},
                                  {"rid": "3b:00.0", "iova": "0x9000", "access": "write"}]}""").expectStatus().isOk();
            delete(M1 + "/ioasids/3/mappings").expectStatus().isOk();
            delete(M1).expectStatus().isNoContent();

            told(reader, PRESET + 1, "map", """
                    {"ioasid":3,"iova":"0x1000","length":"0x2000","permissions":"rw","physicalAddress":"0x1000000"}""");
            told(reader, PRESET + 2, "pasid-allocated", """
                    {"rid":"0000:3b:00.0","pasid":9}""");
            told(reader, PRESET + 3, "attach", """
                    {"rid":"0000:3b:00.0","pasid":9,"ioasid":2}""");
            told(reader, PRESET + 4, "replace", """
                    {"rid":"0000:3b:00.0","pasid":9,"ioasid":3,"from":2}""");
            told(reader, PRESET + 5, "detach", """
                    {"rid":"0000:3b:00.0","pasid":9,"ioasid":3}""");
            told(reader, PRESET + 6, "invalidate", """
                    {"ioasid":3,"caches":["iotlb"],"granularity":"range","iova":"0x1000","length":"0x1000","leaf":false}""");
            var fault = reader.event();
            assertThat(fault.event()).isEqualTo("fault");
            assertThat(fault.json().get("rid").asString()).isEqualTo("0000:3b:00.0");
            assertThat(fault.json().get("ioasid").asInt()).isEqualTo(3);
            assertThat(fault.json().get("iova").asString()).isEqualTo("0x9000");
            assertThat(fault.json().get("access").asString()).isEqualTo("write");
            assertThat(fault.json().get("fault").get("name").asString()).isEqualTo("SSS.2");
            told(reader, PRESET + 8, "unmap", """
                    {"ioasid":3,"iova":"0x0","length":"0xffffffffffffffff","unmapped":"0x2000"}""");
            told(reader, PRESET + 9, "machine-deleted", """
                    {"name":"m1"}""");
            assertThat(reader.next()).isNull();
        }
    }

    private static void told(Reader reader, long id, String event, String data) {
        assertThat(reader.event()).isEqualTo(new Received(id, event, JSON.readTree(data), null));
    }

    @Test
    void whatIsMadeLooksAsItDoesElsewhere() throws Exception {
        machine("siov");
        try (var reader = follow("?follow=false")) {
            var all = reader.rest();
            assertThat(all).hasSize(PRESET);
            assertThat(all.get(0).data()).isEqualTo(json(M1 + "/iommus/iommu0"));
            assertThat(all.get(9).event()).isEqualTo("ioasid-created");
            assertThat(all.get(9).json().get("format").asString()).isEqualTo("vtd-second-stage");
            assertThat(all.get(19).event()).isEqualTo("bind");
            assertThat(all.get(19).data()).isEqualTo(json(M1 + "/binds/4"));
        }
    }

    @Test
    void aStreamBeginsAtOnceAndWithWhatIsNew() throws Exception {
        machine("siov");
        try (var reader = follow("")) {
            map(1);
            assertThat(reader.event().id()).isEqualTo(PRESET + 1);
        }
        try (var all = follow("?after=0&limit=1")) {
            assertThat(all.rest()).extracting(Received::id).containsExactly(1L);
        }
    }

    /** The client goes on where it was cut off, again and again, while a writer is at work. */
    @Test
    void whoResumesMissesNothingAndHasNothingTwice() throws Exception {
        machine("siov");
        int events = 3000;
        var writer = Thread.ofVirtual().start(() -> {
            for (int page = 0; page < events; page++) {
                map(page);
            }
        });
        long last = 0;
        for (int read = 1; last < PRESET + events; read = read % 97 + 7) {
            try (var reader = follow("?after=0", EventController.LAST_EVENT_ID, Long.toString(last))) {
                for (int i = 0; i < read && last < PRESET + events; i++) {
                    assertThat(reader.event().id()).isEqualTo(++last);
                }
            }
        }
        writer.join();
        assertThat(machines.machine("m1").journal().last()).isEqualTo(last);
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            query                                        | events
            type=bind                                    | bind bind bind bind
            type=iommu-created,ioasid-created            | iommu-created ioasid-created ioasid-created ioasid-created
            type=iommu-created&type=map,fault            | iommu-created map fault
            rid=3b:00.0                                  | device-added pasid-allocated attach bind fault
            rid=0000:3b:00.0&type=attach                 | attach
            ioasid=3                                     | ioasid-created attach attach bind bind map fault
            ioasid=3&rid=3a:00.0                         | attach bind
            rid=7f:00.0                                  |
            """)
    void aFilterLetsThrough(String query, String events) throws Exception {
        machine("siov");
        map(1);
        post(M1 + "/translations", """
                {"requests": [{"rid": "3b:00.0", "iova": "0x9000", "access": "write"}]}""");
        try (var reader = follow("?follow=false&" + query)) {
            assertThat(reader.rest())
                    .extracting(Received::event)
                    .containsExactly(events == null ? new String[0] : events.split(" "));
        }
    }

    /** One for each record, whatever sort of request it is of. */
    @Test
    void everyRecordedFaultHasAnEvent() {
        machine("siov");
        post(M1 + "/translations", """
                {"requests": [{"rid": "3b:00.0", "iova": "0x9000", "access": "read"},
                  {"rid": "3a:00.0", "pasid": 9, "iova": "0x9000", "access": "read", "type": "translation-request"}]}""").expectStatus().isOk();
        post(M1 + "/dma", """
                {"rid": "3a:00.0", "pasid": 9, "iova": "0x9000", "operation": "write", "data": "AA=="}""").expectStatus().isOk();
        var recorded = json(M1 + "/iommus/iommu0/faults")
                .get("items")
                .valueStream()
                .map(fault -> fault.get("name").asString() + " "
                        + fault.get("address").asString())
                .toList();
        var told = new String(bytes(get(EVENTS + "?follow=false&type=fault")))
                .lines()
                .filter(line -> line.startsWith("data: "))
                .map(line -> JSON.readTree(line.substring(6)))
                .toList();
        assertThat(told.stream()
                        .filter(event -> event.get("fault").get("recorded").asBoolean())
                        .map(event -> event.get("fault").get("name").asString() + " "
                                + event.get("iova").asString()))
                .isEqualTo(recorded);
        assertThat(told.getLast().get("type").asString()).isEqualTo("page-request");
    }

    @Test
    void theEndIsToldWhateverIsFilteredAndSoAreFaultsThatHaveNoEvent() throws Exception {
        machine("siov");
        try (var reader = follow("?type=fault&rid=3b:00.0")) {
            var request = "{\"rid\": \"3a:00.0\", \"iova\": \"0x9000\", \"access\": \"read\"}";
            post(M1 + "/translations", "{\"requests\": [" + (request + ",").repeat(1003) + request + "]}")
                    .expectStatus()
                    .isOk();
            delete(M1);
            told(reader, PRESET + 1001, "faults-omitted", "{\"count\":4,\"reasons\":{\"SSS.2\":4}}");
            told(reader, PRESET + 1002, "machine-deleted", "{\"name\":\"m1\"}");
            assertThat(reader.next()).isNull();
        }
    }

    @Test
    void whoIsNotInterestedIsToldWhereToGoOn() throws Exception {
        machine("siov");
        try (var reader = follow("?type=fault")) {
            map(1);
            Received next;
            do {
                next = Objects.requireNonNull(reader.next());
                assertThat(next.data()).isNull();
                assertThat(next.comment()).isNotEmpty();
            } while (next.id() == null);
            assertThat(next.id()).isEqualTo(PRESET + 1);
        }
    }

    @ParameterizedTest(name = "{0} {1}")
    @CsvSource(delimiter = '|', textBlock = """
            ?after=21             |      | {"machine": "m1"}
            ?after=-1             |      | {"machine": "m1"}
            ?after=x              |      | {"parameter": "after"}
            ?type=maps            |      | {"parameter": "type"}
            ?type=                |      | {"parameter": "type"}
            ?limit=0              |      | {"parameter": "limit"}
            ?follow=maybe         |      | {"parameter": "follow"}
            ?rid=3a               |      | {"parameter": "rid"}
            ?ioasid=x             |      | {"parameter": "ioasid"}
            ?rid=3a:00.0&rid=3a:00.1 |   | {"parameter": "rid"}
            ?since=1              |      | {"parameter": "since"}
            ?after=1              | 21   | {"machine": "m1"}
            ?after=1              | x    | {"header": "Last-Event-ID"}
            """)
    void badInputIsRefused(String query, String lastEventId, String problem) {
        machine("siov");
        var request = client.get().uri(EVENTS + query).header("Accept", "text/event-stream");
        if (lastEventId != null) {
            request = request.header(EventController.LAST_EVENT_ID, lastEventId);
        }
        refused(request.exchange(), 400, "EINVAL", problem);
        assertThat(streams.open()).isZero();
    }

    @Test
    void thereIsNoStreamWithoutAMachineAndNoneAsJson() {
        refused(get("/v1/machines/none/events"), 404, "ENOENT", "{}");
        machine("empty");
        client.get()
                .uri(EVENTS)
                .header("Accept", "application/json")
                .exchange()
                .expectStatus()
                .isEqualTo(406);
        send(HttpMethod.HEAD, EVENTS, "").expectStatus().isOk();
    }

    @Test
    void thereAreSoManyStreamsOfAMachineAndNotMore() throws Exception {
        machine("empty");
        var readers = new ArrayList<Reader>();
        for (int i = 0; i < EventStreams.MOST_OF_A_MACHINE; i++) {
            readers.add(follow(""));
        }
        assertThat(streams.open()).isEqualTo(EventStreams.MOST_OF_A_MACHINE);
        refused(get(EVENTS), 409, "ENOSPC", "{\"limit\": {\"name\": \"streams\", \"value\": 64}}");
        post("/v1/machines", "{\"name\": \"m2\", \"memory\": 4096}")
                .expectStatus()
                .isCreated();
        delete("/v1/machines/m2");
        readers.forEach(Reader::close);
        await().until(() -> streams.open() == 0);
        follow("").close();
    }

    /** A client that has asked, and has read nothing yet. By HTTP/1.0, so that the answer comes in lines and not in chunks. */
    private Socket stalled(String query) throws IOException {
        var socket = new Socket();
        socket.setReceiveBufferSize(4096);
        socket.connect(new InetSocketAddress("127.0.0.1", port));
        socket.setSoTimeout(60_000);
        socket.getOutputStream().write(("GET " + EVENTS + query + " HTTP/1.0\r\n\r\n").getBytes(UTF_8));
        return socket;
    }

    /**
     * It has not read a byte while 100,000 commands are done; then it reads, and goes on if it was given up meanwhile. It has every event, or has
     * been told that it has not.
     */
    @Test
    void whoeverDoesNotReadIsToldWhatItHasMissed() throws Exception {
        machine("siov");
        long missedBefore = streams.missed();
        var counts = new Counts();
        try (var socket = stalled("?after=0")) {
            await().until(() -> streams.open() == 1);
            for (int i = 0; i < 50_000; i++) {
                map(1);
                machines.apply("m1", new Command.Unmap(3, 0x1000, 0x1000));
            }
            counts.read(socket, PRESET + 100_000);
        }
        while (counts.last < PRESET + 100_000) {
            try (var socket = stalled("?after=" + counts.last)) {
                counts.read(socket, PRESET + 100_000);
            }
        }
        assertThat(counts.missed).isPositive();
        assertThat(streams.missed() - missedBefore).isGreaterThanOrEqualTo(counts.missed);
    }

    /** What a client has read, over one connection after the other. */
    private static final class Counts {
        long last;
        long missed;

        void read(Socket socket, long end) {
            try (var lines = new BufferedReader(new InputStreamReader(socket.getInputStream(), UTF_8))) {
                for (var line = lines.readLine(); line != null && last < end; line = lines.readLine()) {
                    if (line.startsWith("id: ")) {
                        count(Long.parseLong(line.substring(4)), lines.readLine(), lines.readLine());
                    }
                }
            } catch (IOException cutOff) {
                // what it has is in order nevertheless
            }
        }

        private void count(long id, @Nullable String event, @Nullable String data) {
            if (event == null || data == null || !data.endsWith("}")) {
                return; // cut off
            }
            if (event.equals("event: missed")) {
                var told = JSON.readTree(data.substring("data: ".length()));
                assertThat(told.get("next").asLong()).isEqualTo(id + 1);
                assertThat(told.get("missed").asLong()).isEqualTo(id - last);
                missed += id - last;
            } else {
                assertThat(id).isEqualTo(last + 1);
            }
            last = id;
        }
    }

    @Test
    void whoeverNeverReadsIsGivenUp() throws Exception {
        machine("siov");
        try (var _ = stalled("?after=0")) {
            await().until(() -> streams.open() == 1);
            for (int page = 0; page < 50_000; page++) {
                map(page);
            }
            await().atMost(Duration.ofSeconds(60)).until(() -> streams.open() == 0);
        }
    }
}
