package dev.ioasid.web;

import dev.ioasid.Architecture;
import dev.ioasid.Arrangement;
import dev.ioasid.service.Machines;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.http.HttpMethod;
import tools.jackson.databind.JsonNode;

/** What is about the control plane holds on both architectures. */
@ParameterizedClass(name = "{0}")
@EnumSource
abstract class BothArchitecturesTest extends HttpTest {
    private static final long MEMORY = 4L << 30;

    @Parameter
    Architecture on = Architecture.VTD;

    @Autowired
    Machines machines;

    /** Makes the machine m1 of 4 GiB with one unit. */
    void machine() {
        machine(on.preset());
    }

    /** Makes the machine m1 of 4 GiB in which devices and IOASIDs stand already. */
    void machine(Arrangement arrangement) {
        arrangement.make(machines, "m1", MEMORY, on);
    }

    /** Writes a word through an IOASID, as a guest does. */
    void write(int ioasid, long address, long word) {
        var bytes =
                ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN).putLong(word);
        send(HttpMethod.PUT, M1 + "/ioasids/%d/memory/0x%x".formatted(ioasid, address), bytes.array())
                .expectStatus()
                .is2xxSuccessful();
    }

    /** What becomes of one request. */
    JsonNode translate(String request) {
        return json(post(M1 + "/translations", "{\"requests\": [{" + request + "}]}")
                        .expectStatus()
                        .isOk())
                .get("results")
                .get(0);
    }
}
