package dev.ioasid.web;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.Architecture;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class IommuScenarioTest extends HttpTest {
    private static final String IOMMUS = M1 + "/iommus";

    @BeforeEach
    void makeMachine() {
        machine("empty");
    }

    @ParameterizedTest
    @EnumSource
    void anIommuIsMadeShownListedAndDeleted(Architecture on) {
        var body = "{\"name\": \"u0\", \"type\": \"%s\"}".formatted(on.preset());
        var capabilities = switch (on) {
            case VTD -> """
                            "addressWidth": 48, "pageSizes": ["0x1000", "0x200000", "0x40000000"], "nesting": true,
                            "dirtyTracking": true""";
            case SMMUV3 -> """
                            "outputBits": 48, "granules": ["0x1000", "0x4000", "0x10000"], "stage1": true, "stage2": true""";
        };
        post(IOMMUS, body)
                .expectStatus()
                .isCreated()
                .expectHeader()
                .valueEquals("Location", IOMMUS + "/u0")
                .expectBody()
                .json("""
                        {"name": "u0", "type": "%s", "managed": true,
                         "capabilities": {"pasidBits": %d, "ats": true, "pri": true, %s}}""".formatted(on.preset(), on.pasidBits(), capabilities));
        get(IOMMUS + "/u0").expectBody().json("""
                {"name": "u0", "type": "%s", "managed": true}""".formatted(on.preset()));
        assertThat(json(IOMMUS).get("items")).hasSize(1);
        expectRefused(post(IOMMUS, body), 409, "EEXIST");
        delete(IOMMUS + "/u0").expectStatus().isNoContent();
        expectRefused(get(IOMMUS + "/u0"), 404, "ENOENT");
    }

    @ParameterizedTest
    @EnumSource
    void oneInUseStays(Architecture on) {
        post(IOMMUS, """
                {"name": "u0", "type": "%s"}""".formatted(on.preset())).expectStatus().isCreated();
        post(M1 + "/devices", """
                {"rid": "3a:00.0", "iommu": "u0"}""").expectStatus().isCreated();
        refused(delete(IOMMUS + "/u0"), 409, "EBUSY", """
                {"iommu": "u0", "rid": "0000:3a:00.0"}""");
    }

    @Test
    void capabilitiesAreGivenByName() {
        post(IOMMUS, """
                {"name": "u0", "type": "vtd", "managed": false, "capabilities": {"addressWidth": 39,
                 "hostAddressWidth": 36, "pasidBits": 0, "pageSizes": ["0x1000"], "nesting": false, "pri": false}}""").expectStatus().isCreated().expectBody().json("""
                        {"managed": false, "capabilities": {"addressWidth": 39, "hostAddressWidth": 36, "pasidBits": 0,
                         "pageSizes": ["0x1000"], "nesting": false, "pri": false, "ats": true}}""");
    }

    @Test
    void orAsRegisters() {
        post(IOMMUS, """
                {"name": "u0", "type": "vtd", "managed": false, "capabilities": {"VER": "0x10",
                 "CAP": "0xd2078c106f0466", "ECAP": "0xf020df", "hostAddressWidth": 46}}""").expectStatus().isCreated().expectBody().json("""
                        {"capabilities": {"hostAddressWidth": 46, "scalable": false, "pasidBits": 0, "addressWidth": 48}}""");
        get(IOMMUS + "/u0/capabilities?type=vtd").expectBody().json("""
                {"iommu": "u0", "type": "vtd",
                 "registers": {"VER": "0x10", "CAP": "0xd2078c106f0466", "ECAP": "0xf020df"},
                 "capabilities": {"dirtyTracking": false, "pasidBits": 0, "execute": false, "privileged": false}}""");
        expectRefused(get(IOMMUS + "/u0/capabilities?type=smmuv3"), 422, "EOPNOTSUPP");
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', textBlock = """
            {"CAP": 1, "ECAP": 1, "nesting": true} | EINVAL
            {"CAP": 1}                             | EINVAL
            {"ECAP": 1, "hostAddressWidth": 46}    | EINVAL
            {"VER": 1}                             | EINVAL
            {"VER": 256, "CAP": 1, "ECAP": 1}      | EINVAL
            {"addressWidth": 47}                   | EINVAL
            {"addressWidth": "48"}                 | EINVAL
            {"pasidBits": 21}                      | EINVAL
            {"pageSizes": ["0x2000"]}              | EINVAL
            {"pageSizes": "0x1000"}                | EINVAL
            {"nesting": 1}                         | EINVAL
            {"nesting": "true"}                    | EINVAL
            {"firstStage": false, "nesting": true} | EINVAL
            {"IDR0": 1}                            | EINVAL
            """)
    void capabilitiesThatAreNone(String capabilities, String errno) {
        expectRefused(post(IOMMUS, """
                        {"name": "u0", "type": "vtd", "capabilities": %s}""".formatted(capabilities)), 400, errno);
        assertThat(json(IOMMUS).get("items")).isEmpty();
    }

    @Test
    void anSmmuIsMadeByNameOrByItsRegisters() {
        post(IOMMUS, """
                {"name": "u0", "type": "smmuv3", "capabilities": {"granules": ["0x10000"], "pasidBits": 4, "stallModel": "terminate-only"},
                 "caches": {"tlb": {"sets": 4, "ways": 2}}}""").expectStatus().isCreated().expectBody().json("""
                {"name": "u0", "type": "smmuv3", "managed": true,
                 "capabilities": {"granules": ["0x10000"], "pasidBits": 4, "stallModel": "terminate-only", "stallMax": 0}}""");
        var registers = json(IOMMUS + "/u0/capabilities").get("registers");
        post(IOMMUS, """
                {"name": "u1", "type": "smmuv3", "managed": false, "capabilities": %s}""".formatted(registers)).expectStatus().isCreated();
        assertThat(json(IOMMUS + "/u1").get("capabilities"))
                .isEqualTo(json(IOMMUS + "/u0").get("capabilities"));
        get(IOMMUS + "/u0/caches").expectBody().json("""
                {"ste": {"sets": 64, "ways": 4}, "cd": {"sets": 64, "ways": 4}, "tlb": {"sets": 4, "ways": 2}}""");
        expectRefused(patch(IOMMUS + "/u0/registers", "{\"CR0\": 0}"), 400, "EINVAL");
        patch(IOMMUS + "/u1/registers", "{\"CR0\": \"0x1\"}")
                .expectStatus()
                .isOk()
                .expectBody()
                .json("""
                {"CR0": "0x1", "CR0ACK": "0x1"}""");
        delete(IOMMUS + "/u0").expectStatus().isNoContent();
        delete(IOMMUS + "/u1").expectStatus().isNoContent();
    }

    /** A register with the address of a table, what turns it to use, and where that shows; one that tells what the unit can. */
    private record Registers(String table, String value, String command, String turn, String status, String readOnly) {
        static Registers of(Architecture on) {
            return switch (on) {
                case VTD -> new Registers("RTADDR", "0x10400", "GCMD", "0x40000000", "GSTS", "CAP");
                case SMMUV3 -> new Registers("STRTAB_BASE", "0x10000", "CR0", "0x1", "CR0ACK", "IDR0");
            };
        }
    }

    @ParameterizedTest
    @EnumSource
    void theUserDrivesAnUnmanagedUnit(Architecture on) {
        var names = Registers.of(on);
        post(IOMMUS, """
                {"name": "u0", "type": "%s", "managed": false}""".formatted(on.preset())).expectStatus().isCreated();
        assertThat(json(IOMMUS + "/u0/registers").get(names.status).asString()).isEqualTo("0x0");
        patch(IOMMUS + "/u0/registers", """
                {"%s": "%s", "%s": "%s"}""".formatted(names.table, names.value, names.command, names.turn))
                .expectStatus()
                .isOk()
                .expectBody()
                .json("""
                        {"%s": "%s", "%s": "%s"}""".formatted(names.table, names.value, names.status, names.turn));
        var registers = get(IOMMUS + "/u0/registers");
        for (var wrong : List.of(
                "{\"%s\": \"0x20400\", \"%s\": \"0x0\"}".formatted(names.table, names.readOnly),
                "{\"%s\": \"0x20400\", \"NONE\": \"0x0\"}".formatted(names.table),
                "{\"%s\": null}".formatted(names.table))) {
            expectRefused(patch(IOMMUS + "/u0/registers", wrong), 400, "EINVAL");
        }
        assertThat(json(IOMMUS + "/u0/registers")).isEqualTo(json(registers));
    }

    @Test
    void registersAreWrittenInTheOrderGiven() {
        post(IOMMUS, """
                {"name": "u0", "type": "vtd", "managed": false}""").expectStatus().isCreated();
        // SRTP before RTADDR latches the old root: translation is then by a table at 0
        patch(IOMMUS + "/u0/registers", """
                {"GCMD": "0x40000000", "RTADDR": "0x10400"}""").expectStatus().isOk();
        patch(IOMMUS + "/u0/registers", """
                {"GCMD": "0x80000000"}""").expectStatus().isOk();
        post(M1 + "/devices", """
                {"rid": "00:00.0", "iommu": "u0"}""").expectStatus().isCreated();
        post(M1 + "/translations/explain", """
                {"rid": "00:00.0", "iova": 0, "access": "read"}""").expectBody().json("""
                {"result": {"status": "fault", "fault": {"name": "LRT.2"}}}""");
    }

    @ParameterizedTest
    @EnumSource
    void theServiceDrivesAManagedOne(Architecture on) {
        var names = Registers.of(on);
        post(IOMMUS, """
                {"name": "u0", "type": "%s"}""".formatted(on.preset())).expectStatus().isCreated();
        refused(patch(IOMMUS + "/u0/registers", """
                {"%s": "%s"}""".formatted(names.table, names.value)), 400, "EINVAL", """
                {"iommu": "u0"}""");
    }
}
