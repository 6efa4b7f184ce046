package dev.ioasid.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.Architecture;
import dev.ioasid.Arrangement;
import dev.ioasid.service.Machines;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;
import org.springframework.beans.factory.annotation.Autowired;

/** Many clients at once: each is answered as if it had been alone, in some order. */
@ParameterizedClass(name = "{0}")
@EnumSource
class ConcurrencyScenarioTest extends ClientTest {
    private static final int CLIENTS = 16;
    private static final long MEMORY = 64L << 20;

    @Parameter
    private Architecture on = Architecture.VTD;

    @Autowired
    private Machines machines;

    /** Does the same at the same time. */
    private static <T> List<T> together(Callable<T> each) throws InterruptedException, ExecutionException {
        var go = new CountDownLatch(1);
        try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            var futures = new ArrayList<Future<T>>();
            for (int i = 0; i < CLIENTS; i++) {
                futures.add(threads.submit(() -> {
                    go.await();
                    return each.call();
                }));
            }
            go.countDown();
            var results = new ArrayList<T>();
            for (var future : futures) {
                results.add(future.get());
            }
            return results;
        }
    }

    @Test
    void oneOfManyGetsTheName() throws Exception {
        var statuses = together(() ->
                client.post("", "{\"name\":\"one\",\"memory\":\"0x1000000\"}").status());
        assertThat(statuses).containsOnly(201, 409).containsOnlyOnce(201);
        var deleted = together(() -> client.delete("/one").status());
        assertThat(deleted).containsOnly(204, 404).containsOnlyOnce(204);
    }

    @Test
    void idsAreDistinctAndLowest() throws Exception {
        client.post("", "{\"name\":\"ids\",\"memory\":\"0x4000000\",\"preset\":\"%s\"}".formatted(on.preset()))
                .expect(201);
        var ids = together(() -> client.post("/ids/ioasids", "{\"type\":\"paging\"}")
                .expect(201)
                .json()
                .get("id")
                .asInt());
        assertThat(ids)
                .containsExactlyInAnyOrderElementsOf(
                        IntStream.rangeClosed(1, CLIENTS).boxed().toList());
        client.delete("/ids").expect(204);
    }

    @Test
    void oneOfManyMapsTheRangeAndOneUnmapsIt() throws Exception {
        Arrangement.SHARED.make(machines, "maps", MEMORY, on);
        var mapped = together(() -> client.post(
                        "/maps/ioasids/3/mappings",
                        "{\"iova\":\"0x1000\",\"length\":\"0x40000\",\"permissions\":\"rw\"}")
                .status());
        assertThat(mapped).containsOnly(201, 409).containsOnlyOnce(201);
        var unmapped = together(() -> client.delete("/maps/ioasids/3/mappings?iova=0x1000&length=0x40000")
                .status());
        assertThat(unmapped).containsOnly(200, 404).containsOnlyOnce(200);
        client.delete("/maps").expect(204);
    }

    /** While a route is replaced again and again, each request goes where one of the two tables leads. */
    @Test
    void requestsGoByTheOldTableOrByTheNew() throws Exception {
        Arrangement.SHARED.make(machines, "replace", MEMORY, on);
        for (int id = 1; id <= 3; id++) {
            client.post(
                            "/replace/ioasids/" + id + "/mappings",
                            "{\"iova\":\"0x1000\",\"length\":\"0x1000\",\"permissions\":\"rw\",\"physicalAddress\":\"0x%x000\"}"
                                    .formatted(id))
                    .expect(201);
        }
        var seen = together(() -> {
            var addresses = new ArrayList<String>();
            for (int i = 0; i < 30; i++) {
                int id = 2 + i % 2;
                client.put("/replace/devices/3b:00.0/attachment", "{\"ioasid\":" + id + "}")
                        .expect(200);
                addresses.add(client.post(
                                "/replace/translations",
                                "{\"requests\":[{\"rid\":\"3b:00.0\",\"iova\":\"0x1000\",\"access\":\"write\"}]}")
                        .expect(200)
                        .json()
                        .get("results")
                        .get(0)
                        .path("address")
                        .asString("a fault"));
            }
            return addresses;
        });
        assertThat(seen.stream().flatMap(List::stream)).containsOnly("0x2000", "0x3000");
        client.delete("/replace").expect(204);
    }

    /** Machines come and go under the hands of those who use them: 404 at worst, and nothing else happens to anyone. */
    @Test
    void aMachineThatIsDeletedInUseIsGoneAndTheOthersAreNot() throws Exception {
        Arrangement.SHARED.make(machines, "stays", MEMORY, on);
        var statuses = together(() -> {
            var mine = new ArrayList<Integer>();
            for (int i = 0; i < 15; i++) {
                mine.add(client.post(
                                "",
                                "{\"name\":\"goes\",\"memory\":\"0x4000000\",\"preset\":\"%s\"}".formatted(on.preset()))
                        .status());
                mine.add(client.post("/goes/devices", "{\"rid\":\"3b:00.0\",\"iommu\":\"iommu0\"}")
                        .status());
                mine.add(client.post("/goes/ioasids", "{\"type\":\"paging\"}").status());
                mine.add(client.put("/goes/devices/3b:00.0/attachment", "{\"ioasid\":1}")
                        .status());
                mine.add(client.post("/goes/ioasids/1/mappings", "{\"length\":\"0x10000\",\"permissions\":\"rw\"}")
                        .status());
                mine.add(client.get("/goes/memory/0x1000000?length=0x100000").status());
                mine.add(client.post(
                                "/goes/translations",
                                "{\"requests\":[{\"rid\":\"3b:00.0\",\"iova\":\"0x1000\",\"access\":\"write\"}]}")
                        .status());
                mine.add(client.delete("/goes").status());
                client.post(
                                "/stays/translations/explain",
                                "{\"rid\":\"3b:00.0\",\"iova\":\"0x1000\",\"access\":\"write\"}")
                        .expect(200);
            }
            return mine;
        });
        assertThat(statuses.stream().flatMap(List::stream)).isSubsetOf(200, 201, 204, 404, 409);
        client.delete("/stays").expect(204);
    }
}
