package dev.ioasid.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.Architecture;
import dev.ioasid.Arrangement;
import dev.ioasid.scenario.Client.Answer;
import dev.ioasid.service.Machines;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;
import org.springframework.beans.factory.annotation.Autowired;

/** An address space as its user sees it: bytes through it, and which of its addresses are given out. */
@ParameterizedClass(name = "{0}")
@EnumSource
class AddressSpaceScenarioTest extends ClientTest {
    private static final String SPACE = "/space/ioasids/3";

    @Parameter
    private Architecture on = Architecture.VTD;

    @Autowired
    private Machines machines;

    @BeforeEach
    void makeMachine() {
        Arrangement.GUESTS.make(machines, "space", 128L << 20, on);
    }

    @AfterEach
    void deleteMachine() {
        client.delete("/space").expect(204);
    }

    private Answer map(String iova, String length, String permissions, String more) {
        var at = iova.isEmpty() ? "" : "\"iova\":\"" + iova + "\",";
        return client.post(
                SPACE + "/mappings",
                "{%s\"length\":\"%s\",\"permissions\":\"%s\"%s}".formatted(at, length, permissions, more));
    }

    private static String errno(Answer answer) {
        return answer.json().get("errno").asString();
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    @Test
    void bytesWrittenThroughAnAddressSpaceAreThoseOfTheMemoryBehindIt() {
        map("0x1000", "0x1000", "rw", ",\"physicalAddress\":\"0x5000\"").expect(201);
        map("0x2000", "0x1000", "rw", ",\"physicalAddress\":\"0x3000\"").expect(201);
        client.putBytes(SPACE + "/memory/0x1ffd", bytes("across")).expect(204);
        assertThat(client.get("/space/memory/0x5ffd?length=3").expect(200).body())
                .isEqualTo(bytes("acr"));
        assertThat(client.get("/space/memory/0x3000?length=3").expect(200).body())
                .isEqualTo(bytes("oss"));
        assertThat(client.get(SPACE + "/memory/0x1ffd?length=6").expect(200).body())
                .isEqualTo(bytes("across"));
    }

    @Test
    void bytesThatAreNotMappedOrNotAllowedAreRefusedAndNoneIsWritten() {
        map("0x1000", "0x1000", "rw", ",\"physicalAddress\":\"0x5000\"").expect(201);
        map("0x2000", "0x1000", "r", ",\"physicalAddress\":\"0x6000\"").expect(201);
        map("0x4000", "0x1000", "w", "").expect(201);
        assertThat(errno(client.putBytes(SPACE + "/memory/0x1ffd", bytes("across"))
                        .expect(403)))
                .isEqualTo("EPERM");
        assertThat(client.get(SPACE + "/memory/0x1ffd?length=6").expect(200).body())
                .isEqualTo(new byte[6]);
        assertThat(errno(client.get(SPACE + "/memory/0x2ffd?length=6").expect(404)))
                .isEqualTo("ENOENT");
        assertThat(errno(client.get(SPACE + "/memory/0x4000?length=6").expect(403)))
                .isEqualTo("EPERM");
        assertThat(errno(client.get(SPACE + "/memory/0xffffffffffffffff?length=6")
                        .expect(404)))
                .isEqualTo("ENOENT");
        assertThat(errno(client.get(SPACE + "/memory/0x1000?length=0").expect(400)))
                .isEqualTo("EINVAL");
        assertThat(errno(client.get(SPACE + "/memory/0x1000?length=0x1000001").expect(413)))
                .isEqualTo("E2BIG");
    }

    @Test
    void memoryThatIsGivenToAnotherIsZero() {
        var physical = map("0x1000", "0x1000", "rw", "").expect(201).json().get("physicalAddress");
        client.putBytes(SPACE + "/memory/0x1000", bytes("secret")).expect(204);
        client.delete(SPACE + "/mappings?iova=0x1000&length=0x1000").expect(200);
        var again = client.post(
                        "/space/ioasids/2/mappings",
                        "{\"iova\":\"0x9000\",\"length\":\"0x1000\",\"permissions\":\"r\"}")
                .expect(201)
                .json();
        assertThat(again.get("physicalAddress")).as("the lowest frame, again").isEqualTo(physical);
        assertThat(client.get("/space/ioasids/2/memory/0x9000?length=4096")
                        .expect(200)
                        .body())
                .isEqualTo(new byte[4096]);
    }

    @Test
    void addressesAreGivenOutLowestFirstAlignedAsLargePagesWant() {
        assertThat(allocated("0x1000")).isEqualTo("0x1000");
        assertThat(allocated("0x3000")).as("aligned to four pages").isEqualTo("0x4000");
        assertThat(allocated("0x1000")).as("the gap").isEqualTo("0x2000");
        assertThat(allocated("0x200000")).isEqualTo("0x200000");
        assertThat(map("", "0x5000", "rw", ",\"physicalAddress\":\"0x3000\"")
                        .expect(201)
                        .json()
                        .get("iova")
                        .asString())
                .as("memory that begins on an odd page needs no more alignment than a page")
                .isEqualTo("0x7000");
        client.delete(SPACE + "/mappings?iova=0x1000&length=0x1000").expect(200);
        assertThat(allocated("0x1000")).as("freed, and given out again").isEqualTo("0x1000");
    }

    private String allocated(String length) {
        return map("", length, "rw", "").expect(201).json().get("iova").asString();
    }

    @Test
    void allowedRangesLimitWhereAddressesAreGivenOutAndKeepReservedRegionsAway() {
        var ranges = SPACE + "/allowed-ranges";
        client.put(ranges, "{\"ranges\":[{\"first\":\"0x100000\",\"last\":\"0x101fff\"}]}")
                .expect(200);
        assertThat(allocated("0x1000")).isEqualTo("0x100000");
        assertThat(allocated("0x1000")).isEqualTo("0x101000");
        assertThat(errno(map("", "0x1000", "rw", "").expect(409))).isEqualTo("ENOSPC");
        map("0x5000", "0x1000", "rw", "").expect(201);
        client.post("/space/devices", """
                        {"rid":"3e:00.0","iommu":"iommu0","reservedRegions":[{"first":"0xff000000","last":"0xff0fffff","type":"direct"}]}
                        """).expect(201);
        client.put("/space/devices/3e:00.0/attachment", "{\"ioasid\":3}").expect(200);
        var refused = client.put(ranges, "{\"ranges\":[{\"first\":\"0xff0ff000\",\"last\":\"0xff100fff\"}]}")
                .expect(409);
        assertThat(errno(refused)).isEqualTo("EADDRINUSE");
        assertThat(client.get(ranges).expect(200).json().get("ranges").size())
                .as("the list before stays")
                .isEqualTo(1);
        for (var bad : new String[] {
            "{\"first\":\"0x1000\",\"last\":\"0x1000\"}",
            "{\"first\":\"0x1000\",\"last\":\"0x1000000000000\"}",
            "{\"first\":\"0x2000\",\"last\":\"0x1000\"}",
            "{\"first\":\"0x1000\",\"last\":\"0x1fff\"},{\"first\":\"0x1fff\",\"last\":\"0x2fff\"}"
        }) {
            assertThat(errno(client.put(ranges, "{\"ranges\":[" + bad + "]}").expect(400)))
                    .isEqualTo("EINVAL");
        }
        // a device whose reserved region meets a promise cannot come
        client.post("/space/devices", """
                        {"rid":"3e:00.1","iommu":"iommu0","reservedRegions":[{"first":"0x100000","last":"0x1fffff","type":"direct"}]}
                        """).expect(201);
        client.put("/space/ioasids/2/allowed-ranges", "{\"ranges\":[{\"first\":\"0x180000\",\"last\":\"0x180fff\"}]}")
                .expect(200);
        assertThat(errno(client.put("/space/devices/3e:00.1/attachment", "{\"ioasid\":2}")
                        .expect(409)))
                .isEqualTo("EADDRINUSE");
        client.put("/space/ioasids/2/allowed-ranges", "{\"ranges\":[]}").expect(200);
        client.put("/space/devices/3e:00.1/attachment", "{\"ioasid\":2}").expect(200);
        assertThat(client.get("/space/ioasids/2/iova-ranges")
                        .expect(200)
                        .json()
                        .get("ranges")
                        .size())
                .isEqualTo(on == Architecture.VTD ? 3 : 2); // VT-d's window for interrupts is a hole, too
    }
}
