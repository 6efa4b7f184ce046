package dev.ioasid.web;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.Architecture;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.http.MediaType;
import org.springframework.test.web.servlet.client.RestTestClient;

class DeviceScenarioTest extends BothArchitecturesTest {
    private static final String DEVICES = M1 + "/devices";
    private static final String INTERRUPTS =
            "{\"first\": \"0xfee00000\", \"last\": \"0xfeefffff\", \"type\": \"msi\"}, ";

    @BeforeEach
    void makeMachine() {
        machine();
    }

    @Test
    void aDeviceIsMadeShownListedAndDeleted() {
        post(DEVICES, """
                {"rid": "3c:00.1", "iommu": "iommu0", "name": "nic", "pasidBits": 16, "ats": true, "pri": false,
                 "group": 7, "reservedRegions": [{"first": "0x1000", "last": "0x1fff", "type": "direct-relaxable"}]}""")
                .expectStatus()
                .isCreated()
                .expectHeader()
                .valueEquals("Location", DEVICES + "/0000:3c:00.1")
                .expectBody()
                .json("""
                        {"rid": "0000:3c:00.1", "iommu": "iommu0", "name": "nic", "group": 7, "pasidBits": 16,
                         "ats": true, "pri": false, "pasids": [], "reservedRegions": [
                           %s{"first": "0x1000", "last": "0x1fff", "type": "direct-relaxable"}]}""".formatted(on == Architecture.VTD ? INTERRUPTS : ""));
        assertThat(json(DEVICES + "/3c:00.1")).isEqualTo(json(DEVICES + "/0000:3c:00.1"));
        assertThat(json(DEVICES).get("items")).hasSize(1);
        expectRefused(post(DEVICES, """
                {"rid": "0000:3c:00.1", "iommu": "iommu0"}"""), 409, "EEXIST");
        delete(DEVICES + "/3c:00.1").expectStatus().isNoContent();
        expectRefused(get(DEVICES + "/3c:00.1"), 404, "ENODEV");
    }

    @Test
    void leftOutCapabilitiesAreThoseOfTheUnit() {
        post(DEVICES, """
                {"rid": "3c:00.0", "iommu": "iommu0"}""").expectBody().json("""
                {"pasidBits": %d, "ats": true, "pri": true}""".formatted(on.pasidBits()));
        post(DEVICES, """
                {"rid": "3c:00.1", "iommu": "iommu0", "ats": false}""").expectBody().json("""
                {"pasidBits": %d, "ats": false, "pri": false}""".formatted(on.pasidBits()));
        get(DEVICES + "/3c:00.0/capabilities").expectBody().json("""
                {"iommu": "iommu0", "type": "%s", "capabilities": {"pasidBits": %d, "ats": true}}""".formatted(on.preset(), on.pasidBits()));
    }

    @Test
    void aStreamIdIsForAnSmmu() {
        var answer = post(DEVICES, """
                {"rid": "3c:00.0", "iommu": "iommu0", "streamId": 1}""");
        switch (on) {
            case VTD -> {
                refused(answer, 400, "EINVAL", """
                        {"property": "streamId"}""");
                assertThat(json(DEVICES).get("items")).isEmpty();
            }
            case SMMUV3 -> answer.expectStatus().isCreated().expectBody().json("""
                    {"streamId": "0x1"}""");
        }
    }

    @Test
    void pasidsAreAllocatedAndFreed() {
        post(DEVICES, """
                {"rid": "3c:00.0", "iommu": "iommu0", "pasidBits": 2}""").expectStatus().isCreated();
        var pasids = DEVICES + "/3c:00.0/pasids";
        client.post()
                .uri(pasids)
                .exchange()
                .expectStatus()
                .isCreated()
                .expectBody()
                .json("""
                {"pasid": 1}""");
        post(pasids, """
                {"pasid": 3, "name": "vm1"}""")
                .expectStatus()
                .isCreated()
                .expectHeader()
                .valueEquals("Location", DEVICES + "/0000:3c:00.0/pasids/3")
                .expectBody()
                .json("""
                        {"pasid": 3, "name": "vm1"}""");
        get(pasids + "/3").expectBody().json("""
                {"pasid": 3, "name": "vm1"}""");
        post(pasids, "{}").expectBody().json("""
                {"pasid": 2}""");
        refused(post(pasids, "{}"), 409, "ENOSPC", """
                {"rid": "0000:3c:00.0"}""");
        expectRefused(post(pasids, """
                {"pasid": 3}"""), 409, "EBUSY");
        expectRefused(post(pasids, """
                {"pasid": 0}"""), 400, "EINVAL");
        expectRefused(post(pasids, """
                {"pasid": 4}"""), 400, "EINVAL");
        get(pasids).expectBody().json("""
                {"items": [{"pasid": 1}, {"pasid": 2}, {"pasid": 3, "name": "vm1"}]}""");
        assertThat(json(pasids + "?limit=2").get("next").asString()).isEqualTo("2");
        assertThat(json(pasids + "?after=2").get("items")).hasSize(1);
        delete(pasids + "/2").expectStatus().isNoContent();
        expectRefused(delete(pasids + "/2"), 404, "ENOENT");
        expectRefused(get(pasids + "/2"), 404, "ENOENT");
        expectRefused(get(DEVICES + "/3d:00.0/pasids"), 404, "ENODEV");
    }

    @Test
    void aDeviceWithoutTheCapabilityHasNoPasids() {
        post(DEVICES, """
                {"rid": "3c:00.0", "iommu": "iommu0", "pasidBits": 0}""").expectStatus().isCreated();
        refused(post(DEVICES + "/3c:00.0/pasids", "{}"), 422, "EOPNOTSUPP", """
                {"capability": "pasidBits"}""");
    }

    @Test
    void aServersListingIsImportedAllOrNone() throws IOException {
        var listing = Files.readString(Path.of("src/test/resources/lspci/server-86.txt"));
        var wouldBe = listed("?dryRun=true", listing);
        wouldBe.expectStatus().isOk();
        var items = json(wouldBe).get("items");
        assertThat(items).isNotEmpty();
        assertThat(json(DEVICES).get("items")).isEmpty();
        var imported = listed("?iommu=iommu0", listing);
        imported.expectStatus().isCreated().expectHeader().valueEquals("Location", DEVICES);
        assertThat(json(imported).get("items")).isEqualTo(items);
        assertThat(json(DEVICES).get("items")).hasSameSizeAs(items);
        var before = json(DEVICES);
        expectRefused(listed("", listing), 409, "EEXIST");
        assertThat(json(DEVICES)).isEqualTo(before);
        expectRefused(listed("?dryRun=maybe", listing), 400, "EINVAL");
        expectRefused(listed("", "this is no listing"), 400, "EINVAL");
    }

    private RestTestClient.ResponseSpec listed(String query, String listing) {
        return client.post()
                .uri(DEVICES + "/import" + query)
                .contentType(MediaType.TEXT_PLAIN)
                .body(listing)
                .exchange();
    }

    @Test
    void aListingIsTextAndNothingElse() {
        expectRefused(post(DEVICES + "/import", "{}"), 415, "EINVAL");
        expectRefused(
                client.post()
                        .uri(DEVICES + "/import?iommu=none")
                        .contentType(MediaType.TEXT_PLAIN)
                        .body(
                                "0000:00:1f.6 Ethernet controller [0200]: Intel Corporation Device [8086:15fb] (rev 20)\n")
                        .exchange(),
                404,
                "ENOENT");
    }
}
