package dev.ioasid.scenario;

import static java.util.concurrent.TimeUnit.MINUTES;
import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.Architecture;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Clients wait for DMA that waits for pages, and then what it waits for is gone: everybody is answered, and nothing is moved. */
class TeardownRaceScenarioTest extends ClientTest {
    private static final int ROUNDS = 70;
    private static final int WAITING = 6;
    private static final String MACHINE = "/race";
    private static final String RID = "0000:3a:00.0";
    private static final String DEVICE = MACHINE + "/devices/" + RID;

    private Architecture architecture = Architecture.VTD;

    private void make() {
        client.post(
                        "",
                        "{\"name\": \"race\", \"memory\": \"0x4000000\", \"preset\": \"%s\"}"
                                .formatted(architecture.preset()))
                .expect(201);
        device();
        context();
    }

    /** Owns a parent, and an IOASID for the device's own. */
    private void context() {
        client.post(MACHINE + "/contexts", "{\"name\": \"guest\"}").expect(201);
        paging(architecture.secondStage());
        client.post(MACHINE + "/ioasids/1/mappings", """
                        {"iova": "0x0", "length": "0x10000", "permissions": "rw", "physicalAddress": "0x100000"}""").expect(201);
        paging(architecture.firstStage());
    }

    private void device() {
        client.post(MACHINE + "/devices", "{\"rid\": \"%s\", \"iommu\": \"iommu0\", \"pasidBits\": 8}".formatted(RID))
                .expect(201);
    }

    private void paging(String format) {
        client.post(
                        MACHINE + "/ioasids",
                        "{\"type\": \"paging\", \"format\": \"%s\", \"context\": 1}".formatted(format))
                .expect(201);
    }

    /** How a route comes to its end; the calls of it answer so. */
    private enum End {
        DETACH(false, "/devices/" + RID + "/pasids/1/attachment"),
        DELETE_IOASID(false, "/devices/" + RID + "/pasids/1/attachment", "/ioasids/2"),
        DELETE_DEVICE(false, "/devices/" + RID + "/pasids/1/attachment", "/devices/" + RID),
        UNBIND(true, "/binds/1"),
        CLOSE_CONTEXT(false, "/contexts/1"),
        CLOSE_CONTEXT_OF_BIND(true, "/contexts/1"),
        DELETE_MACHINE(true, "");

        private final boolean bound;
        private final List<String> calls;

        End(boolean bound, String... calls) {
            this.bound = bound;
            this.calls = List.of(calls);
        }
    }

    private void lead(End end) {
        if (end.bound) {
            client.post(MACHINE + "/binds", """
                            {"rid": "%s", "pasid": 1, "parent": 1, "format": "%s", "root": "0x1000"}""".formatted(RID, architecture.firstStage()))
                    .expect(201);
        } else {
            client.put(DEVICE + "/pasids/1/attachment", "{\"ioasid\": 2}").expect(200);
        }
    }

    private void mend(End end) {
        switch (end) {
            case DETACH, UNBIND -> {}
            case DELETE_IOASID -> paging(architecture.firstStage());
            case DELETE_DEVICE -> device();
            case CLOSE_CONTEXT, CLOSE_CONTEXT_OF_BIND -> context();
            case DELETE_MACHINE -> make();
        }
    }

    private Client.Answer dma(int which) {
        return client.post(MACHINE + "/dma?wait=60s", """
                {"rid": "%s", "pasid": 1, "iova": "0x%x", "operation": "write", "data": "0dHR0Q=="}""".formatted(RID, 0x4000 + which * 0x1000));
    }

    /** Somebody answers at the same time. */
    private void answer(Random random) {
        var asked = client.get(MACHINE + "/page-requests?state=pending");
        for (var request :
                asked.status() == 200 ? asked.json().get("items") : List.<tools.jackson.databind.JsonNode>of()) {
            var code = List.of("success", "invalid", "failure").get(random.nextInt(3));
            int status = client.post(
                            MACHINE + "/page-requests/" + request.get("id") + "/response",
                            "{\"code\": \"%s\"}".formatted(code))
                    .status();
            assertThat(status).isIn(200, 400, 404);
        }
    }

    private void round(End end, ExecutorService threads, Random random) throws Exception {
        lead(end);
        var waiting = new ArrayList<Future<Client.Answer>>();
        for (int i = 0; i < WAITING; i++) {
            int which = i;
            waiting.add(threads.submit(() -> dma(which)));
        }
        client.get(MACHINE + "/page-requests?state=pending&wait=30s").expect(200);
        var answers = random.nextBoolean() ? threads.submit(() -> answer(random)) : null;
        for (var call : end.calls) {
            client.delete(MACHINE + call).expect(204);
        }
        if (end != End.DELETE_MACHINE) {
            var memory = client.send("GET", "/v1/machines" + MACHINE + "/memory/0x100000?length=0x10000", new byte[0]);
            assertThat(memory.expect(200).body()).as("%s", end).containsOnly(0);
        }
        if (answers != null) {
            answers.get();
        }
        for (var one : waiting) {
            var answer = one.get();
            if (answer.status() == 200) {
                assertThat(answer.json().get("status").asString()).as("%s", end).isEqualTo("faulted");
                assertThat(answer.json().get("transferred").asInt())
                        .as("%s", end)
                        .isZero();
            } else {
                answer.expect(404);
            }
        }
        mend(end);
        assertThat(client.get(MACHINE + "/page-requests?state=pending").json().get("items"))
                .isEmpty();
    }

    @ParameterizedTest
    @EnumSource
    @Timeout(value = 3, unit = MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
    void everybodyIsAnswered(Architecture architecture) throws Exception {
        this.architecture = architecture;
        make();
        var random = new Random(1);
        try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            for (int i = 0; i < ROUNDS; i++) {
                round(End.values()[i % End.values().length], threads, random);
            }
        }
        client.delete(MACHINE).expect(204);
    }
}
