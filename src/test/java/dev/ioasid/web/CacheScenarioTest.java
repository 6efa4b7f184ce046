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

/** Caches, invalidations and raw commands over HTTP, with a table that the user edits and the unit remembers. */
class CacheScenarioTest extends HttpTest {
    private static final String CACHES = M1 + "/iommus/iommu0/caches";
    private static final String INVALIDATIONS = M1 + "/invalidations";
    private static final String COMMANDS = M1 + "/iommus/iommu0/commands";
    /** Bind 3 of the preset: RID1, PASID 5, nested on IOASID 3, root at 0x100000. */
    private static final String DMA = "\"rid\": \"3a:00.0\", \"pasid\": 5, \"iova\": \"0x5678\", \"access\": \"read\"";

    private static final String PAGE_TABLE = "0x103028"; // the entry of 0x5000

    /** A table of four levels at the root of bind 3 that leads 0x5000 and 0x6000 to the guest's 0x200000 and 0x201000. */
    @BeforeEach
    void bindATable() {
        machine("siov");
        for (var mapping : new String[] {"0x100000", "0x200000"}) {
            post(M1 + "/ioasids/3/mappings", """
                    {"iova": "%s", "length": "0x10000", "permissions": "rw"}""".formatted(mapping))
                    .expectStatus()
                    .isCreated();
        }
        write("0x100000", 0x101007);
        write("0x101000", 0x102007);
        write("0x102000", 0x103007);
        write(PAGE_TABLE, 0x200007);
        write("0x103030", 0x201007);
    }

    private void write(String guest, long entry) {
        var bytes = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(entry);
        send(HttpMethod.PUT, M1 + "/ioasids/3/memory/" + guest, bytes.array())
                .expectStatus()
                .is2xxSuccessful();
    }

    private JsonNode translate(String request) {
        return json(post(M1 + "/translations", "{\"requests\": [{" + request + "}]}"))
                .get("results")
                .get(0);
    }

    private String address(String request) {
        return translate(request).get("address").asString();
    }

    private JsonNode invalidate(String body) {
        return json(post(INVALIDATIONS, body));
    }

    @Test
    void theOldAnswerUntilTheBindIsInvalidated() {
        var before = address(DMA);
        write(PAGE_TABLE, 0x203007);
        assertThat(address(DMA)).as("nobody has told the unit").isEqualTo(before);
        var answer = invalidate("""
                {"bind": 3, "caches": ["iotlb"], "granularity": "range", "iova": "0x5000", "length": "0x1000", "leaf": true}""");
        assertThat(answer.get("completed").asInt()).isEqualTo(1);
        assertThat(answer.get("descriptors").findValuesAsString("name")).containsExactly("pasid-iotlb-page", "wait");
        var descriptor = answer.get("descriptors").get(0);
        assertThat(descriptor.get("fields").get("PASID").asString()).isEqualTo("0x5");
        assertThat(descriptor.get("fields").get("IH").asString()).isEqualTo("0x1");
        assertThat(descriptor.get("words").get(1).asString()).isEqualTo("0x5040");
        assertThat(address(DMA)).isNotEqualTo(before);
    }

    @Test
    void whatWasNotPresentIsSeenAtOnce() {
        write(PAGE_TABLE, 0);
        assertThat(translate(DMA).get("fault").get("code").asString()).isEqualTo("0x71");
        write(PAGE_TABLE, 0x200007);
        assertThat(translate(DMA).get("status").asString()).isEqualTo("translated");
    }

    @Test
    void aBindsInvalidationReachesItselfOnly() {
        put(M1 + "/binds/4", "{\"root\": \"0x100000\"}").expectStatus().isOk();
        var sibling = "\"rid\": \"3b:00.0\", \"pasid\": 1, \"iova\": \"0x5678\", \"access\": \"read\"";
        var old = address(DMA);
        assertThat(address(sibling)).isEqualTo(old);
        write(PAGE_TABLE, 0x203007);
        invalidate("""
                {"bind": 4, "caches": ["pasid", "iotlb"], "granularity": "pasid"}""");
        assertThat(address(DMA)).as("bind 3 was not meant").isEqualTo(old);
        assertThat(address(sibling)).isNotEqualTo(old);
        invalidate("""
                {"rid": "3a:00.0", "pasid": 5, "caches": ["iotlb"], "granularity": "device"}""");
        assertThat(address(DMA)).isEqualTo(address(sibling));
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

    @Test
    void aListIsDoneUpToTheFirstThatIsWrong() {
        var old = address(DMA);
        write(PAGE_TABLE, 0x203007);
        refused(post(INVALIDATIONS, """
                {"invalidations": [
                    {"bind": 3, "caches": ["iotlb"], "granularity": "pasid"},
                    {"bind": 77, "caches": ["iotlb"], "granularity": "pasid"},
                    {"bind": 3, "caches": ["iotlb"], "granularity": "pasid"}]}"""), 404, "ENOENT", """
                {"index": 1, "completed": 1, "bind": 77}""");
        assertThat(address(DMA)).as("the first was done").isNotEqualTo(old);
        refused(post(INVALIDATIONS, """
                {"invalidations": [{"bind": 3, "caches": ["iotlb"], "granularity": "pasid"},
                                   {"bind": 3, "caches": ["iotlb"], "granularity": "range", "iova": "0x5800", "length": "0x1000"}]}"""), 400, "EINVAL", """
                {"index": 1, "completed": 1}""");
        assertThat(invalidate("{\"invalidations\": []}").get("completed").asInt())
                .isZero();
        assertThat(invalidate("""
                {"invalidations": [{"bind": 3, "caches": ["iotlb"], "granularity": "pasid"},
                                   {"bind": 4, "caches": ["iotlb"], "granularity": "pasid"}]}""").get("completed").asInt()).isEqualTo(2);
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', textBlock = """
            {"bind": 9, "caches": ["iotlb"], "granularity": "pasid"}                                                              | 404 | ENOENT
            {"ioasid": 9, "caches": ["iotlb"], "granularity": "pasid"}                                                            | 404 | ENOENT
            {"rid": "3f:00.0", "caches": ["iotlb"], "granularity": "pasid"}                                                       | 404 | ENODEV
            {"rid": "3a:00.0", "pasid": 9, "caches": ["iotlb"], "granularity": "pasid"}                                           | 404 | ENOENT
            {"bind": 3, "ioasid": 1, "caches": ["iotlb"], "granularity": "pasid"}                                                 | 400 | EINVAL
            {"bind": 3, "pasid": 1, "caches": ["iotlb"], "granularity": "pasid"}                                                  | 400 | EINVAL
            {"caches": ["iotlb"], "granularity": "pasid"}                                                                         | 400 | EINVAL
            {"bind": 3, "granularity": "pasid"}                                                                                   | 400 | EINVAL
            {"bind": 3, "caches": [], "granularity": "pasid"}                                                                     | 400 | EINVAL
            {"bind": 3, "caches": ["tlb"], "granularity": "pasid"}                                                                | 400 | EINVAL
            {"bind": 3, "caches": ["iotlb"]}                                                                                      | 400 | EINVAL
            {"bind": 3, "caches": ["iotlb"], "granularity": "page"}                                                               | 400 | EINVAL
            {"bind": 3, "caches": ["iotlb"], "granularity": "range"}                                                              | 400 | EINVAL
            {"bind": 3, "caches": ["iotlb"], "granularity": "range", "iova": "0x5000"}                                            | 400 | EINVAL
            {"bind": 3, "caches": ["iotlb"], "granularity": "range", "iova": "0x5000", "length": "0x0"}                           | 400 | EINVAL
            {"bind": 3, "caches": ["iotlb"], "granularity": "range", "iova": "0x5001", "length": "0x1000"}                        | 400 | EINVAL
            {"bind": 3, "caches": ["iotlb"], "granularity": "range", "iova": "0x5000", "length": "0x1001"}                        | 400 | EINVAL
            {"bind": 3, "caches": ["iotlb"], "granularity": "range", "iova": "0xfffffffffffff000", "length": "0x2000"}            | 400 | EINVAL
            {"bind": 3, "caches": ["pasid"], "granularity": "range", "iova": "0x5000", "length": "0x1000"}                        | 400 | EINVAL
            {"bind": 3, "caches": ["iotlb"], "granularity": "pasid", "iova": "0x5000"}                                            | 400 | EINVAL
            {"ioasid": 3, "caches": ["iotlb"], "granularity": "range", "iova": "0x1000000000000", "length": "0x1000"}             | 400 | EINVAL
            {"bind": 3, "caches": ["iotlb"], "granularity": "pasid", "invalidations": []}                                         | 400 | EINVAL
            """)
    void whatCannotBeInvalidatedIsRefused(String body, int status, String errno) {
        var before = json(CACHES);
        expectRefused(post(INVALIDATIONS, body), status, errno);
        assertThat(json(CACHES)).isEqualTo(before);
    }

    @Test
    void cachesAreShownWithWhatTheyHold() {
        address(DMA);
        address(DMA);
        var iotlb = json(CACHES).get("iotlb");
        assertThat(iotlb.get("sets").asInt()).isEqualTo(64);
        assertThat(iotlb.get("ways").asInt()).isEqualTo(8);
        assertThat(iotlb.get("entries").asInt()).isEqualTo(1);
        assertThat(iotlb.get("hits").asInt()).isEqualTo(1);
        assertThat(iotlb.get("misses").asInt()).isEqualTo(1);
        var entry = json(CACHES + "/iotlb").get("items").get(0);
        assertThat(entry.get("rid").asString()).isEqualTo("0000:3a:00.0");
        assertThat(entry.get("pasid").asInt()).isEqualTo(5);
        assertThat(entry.get("iova").asString()).isEqualTo("0x5000");
        assertThat(entry.get("permissions").asString()).isEqualTo("rw");
        var copies = json(CACHES + "/second-stage-paging-structure-cache?limit=1");
        assertThat(copies.get("items")).hasSize(1);
        assertThat(copies.get("next").asString()).isEqualTo("0");
        expectRefused(get(CACHES + "/l2"), 404, "ENOENT");
        expectRefused(get(M1 + "/iommus/iommu9/caches"), 404, "ENOENT");
    }

    @Test
    void theGeometryIsTheUsers() {
        post(M1 + "/iommus", """
                {"name": "small", "type": "vtd", "caches": {"iotlb": {"sets": 2, "ways": 3}, "pasid-cache": {"sets": 0, "ways": 1}}}""").expectStatus().isCreated();
        var caches = json(M1 + "/iommus/small/caches");
        assertThat(caches.get("iotlb").get("sets").asInt()).isEqualTo(2);
        assertThat(caches.get("iotlb").get("ways").asInt()).isEqualTo(3);
        assertThat(caches.get("pasid-cache").get("sets").asInt()).isZero();
        assertThat(caches.get("context-cache").get("sets").asInt()).isEqualTo(16);
        for (var bad : new String[] {
            "{\"iotlb\": {\"sets\": 3, \"ways\": 1}}",
            "{\"iotlb\": {\"sets\": 4, \"ways\": 0}}",
            "{\"iotlb\": {\"sets\": 4, \"ways\": 65}}",
            "{\"iotlb\": {\"sets\": 32768, \"ways\": 1}}",
            "{\"iotlb\": {\"sets\": -4, \"ways\": 1}}",
            "{\"tlb\": {\"sets\": 4, \"ways\": 1}}"
        }) {
            expectRefused(
                    post(M1 + "/iommus", "{\"name\": \"bad\", \"type\": \"vtd\", \"caches\": " + bad + "}"),
                    400,
                    "EINVAL");
        }
    }

    @Test
    void rawCommands() {
        var old = address(DMA);
        write(PAGE_TABLE, 0x203007);
        var answer = json(post(COMMANDS, "{\"commands\": [[\"0x12\", \"0x0\"], [\"0x37\", 0, 0, 0]]}"));
        assertThat(answer.get("completed").asInt()).isEqualTo(2);
        assertThat(answer.get("descriptors").findValuesAsString("name"))
                .containsExactly("iotlb-global", "pasid-cache-global");
        assertThat(address(DMA)).isNotEqualTo(old);
        refused(post(COMMANDS, "{\"commands\": [[\"0x12\", \"0x0\"], [\"0xf\", \"0x0\"]]}"), 400, "EINVAL", """
                {"index": 1, "completed": 1, "queueError": 3}""");
        refused(post(COMMANDS, "{\"commands\": [[\"0x12\"]]}"), 400, "EINVAL", """
                {"index": 0, "completed": 0}""");
        var bytes = ByteBuffer.allocate(64)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(0, 0x12)
                .putLong(32, 0x11);
        assertThat(json(send(HttpMethod.POST, COMMANDS, bytes.array()))
                        .get("descriptors")
                        .findValuesAsString("name"))
                .containsExactly("iotlb-global", "context-cache-global");
        expectRefused(send(HttpMethod.POST, COMMANDS, new byte[33]), 400, "EINVAL");
    }

    @Test
    void aDeviceAnswersItselfWithWhatItAskedFor() {
        var asked = translate(DMA.replace("\"access\": \"read\"", "\"type\": \"translation-request\""));
        assertThat(asked.get("completion").get("status").asString()).isEqualTo("success");
        assertThat(asked.get("completion").get("fields").get("W").asString()).isEqualTo("0x1");
        var old = address(DMA);
        write(PAGE_TABLE, 0x203007);
        invalidate("""
                {"bind": 3, "caches": ["iotlb"], "granularity": "pasid"}""");
        assertThat(address(DMA)).as("the device still knows").isEqualTo(old);
        var explained = json(post(M1 + "/translations/explain", "{" + DMA + "}"));
        assertThat(explained.get("steps").findValuesAsString("structure")).contains("device-tlb");
        invalidate("""
                {"bind": 3, "caches": ["dev-iotlb"], "granularity": "range", "iova": "0x5000", "length": "0x1000"}""");
        assertThat(address(DMA)).isNotEqualTo(old);
        assertThat(json(CACHES).get("device-tlb-3a:00.0").get("hits").asInt()).isEqualTo(2);
    }

    @Test
    void theParentTakesItsPagesBackFromDevicesToo() {
        translate(DMA.replace("\"access\": \"read\"", "\"type\": \"translation-request\""));
        delete(M1 + "/ioasids/3/mappings?iova=0x200000&length=0x10000")
                .expectStatus()
                .isOk();
        assertThat(translate(DMA).get("fault").get("code").asString()).isEqualTo("0x79");
    }

    @Test
    void aDeviceThatDoesNotAnswerLosesItsAts() {
        var device = M1 + "/devices/0000:3a:00.0";
        translate(DMA.replace("\"access\": \"read\"", "\"type\": \"translation-request\""));
        assertThat(json(patch(device, "{\"invalidationAnswers\": false}"))
                        .get("invalidationAnswers")
                        .asBoolean())
                .isFalse();
        refused(post(INVALIDATIONS, """
                {"bind": 3, "caches": ["dev-iotlb"], "granularity": "pasid"}"""), 409, "EIO", """
                {"index": 0, "completed": 0, "rid": "0000:3a:00.0", "title": "No answer"}""");
        get(M1 + "/devices/3a:00.0").expectBody().json("""
                {"ats": false, "pri": false, "invalidationAnswers": false}""");
        get(M1 + "/devices/3b:00.0").expectBody().json("""
                {"ats": true, "pri": true, "invalidationAnswers": true}""");
        // it goes on by asking the unit each time, and what it knew is worth nothing
        write(PAGE_TABLE, 0x203007);
        invalidate("""
                {"bind": 3, "caches": ["iotlb"], "granularity": "pasid"}""");
        assertThat(translate(DMA).get("status").asString()).isEqualTo("translated");
        assertThat(json(post(M1 + "/translations/explain", "{" + DMA + "}"))
                        .get("steps")
                        .findValuesAsString("structure"))
                .doesNotContain("device-tlb");
        delete(M1 + "/ioasids/3/mappings?iova=0x200000&length=0x10000")
                .expectStatus()
                .isOk();
        assertThat(translate(DMA).get("fault").get("code").asString()).isEqualTo("0x79");
        post(M1 + "/devices", "{\"rid\": \"3e:00.0\", \"iommu\": \"iommu0\", \"ats\": false}")
                .expectStatus()
                .isCreated();
        expectRefused(patch(M1 + "/devices/0000:3e:00.0", "{\"invalidationAnswers\": false}"), 422, "EOPNOTSUPP");
    }

    /** Options of a bind are bits of its PASID table entry. */
    @Test
    void aBindIsWalkedWithItsOptions() {
        write(PAGE_TABLE, 0x200001); // supervisor, read only
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
        var entry = ByteBuffer.wrap(bytes(get(M1 + "/ioasids/3/memory/" + PAGE_TABLE + "?length=8")))
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
