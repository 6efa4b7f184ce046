package dev.ioasid.web;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What devices, IOASIDs and binds have behind an SMMUv3. */
class SmmuScenarioTest extends HttpTest {
    private static final String DEVICES = M1 + "/devices";
    private static final String RID = DEVICES + "/3a:00.0";
    private static final String BINDS = M1 + "/binds";
    private static final String CDS = """
            {"rid": "3a:00.0", "parent": 1, "format": "smmuv3-cd-table", "root": "0x10000", "s1cdmax": 4, "s1fmt": 0}""";

    @BeforeEach
    void make() {
        machine("smmuv3");
        post(DEVICES, """
                {"rid": "3a:00.0", "iommu": "iommu0", "streamId": "0x1234", "pasidBits": 8}""").expectStatus().isCreated();
        post(M1 + "/ioasids", """
                {"type": "paging", "granule": "0x10000"}""").expectStatus().isCreated();
        post(M1 + "/ioasids", """
                {"type": "paging", "format": "armv8-stage1"}""").expectStatus().isCreated();
    }

    @Test
    void aDeviceIsKnownByItsStreamId() {
        get(RID).expectBody().json("""
                {"streamId": "0x1234", "reservedRegions": []}""");
        post(DEVICES, """
                {"rid": "0001:3b:00.0", "iommu": "iommu0"}""").expectStatus().isCreated().expectBody().json("""
                {"streamId": "0x3b00"}""");
        refused(post(DEVICES, """
                {"rid": "3b:00.0", "iommu": "iommu0"}"""), 409, "EEXIST", """
                {"property": "streamId"}""");
        refused(post(DEVICES, """
                {"rid": "3c:00.0", "iommu": "iommu0", "streamId": 4660}"""), 409, "EEXIST", """
                {"property": "streamId"}""");
        for (var wide : new String[] {"0x10000", "0xffffffff", "0x100000000"}) {
            refused(post(DEVICES, """
                    {"rid": "3c:00.0", "iommu": "iommu0", "streamId": "%s"}""".formatted(wide)), 400, "EINVAL", """
                    {"property": "streamId"}""");
        }
        assertThat(json(DEVICES).get("items")).hasSize(2);
        delete(RID).expectStatus().isNoContent();
        post(DEVICES, """
                {"rid": "3c:00.0", "iommu": "iommu0", "streamId": 4660}""").expectStatus().isCreated();
    }

    @Test
    void aStreamIdFitsItsUnit() {
        post(M1 + "/iommus", """
                {"name": "small", "type": "smmuv3", "capabilities": {"streamIdBits": 6}}""").expectStatus().isCreated();
        refused(post(DEVICES, """
                {"rid": "3c:00.0", "iommu": "small"}"""), 400, "EINVAL", """
                {"property": "streamId"}""");
        post(DEVICES, """
                {"rid": "3c:00.0", "iommu": "small", "streamId": "0x3f"}""").expectStatus().isCreated();
    }

    @Test
    void faultsNameTheDeviceOfTheStream() {
        post(M1 + "/translations", """
                {"requests": [{"rid": "3a:00.0", "iova": "0x1000", "access": "read"}]}""").expectStatus().isOk();
        put(RID + "/attachment", "{\"ioasid\": 1}").expectStatus().isOk();
        post(M1 + "/translations", """
                {"requests": [{"rid": "3a:00.0", "iova": "0x12345", "access": "write"}]}""").expectBody().json("""
                {"results": [{"status": "fault", "fault": {"name": "F_TRANSLATION", "code": "0x10", "stage": "second"}}]}""");
        var faults = json(M1 + "/iommus/iommu0/faults").get("items");
        var last = faults.get(faults.size() - 1);
        assertThat(last.get("rid").asString()).isEqualTo("0000:3a:00.0");
        assertThat(last.get("name").asString()).isEqualTo("F_TRANSLATION");
        assertThat(last.get("words")).hasSize(4);
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', textBlock = """
            "granule": "0x2000"                                | 400 | EINVAL
            "format": "vtd-second-stage"                       | 422 | EOPNOTSUPP
            "format": "x86-64"                                 | 422 | EOPNOTSUPP
            "format": "smmuv3-cd-table"                        | 422 | EOPNOTSUPP
            "addressWidth": 53                                 | 400 | EINVAL
            """)
    void anIoasidThatAnSmmuDoesNotHave(String properties, int status, String errno) {
        expectRefused(post(M1 + "/ioasids", "{\"type\": \"paging\", %s}".formatted(properties)), status, errno);
        assertThat(json(M1 + "/ioasids").get("items")).hasSize(2);
    }

    @Test
    void rangesAreWholePagesOfTheGranule() {
        put(RID + "/attachment", "{\"ioasid\": 1}").expectStatus().isOk();
        var body = """
                {%s, "caches": ["iotlb"], "granularity": "range", "iova": "%s", "length": "%s"}""";
        for (var target : new String[] {"\"ioasid\": 1", "\"rid\": \"3a:00.0\""}) {
            var refused = post(M1 + "/invalidations", body.formatted(target, "0x1000", "0x1000"));
            refused.expectStatus().isBadRequest();
            assertThat(json(refused).get("detail").asString()).contains("0x10000");
            post(M1 + "/invalidations", body.formatted(target, "0x10000", "0x20000"))
                    .expectStatus()
                    .isOk();
        }
        assertThat(json(M1 + "/ioasids/1/iova-ranges").get("alignment").asString())
                .isEqualTo("0x10000");
    }

    @Test
    void aTableOfContextDescriptorsKeepsPasidsFromOthers() {
        post(BINDS, CDS).expectStatus().isCreated();
        assertThat(json(BINDS + "/1").toString())
                .isEqualTo("{\"id\":1,\"rid\":\"0000:3a:00.0\",\"parent\":1,\"format\":\"smmuv3-cd-table\","
                        + "\"root\":\"0x10000\",\"s1cdmax\":4,\"s1fmt\":0}");
        refused(put(RID + "/pasids/1/attachment", "{\"ioasid\": 2}"), 409, "EBUSY", "{\"bind\": 1}");
        refused(post(BINDS, """
                {"rid": "3a:00.0", "pasid": 1, "parent": 1, "format": "armv8-stage1", "root": "0x10000"}"""), 409, "EBUSY", """
                {"bind": 1}""");
        refused(put(RID + "/attachment", "{\"ioasid\": 1}"), 409, "EBUSY", "{\"bind\": 1}");
        put(BINDS + "/1", "{\"root\": \"0x20000\", \"s1cdmax\": 2}")
                .expectStatus()
                .isOk()
                .expectBody()
                .json("""
                {"root": "0x20000", "s1cdmax": 2, "s1fmt": 0}""");
        delete(BINDS + "/1").expectStatus().isNoContent();
        put(RID + "/pasids/1/attachment", "{\"ioasid\": 2}").expectStatus().isOk();
        refused(post(BINDS, CDS), 409, "EBUSY", """
                {"routes": [{"rid": "0000:3a:00.0", "pasid": 1}]}""");
        assertThat(json(BINDS).get("items")).isEmpty();
    }

    @Test
    void aPageTableHasAGranuleAndAnAsid() {
        post(BINDS, """
                {"rid": "3a:00.0", "pasid": 1, "parent": 1, "format": "armv8-stage1", "root": "0x20000", "granule": "0x4000",
                 "asid": 7}""").expectStatus().isCreated().expectBody().json("""
                {"id": 1, "granule": "0x4000", "asid": 7}""");
        put(BINDS + "/1", "{\"root\": \"0x30000\"}")
                .expectStatus()
                .isOk()
                .expectBody()
                .json("""
                {"root": "0x30000", "granule": "0x4000", "asid": 7}""");
        expectRefused(put(BINDS + "/1", """
                {"root": "0x10000", "format": "smmuv3-cd-table", "s1cdmax": 1, "s1fmt": 0}"""), 400, "EINVAL");
        refused(put(RID + "/pasids/2/attachment", "{\"ioasid\": 1}"), 422, "EOPNOTSUPP", "{}");
        get(BINDS + "/1").expectBody().json("""
                {"root": "0x30000", "format": "armv8-stage1"}""");
    }
}
