package dev.ioasid.web;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.http.HttpMethod;

/** Guests behind an SMMUv3: tables of their own on a stage 2 of the service's, and where the architecture's one stage 2 ends that. */
class SmmuNestingScenarioTest extends HttpTest {
    private static final String DEVICES = M1 + "/devices";
    private static final String RID1 = DEVICES + "/3a:00.0";
    private static final String RID2 = DEVICES + "/3b:00.0";
    private static final String BINDS = M1 + "/binds";
    private static final long HOST = 0x4000_0000L;
    private static final long PAGE_ENTRY = 0xf43; // page, AP[1], inner shareable, AF, nG

    @BeforeEach
    void make() {
        machine("smmuv3");
        for (var rid : new String[] {"3a:00.0", "3b:00.0"}) {
            post(DEVICES, """
                    {"rid": "%s", "iommu": "iommu0", "pasidBits": 8}""".formatted(rid)).expectStatus().isCreated();
        }
    }

    private void ioasid(String format) {
        post(M1 + "/ioasids", """
                {"type": "paging", "format": "%s"}""".formatted(format)).expectStatus().isCreated();
    }

    private void map(int ioasid, long iova, long length, long physical) {
        post(M1 + "/ioasids/" + ioasid + "/mappings", """
                {"iova": "0x%x", "length": "0x%x", "permissions": "rw", "physicalAddress": "0x%x"}""".formatted(iova, length, physical))
                .expectStatus()
                .isCreated();
    }

    private void write(int ioasid, long address, long entry) {
        var bytes = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(entry);
        send(HttpMethod.PUT, M1 + "/ioasids/" + ioasid + "/memory/0x" + Long.toHexString(address), bytes.array())
                .expectStatus()
                .is2xxSuccessful();
    }

    /** A page at 0x1000 in tables from 0x10000 on. */
    private void guestTables(int ioasid) {
        write(ioasid, 0x10000, 0x11003);
        write(ioasid, 0x11000, 0x12003);
        write(ioasid, 0x12000, 0x13003);
        write(ioasid, 0x13008, 0x20000 | PAGE_ENTRY);
    }

    private String ask(String rid, int pasid, String iova) {
        var body = json(post(M1 + "/translations", """
                {"requests": [{"rid": "%s", "pasid": %d, "iova": "%s", "access": "read"}]}""".formatted(rid, pasid, iova))
                        .expectStatus()
                        .isOk())
                .get("results")
                .get(0);
        return body.has("address")
                ? body.get("address").asString()
                : body.get("fault").get("name").asString();
    }

    @Test
    void aGuestEditsItsTablesAndHasToInvalidate() {
        ioasid("armv8-stage2");
        map(1, 0, 0x40_0000, HOST);
        guestTables(1);
        post(BINDS, """
                {"rid": "3a:00.0", "pasid": 1, "parent": 1, "format": "armv8-stage1", "addressWidth": 48, "root": "0x10000", "asid": 9}""").expectStatus().isCreated();
        assertThat(ask("3a:00.0", 1, "0x1abc")).isEqualTo("0x40020abc");
        assertThat(ask("3a:00.0", 1, "0x2abc")).isEqualTo("F_TRANSLATION");
        write(1, 0x13008, 0x21000 | PAGE_ENTRY);
        assertThat(ask("3a:00.0", 1, "0x1abc")).as("from the TLB").isEqualTo("0x40020abc");
        var issued = json(post(M1 + "/invalidations", """
                {"bind": 1, "caches": ["iotlb"], "granularity": "range", "iova": "0x1000", "length": "0x1000", "leaf": true}""").expectStatus().isOk());
        var names = new ArrayList<String>();
        issued.get("descriptors").forEach(one -> names.add(one.get("name").asString()));
        assertThat(names).containsExactly("tlbi-nh-va", "sync");
        assertThat(issued.get("descriptors").get(0).get("fields").get("ASID").asString())
                .isEqualTo("0x9");
        assertThat(ask("3a:00.0", 1, "0x1abc")).isEqualTo("0x40021abc");
        delete(BINDS + "/1").expectStatus().isNoContent();
        assertThat(ask("3a:00.0", 1, "0x1abc")).isNotEqualTo("0x40021abc");
    }

    @Test
    void anExplanationSpeaksOfStesAndStages() {
        ioasid("armv8-stage2");
        map(1, 0, 0x40_0000, HOST);
        guestTables(1);
        post(BINDS, """
                {"rid": "3a:00.0", "pasid": 1, "parent": 1, "format": "armv8-stage1", "addressWidth": 48, "root": "0x10000"}""").expectStatus().isCreated();
        var explained =
                json(post(M1 + "/translations/explain", """
                {"rid": "3a:00.0", "pasid": 1, "iova": "0x1abc", "access": "read"}""").expectStatus().isOk());
        assertThat(explained.get("result").get("address").asString()).isEqualTo("0x40020abc");
        var structures = new ArrayList<String>();
        explained
                .get("steps")
                .forEach(step -> structures.add(step.get("structure").asString()
                        + (step.has("level") ? "/" + step.get("level").asInt() : "")));
        assertThat(structures)
                .startsWith("strtab-base", "l1-stream-table-descriptor", "ste", "stage-2-descriptor/0")
                .contains("cd", "stage-1-descriptor/0", "stage-1-descriptor/1", "stage-1-descriptor/3")
                .endsWith("stage-2-descriptor/2");
    }

    /** A guest driver's own CDs, which name PASIDs that the service does not know of. */
    @Test
    void aGuestHandsOverItsTableOfContextDescriptors() {
        ioasid("armv8-stage2");
        map(1, 0, 0x40_0000, HOST);
        guestTables(1);
        // CD 5 of 16 at 0x30000: T0SZ 16, 4 KiB, EPD1, V, IPS 48 bits, AA64, R, A, ASET, ASID 0x25
        write(1, 0x30000 + 5 * 64, 0x0025_e205_c000_3510L);
        write(1, 0x30000 + 5 * 64 + 8, 0x10000);
        post(BINDS, """
                {"rid": "3a:00.0", "parent": 1, "format": "smmuv3-cd-table", "root": "0x30000", "s1cdmax": 4, "s1fmt": 0}""").expectStatus().isCreated();
        assertThat(ask("3a:00.0", 5, "0x1abc")).isEqualTo("0x40020abc");
        assertThat(ask("3a:00.0", 6, "0x1abc")).isEqualTo("C_BAD_CD");
        assertThat(ask("3a:00.0", 16, "0x1abc")).isEqualTo("C_BAD_SUBSTREAMID");
    }

    /**
     * The topology of a device that is shared by its own driver and two guests, as far as one stage 2 for a stream goes: RID2 is one guest's,
     * with its processes; of RID1, which serves its own driver, no PASID can be nested on a guest.
     */
    @Test
    void theWorkedTopologyEndsAtOneStage2ForAStream() {
        ioasid("armv8-stage1"); // the driver's of RID1
        ioasid("armv8-stage2"); // one guest's
        ioasid("armv8-stage2"); // the other's
        map(2, 0, 0x40_0000, HOST);
        map(3, 0, 0x40_0000, 2 * HOST);
        guestTables(2);
        guestTables(3);
        put(RID1 + "/attachment", "{\"ioasid\": 1}").expectStatus().isOk();
        refused(put(RID1 + "/pasids/1/attachment", "{\"ioasid\": 2}"), 422, "EOPNOTSUPP", "{}");
        refused(post(BINDS, """
                {"rid": "3a:00.0", "pasid": 3, "parent": 2, "format": "armv8-stage1", "root": "0x10000"}"""), 422, "EOPNOTSUPP", "{}");
        put(RID2 + "/attachment", "{\"ioasid\": 3}").expectStatus().isOk();
        post(BINDS, """
                {"rid": "3b:00.0", "pasid": 1, "parent": 3, "format": "armv8-stage1", "addressWidth": 48, "root": "0x10000"}""").expectStatus().isCreated();
        var refusal = json(post(BINDS, """
                {"rid": "3b:00.0", "pasid": 2, "parent": 2, "format": "armv8-stage1", "root": "0x10000"}""").expectStatus().isEqualTo(422));
        assertThat(refusal.get("errno").asString()).isEqualTo("EOPNOTSUPP");
        assertThat(refusal.get("detail").asString()).contains("one stage 2");
        assertThat(ask("3b:00.0", 1, "0x1abc")).isEqualTo("0x80020abc");
        var routes = new ArrayList<String>();
        json(M1 + "/ioasids/3").get("routes").forEach(route -> routes.add(route.toString()));
        assertThat(routes)
                .containsExactly("{\"rid\":\"0000:3b:00.0\"}", "{\"rid\":\"0000:3b:00.0\",\"pasid\":1,\"bind\":1}");
    }
}
