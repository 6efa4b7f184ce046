package dev.ioasid.web;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.http.HttpMethod;
import org.springframework.http.MediaType;

/** DMA from device to device, and what arrives in its regions. */
class PeerToPeerScenarioTest extends BothArchitecturesTest {
    private static final String DEVICES = M1 + "/devices";
    private static final String DMA = M1 + "/dma";
    private static final String TWO = DEVICES + "/3a:00.1";

    /** Two functions of one group; the second answers at two places. */
    @BeforeEach
    void make() {
        machine();
        post(DEVICES, """
                {"rid": "3a:00.0", "iommu": "iommu0", "pri": false, "group": 7}""").expectStatus().isCreated();
        post(DEVICES, """
                {"rid": "3a:00.1", "iommu": "iommu0", "pri": false, "group": 7, "regions": [
                  {"address": "0x200000000", "length": "0x2000"}, {"address": "0x200008000", "length": "0x1000"}]}""").expectStatus().isCreated().expectBody().json("""
                {"regions": [{"address": "0x200000000", "length": "0x2000"}, {"address": "0x200008000", "length": "0x1000"}]}""");
    }

    @Test
    void everyFormOfDmaReachesARegion() {
        post(DMA, """
                {"rid": "3a:00.0", "target": {"rid": "3a:00.1", "region": 1, "offset": "0x10"}, "operation": "write",
                 "data": "AQID"}""").expectBody().json("""
                {"rid": "0000:3a:00.0", "status": "completed", "transferred": 3}""");
        post(DMA + "/batch", """
                {"rid": "3a:00.0", "requests": [
                  {"target": {"rid": "3a:00.1", "offset": "0x1fff"}, "operation": "write", "data": "BA=="},
                  {"iova": "0x200008010", "operation": "read", "length": 3}]}""").expectBody().json("""
                {"status": "completed", "results": [{"transferred": 1}, {"data": "AQID"}]}""");
        json(send(HttpMethod.POST, DMA + "?rid=3a:00.0&target=3a:00.1&region=1&offset=0x13", new byte[] {5, 6})
                .expectStatus()
                .isOk());
        var read = client.post()
                .uri(DMA)
                .contentType(MediaType.APPLICATION_JSON)
                .accept(MediaType.APPLICATION_OCTET_STREAM)
                .body("""
                {"rid": "3a:00.0", "target": {"rid": "3a:00.1", "region": 1, "offset": "0x10"}, "operation": "read", "length": 5}""")
                .exchange();
        assertThat(bytes(read)).containsExactly(1, 2, 3, 5, 6);
        assertThat(bytes(get(TWO + "/regions/1/memory/0x10?length=5"))).containsExactly(1, 2, 3, 5, 6);
        assertThat(bytes(get(TWO + "/regions/0/memory/0x1fff?length=1"))).containsExactly(4);
        assertThat(json(M1 + "/iommus/iommu0/faults").get("items")).isEmpty();
    }

    @Test
    void whatTheDeviceItselfWritesIsRead() {
        send(HttpMethod.PUT, TWO + "/regions/0/memory/0x100", new byte[] {7, 8})
                .expectStatus()
                .isNoContent();
        post(DMA, """
                {"rid": "3a:00.0", "iova": "0x200000100", "operation": "read", "length": 2}""").expectBody().json("""
                {"status": "completed", "data": "Bwg="}""");
        expectRefused(send(HttpMethod.PUT, TWO + "/regions/0/memory/0x1fff", new byte[2]), 400, "EINVAL");
        expectRefused(get(TWO + "/regions/0/memory/0x0?length=0x2001"), 400, "EINVAL");
        expectRefused(get(TWO + "/regions/0/memory/0x0?length=0"), 400, "EINVAL");
        expectRefused(get(TWO + "/regions/0/memory/0x0?length=0x1000001"), 413, "E2BIG");
        refused(get(TWO + "/regions/2/memory/0x0"), 404, "ENOENT", """
                {"rid": "0000:3a:00.1", "region": 2}""");
        expectRefused(get(DEVICES + "/3a:00.0/regions/0/memory/0x0"), 404, "ENOENT");
        expectRefused(get(DEVICES + "/3a:00.7/regions/0/memory/0x0"), 404, "ENODEV");
    }

    @Test
    void explainSaysWhichWay() {
        var explain = M1 + "/translations/explain";
        post(explain, """
                {"rid": "3a:00.0", "iova": "0x200008123", "access": "write"}""").expectBody().json("""
                {"result": {"status": "translated", "address": "0x200008123"}, "steps": [
                  {"structure": "peer-to-peer", "raw": [], "decision": "0x200008123 lies in region 1 of 0000:3a:00.1, which is in group 7 as well: the request goes there, and iommu0 never sees it"}]}""");
        post(explain, """
                {"rid": "3a:00.1", "iova": "0x200008123", "access": "write"}""").expectBody().json("""
                {"result": {"status": "fault", "fault": {"code": "0x0", "name": "unsupported-request", "recorded": false}}}""");
        var text = client.post()
                .uri(explain)
                .contentType(MediaType.APPLICATION_JSON)
                .accept(MediaType.TEXT_PLAIN)
                .body("""
                {"rid": "3a:00.0", "iova": "0x200008123", "access": "write"}""")
                .exchange();
        assertThat(new String(bytes(text), StandardCharsets.UTF_8)).contains("|-- peer-to-peer");
    }

    @Test
    void anIoasidMapsARegionToo() {
        post(M1 + "/ioasids", """
                {"type": "paging"}""").expectStatus().isCreated();
        post(M1 + "/ioasids/1/mappings", """
                {"iova": "0x1000", "length": "0x1000", "permissions": "rw", "physicalAddress": "0x200008000"}""")
                .expectStatus()
                .isCreated()
                .expectBody()
                .json("""
                {"physicalAddress": "0x200008000"}""");
        refused(post(M1 + "/ioasids/1/mappings", """
                {"iova": "0x4000", "length": "0x2000", "permissions": "rw", "physicalAddress": "0x200008000"}"""), 400, "EINVAL", """
                {"ioasid": 1, "physicalAddress": "0x200008000"}""");
        post(DEVICES, """
                {"rid": "3b:00.0", "iommu": "iommu0"}""").expectStatus().isCreated();
        put(DEVICES + "/3b:00.0/attachment", """
                {"ioasid": 1}""").expectStatus().isOk();
        post(DMA, """
                {"rid": "3b:00.0", "iova": "0x1000", "operation": "write", "data": "CQ=="}""").expectBody().json("""
                {"status": "completed"}""");
        assertThat(bytes(get(TWO + "/regions/1/memory/0x0?length=1"))).containsExactly(9);
        assertThat(bytes(get(M1 + "/ioasids/1/memory/0x1000?length=1"))).containsExactly(9);
    }

    @Test
    void whatCannotBeIsRefused() {
        refused(post(DEVICES, """
                {"rid": "3c:00.0", "iommu": "iommu0", "regions": [{"address": "0x200001000", "length": "0x1000"}]}"""), 409, "EEXIST", """
                {"rid": "0000:3c:00.0", "property": "regions[0]", "address": "0x200001000"}""");
        refused(post(DEVICES, """
                {"rid": "3c:00.0", "iommu": "iommu0", "regions": [{"address": "0x1000", "length": "0x1000"}]}"""), 400, "EINVAL", """
                {"detail": "region 0x1000..0x1fff of 0000:3c:00.0 overlaps memory: the machine has 0x100000000 bytes, and 0 holes"}""");
        expectRefused(post(DEVICES, """
                {"rid": "3c:00.0", "iommu": "iommu0", "regions": [{"address": "0x300000000", "length": 0}]}"""), 400, "EINVAL");
        expectRefused(post(DEVICES, """
                {"rid": "3c:00.0", "iommu": "iommu0", "regions": [{"address": "0xfffffffffffff000", "length": "0x2000"}]}"""), 400, "EINVAL");
        expectRefused(get(DEVICES + "/3c:00.0"), 404, "ENODEV");
        expectRefused(post(DMA, """
                {"rid": "3a:00.0", "operation": "read", "length": 1}"""), 400, "EINVAL");
        expectRefused(post(DMA, """
                {"rid": "3a:00.0", "iova": "0x1000", "target": {"rid": "3a:00.1", "offset": "0x0"}, "operation": "read", "length": 1}"""), 400, "EINVAL");
        refused(post(DMA + "/batch", """
                {"rid": "3a:00.0", "requests": [
                  {"target": {"rid": "3a:00.1", "offset": "0x0"}, "operation": "write", "data": "AQ=="},
                  {"target": {"rid": "3a:00.1", "region": 1, "offset": "0x1000"}, "operation": "read", "length": 1}]}"""), 400, "EINVAL", """
                {"index": 1, "region": 1, "offset": "0x1000"}""");
        expectRefused(send(HttpMethod.POST, DMA + "?rid=3a:00.0&region=1&offset=0x13", new byte[1]), 400, "EINVAL");
        expectRefused(send(HttpMethod.POST, DMA + "?rid=3a:00.0&iova=0x1000&offset=0x13", new byte[1]), 400, "EINVAL");
        assertThat(bytes(get(TWO + "/regions/0/memory/0x0?length=1"))).containsExactly(0);
    }
}
