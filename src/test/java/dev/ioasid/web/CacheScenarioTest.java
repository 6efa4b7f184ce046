package dev.ioasid.web;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.Architecture;
import dev.ioasid.Arrangement;
import dev.ioasid.iommu.Stage;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.http.HttpMethod;
import tools.jackson.databind.JsonNode;

/** Caches, invalidations and raw commands over HTTP, with a table that the user edits and the unit remembers. */
class CacheScenarioTest extends BothArchitecturesTest {
    private static final String CACHES = M1 + "/iommus/iommu0/caches";
    private static final String INVALIDATIONS = M1 + "/invalidations";
    private static final String COMMANDS = M1 + "/iommus/iommu0/commands";
    /** Bind 3: RID1, PASID 5, nested on IOASID 3, root at 0x100000. */
    private static final String DMA = "\"rid\": \"3a:00.0\", \"pasid\": 5, \"iova\": \"0x5678\", \"access\": \"read\"";

    private static final long PAGE_TABLE = 0x103028; // the entry of 0x5000

    /** A table of four levels at the root of bind 3 that leads 0x5000 and 0x6000 to the guest's 0x200000 and 0x201000. */
    @BeforeEach
    void bindATable() {
        machine(Arrangement.GUESTS);
        for (var mapping : new String[] {"0x100000", "0x200000"}) {
            post(M1 + "/ioasids/3/mappings", """
                    {"iova": "%s", "length": "0x10000", "permissions": "rw"}""".formatted(mapping))
                    .expectStatus()
                    .isCreated();
        }
        for (long table = 0x100000; table < 0x103000; table += 0x1000) {
            write(3, table, on.tableEntry(table + 0x1000));
        }
        write(3, PAGE_TABLE, on.pageEntry(0x200000));
        write(3, PAGE_TABLE + 8, on.pageEntry(0x201000));
    }

    private String address(String request) {
        return translate(request).get("address").asString();
    }

    private static List<String> names(JsonNode answer) {
        return answer.get("descriptors").findValuesAsString("name");
    }

    private JsonNode invalidate(String body) {
        return json(post(INVALIDATIONS, body));
    }

    @Test
    void theOldAnswerUntilTheBindIsInvalidated() {
        var before = address(DMA);
        write(3, PAGE_TABLE, on.pageEntry(0x203000));
        assertThat(address(DMA)).as("nobody has told the unit").isEqualTo(before);
        var answer = invalidate("""
                {"bind": 3, "caches": ["iotlb"], "granularity": "range", "iova": "0x5000", "length": "0x1000", "leaf": true}""");
        assertThat(answer.get("completed").asInt()).isEqualTo(1);
        var descriptor = answer.get("descriptors").get(0);
        switch (on) {
            case VTD -> {
                assertThat(names(answer)).containsExactly("pasid-iotlb-page", "wait");
                assertThat(descriptor.get("fields").get("PASID").asString()).isEqualTo("0x5");
                assertThat(descriptor.get("fields").get("IH").asString()).isEqualTo("0x1");
                assertThat(descriptor.get("words").get(1).asString()).isEqualTo("0x5040");
            }
            case SMMUV3 -> {
                assertThat(names(answer)).containsExactly("tlbi-nh-va", "sync");
                assertThat(descriptor.get("fields").get("Leaf").asString()).isEqualTo("0x1");
                assertThat(descriptor.get("words").get(1).asString()).startsWith("0x5");
            }
        }
        assertThat(address(DMA)).isNotEqualTo(before);
    }

    @Test
    void whatWasNotPresentIsSeenAtOnce() {
        write(3, PAGE_TABLE, 0);
        assertThat(translate(DMA).get("fault").get("code").asString())
                .isEqualTo(on.notMapped(Stage.FIRST).code());
        write(3, PAGE_TABLE, on.pageEntry(0x200000));
        assertThat(translate(DMA).get("status").asString()).isEqualTo("translated");
    }

    @Test
    void aBindsInvalidationReachesItselfOnly() {
        put(M1 + "/binds/4", "{\"root\": \"0x100000\"}").expectStatus().isOk();
        var sibling = "\"rid\": \"3b:00.0\", \"pasid\": 1, \"iova\": \"0x5678\", \"access\": \"read\"";
        var old = address(DMA);
        assertThat(address(sibling)).isEqualTo(old);
        write(3, PAGE_TABLE, on.pageEntry(0x203000));
        invalidate("""
                {"bind": 4, "caches": ["pasid", "iotlb"], "granularity": "pasid"}""");
        assertThat(address(DMA)).as("bind 3 was not meant").isEqualTo(old);
        assertThat(address(sibling)).isNotEqualTo(old);
        invalidate("""
                {"rid": "3a:00.0", "pasid": 5, "caches": ["iotlb"], "granularity": "device"}""");
        assertThat(address(DMA)).isEqualTo(address(sibling));
    }

    @Test
    void aListIsDoneUpToTheFirstThatIsWrong() {
        var old = address(DMA);
        write(3, PAGE_TABLE, on.pageEntry(0x203000));
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
            {"bind": 3, "caches": ["l2"]   , "granularity": "pasid"}                                                                | 400 | EINVAL
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
        var iotlb = json(CACHES).get(on.translationCache());
        assertThat(iotlb.get("sets").asInt()).isEqualTo(64);
        assertThat(iotlb.get("ways").asInt()).isEqualTo(8);
        assertThat(iotlb.get("entries").asInt()).isEqualTo(1);
        assertThat(iotlb.get("hits").asInt()).isEqualTo(1);
        assertThat(iotlb.get("misses").asInt()).isEqualTo(1);
        var entry = json(CACHES + "/" + on.translationCache()).get("items").get(0);
        if (on == Architecture.VTD) { // an SMMUv3's have an ASID and a VMID instead
            assertThat(entry.get("rid").asString()).isEqualTo("0000:3a:00.0");
            assertThat(entry.get("pasid").asInt()).isEqualTo(5);
        }
        assertThat(entry.get("iova").asString()).isEqualTo("0x5000");
        assertThat(entry.get("permissions").asString()).isEqualTo("rw");
        address(DMA.replace("0x5678", "0x6678"));
        var copies = json(CACHES + "/" + on.translationCache() + "?limit=1");
        assertThat(copies.get("items")).hasSize(1);
        assertThat(copies.get("next").asString()).isEqualTo("0");
        assertThat(json(CACHES + "/" + on.routeCache()).get("items").get(0).get("raw"))
                .isNotEmpty();
        expectRefused(get(CACHES + "/l2"), 404, "ENOENT");
        expectRefused(get(M1 + "/iommus/iommu9/caches"), 404, "ENOENT");
    }

    @Test
    void theGeometryIsTheUsers() {
        post(M1 + "/iommus", """
                {"name": "small", "type": "%s", "caches": {"%s": {"sets": 2, "ways": 3}, "%s": {"sets": 0, "ways": 1}}}""".formatted(on.preset(), on.translationCache(), on.routeCache()))
                .expectStatus()
                .isCreated();
        var caches = json(M1 + "/iommus/small/caches");
        var usual = json(CACHES);
        caches.forEachEntry((name, cache) -> {
            if (name.equals(on.translationCache())) {
                assertThat(cache.get("sets").asInt()).isEqualTo(2);
                assertThat(cache.get("ways").asInt()).isEqualTo(3);
            } else if (name.equals(on.routeCache())) {
                assertThat(cache.get("sets").asInt()).isZero();
            } else {
                assertThat(cache.get("sets")).isEqualTo(usual.get(name).get("sets"));
            }
        });
        for (var bad : new String[] {
            "{\"%s\": {\"sets\": 3, \"ways\": 1}}",
            "{\"%s\": {\"sets\": 4, \"ways\": 0}}",
            "{\"%s\": {\"sets\": 4, \"ways\": 65}}",
            "{\"%s\": {\"sets\": 32768, \"ways\": 1}}",
            "{\"%s\": {\"sets\": -4, \"ways\": 1}}",
            "{\"l2\": {\"sets\": 4, \"ways\": 1}}"
        }) {
            expectRefused(
                    post(
                            M1 + "/iommus",
                            "{\"name\": \"bad\", \"type\": \"%s\", \"caches\": %s}"
                                    .formatted(on.preset(), bad.formatted(on.translationCache()))),
                    400,
                    "EINVAL");
        }
    }

    /** Two that are good and one of no type, in the words of each architecture, and what they are called. */
    private record Raw(long first, long second, String firstName, String secondName, long none, int error) {}

    private Raw raw() {
        return switch (on) {
            case VTD -> new Raw(0x12, 0x37, "iotlb-global", "pasid-cache-global", 0xf, 3);
            case SMMUV3 -> new Raw(0x30, 0x10, "tlbi-nsnh-all", "tlbi-nh-all", 0xff, 1);
        };
    }

    @Test
    void rawCommands() {
        var raw = raw();
        var old = address(DMA);
        write(3, PAGE_TABLE, on.pageEntry(0x203000));
        var both = "{\"commands\": [[\"0x%x\", \"0x0\"], [\"0x%x\", 0]]}";
        var answer = json(post(COMMANDS, both.formatted(raw.first, raw.second)));
        assertThat(answer.get("completed").asInt()).isEqualTo(2);
        assertThat(names(answer)).containsExactly(raw.firstName, raw.secondName);
        assertThat(address(DMA)).isNotEqualTo(old);
        refused(post(COMMANDS, both.formatted(raw.first, raw.none)), 400, "EINVAL", """
                {"index": 1, "completed": 1, "queueError": %d}""".formatted(raw.error));
        refused(post(COMMANDS, "{\"commands\": [[\"0x12\"]]}"), 400, "EINVAL", """
                {"index": 0, "completed": 0}""");
        int size = on == Architecture.VTD ? 32 : 16;
        var bytes = ByteBuffer.allocate(2 * size)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(0, raw.first)
                .putLong(size, raw.second);
        assertThat(names(json(send(HttpMethod.POST, COMMANDS, bytes.array()))))
                .containsExactly(raw.firstName, raw.secondName);
        expectRefused(send(HttpMethod.POST, COMMANDS, new byte[size + 1]), 400, "EINVAL");
    }

    @Test
    void aDeviceAnswersItselfWithWhatItAskedFor() {
        var asked = translate(DMA.replace("\"access\": \"read\"", "\"type\": \"translation-request\""));
        assertThat(asked.get("completion").get("status").asString()).isEqualTo("success");
        assertThat(asked.get("completion").get("fields").get("W").asString()).isEqualTo("0x1");
        var old = address(DMA);
        write(3, PAGE_TABLE, on.pageEntry(0x203000));
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
        assertThat(translate(DMA).get("fault").get("code").asString())
                .isEqualTo(on.notMapped(Stage.SECOND).code());
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
        write(3, PAGE_TABLE, on.pageEntry(0x203000));
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
        assertThat(translate(DMA).get("fault").get("code").asString())
                .isEqualTo(on.notMapped(Stage.SECOND).code());
        post(M1 + "/devices", "{\"rid\": \"3e:00.0\", \"iommu\": \"iommu0\", \"ats\": false}")
                .expectStatus()
                .isCreated();
        expectRefused(patch(M1 + "/devices/0000:3e:00.0", "{\"invalidationAnswers\": false}"), 422, "EOPNOTSUPP");
    }
}
