package dev.ioasid.web;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.Architecture;
import java.util.ArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class MachineScenarioTest extends HttpTest {
    @Test
    void aMachineIsMadeShownListedAndDeleted() {
        post("/v1/machines", """
                {"name": "m1", "memory": "0x100000000", "preset": "vtd"}""")
                .expectStatus()
                .isCreated()
                .expectHeader()
                .valueEquals("Location", M1)
                .expectBody()
                .json("""
                        {"name": "m1", "memory": "0x100000000", "preset": "vtd"}""");
        get(M1).expectStatus().isOk().expectBody().json("""
                {"name": "m1", "memory": "0x100000000", "preset": "vtd"}""");
        assertThat(json(M1).get("committedBytes").asString()).startsWith("0x");
        assertThat(json("/v1/machines").get("items")).hasSize(1);
        delete(M1).expectStatus().isNoContent().expectBody().isEmpty();
        expectRefused(get(M1), 404, "ENOENT");
        expectRefused(delete(M1), 404, "ENOENT");
        assertThat(json("/v1/machines").get("items")).isEmpty();
    }

    @Test
    void withoutAPresetAMachineIsEmptyAndMemoryMayBeANumber() {
        post("/v1/machines", """
                {"name": "m1", "memory": 4096}""").expectStatus().isCreated().expectBody().json("""
                        {"name": "m1", "memory": "0x1000", "preset": "empty", "committedBytes": "0x0"}""");
        assertThat(json(M1 + "/iommus").get("items")).isEmpty();
    }

    @Test
    void aNameIsTakenOnce() {
        machine("empty");
        refused(post("/v1/machines", """
                {"name": "m1", "memory": "0x1000"}"""), 409, "EEXIST", """
                {"machine": "m1"}""");
    }

    @Test
    void aHoleIsBackedByNothing() {
        post("/v1/machines", """
                {"name": "m1", "memory": "0x10000", "holes": [{"first": "0x4000", "last": "0x4fff"}]}""").expectStatus().isCreated();
        get(M1 + "/memory/0x3000?length=0x1000").expectStatus().isOk();
        expectRefused(get(M1 + "/memory/0x3000?length=0x1001"), 400, "EINVAL");
        get(M1 + "/memory/0x5000?length=0xb000").expectStatus().isOk();
    }

    @ParameterizedTest
    @EnumSource
    void aPresetWithOneManagedUnit(Architecture architecture) {
        post("/v1/machines", """
                {"name": "m1", "memory": "0x10000000", "preset": "%s"}""".formatted(architecture.preset()))
                .expectStatus()
                .isCreated()
                .expectBody()
                .json("""
                {"preset": "%s"}""".formatted(architecture.preset()));
        get(M1 + "/iommus").expectBody().json("""
                {"items": [{"name": "iommu0", "type": "%s", "managed": true}]}""".formatted(architecture.preset()));
    }

    /** With what a guest binds beside other guests on one device: an SMMUv3 has one stage 2 for it. */
    @Test
    void aPresetWithTheWorkedTopology() {
        machine("siov");
        get(M1 + "/iommus").expectBody().json("""
                {"items": [{"name": "iommu0", "type": "vtd", "managed": true}]}""");
        get(M1 + "/topology").expectBody().json("""
                {"devices": [{"rid": "0000:3a:00.0", "label": "RID1"}, {"rid": "0000:3b:00.0", "label": "RID2"}],
                 "ioasids": [
                   {"id": 1, "type": "paging", "mappedBytes": "0x0",
                    "routes": [{"rid": "0000:3a:00.0", "deviceLabel": "RID1"}]},
                   {"id": 2, "routes": [{"rid": "0000:3a:00.0", "pasid": 1, "pasidLabel": "PASID-x"},
                                        {"pasid": 3, "pasidLabel": "PASID-a", "bind": 1}, {"pasid": 4, "bind": 2}]},
                   {"id": 3, "routes": [{"rid": "0000:3a:00.0", "pasid": 2}, {"pasid": 5, "bind": 3},
                                        {"rid": "0000:3b:00.0"}, {"rid": "0000:3b:00.0", "bind": 4}]}]}""");
    }

    @Test
    void listsArePaged() {
        for (var name : new String[] {"a", "b", "c", "d", "e"}) {
            post("/v1/machines", "{\"name\": \"%s\", \"memory\": 4096}".formatted(name))
                    .expectStatus()
                    .isCreated();
        }
        var seen = new ArrayList<String>();
        var page = json("/v1/machines?limit=2");
        while (true) {
            page.get("items").forEach(machine -> seen.add(machine.get("name").asString()));
            if (!page.has("next")) {
                break;
            }
            page = json("/v1/machines?limit=2&after=" + page.get("next").asString());
        }
        assertThat(seen).containsExactly("a", "b", "c", "d", "e");
        assertThat(json("/v1/machines?limit=5").has("next")).isFalse();
        assertThat(json("/v1/machines?after=e").get("items")).isEmpty();
    }
}
