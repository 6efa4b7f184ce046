package dev.ioasid.web;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.Architecture;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.test.json.JsonCompareMode;

class IoasidScenarioTest extends BothArchitecturesTest {
    private static final String IOASIDS = M1 + "/ioasids";

    @BeforeEach
    void makeMachine() {
        machine();
    }

    @Test
    void anIoasidIsMadeShownListedAndDeleted() {
        post(IOASIDS, """
                {"type": "paging"}""")
                .expectStatus()
                .isCreated()
                .expectHeader()
                .valueEquals("Location", IOASIDS + "/1")
                .expectBody()
                .json("""
                        {"id": 1, "type": "paging", "iommu": "iommu0", "format": "%s", "addressWidth": 48,
                         "granule": "0x1000", "routes": [], "mappedBytes": "0x0", "tableBytes": "0x1000"}""".formatted(on.secondStage()));
        get(IOASIDS + "/1").expectBody().json("""
                {"id": 1}""");
        post(IOASIDS, """
                {"type": "paging", "iommu": "iommu0", "format": "%s", "addressWidth": 39, "name": "vm"}""".formatted(on.secondStage())).expectBody().json("""
                        {"id": 2, "addressWidth": 39, "name": "vm"}""");
        delete(IOASIDS + "/1").expectStatus().isNoContent();
        expectRefused(delete(IOASIDS + "/1"), 404, "ENOENT");
        expectRefused(get(IOASIDS + "/1"), 404, "ENOENT");
        expectRefused(get(IOASIDS + "/0"), 404, "ENOENT");
        expectRefused(get(IOASIDS + "/-1"), 404, "ENOENT");
        post(IOASIDS, """
                {"type": "paging"}""").expectBody().json("""
                {"id": 1}""");
        assertThat(json(IOASIDS).get("items")).hasSize(2);
        assertThat(json(IOASIDS + "?limit=1").get("next").asString()).isEqualTo("1");
        assertThat(json(IOASIDS + "?after=1").get("items")).hasSize(1);
    }

    @Test
    void whatThisServiceDoesNotHaveSaysSo() {
        var other = on == Architecture.VTD ? Architecture.SMMUV3 : Architecture.VTD;
        expectRefused(post(IOASIDS, """
                {"type": "paging", "format": "%s"}""".formatted(other.secondStage())), 422, "EOPNOTSUPP");
        expectRefused(post(IOASIDS, """
                {"type": "paging", "format": "%s"}""".formatted(other.firstStage())), 422, "EOPNOTSUPP");
        refused(post(IOASIDS, """
                {"type": "sva"}"""), 400, "EINVAL", "{\"property\": \"process\"}");
        expectRefused(post(IOASIDS, """
                {"type": "paging", "format": "lpae"}"""), 400, "EINVAL");
        assertThat(json(IOASIDS).get("items")).isEmpty();
    }

    @Test
    void rangesAreWhatTheWidthAllowsMinusTheRoutesHoles() {
        post(IOASIDS, """
                {"type": "paging"}""").expectStatus().isCreated();
        get(IOASIDS + "/1/iova-ranges").expectBody().json("""
                {"ranges": [{"first": "0x0", "last": "0xffffffffffff"}], "alignment": "0x1000"}""");
        post(M1 + "/devices", """
                {"rid": "3c:00.0", "iommu": "iommu0"}""").expectStatus().isCreated();
        put(M1 + "/devices/3c:00.0/attachment", """
                {"ioasid": 1}""").expectStatus().isOk();
        // VT-d takes writes to 0xfee00000 for interrupts; an SMMUv3 translates them
        var left = on == Architecture.VTD
                ? "{\"first\": \"0x0\", \"last\": \"0xfedfffff\"}, {\"first\": \"0xfef00000\", \"last\": \"0xffffffffffff\"}"
                : "{\"first\": \"0x0\", \"last\": \"0xffffffffffff\"}";
        get(IOASIDS + "/1/iova-ranges").expectBody().json("""
                {"ranges": [%s], "alignment": "0x1000"}""".formatted(left), JsonCompareMode.STRICT);
        post(M1 + "/devices", """
                {"rid": "3d:00.0", "iommu": "iommu0",
                 "reservedRegions": [{"first": "0x10000", "last": "0x1ffff", "type": "direct"}]}""").expectStatus().isCreated();
        put(M1 + "/devices/3d:00.0/attachment", """
                {"ioasid": 1}""").expectStatus().isOk();
        get(IOASIDS + "/1/iova-ranges")
                .expectBody()
                .json("""
                {"ranges": [{"first": "0x0", "last": "0xffff"}, %s], "alignment": "0x1000"}""".formatted(left.replace("\"0x0\"", "\"0x20000\"")), JsonCompareMode.STRICT);
    }
}
