package dev.ioasid.web;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.Architecture;
import dev.ioasid.Arrangement;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MappingScenarioTest extends BothArchitecturesTest {
    private static final String MAPPINGS = M1 + "/ioasids/3/mappings";

    @BeforeEach
    void makeMachine() {
        machine(Arrangement.SHARED);
    }

    @Test
    void whatIsUnmappedInAnIoasidIsGoneOnEveryRoute() {
        post(MAPPINGS, """
                {"iova": "0x1000", "length": "0x1000", "permissions": "rw"}""").expectStatus().isCreated();
        var both = """
                {"requests": [{"rid": "0000:3b:00.0", "iova": "0x1000", "access": "write"},
                              {"rid": "0000:3a:00.0", "pasid": 2, "iova": "0x1000", "access": "write"}]}""";
        post(M1 + "/translations", both).expectBody().json("""
                {"results": [{"status": "translated"}, {"status": "translated"}]}""");
        delete(MAPPINGS + "?iova=0x1000&length=0x1000")
                .expectStatus()
                .isOk()
                .expectBody()
                .json("""
                {"unmapped": "0x1000"}""");
        var absent = on.notMapped(on.sharedStage()).json();
        post(M1 + "/translations", both).expectBody().json("""
                {"results": [{"status": "fault", "fault": %s}, {"status": "fault", "fault": %s}]}""".formatted(absent, absent));
    }

    @Test
    void oneMapping() {
        post(MAPPINGS, """
                {"iova": "0x200000", "length": "0x203000", "permissions": "r", "physicalAddress": "0x40000000"}""")
                .expectStatus()
                .isCreated()
                .expectHeader()
                .valueEquals("Location", MAPPINGS + "/0x200000")
                .expectBody()
                .json("""
                        {"iova": "0x200000", "length": "0x203000", "permissions": "r", "physicalAddress": "0x40000000",
                         "pageSizes": {"0x1000": 3, "0x200000": 1}}""")
                .jsonPath("$.extents")
                .doesNotExist();
        get(MAPPINGS + "/0x200000").expectBody().json("""
                {"iova": "0x200000", "length": "0x203000"}""");
        expectRefused(get(MAPPINGS + "/0x201000"), 404, "ENOENT");
        expectRefused(get(MAPPINGS + "/0"), 404, "ENOENT");
        get(M1 + "/ioasids/3").expectBody().json("""
                {"mappedBytes": "0x203000"}""");
    }

    @Test
    void numbersAreAsGoodAsHex() {
        post(MAPPINGS, """
                {"iova": 4096, "length": 8192, "permissions": "rw", "physicalAddress": 1073741824}""").expectStatus().isCreated().expectBody().json("""
                        {"iova": "0x1000", "length": "0x2000", "physicalAddress": "0x40000000"}""");
        delete(MAPPINGS + "?iova=4096&length=0x2000").expectStatus().isOk();
    }

    /** VT-d's second stage says nothing of execution and its first nothing against it; a first stage always allows reads. */
    @ParameterizedTest(name = "{0}: {1}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            stage  | permissions | VT-d       | SMMUv3
            second | r           |            |
            second | w           |            |
            second | rw          |            |
            second | rwx         | EOPNOTSUPP |
            second | rp          | EOPNOTSUPP | EOPNOTSUPP
            first  | r           |            |
            first  | w           | EINVAL     | EINVAL
            first  | rwp         |            |
            first  | rx          | EOPNOTSUPP |
            first  | rwxp        | EOPNOTSUPP |
            """)
    void permissionsAreThoseOfTheFormat(
            String stage, String permissions, @Nullable String vtd, @Nullable String smmuv3) {
        var format = stage.equals("first") ? on.firstStage() : on.secondStage();
        post(M1 + "/ioasids", "{\"type\": \"paging\", \"format\": \"%s\"}".formatted(format))
                .expectStatus()
                .isCreated();
        var answer = post(M1 + "/ioasids/4/mappings", """
                {"iova": "0x1000", "length": "0x1000", "permissions": "%s"}""".formatted(permissions));
        var errno = on == Architecture.VTD ? vtd : smmuv3;
        if (errno == null) {
            answer.expectStatus().isCreated().expectBody().json("{\"permissions\": \"%s\"}".formatted(permissions));
        } else {
            expectRefused(answer, errno.equals("EINVAL") ? 400 : 422, errno);
            assertThat(json(M1 + "/ioasids/4/mappings").get("items")).isEmpty();
        }
    }

    @Test
    void severalAtOnceAreMadeTogetherOrNotAtAll() {
        post(MAPPINGS, """
                {"mappings": [{"iova": "0x1000", "length": "0x1000", "permissions": "rw"},
                              {"length": "0x1000", "permissions": "r"}]}""").expectStatus().isCreated().expectBody().json("""
                        {"items": [{"iova": "0x1000"}, {"iova": "0x2000", "permissions": "r"}]}""");
        refused(post(MAPPINGS, """
                {"mappings": [{"iova": "0x8000", "length": "0x1000", "permissions": "rw"},
                              {"iova": "0x1000", "length": "0x1000", "permissions": "rw"}]}"""), 409, "EEXIST", """
                {"index": 1}""");
        refused(post(MAPPINGS, """
                {"mappings": [{"iova": "0x8000", "length": "0x1000", "permissions": "rw"},
                              {"iova": "0x9000", "length": "0x1000", "permissions": "no"}]}"""), 400, "EINVAL", """
                {"index": 1, "property": "mappings[1].permissions"}""");
        assertThat(json(MAPPINGS).get("items")).hasSize(2);
    }

    @Test
    void aBatchHasAMost() {
        refused(post(MAPPINGS, batch(10_001)), 413, "E2BIG", """
                {"limit": {"name": "mappings", "value": 10000}}""");
        assertThat(json(MAPPINGS).get("items")).isEmpty();
        post(MAPPINGS, batch(10_000)).expectStatus().isCreated();
        var page = json(MAPPINGS + "?limit=10000");
        assertThat(page.get("items")).hasSize(10_000);
        assertThat(page.has("next")).isFalse();
        var first = json(MAPPINGS);
        assertThat(first.get("items")).hasSize(1000);
        assertThat(json(MAPPINGS + "?limit=1&after=" + first.get("next").asString())
                        .get("items")
                        .get(0)
                        .get("iova")
                        .asString())
                .isEqualTo("0x" + Integer.toHexString(1001 * 0x1000));
    }

    private static String batch(int count) {
        return IntStream.rangeClosed(1, count)
                .mapToObj(i -> "{\"iova\": %d, \"length\": 4096, \"permissions\": \"rw\", \"physicalAddress\": 4096}"
                        .formatted(i * 4096L))
                .collect(Collectors.joining(",", "{\"mappings\": [", "]}"));
    }

    @Test
    void unmapTakesARangeUpToTheEndOfAllAddresses() {
        post(MAPPINGS, """
                {"iova": "0x1000", "length": "0x2000", "permissions": "rw"}""").expectStatus().isCreated();
        delete(MAPPINGS + "?iova=1&length=0xffffffffffffffff")
                .expectStatus()
                .isOk()
                .expectBody()
                .json("""
                {"unmapped": "0x2000"}""");
    }

    @Test
    void unmapTakesARangeOrEverything() {
        post(MAPPINGS, """
                {"iova": "0x1000", "length": "0x2000", "permissions": "rw"}""").expectStatus().isCreated();
        expectRefused(delete(MAPPINGS + "?iova=0x1000"), 400, "EINVAL");
        expectRefused(delete(MAPPINGS + "?length=0x1000"), 400, "EINVAL");
        expectRefused(delete(MAPPINGS + "?iova=0x1000&lenght=0x2000"), 400, "EINVAL");
        expectRefused(delete(MAPPINGS + "?iova=0x1000&length=0x2000&iova=0x1000"), 400, "EINVAL");
        expectRefused(delete(MAPPINGS + "?iova=0x1000&length=0x1000"), 404, "ENOENT");
        expectRefused(delete(MAPPINGS + "?iova=0x1000&length=0"), 400, "EINVAL");
        assertThat(json(MAPPINGS).get("items")).hasSize(1);
        delete(MAPPINGS).expectStatus().isOk().expectBody().json("""
                {"unmapped": "0x2000"}""");
        delete(MAPPINGS).expectStatus().isOk().expectBody().json("""
                {"unmapped": "0x0"}""");
    }
}
