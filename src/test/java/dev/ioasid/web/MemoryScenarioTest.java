package dev.ioasid.web;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.http.HttpMethod;

class MemoryScenarioTest extends HttpTest {
    @BeforeEach
    void makeMachine() {
        machine("empty");
    }

    @Test
    void whatIsWrittenIsRead() {
        var bytes = new byte[3 << 20];
        new Random(1).nextBytes(bytes);
        send(HttpMethod.PUT, M1 + "/memory/0x1003", bytes).expectStatus().isNoContent();
        assertThat(bytes(get(M1 + "/memory/0x1003?length=" + bytes.length))).isEqualTo(bytes);
        assertThat(bytes(get(M1 + "/memory/4099?length=0x10"))).isEqualTo(java.util.Arrays.copyOf(bytes, 16));
        assertThat(json(M1).get("committedBytes").asString()).isEqualTo("0x301000");
    }

    @Test
    void aReadIsAPageUnlessItSaysMore() {
        get(M1 + "/memory/0x0")
                .expectStatus()
                .isOk()
                .expectHeader()
                .valueEquals("Content-Type", "application/octet-stream")
                .expectHeader()
                .contentLength(4096);
    }

    @Test
    void nothingIsReadOrWrittenBeyondMemory() {
        var text = "0123456789".getBytes(StandardCharsets.UTF_8);
        refused(send(HttpMethod.PUT, M1 + "/memory/0xfffffffa", text), 400, "EINVAL", """
                {"address": "0xfffffffa", "length": "0xa"}""");
        assertThat(bytes(get(M1 + "/memory/0xfffffff0?length=16"))).containsOnly(0);
        expectRefused(get(M1 + "/memory/0xfffff001"), 400, "EINVAL");
        expectRefused(get(M1 + "/memory/0xfffffffffffff000"), 400, "EINVAL");
        expectRefused(get(M1 + "/memory/0xfffffffffffffff0?length=0x20"), 400, "EINVAL");
        expectRefused(get(M1 + "/memory/0?length=0"), 400, "EINVAL");
    }

    @Test
    void aReadOfMoreThanTheMostIsTooLarge() {
        refused(get(M1 + "/memory/0?length=0x10000001"), 413, "E2BIG", """
                {"limit": {"name": "length", "value": "0x10000000"}}""");
        get(M1 + "/memory/0?length=0x10000000")
                .expectStatus()
                .isOk()
                .expectHeader()
                .contentLength(256 << 20);
    }
}
