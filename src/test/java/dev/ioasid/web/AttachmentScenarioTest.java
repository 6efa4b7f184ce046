package dev.ioasid.web;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.Arrangement;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class AttachmentScenarioTest extends BothArchitecturesTest {
    private static final String RID1 = M1 + "/devices/0000:3a:00.0";
    private static final String RID2 = M1 + "/devices/3b:00.0";

    @BeforeEach
    void makeMachine() {
        machine(Arrangement.SHARED);
    }

    @Test
    void theWorkedTopologyIsAttached() {
        get(RID1 + "/attachment").expectBody().json("""
                {"rid": "0000:3a:00.0", "ioasid": 1}""");
        get(RID1 + "/pasids/2/attachment").expectBody().json("""
                {"rid": "0000:3a:00.0", "pasid": 2, "ioasid": 3}""");
        get(RID2 + "/attachment").expectBody().json("""
                {"rid": "0000:3b:00.0", "ioasid": 3}""");
    }

    @Test
    void replaceIsAllowedRequiredOrForbidden() {
        put(RID2 + "/attachment", """
                {"ioasid": 1}""").expectStatus().isOk().expectBody().json("""
                {"rid": "0000:3b:00.0", "ioasid": 1}""");
        put(RID2 + "/attachment", """
                {"ioasid": 2, "replace": true}""").expectStatus().isOk();
        expectRefused(put(RID2 + "/attachment", """
                {"ioasid": 3, "replace": false}"""), 409, "EBUSY");
        get(RID2 + "/attachment").expectBody().json("""
                {"ioasid": 2}""");
        delete(RID2 + "/attachment").expectStatus().isNoContent();
        delete(RID2 + "/attachment").expectStatus().isNoContent();
        expectRefused(get(RID2 + "/attachment"), 404, "ENOENT");
        expectRefused(put(RID2 + "/attachment", """
                {"ioasid": 3, "replace": true}"""), 400, "EINVAL");
        put(RID2 + "/attachment", """
                {"ioasid": 3, "replace": false}""").expectStatus().isOk();
    }

    @Test
    void aPasidIsAllocatedByAttachingIt() {
        put(RID1 + "/pasids/9/attachment", """
                {"ioasid": 2}""")
                .expectStatus()
                .isOk()
                .expectBody()
                .json("""
                {"rid": "0000:3a:00.0", "pasid": 9, "ioasid": 2}""");
        assertThat(json(RID1).get("pasids").toString()).isEqualTo("[1,2,9]");
        expectRefused(delete(RID1 + "/pasids/9"), 409, "EBUSY");
        delete(RID1 + "/pasids/9/attachment").expectStatus().isNoContent();
        expectRefused(get(RID1 + "/pasids/9/attachment"), 404, "ENOENT");
        delete(RID1 + "/pasids/9").expectStatus().isNoContent();
        expectRefused(put(RID1 + "/pasids/0/attachment", """
                {"ioasid": 2}"""), 400, "EINVAL");
        expectRefused(put(RID1 + "/pasids/-1/attachment", """
                {"ioasid": 2}"""), 400, "EINVAL");
        expectRefused(put(RID1 + "/pasids/1048576/attachment", """
                {"ioasid": 2}"""), 400, "EINVAL");
        get(RID1 + "/attachment").expectBody().json("""
                {"ioasid": 1}""");
    }

    @Test
    void anIoasidInUseNamesItsRoutes() {
        refused(delete(M1 + "/ioasids/3"), 409, "EBUSY", """
                {"ioasid": 3, "routes": [{"rid": "0000:3a:00.0", "pasid": 2}, {"rid": "0000:3b:00.0"}]}""");
    }

    /** Where each PASID may have a second stage of its own; an SMMUv3 has one for a stream, and none for a PASID alone. */
    @Test
    void aPasidAloneLeadsToASecondStageIfTheArchitectureHasOneForIt() {
        post(M1 + "/ioasids", "{\"type\": \"paging\", \"format\": \"%s\"}".formatted(on.secondStage()))
                .expectStatus()
                .isCreated();
        var answer = put(RID2 + "/pasids/1/attachment", "{\"ioasid\": 4}");
        switch (on) {
            case VTD -> answer.expectStatus().isOk();
            case SMMUV3 -> {
                refused(answer, 422, "EOPNOTSUPP", "{\"pasid\": 1}");
                expectRefused(get(RID2 + "/pasids/1/attachment"), 404, "ENOENT");
            }
        }
    }

    @Test
    void aRidsSecondStageIsItsPasidsTooIfTheArchitectureHasOneForBoth() {
        post(M1 + "/ioasids", "{\"type\": \"paging\", \"format\": \"%s\"}".formatted(on.secondStage()))
                .expectStatus()
                .isCreated();
        var answer = put(RID1 + "/attachment", "{\"ioasid\": 4}");
        switch (on) {
            case VTD -> answer.expectStatus().isOk();
            case SMMUV3 -> {
                refused(answer, 422, "EOPNOTSUPP", "{}");
                assertThat(json(answer).get("detail").asString()).contains("one stage 2");
                get(RID1 + "/attachment").expectBody().json("{\"ioasid\": 1}");
            }
        }
        put(RID2 + "/attachment", "{\"ioasid\": 4}").expectStatus().isOk();
    }

    @Test
    void aReservedRegionThatMeetsAMappingRefusesTheAttachment() {
        post(M1 + "/devices", """
                {"rid": "3c:00.0", "iommu": "iommu0",
                 "reservedRegions": [{"first": "0x5000", "last": "0x5fff", "type": "reserved"}]}""").expectStatus().isCreated();
        post(M1 + "/ioasids/3/mappings", """
                {"iova": "0x4000", "length": "0x4000", "permissions": "rw"}""").expectStatus().isCreated();
        expectRefused(put(M1 + "/devices/3c:00.0/attachment", """
                {"ioasid": 3}"""), 409, "EADDRINUSE");
        expectRefused(get(M1 + "/devices/3c:00.0/attachment"), 404, "ENOENT");
    }

    @Test
    void whatIsNotThereCannotBeAttached() {
        expectRefused(put(RID1 + "/attachment", """
                {"ioasid": 99}"""), 404, "ENOENT");
        expectRefused(put(M1 + "/devices/3d:00.0/attachment", """
                {"ioasid": 1}"""), 404, "ENODEV");
        expectRefused(get(M1 + "/devices/3d:00.0/attachment"), 404, "ENODEV");
        expectRefused(delete(M1 + "/devices/3d:00.0/attachment"), 404, "ENODEV");
    }
}
