package dev.ioasid.web;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.http.HttpMethod;
import tools.jackson.databind.JsonNode;

/** Invalidation descriptors, options of binds and the invalidation queue, which are VT-d's own. */
class VtdCacheScenarioTest extends HttpTest {
    /** Bind 3 of the preset: RID1, PASID 5, nested on IOASID 3, root at 0x100000. */
    private static final String DMA = "\"rid\": \"3a:00.0\", \"pasid\": 5, \"iova\": \"0x5678\", \"access\": \"read\"";

    private static final long PAGE_TABLE = 0x103028; // the entry of 0x5000

    /** A table of four levels at the root of bind 3 that leads 0x5000 to the guest's 0x200000. */
    @BeforeEach
    void bindATable() {
        machine("siov");
        for (var mapping : new String[] {"0x100000", "0x200000"}) {
            post(M1 + "/ioasids/3/mappings", """
                    {"iova": "%s", "length": "0x10000", "permissions": "rw"}""".formatted(mapping))
                    .expectStatus()
                    .isCreated();
        }
        write(3, 0x100000, 0x101007);
        write(3, 0x101000, 0x102007);
        write(3, 0x102000, 0x103007);
        write(3, PAGE_TABLE, 0x200007);
    }

    private void write(int ioasid, long address, long entry) {
        var bytes = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(entry);
        send(HttpMethod.PUT, M1 + "/ioasids/%d/memory/0x%x".formatted(ioasid, address), bytes.array())
                .expectStatus()
                .is2xxSuccessful();
    }

    private JsonNode translate(String request) {
        return json(post(M1 + "/translations", "{\"requests\": [{" + request + "}]}"))
                .get("results")
                .get(0);
    }

    private JsonNode invalidate(String body) {
        return json(post(M1 + "/invalidations", body));
    }

    /** The fewest blocks that make the range up, none of them larger than it. */
    @ParameterizedTest
    @CsvSource({
        "0x5000, 0x1000, 0x5000",
        "0x5000, 0x3000, 0x5000 0x6001",
        "0x1000, 0x7000, 0x1000 0x2001 0x4002",
        "0x0, 0x40000000, 0x12",
        "0x3000, 0x2000, 0x3000 0x4000"
    })
    void rangesAreCoveredByTheFewestDescriptors(String iova, String length, String words) {
        var answer = invalidate("""
                {"bind": 3, "caches": ["iotlb"], "granularity": "range", "iova": "%s", "length": "%s"}""".formatted(iova, length));
        var written = new StringBuilder();
        for (var descriptor : answer.get("descriptors")) {
            if (descriptor.get("name").asString().equals("pasid-iotlb-page")) {
                written.append(written.isEmpty() ? "" : " ")
                        .append(descriptor.get("words").get(1).asString());
            }
        }
        assertThat(written.toString()).isEqualTo(words);
    }

    /** A second stage's blocks are 1 GiB at most: of a range of more than 64 the domain forgets all. */
    @Test
    void aRangeOfVeryManyBlocksIsTheWholeDomain() {
        var answer = invalidate("""
                {"ioasid": 1, "caches": ["iotlb"], "granularity": "range", "iova": "0x0", "length": "0x1000000000000"}""");
        assertThat(answer.get("descriptors").findValuesAsString("name")).containsExactly("iotlb-domain", "wait");
    }

    /** Options of a bind are bits of its PASID table entry. */
    @Test
    void aBindIsWalkedWithItsOptions() {
        write(3, PAGE_TABLE, 0x200001); // supervisor, read only
        var privileged = DMA + ", \"privileged\": true";
        assertThat(translate(privileged).get("fault").get("code").asString()).isEqualTo("0x5d");
        var bind = json(put(M1 + "/binds/3", "{\"root\": \"0x100000\", \"options\": [\"supervisor\"]}"));
        assertThat(bind.get("options").get(0).asString()).isEqualTo("supervisor");
        assertThat(translate(privileged.replace("read", "write")).get("status").asString())
                .isEqualTo("translated");
        put(
                        M1 + "/binds/3",
                        "{\"root\": \"0x100000\", \"options\": [\"supervisor\", \"write-protect\", \"extended-accessed\"]}")
                .expectStatus()
                .isOk();
        assertThat(translate(privileged.replace("read", "write"))
                        .get("fault")
                        .get("code")
                        .asString())
                .isEqualTo("0x85");
        assertThat(translate(privileged).get("status").asString()).isEqualTo("translated");
        var entry = ByteBuffer.wrap(bytes(get(M1 + "/ioasids/3/memory/" + new Hex(PAGE_TABLE) + "?length=8")))
                .order(ByteOrder.LITTLE_ENDIAN)
                .getLong();
        assertThat(entry & 0x420).as("accessed, extended accessed").isEqualTo(0x420);
        assertThat(json(M1 + "/binds/3").get("options")).hasSize(3);
        put(M1 + "/binds/3", "{\"root\": \"0x100000\"}").expectStatus().isOk();
        assertThat(json(M1 + "/binds/3").get("options")).as("as they were").hasSize(3);
        expectRefused(put(M1 + "/binds/3", "{\"root\": \"0x100000\", \"options\": [\"sre\"]}"), 400, "EINVAL");
    }

    /** A guest's own driver: the ring is memory, and the registers are the unit's. */
    @Test
    void theRingOfAnUnmanagedUnit() {
        post(M1 + "/iommus", "{\"name\": \"mine\", \"type\": \"vtd\", \"managed\": false}")
                .expectStatus()
                .isCreated();
        var registers = M1 + "/iommus/mine/registers";
        var ring = ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN);
        ring.putLong(0, 0x12).putLong(32, 0x0000_cafe_0000_0025L).putLong(40, 0x20000);
        send(HttpMethod.PUT, M1 + "/memory/0x10000", ring.array())
                .expectStatus()
                .is2xxSuccessful();
        patch(registers, "{\"IQA\": \"0x10800\", \"RTADDR\": \"0x400\", \"GCMD\": \"0x40000000\"}")
                .expectStatus()
                .isOk();
        patch(registers, "{\"GCMD\": \"0x4000000\"}").expectStatus().isOk();
        var after = json(patch(registers, "{\"IQT\": \"0x40\"}"));
        assertThat(after.get("IQH").asString()).isEqualTo("0x40");
        assertThat(after.get("FSTS").asString()).isEqualTo("0x0");
        assertThat(bytes(get(M1 + "/memory/0x20000?length=4")))
                .containsExactly((byte) 0xfe, (byte) 0xca, (byte) 0, (byte) 0);
        var stopped = json(patch(registers, "{\"IQT\": \"0x60\"}"));
        assertThat(stopped.get("FSTS").asString()).as("type 0").isEqualTo("0x10");
        assertThat(stopped.get("IQERCD").asString()).isEqualTo("0x3");
        expectRefused(post(M1 + "/iommus/mine/commands", "{\"commands\": [[\"0x12\", \"0x0\"]]}"), 409, "EBUSY");
    }
}
