package dev.ioasid.web;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is wrong about an SMMUv3 is said, and so is what a VT-d unit does not have of one. */
class SmmuRefusalsTest extends HttpTest {
    private static final String IOMMUS = M1 + "/iommus";

    @BeforeEach
    void make() {
        machine("siov");
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', textBlock = """
            {"stage1": false, "stage2": false}                    | stage2
            {"outputBits": 45}                                    | outputBits
            {"outputBits": 52, "granules": ["0x1000"]}            | outputBits
            {"granules": ["0x2000"]}                              | granules
            {"granules": []}                                      | granules
            {"streamIdBits": 33}                                  | streamIdBits
            {"pasidBits": 21}                                     | pasidBits
            {"stage1": false, "pasidBits": 16}                    | pasidBits
            {"stallModel": "never"}                               | stallModel
            {"stallModel": "terminate-only", "stallMax": 1}       | stallMax
            {"httu": "all"}                                       | httu
            {"ats": false, "pri": true}                           | pri
            {"stage2": false, "nestedAts": true}                  | nestedAts
            {"architectureMinor": 4}                              | architectureMinor
            {"commandQueueBits": 20}                              | commandQueueBits
            {"streamIdBits": 16, "twoLevelStreamTable": false}    | twoLevelStreamTable
            {"scalable": true}                                    | scalable
            {"pageSizes": ["0x1000"]}                             | pageSizes
            {"CAP": "0x0", "ECAP": "0x0"}                         | CAP
            {"IDR0": "0x0"}                                       | IDR1
            {"IDR0": "0x0", "IDR1": "0x0", "IDR5": "0x75"}        | IDR0.S1P and IDR0.S2P
            {"IDR0": "0x84d369b", "IDR1": "0xe739c10", "IDR5": "0x400075", "ats": true} | IDR0
            {"IDR0": "0x84d369b", "IDR1": "0xe739c10", "IDR5": "0x400075", "AIDR": "0x4"} | AIDR
            """)
    void capabilitiesOfAnSmmuThatAreNone(String capabilities, String capability) {
        refused(post(IOMMUS, """
                {"name": "u0", "type": "smmuv3", "capabilities": %s}""".formatted(capabilities)), 400, "EINVAL", """
                {"capability": "%s"}""".formatted(capability));
        assertThat(json(IOMMUS).get("items")).hasSize(1);
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', textBlock = """
            {"stage1": true}                 | stage1
            {"granules": ["0x1000"]}         | granules
            {"streamIdBits": 16}             | streamIdBits
            {"IDR0": "0x1"}                  | IDR0
            {"AIDR": "0x2"}                  | AIDR
            """)
    void capabilitiesThatAVtdUnitDoesNotHave(String capabilities, String capability) {
        refused(post(IOMMUS, """
                {"name": "u0", "type": "vtd", "capabilities": %s}""".formatted(capabilities)), 400, "EINVAL", """
                {"capability": "%s"}""".formatted(capability));
        assertThat(json(IOMMUS).get("items")).hasSize(1);
    }

    @ParameterizedTest(name = "{0} of a unit of type {1}")
    @CsvSource({"iotlb, smmuv3", "context, smmuv3", "ste, vtd", "tlb, vtd", "atc, vtd"})
    void cachesThatItDoesNotHave(String cache, String type) {
        refused(post(IOMMUS, """
                {"name": "u0", "type": "%s", "caches": {"%s": {"sets": 1, "ways": 1}}}""".formatted(type, cache)), 400, "EINVAL", """
                {"cache": "%s"}""".formatted(cache));
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', textBlock = """
            "granule": "0x4000"                           | 400 | EINVAL
            "granule": "0x10000"                          | 400 | EINVAL
            "granule": 0                                  | 400 | EINVAL
            "format": "armv8-stage2", "granule": "0x1000" | 422 | EOPNOTSUPP
            "format": "smmuv3-cd-table"                   | 422 | EOPNOTSUPP
            """)
    void aVtdUnitHasOneGranule(String properties, int status, String errno) {
        expectRefused(post(M1 + "/ioasids", "{\"type\": \"paging\", %s}".formatted(properties)), status, errno);
        assertThat(json(M1 + "/ioasids").get("items")).hasSize(3);
    }

    @Test
    void theGranuleIsShown() {
        post(M1 + "/ioasids", """
                {"type": "paging", "granule": "0x1000"}""").expectStatus().isCreated().expectBody().json("""
                {"id": 4, "format": "vtd-second-stage", "granule": "0x1000"}""");
        expectRefused(post(M1 + "/ioasids", """
                {"type": "identity", "granule": "0x1000"}"""), 400, "EINVAL");
        assertThat(json(post(M1 + "/ioasids", "{\"type\": \"identity\"}")).has("granule"))
                .isFalse();
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', textBlock = """
            "granule": "0x4000"                                                              | 400 | EINVAL
            "asid": 1                                                                        | 400 | EINVAL
            "s1cdmax": 1                                                                     | 400 | EINVAL
            "s1fmt": 0                                                                       | 400 | EINVAL
            "format": "armv8-stage1"                                                         | 422 | EOPNOTSUPP
            "format": "smmuv3-cd-table", "s1cdmax": 4, "s1fmt": 0                            | 422 | EOPNOTSUPP
            "format": "smmuv3-cd-table", "s1cdmax": 4                                        | 400 | EINVAL
            "format": "smmuv3-cd-table", "s1fmt": 0                                          | 400 | EINVAL
            "format": "smmuv3-cd-table", "s1cdmax": 4, "s1fmt": 0, "pasid": 9                | 400 | EINVAL
            "format": "smmuv3-cd-table", "s1cdmax": 4, "s1fmt": 0, "addressWidth": 48        | 400 | EINVAL
            "format": "smmuv3-cd-table", "s1cdmax": 4, "s1fmt": 0, "granule": "0x1000"       | 400 | EINVAL
            "format": "smmuv3-cd-table", "s1cdmax": 4, "s1fmt": 0, "asid": 1                 | 400 | EINVAL
            "format": "smmuv3-cd-table", "s1cdmax": 4, "s1fmt": 0, "options": ["supervisor"] | 400 | EINVAL
            """)
    void aBindThatAVtdUnitDoesNotHave(String properties, int status, String errno) {
        var format = properties.contains("format") ? "" : ", \"format\": \"x86-64\"";
        expectRefused(post(M1 + "/binds", """
                {"rid": "3b:00.0", "parent": 3, "root": "0x300000"%s, %s}""".formatted(format, properties)), status, errno);
        assertThat(json(M1 + "/binds").get("items")).hasSize(4);
        assertThat(json(M1 + "/devices/3b:00.0/attachment").has("bind")).isFalse();
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', textBlock = """
            "granule": "0x10000"                                  | 400 | EINVAL
            "asid": 1                                             | 400 | EINVAL
            "s1cdmax": 1                                          | 400 | EINVAL
            "format": "smmuv3-cd-table"                           | 400 | EINVAL
            "format": "smmuv3-cd-table", "s1cdmax": 1, "s1fmt": 0 | 400 | EINVAL
            "format": "armv8-stage1"                              | 422 | EOPNOTSUPP
            """)
    void aBindsTableIsNotReplacedByOneThatAVtdUnitDoesNotHave(String properties, int status, String errno) {
        var before = json(M1 + "/binds/1");
        expectRefused(put(M1 + "/binds/1", "{\"root\": \"0x500000\", %s}".formatted(properties)), status, errno);
        assertThat(json(M1 + "/binds/1")).isEqualTo(before);
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource({"1", "'\"0x3c00\"'", "'\"0x100000000\"'"})
    void aVtdUnitKnowsNoStreamIds(String streamId) {
        refused(post(M1 + "/devices", """
                {"rid": "3c:00.0", "iommu": "iommu0", "streamId": %s}""".formatted(streamId)), 400, "EINVAL", """
                {"property": "streamId"}""");
        assertThat(json(M1 + "/devices").get("items")).hasSize(2);
        assertThat(json(M1 + "/devices/3b:00.0").has("streamId")).isFalse();
    }
}
