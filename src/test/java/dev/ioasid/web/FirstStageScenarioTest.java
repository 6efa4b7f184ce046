package dev.ioasid.web;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.Architecture;
import dev.ioasid.iommu.Stage;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import tools.jackson.databind.JsonNode;

/** Paging IOASIDs whose table is one of the first stage: x86-64, or stage 1 of VMSAv8-64. */
class FirstStageScenarioTest extends HttpTest {
    private static final String IOASID = M1 + "/ioasids/1";
    private static final String MAPPINGS = IOASID + "/mappings";
    private static final String RID = M1 + "/devices/3c:00.0";

    private void firstStage(Architecture on, int width) {
        machine(on.preset());
        post(M1 + "/devices", "{\"rid\": \"3c:00.0\", \"iommu\": \"iommu0\", \"pasidBits\": 8}")
                .expectStatus()
                .isCreated();
        post(
                        M1 + "/ioasids",
                        "{\"type\": \"paging\", \"iommu\": \"iommu0\", \"format\": \"%s\", \"addressWidth\": %d}"
                                .formatted(on.firstStage(), width))
                .expectStatus()
                .isCreated()
                .expectBody()
                .json("{\"id\": 1, \"format\": \"%s\", \"addressWidth\": %d}".formatted(on.firstStage(), width));
    }

    private JsonNode translate(String request) {
        return json(post(M1 + "/translations", "{\"requests\": [{" + request + "}]}")
                        .expectStatus()
                        .isOk())
                .get("results")
                .get(0);
    }

    /** x86-64 has two halves, of which the lower is the user's; VMSAv8-64 has a table for each half, and this is the lower one's. */
    @ParameterizedTest(name = "{0} with {1} bits")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            on     | width | highest          | last
            VTD    | 48    | 0x7ffffffff000   | 0x7fffffffffff
            VTD    | 57    | 0xfffffffffff000 | 0xffffffffffffff
            SMMUV3 | 48    | 0xfffffffff000   | 0xffffffffffff
            SMMUV3 | 39    | 0x7ffffff000     | 0x7fffffffff
            """)
    void mapsTheLowerHalf(Architecture on, int width, String highest, String last) {
        firstStage(on, width);
        var ranges = json(IOASID + "/iova-ranges").get("ranges");
        assertThat(ranges.get(ranges.size() - 1).get("last").asString()).isEqualTo(last);
        put(RID + "/pasids/1/attachment", "{\"ioasid\": 1}").expectStatus().isOk();
        post(MAPPINGS, """
                {"iova": "%s", "length": "0x1000", "permissions": "rw", "physicalAddress": "0x5000"}""".formatted(highest)).expectStatus().isCreated();
        assertThat(translate("\"rid\": \"3c:00.0\", \"pasid\": 1, \"iova\": \"" + highest + "\", \"access\": \"write\"")
                        .toString())
                .isEqualTo(
                        "{\"status\":\"translated\",\"address\":\"0x5000\",\"pageSize\":\"0x1000\",\"permissions\":\"rw\"}");
        expectRefused(post(MAPPINGS, """
                        {"iova": "0x%x", "length": "0x1000", "permissions": "rw"}""".formatted(Long.decode(last) + 1)), 400, "EINVAL");
    }

    /** What is wrong, by the code that each architecture has for it. */
    private record Codes(String readOnly, String privileged, String beyond) {
        static Codes of(Architecture on) {
            return switch (on) {
                case VTD -> new Codes("0x85", "0x81", "0x80");
                case SMMUV3 -> new Codes("0x13", "0x13", "0x10");
            };
        }
    }

    @ParameterizedTest
    @EnumSource
    void largePagesRightsAndPrivilegeAreThoseOfTheFormat(Architecture on) {
        var codes = Codes.of(on);
        firstStage(on, 48);
        put(RID + "/pasids/1/attachment", "{\"ioasid\": 1}").expectStatus().isOk();
        post(MAPPINGS, """
                {"mappings": [
                  {"iova": "0x40000000", "length": "0x40000000", "permissions": "r", "physicalAddress": "0x0"},
                  {"iova": "0x200000", "length": "0x200000", "permissions": "rw", "physicalAddress": "0x400000"},
                  {"iova": "0x1000", "length": "0x1000", "permissions": "rp", "physicalAddress": "0x9000"}]}""").expectStatus().isCreated();
        var route = "\"rid\": \"3c:00.0\", \"pasid\": 1, ";
        assertThat(translate(route + "\"iova\": \"0x40001234\", \"access\": \"read\"")
                        .toString())
                .isEqualTo(
                        "{\"status\":\"translated\",\"address\":\"0x1234\",\"pageSize\":\"0x40000000\",\"permissions\":\"r\"}");
        assertThat(translate(route + "\"iova\": \"0x201234\", \"access\": \"write\"")
                        .get("pageSize")
                        .asString())
                .isEqualTo("0x200000");
        assertThat(code(translate(route + "\"iova\": \"0x40001234\", \"access\": \"write\"")))
                .isEqualTo(codes.readOnly);
        assertThat(code(translate(route + "\"iova\": \"0x1000\", \"access\": \"read\"")))
                .isEqualTo(codes.privileged);
        var privileged = route + "\"privileged\": true, ";
        assertThat(translate(privileged + "\"iova\": \"0x1000\", \"access\": \"read\"")
                        .get("address")
                        .asString())
                .isEqualTo("0x9000");
        assertThat(code(translate(privileged + "\"iova\": \"0x1000\", \"access\": \"write\"")))
                .isEqualTo(codes.readOnly);
        var beyond = on == Architecture.VTD ? "0x800000000000" : "0x1000000000000";
        assertThat(code(translate(route + "\"iova\": \"" + beyond + "\", \"access\": \"read\"")))
                .isEqualTo(codes.beyond);
    }

    private static String code(JsonNode answer) {
        return answer.get("fault").get("code").asString();
    }

    /** VT-d marks each first-stage entry that it uses; an SMMUv3 without HTTU has none to mark: the service maps what is accessed. */
    @ParameterizedTest
    @EnumSource
    void theHardwareMarksWhatItUses(Architecture on) {
        firstStage(on, 48);
        put(RID + "/attachment", "{\"ioasid\": 1}").expectStatus().isOk();
        post(MAPPINGS, """
                {"iova": "0x1000", "length": "0x2000", "permissions": "rw", "physicalAddress": "0x5000"}""").expectStatus().isCreated();
        translate("\"rid\": \"3c:00.0\", \"iova\": \"0x1000\", \"access\": \"read\"");
        translate("\"rid\": \"3c:00.0\", \"iova\": \"0x2000\", \"access\": \"write\"");
        // VT-d's IOTLB knows the page for reads: a write, which it is not good for, is walked
        post(
                        M1 + "/iommus/iommu0/commands",
                        "{\"commands\": [[%d, %d]]}"
                                .formatted(on.forgetTranslations().toArray()))
                .expectStatus()
                .isOk();
        var steps = json(post(
                                M1 + "/translations/explain",
                                "{\"rid\": \"3c:00.0\", \"iova\": \"0x1000\", \"access\": \"write\"}")
                        .expectStatus()
                        .isOk())
                .get("steps");
        var leaf = steps.get(steps.size() - 1).get("address").asString();
        var words = ByteBuffer.wrap(bytes(get(M1 + "/memory/" + leaf + "?length=16")))
                .order(ByteOrder.LITTLE_ENDIAN);
        // dirty is bit 6; UXN, PXN, nG, AF, inner shareable, for users
        assertThat(words.getLong()).isEqualTo(on == Architecture.VTD ? 0x5027 : 0x60_0000_0000_5f43L);
        assertThat(words.getLong()).isEqualTo(on == Architecture.VTD ? 0x6067 : 0x60_0000_0000_6f43L);
        // and what was marked is unmapped like anything else
        delete(MAPPINGS + "?iova=0x1000&length=0x2000").expectStatus().isOk();
        assertThat(code(translate("\"rid\": \"3c:00.0\", \"iova\": \"0x1000\", \"access\": \"read\"")))
                .isEqualTo(on.notMapped(Stage.FIRST).code());
        assertThat(json(IOASID).get("tableBytes").asString()).isEqualTo("0x1000");
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource({"VTD, 39", "SMMUV3, 49"})
    void whatTheFormatCannotSayIsRefused(Architecture on, int width) {
        firstStage(on, 48);
        expectRefused(
                post(
                        M1 + "/ioasids",
                        "{\"type\": \"paging\", \"format\": \"%s\", \"addressWidth\": %d}"
                                .formatted(on.firstStage(), width)),
                400,
                "EINVAL");
        refused(post(M1 + "/binds", """
                        {"rid": "3c:00.0", "parent": 1, "format": "%s", "root": "0x1000"}""".formatted(on.firstStage())), 400, "EINVAL", "{\"ioasid\": 1}");
        assertThat(json(IOASID).get("mappedBytes").asString()).isEqualTo("0x0");
    }

    @ParameterizedTest(name = "{0}: {2}")
    @CsvSource(delimiter = '|', textBlock = """
            VTD    | "firstStage": false              | firstStage
            VTD    | "scalable": false                | scalable
            SMMUV3 | "stage1": false, "pasidBits": 0  | stage1
            """)
    void aUnitWithoutAFirstStageSaysSo(Architecture on, String capabilities, String missing) {
        firstStage(on, 48);
        post(
                        M1 + "/iommus",
                        "{\"name\": \"u\", \"type\": \"%s\", \"capabilities\": {%s}}"
                                .formatted(on.preset(), capabilities))
                .expectStatus()
                .isCreated();
        refused(
                post(
                        M1 + "/ioasids",
                        "{\"type\": \"paging\", \"iommu\": \"u\", \"format\": \"%s\"}".formatted(on.firstStage())),
                422,
                "EOPNOTSUPP",
                "{\"capability\": \"" + missing + "\"}");
        // and a table made for one that has it cannot be attached there
        post(M1 + "/devices", "{\"rid\": \"3d:00.0\", \"iommu\": \"u\"}")
                .expectStatus()
                .isCreated();
        expectRefused(put(M1 + "/devices/3d:00.0/attachment", "{\"ioasid\": 1}"), 400, "EINVAL");
    }
}
