package dev.ioasid.web;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class MappingScenarioTest extends HttpTest {
    private static final String MAPPINGS = M1 + "/ioasids/3/mappings";

    @BeforeEach
    void makeMachine() {
        machine("siov");
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
        post(M1 + "/translations", both).expectBody().json("""
                {"results": [{"status": "fault", "fault": {"code": "0x79", "stage": "second"}},
                             {"status": "fault", "fault": {"code": "0x79", "stage": "second"}}]}""");
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
                {"iova": 4096, "length": 8192, "permissions": "w", "physicalAddress": 1073741824}""").expectStatus().isCreated().expectBody().json("""
                        {"iova": "0x1000", "length": "0x2000", "physicalAddress": "0x40000000"}""");
        delete(MAPPINGS + "?iova=4096&length=0x2000").expectStatus().isOk();
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
