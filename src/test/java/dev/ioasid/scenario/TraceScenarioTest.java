package dev.ioasid.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.Architecture;
import dev.ioasid.iommu.Rid;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A trace of real devices over HTTP, as an accelerator architect would replay one: what the caches report afterwards adds up. */
class TraceScenarioTest extends ClientTest {
    private static final String M = "/trace";
    private static final int RECORD = 32;

    private final Map<Rid, Integer> ioasids = new HashMap<>();

    @ParameterizedTest
    @EnumSource
    void aTraceOverHttp(Architecture on) throws IOException {
        var trace = Trace.read("smmuv3-storage-net.csv.gz");
        client.post("", """
                {"name": "trace", "memory": "0x10000000", "preset": "empty"}""").expect(201);
        client.post(M + "/iommus", """
                {"name": "iommu0", "type": "%s", "caches": {"%s": {"sets": 16, "ways": 4}}}""".formatted(on.preset(), on.translationCache()))
                .expect(201);
        trace.pages().forEach((rid, pages) -> {
            client.post(M + "/devices", "{\"rid\": \"%s\", \"iommu\": \"iommu0\"}".formatted(rid))
                    .expect(201);
            int id = client.post(M + "/ioasids", "{\"type\": \"paging\"}")
                    .expect(201)
                    .json()
                    .get("id")
                    .asInt();
            client.put(M + "/devices/" + rid + "/attachment", "{\"ioasid\": %d}".formatted(id))
                    .expect(200);
            ioasids.put(rid, id);
            var mappings = new ArrayList<String>();
            for (long page : pages) {
                mappings.add("{\"iova\": \"0x%x\", \"length\": \"0x1000\", \"permissions\": \"rw\"}".formatted(page));
            }
            client.post(M + "/ioasids/" + id + "/mappings", "{\"mappings\": " + mappings + "}")
                    .expect(201);
        });
        var batch = new ArrayList<Trace.Event.Dma>();
        var invalidations = new ArrayList<String>();
        for (var event : trace.events()) {
            switch (event) {
                case Trace.Event.Dma dma -> {
                    invalidate(client, invalidations);
                    batch.add(dma);
                }
                case Trace.Event.Pages(var rid, long first, long length) -> {
                    translate(client, batch);
                    invalidations.add(
                            "{\"ioasid\": %d, \"caches\": [\"iotlb\"], \"granularity\": \"range\", \"iova\": \"0x%x\", \"length\": \"0x%x\", \"leaf\": true}"
                                    .formatted(ioasids.get(rid), first, length));
                }
                case Trace.Event.Domain(var rid) -> {
                    translate(client, batch);
                    invalidations.add("{\"ioasid\": %d, \"caches\": [\"iotlb\"], \"granularity\": \"device\"}"
                            .formatted(ioasids.get(rid)));
                }
                case Trace.Event.All() -> {
                    translate(client, batch);
                    invalidate(client, invalidations);
                    client.post(M + "/iommus/iommu0/commands", "{\"commands\": [" + on.forgetTranslations() + "]}")
                            .expect(200);
                }
            }
        }
        translate(client, batch);
        var iotlb = client.get(M + "/iommus/iommu0/caches").expect(200).json().get(on.translationCache());
        assertThat(iotlb.get("hits").asLong() + iotlb.get("misses").asLong()).isEqualTo(trace.requests());
        assertThat(iotlb.get("hits").asLong()).isGreaterThan(trace.requests() / 4);
        assertThat(iotlb.get("evictions").asLong()).isPositive();
        assertThat(iotlb.get("entries").asInt()).isLessThanOrEqualTo(64);
        client.delete(M).expect(204);
    }

    private static void invalidate(Client client, List<String> invalidations) {
        if (!invalidations.isEmpty()) {
            var answer = client.post(M + "/invalidations", "{\"invalidations\": " + invalidations + "}")
                    .expect(200)
                    .json();
            assertThat(answer.get("completed").asInt()).isEqualTo(invalidations.size());
            invalidations.clear();
        }
    }

    private static void translate(Client client, List<Trace.Event.Dma> batch) {
        if (batch.isEmpty()) {
            return;
        }
        var records = ByteBuffer.allocate(batch.size() * RECORD).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < batch.size(); i++) {
            records.putInt(i * RECORD, batch.get(i).rid().sourceId())
                    .putInt(i * RECORD + 4, -1)
                    .putLong(i * RECORD + 8, batch.get(i).iova());
        }
        var answer = Objects.requireNonNull(client.send(
                                "POST",
                                "/v1/machines" + M + "/translations",
                                records.array(),
                                "Content-Type",
                                "application/octet-stream",
                                "Accept",
                                "application/octet-stream")
                        .expect(200))
                .body();
        var answers = ByteBuffer.wrap(answer).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < batch.size(); i++) {
            assertThat(answers.get(i * RECORD + 8)).as("%s", batch.get(i)).isZero();
        }
        batch.clear();
    }
}
