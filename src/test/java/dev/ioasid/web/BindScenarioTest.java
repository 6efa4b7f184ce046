package dev.ioasid.web;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.Architecture;
import dev.ioasid.Arrangement;
import dev.ioasid.iommu.Stage;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a bind takes and gives back, and what is refused. */
class BindScenarioTest extends BothArchitecturesTest {
    private static final String BINDS = M1 + "/binds";
    /** Tables that lead address 0 to a page, one behind the other: a root n pages before the page is one of n levels. */
    private static final long PAGE_OF_THE_GUEST = 0x305000;

    @BeforeEach
    void makeMachine() {
        machine(Arrangement.GUESTS);
    }

    private String free() {
        return """
                {"rid": "3b:00.0", "pasid": 9, "parent": 3, "format": "%s", "root": "0x301000"}""".formatted(on.firstStage());
    }

    /** The guest's tables; answers where its page lies. */
    private String writeTables() {
        var mapped = json(post(M1 + "/ioasids/3/mappings", """
                {"iova": "0x300000", "length": "0x10000", "permissions": "rw", "physicalAddress": "0x40000000"}""").expectStatus().isCreated());
        assertThat(mapped.get("iova").asString()).isEqualTo("0x300000");
        for (long table = 0x300000; table < 0x304000; table += 0x1000) {
            write(3, table, on.tableEntry(table + 0x1000));
        }
        write(3, 0x304000, on.pageEntry(PAGE_OF_THE_GUEST));
        return "0x40005008";
    }

    private String leadsTo(String route) {
        var answer = translate(route + ", \"iova\": \"0x8\", \"access\": \"write\"");
        return answer.has("address")
                ? answer.get("address").asString()
                : answer.get("fault").get("name").asString();
    }

    @Test
    void isMadeShownReplacedAndDeleted() {
        var page = writeTables();
        post(BINDS, free())
                .expectStatus()
                .isCreated()
                .expectHeader()
                .valueEquals("Location", BINDS + "/5")
                .expectBody()
                .json("""
                        {"id": 5, "rid": "0000:3b:00.0", "pasid": 9, "parent": 3, "format": "%s",
                         "addressWidth": 48, "root": "0x301000"}""".formatted(on.firstStage()));
        var route = "\"rid\": \"3b:00.0\", \"pasid\": 9";
        assertThat(leadsTo(route)).isEqualTo(page);
        int width = on == Architecture.VTD ? 57 : 39; // a level more, or one less
        var root = on == Architecture.VTD ? "0x300000" : "0x302000";
        put(BINDS + "/5", "{\"root\": \"%s\", \"addressWidth\": %d}".formatted(root, width))
                .expectStatus()
                .isOk();
        assertThat(json(BINDS + "/5").toString())
                .isEqualTo("{\"id\":5,\"rid\":\"0000:3b:00.0\",\"pasid\":9,\"parent\":3,\"format\":\"%s\","
                                .formatted(on.firstStage())
                        + "\"addressWidth\":%d,\"root\":\"%s\",\"granule\":\"0x1000\"}".formatted(width, root));
        assertThat(leadsTo(route)).isEqualTo(page);
        delete(BINDS + "/5").expectStatus().isNoContent();
        refused(get(BINDS + "/5"), 404, "ENOENT", "{\"bind\": 5}");
        refused(get(M1 + "/devices/3b:00.0/pasids/9/attachment"), 404, "ENOENT", "{}");
        assertThat(leadsTo(route)).isEqualTo(on.notAttached().name());
        assertThat(json(BINDS).get("items")).hasSize(4);
    }

    @Test
    void areListedByParentAndByRoute() {
        assertThat(ids("?parent=2")).containsExactly("1", "2");
        assertThat(ids("?rid=3b:00.0")).containsExactly("4");
        assertThat(ids("?rid=3a:00.0&pasid=5")).containsExactly("3");
        assertThat(json(BINDS + "?limit=3").get("next").asInt()).isEqualTo(3);
        assertThat(ids("?after=3")).containsExactly("4");
    }

    private List<String> ids(String query) {
        return json(BINDS + query).get("items").findValuesAsString("id");
    }

    @Test
    void aRouteThatWasOnTheParentIsBackOnItAfterwards() {
        var page = writeTables();
        post(M1 + "/ioasids/3/mappings", """
                {"iova": "0x0", "length": "0x1000", "permissions": "rw", "physicalAddress": "0x50000000"}""").expectStatus().isCreated();
        var body = free().replace("\"pasid\": 9, ", "");
        var route = "\"rid\": \"3b:00.0\"";
        assertThat(leadsTo(route)).isEqualTo("0x50000008");
        post(BINDS, body).expectStatus().isCreated();
        assertThat(leadsTo(route)).isEqualTo(page);
        assertThat(json(M1 + "/devices/3b:00.0/attachment").toString())
                .isEqualTo("{\"rid\":\"0000:3b:00.0\",\"ioasid\":3,\"bind\":5}");
        assertThat(json(M1 + "/ioasids/3").get("routes").toString()).contains("{\"rid\":\"0000:3b:00.0\",\"bind\":5}");
        refused(post(BINDS, body), 409, "EBUSY", "{\"bind\": 5}");
        delete(BINDS + "/5").expectStatus().isNoContent();
        assertThat(json(M1 + "/devices/3b:00.0/attachment").toString())
                .isEqualTo("{\"rid\":\"0000:3b:00.0\",\"ioasid\":3}");
        assertThat(leadsTo(route)).isEqualTo("0x50000008");
    }

    @Test
    void holdsItsRouteAndItsParent() {
        refused(put(M1 + "/devices/3c:00.0/pasids/3/attachment", "{\"ioasid\": 3}"), 409, "EBUSY", "{\"bind\": 1}");
        refused(delete(M1 + "/devices/3c:00.0/pasids/3/attachment"), 409, "EBUSY", "{\"bind\": 1}");
        refused(delete(M1 + "/devices/3c:00.0/pasids/3"), 409, "EBUSY", "{}");
        delete(M1 + "/devices/3c:00.0/attachment").expectStatus().isNoContent();
        refused(delete(M1 + "/ioasids/2"), 409, "EBUSY", """
                {"routes": [{"rid": "0000:3c:00.0", "pasid": 3}, {"rid": "0000:3c:00.0", "pasid": 4}]}""");
        delete(BINDS + "/1").expectStatus().isNoContent();
        delete(BINDS + "/2").expectStatus().isNoContent();
        delete(M1 + "/ioasids/2").expectStatus().isNoContent();
    }

    /** VT-d has a second stage for each PASID; an SMMUv3 has one for a stream, which is refused another. */
    @Test
    void routesOfOneRidOnTwoParents() {
        var answer = post(BINDS, """
                {"rid": "3a:00.0", "pasid": 6, "parent": 2, "format": "%s", "root": "0x100000"}""".formatted(on.firstStage()));
        switch (on) {
            case VTD -> answer.expectStatus().isCreated();
            case SMMUV3 -> {
                refused(answer, 422, "EOPNOTSUPP", "{\"rid\": \"0000:3a:00.0\"}");
                assertThat(json(answer).get("detail").asString()).contains("one stage 2");
                assertThat(ids("?rid=3a:00.0")).containsExactly("3");
                assertThat(json(M1 + "/devices/3a:00.0").get("pasids").toString())
                        .isEqualTo("[5]");
            }
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "\"root\": \"0x301000\" | \"root\": \"0x300800\" | 400 | EINVAL",
                "\"root\": \"0x301000\" | \"root\": \"0x4000000000000000\" | 400 | EINVAL",
                "\"root\": \"0x301000\" | \"root\": \"0x1000000000000\" | 400 | EINVAL",
                "\"parent\": 3 | \"parent\": 99 | 404 | ENOENT",
                "\"parent\": 3 | \"parent\": 4 | 400 | EINVAL",
                "\"parent\": 3 | \"parent\": 1 | 400 | EINVAL",
                "firstStage | secondStage | 422 | EOPNOTSUPP",
                "firstStage | other | 422 | EOPNOTSUPP",
                "firstStage | x86-32 | 400 | EINVAL",
                "\"parent\": 3 | \"addressWidth\": 20, \"parent\": 3 | 400 | EINVAL",
                "\"pasid\": 9 | \"pasid\": 0 | 400 | EINVAL",
                "\"pasid\": 9 | \"pasid\": 1048576 | 400 | EINVAL",
                "3b:00.0 | 3e:00.0 | 404 | ENODEV",
                "\"rid\": \"3b:00.0\", \"pasid\": 9 | \"rid\": \"3d:00.0\", \"pasid\": 1 | 409 | EBUSY",
                "\"rid\": \"3b:00.0\", \"pasid\": 9 | \"rid\": \"3c:00.0\", \"pasid\": 3 | 409 | EBUSY",
                "\"parent\": 3 | \"parent\": 3, \"levels\": 4 | 400 | EINVAL"
            })
    void whatCannotBeIsRefusedAndChangesNothing(String from, String to, int status, String errno) {
        post(M1 + "/ioasids", "{\"type\": \"identity\"}").expectStatus().isCreated();
        var before = json(M1 + "/topology");
        var memory = json(M1).toString();
        expectRefused(post(BINDS, free().replace(named(from), named(to))), status, errno);
        assertThat(json(M1 + "/topology")).isEqualTo(before);
        assertThat(json(M1).toString()).isEqualTo(memory);
        expectRefused(put(BINDS + "/9", "{\"root\": \"0x1000\"}"), 404, "ENOENT");
        expectRefused(delete(BINDS + "/9"), 404, "ENOENT");
    }

    /** A format by what it is. */
    private String named(String text) {
        return switch (text) {
            case "firstStage" -> on.firstStage();
            case "secondStage" -> on.secondStage();
            case "other" -> on == Architecture.VTD ? Architecture.SMMUV3.firstStage() : Architecture.VTD.firstStage();
            default -> text;
        };
    }

    @Test
    void aUnitThatCannotNestSaysWhatItLacks() {
        var lacks = switch (on) {
            case VTD -> List.of("nesting", "scalable");
            case SMMUV3 -> List.of("stage1");
        };
        for (var capability : lacks) {
            post(M1 + "/iommus", """
                    {"name": "%s", "type": "%s", "capabilities": {"%s": false%s}}""".formatted(
                            capability, on.preset(), capability, on == Architecture.SMMUV3 ? ", \"pasidBits\": 0" : ""))
                    .expectStatus()
                    .isCreated();
            var parent = json(post(M1 + "/ioasids", "{\"type\": \"paging\", \"iommu\": \"%s\"}".formatted(capability)))
                    .get("id")
                    .asInt();
            var rid = "3e:00." + parent;
            post(M1 + "/devices", "{\"rid\": \"%s\", \"iommu\": \"%s\"}".formatted(rid, capability))
                    .expectStatus()
                    .isCreated();
            var body = "{\"rid\": \"%s\", \"parent\": %d, \"format\": \"%s\", \"root\": \"0x1000\"}"
                    .formatted(rid, parent, on.firstStage());
            refused(post(BINDS, body), 422, "EOPNOTSUPP", "{\"capability\": \"" + capability + "\"}");
            // a parent of another unit is refused before
            refused(post(BINDS, body.replace(rid, "3b:00.0")), 400, "EINVAL", "{\"ioasid\": %d}".formatted(parent));
        }
    }

    @Test
    void aRidIsBoundForItsWholeGroup() {
        var page = writeTables();
        for (var rid : new String[] {"3e:00.0", "3e:00.1"}) {
            post(M1 + "/devices", "{\"rid\": \"%s\", \"iommu\": \"iommu0\", \"group\": 7}".formatted(rid))
                    .expectStatus()
                    .isCreated();
        }
        var bind = "{\"rid\": \"3e:00.0\", \"parent\": 3, \"format\": \"%s\", \"root\": \"0x301000\"}"
                .formatted(on.firstStage());
        post(BINDS, bind).expectStatus().isCreated();
        var member = "\"rid\": \"3e:00.1\"";
        assertThat(leadsTo(member)).isEqualTo(page);
        refused(put(M1 + "/devices/3e:00.1/attachment", "{\"ioasid\": 3}"), 409, "EBUSY", "{\"bind\": 5}");
        put(BINDS + "/5", "{\"root\": \"0x302000\"}")
                .expectStatus()
                .isOk(); // a level less: the last is behind the page
        assertThat(leadsTo(member)).isEqualTo(on.notMapped(Stage.FIRST).name());
        delete(BINDS + "/5").expectStatus().isNoContent();
        assertThat(translate(member + ", \"iova\": \"0x8\", \"access\": \"read\"")
                        .get("status")
                        .asString())
                .isEqualTo("fault");
        put(M1 + "/devices/3e:00.1/attachment", "{\"ioasid\": 3}")
                .expectStatus()
                .isOk();
        refused(post(BINDS, bind), 409, "EBUSY", "{\"routes\": [{\"rid\": \"0000:3e:00.0\"}]}");
    }
}
