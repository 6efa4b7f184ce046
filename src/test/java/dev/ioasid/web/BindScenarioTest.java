package dev.ioasid.web;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a bind takes and gives back, and what is refused. */
class BindScenarioTest extends HttpTest {
    private static final String BINDS = M1 + "/binds";
    private static final String FREE = """
            {"rid": "3b:00.0", "pasid": 9, "parent": 3, "format": "x86-64", "root": "0x300000"}""";

    @BeforeEach
    void siov() {
        machine("siov");
    }

    @Test
    void isMadeShownReplacedAndDeleted() {
        post(BINDS, FREE)
                .expectStatus()
                .isCreated()
                .expectHeader()
                .valueEquals("Location", BINDS + "/5")
                .expectBody()
                .json("""
                        {"id": 5, "rid": "0000:3b:00.0", "pasid": 9, "parent": 3, "format": "x86-64",
                         "addressWidth": 48, "root": "0x300000"}""");
        put(BINDS + "/5", "{\"root\": \"0x301000\", \"addressWidth\": 57}")
                .expectStatus()
                .isOk();
        assertThat(json(BINDS + "/5").toString())
                .isEqualTo("{\"id\":5,\"rid\":\"0000:3b:00.0\",\"pasid\":9,\"parent\":3,\"format\":\"x86-64\","
                        + "\"addressWidth\":57,\"root\":\"0x301000\",\"granule\":\"0x1000\"}");
        assertThat(decisionOf("3b:00.0", 9))
                .contains("first-stage table at 0x301000, 5 levels, nested on second-stage table at");
        delete(BINDS + "/5").expectStatus().isNoContent();
        refused(get(BINDS + "/5"), 404, "ENOENT", "{\"bind\": 5}");
        refused(get(M1 + "/devices/3b:00.0/pasids/9/attachment"), 404, "ENOENT", "{}");
        assertThat(json(BINDS).get("items")).hasSize(4);
    }

    @Test
    void areListedByParentAndByRoute() {
        assertThat(json(BINDS + "?parent=2").get("items").findValuesAsString("id"))
                .containsExactly("1", "2");
        assertThat(json(BINDS + "?rid=3b:00.0").get("items").findValuesAsString("id"))
                .containsExactly("4");
        assertThat(json(BINDS + "?rid=3a:00.0&pasid=5").get("items").findValuesAsString("id"))
                .containsExactly("3");
        assertThat(json(BINDS + "?limit=3").get("next").asInt()).isEqualTo(3);
        assertThat(json(BINDS + "?after=3").get("items").findValuesAsString("id"))
                .containsExactly("4");
    }

    @Test
    void aRouteThatWasOnTheParentIsBackOnItAfterwards() {
        var body = FREE.replace("\"pasid\": 9, ", "");
        post(BINDS, body).expectStatus().isCreated();
        assertThat(json(M1 + "/devices/3b:00.0/attachment").toString())
                .isEqualTo("{\"rid\":\"0000:3b:00.0\",\"ioasid\":3,\"bind\":5}");
        assertThat(json(M1 + "/ioasids/3").get("routes").toString()).contains("{\"rid\":\"0000:3b:00.0\",\"bind\":5}");
        refused(post(BINDS, body), 409, "EBUSY", "{\"bind\": 5}");
        delete(BINDS + "/5").expectStatus().isNoContent();
        assertThat(json(M1 + "/devices/3b:00.0/attachment").toString())
                .isEqualTo("{\"rid\":\"0000:3b:00.0\",\"ioasid\":3}");
    }

    @Test
    void holdsItsRouteAndItsParent() {
        refused(put(M1 + "/devices/3a:00.0/pasids/3/attachment", "{\"ioasid\": 3}"), 409, "EBUSY", "{\"bind\": 1}");
        refused(delete(M1 + "/devices/3a:00.0/pasids/3/attachment"), 409, "EBUSY", "{\"bind\": 1}");
        refused(delete(M1 + "/devices/3a:00.0/pasids/3"), 409, "EBUSY", "{}");
        delete(M1 + "/devices/3a:00.0/pasids/1/attachment").expectStatus().isNoContent();
        refused(delete(M1 + "/ioasids/2"), 409, "EBUSY", """
                {"routes": [{"rid": "0000:3a:00.0", "pasid": 3}, {"rid": "0000:3a:00.0", "pasid": 4}]}""");
        delete(BINDS + "/1").expectStatus().isNoContent();
        delete(BINDS + "/2").expectStatus().isNoContent();
        delete(M1 + "/ioasids/2").expectStatus().isNoContent();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "\"root\": \"0x300000\" | \"root\": \"0x300800\" | 400 | EINVAL",
                "\"root\": \"0x300000\" | \"root\": \"0x4000000000000000\" | 400 | EINVAL",
                "\"root\": \"0x300000\" | \"root\": \"0x1000000000000\" | 400 | EINVAL",
                "\"parent\": 3 | \"parent\": 99 | 404 | ENOENT",
                "\"parent\": 3 | \"parent\": 4 | 400 | EINVAL",
                "x86-64 | vtd-second-stage | 422 | EOPNOTSUPP",
                "x86-64 | armv8-stage1 | 422 | EOPNOTSUPP",
                "x86-64 | x86-32 | 400 | EINVAL",
                "\"parent\": 3 | \"addressWidth\": 39, \"parent\": 3 | 400 | EINVAL",
                "\"pasid\": 9 | \"pasid\": 0 | 400 | EINVAL",
                "\"pasid\": 9 | \"pasid\": 1048576 | 400 | EINVAL",
                "3b:00.0 | 3c:00.0 | 404 | ENODEV",
                "\"rid\": \"3b:00.0\", \"pasid\": 9 | \"rid\": \"3a:00.0\", \"pasid\": 1 | 409 | EBUSY",
                "\"rid\": \"3b:00.0\", \"pasid\": 9 | \"rid\": \"3a:00.0\", \"pasid\": 3 | 409 | EBUSY",
                "\"parent\": 3 | \"parent\": 3, \"levels\": 4 | 400 | EINVAL"
            })
    void whatCannotBeIsRefusedAndChangesNothing(String from, String to, int status, String errno) {
        post(M1 + "/ioasids", "{\"type\": \"identity\"}").expectStatus().isCreated();
        var before = json(M1 + "/topology");
        var memory = json(M1).toString();
        expectRefused(post(BINDS, FREE.replace(from, to)), status, errno);
        assertThat(json(M1 + "/topology")).isEqualTo(before);
        assertThat(json(M1).toString()).isEqualTo(memory);
        expectRefused(put(BINDS + "/9", "{\"root\": \"0x1000\"}"), 404, "ENOENT");
        expectRefused(delete(BINDS + "/9"), 404, "ENOENT");
    }

    @ParameterizedTest
    @CsvSource({"nesting: false, nesting", "scalable: false, scalable"})
    void aUnitThatCannotNestSaysWhatItLacks(String capability, String missing) {
        var named = "\"" + capability.replace(":", "\":");
        post(M1 + "/iommus", "{\"name\": \"u\", \"type\": \"vtd\", \"capabilities\": {%s}}".formatted(named))
                .expectStatus()
                .isCreated();
        post(M1 + "/devices", "{\"rid\": \"3c:00.0\", \"iommu\": \"u\"}")
                .expectStatus()
                .isCreated();
        post(M1 + "/ioasids", "{\"type\": \"paging\", \"iommu\": \"u\"}")
                .expectStatus()
                .isCreated();
        var body = "{\"rid\": \"3c:00.0\", \"parent\": 4, \"format\": \"x86-64\", \"root\": \"0x1000\"}";
        refused(post(BINDS, body), 422, "EOPNOTSUPP", "{\"capability\": \"" + missing + "\"}");
        // a parent of another unit is refused before
        refused(post(BINDS, body.replace("3c:00.0", "3b:00.0")), 400, "EINVAL", "{\"ioasid\": 4}");
    }

    @Test
    void aRidIsBoundForItsWholeGroup() {
        for (var rid : new String[] {"3c:00.0", "3c:00.1"}) {
            post(M1 + "/devices", "{\"rid\": \"%s\", \"iommu\": \"iommu0\", \"group\": 7}".formatted(rid))
                    .expectStatus()
                    .isCreated();
        }
        var bind = "{\"rid\": \"3c:00.0\", \"parent\": 3, \"format\": \"x86-64\", \"root\": \"0x300000\"}";
        post(BINDS, bind).expectStatus().isCreated();
        assertThat(decisionOf("3c:00.1")).contains("nested on second-stage table");
        refused(put(M1 + "/devices/3c:00.1/attachment", "{\"ioasid\": 3}"), 409, "EBUSY", "{\"bind\": 5}");
        put(BINDS + "/5", "{\"root\": \"0x302000\"}").expectStatus().isOk();
        assertThat(decisionOf("3c:00.1")).contains("first-stage table at 0x302000");
        delete(BINDS + "/5").expectStatus().isNoContent();
        assertThat(decisionOf("3c:00.1")).doesNotContain("nested");
        put(M1 + "/devices/3c:00.1/attachment", "{\"ioasid\": 3}")
                .expectStatus()
                .isOk();
        refused(post(BINDS, bind), 409, "EBUSY", "{\"routes\": [{\"rid\": \"0000:3c:00.0\"}]}");
    }

    private String decisionOf(String rid) {
        return decisions("\"rid\": \"" + rid + "\"");
    }

    private String decisionOf(String rid, int pasid) {
        return decisions("\"rid\": \"%s\", \"pasid\": %d".formatted(rid, pasid));
    }

    private String decisions(String route) {
        return json(post(M1 + "/translations/explain", "{%s, \"iova\": 0, \"access\": \"read\"}".formatted(route))
                        .expectStatus()
                        .isOk())
                .get("steps")
                .findValuesAsString("decision")
                .toString();
    }
}
