package dev.ioasid.web;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.http.HttpMethod;
import tools.jackson.databind.JsonNode;

/** A transaction that waits for software, which is the user: an unmanaged SMMUv3 with the tables of a worked example, whose CD 7 has S. */
class SmmuStallScenarioTest extends HttpTest {
    private static final String UNIT = M1 + "/iommus/u";
    private static final long LEAF = 0x80103790L;
    private static final long LEAF_WITHOUT_AF = 0x0060000123457b43L;

    @BeforeEach
    void make() {
        machine("empty");
        post(M1 + "/iommus", """
                {"name": "u", "type": "smmuv3", "managed": false}""").expectStatus().isCreated();
        post(M1 + "/devices", """
                {"rid": "00:04.1", "iommu": "u", "pasidBits": 8, "ats": false}""").expectStatus().isCreated();
        write(0x80000840L, 0x500000008001001bL);
        write(0x80000848L, 0x00001000000000d4L);
        write(0x80000850L, 7);
        write(0x80010000L, 0x80020001L);
        write(0x800201c0L, 0x0025f205c0003510L);
        write(0x800201c8L, 0x80100000L);
        write(0x801007f8L, 0x80101003L);
        write(0x80101578L, 0x80102003L);
        write(0x80102378L, 0x80103003L);
        write(LEAF, LEAF_WITHOUT_AF);
        patch(UNIT + "/registers", """
                {"EVENTQ_BASE": "0x90000008", "STRTAB_BASE": "0x80000000", "STRTAB_BASE_CFG": "0x8", "CR0": "0xd"}""").expectStatus().isOk();
    }

    private void write(long address, long word) {
        var bytes = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(word);
        send(HttpMethod.PUT, M1 + "/memory/0x" + Long.toHexString(address), bytes.array())
                .expectStatus()
                .is2xxSuccessful();
    }

    private JsonNode read() {
        return json(post(M1 + "/translations", """
                {"requests": [{"rid": "00:04.1", "pasid": 7, "iova": "0x7fabcdef2234", "access": "read"}]}""").expectStatus().isOk())
                .get("results")
                .get(0);
    }

    private JsonNode faults() {
        return json(UNIT + "/faults").get("items");
    }

    private void command(String word0, String word1) {
        post(UNIT + "/commands", """
                {"commands": [["%s", "%s"]]}""".formatted(word0, word1)).expectStatus().isOk();
    }

    /** CD.A is 0, and S as well: a fault is recorded, and the device never hears of it. */
    @Test
    void whatIsTerminatedQuietlyReadsZerosAndLosesWrites() {
        write(0x800201c0L, 0x0025a205c0003510L);
        write(LEAF, LEAF_WITHOUT_AF & ~0x123457000L | 0x83457000L);
        write(0x83457230L, -1);
        var read = json(post(M1 + "/dma", """
                {"rid": "00:04.1", "pasid": 7, "iova": "0x7fabcdef2234", "operation": "read", "length": 3}""").expectStatus().isOk());
        assertThat(read.get("status").asString()).isEqualTo("completed");
        assertThat(read.get("data").binaryValue()).containsExactly(0, 0, 0);
        var written = json(post(M1 + "/dma", """
                {"rid": "00:04.1", "pasid": 7, "iova": "0x7fabcdef2234", "operation": "write", "data": "AQID"}""").expectStatus().isOk());
        assertThat(written.get("status").asString()).isEqualTo("completed");
        assertThat(bytes(get(M1 + "/memory/0x83457230?length=8"))).containsOnly(-1);
        assertThat(faults()).hasSize(2);
    }

    @Test
    void aStalledTransactionIsRecordedAndRetriedOrEnded() {
        var answer = read();
        assertThat(answer.get("status").asString()).isEqualTo("stalled");
        assertThat(answer.get("fault").get("name").asString()).isEqualTo("F_ACCESS");
        assertThat(answer.get("fault").get("recorded").asBoolean()).isTrue();
        assertThat(faults().get(0).get("words").toString())
                .isEqualTo("[\"0x2100007812\",\"0x20880000000\",\"0x7fabcdef2234\",\"0x0\"]");
        assertThat(faults().get(0).get("stage").asString()).isEqualTo("first");
        // retried as it is, it stalls again, and is recorded again
        command("0x0000002100001044", "0x0");
        assertThat(faults()).hasSize(2);
        // mended and retried, it goes through: nothing more is recorded
        write(LEAF, LEAF_WITHOUT_AF | 1 << 10);
        command("0x0000002100001044", "0x0");
        assertThat(faults()).hasSize(2);
        assertThat(read().get("address").asString()).isEqualTo("0x123457234");
    }

    @Test
    void aStagThatNobodyHasMeansNothing() {
        read();
        command("0x0000002100001044", "0x5");
        command("0x0000002200001044", "0x0");
        assertThat(faults()).hasSize(1);
        command("0x0000002100000045", "0x0"); // every one of the stream is ended
        command("0x0000002100001044", "0x0");
        assertThat(faults()).hasSize(1);
    }

    @Test
    void thePriQueueIsTheUsersToSetUp() {
        var registers = json(patch(UNIT + "/registers", """
                {"PRIQ_BASE": "0x4000000090010007", "PRIQ_IRQ_CFG2": "0x80000000", "IRQ_CTRL": "0x2", "CR0": "0xf", "PRIQ_PROD": "0x5"}""").expectStatus().isOk());
        assertThat(registers.toString())
                .contains("\"PRIQ_BASE\":\"0x4000000090010007\"", "\"CR0ACK\":\"0xf\"", "\"IRQ_CTRLACK\":\"0x2\"")
                .contains("\"PRIQ_IRQ_CFG2\":\"0x80000000\"", "\"PRIQ_PROD\":\"0x0\"");
        var issued = json(post(UNIT + "/commands", """
                {"commands": [["0x0000002100005841", "0x000000000000201b"]]}""").expectStatus().isOk());
        assertThat(issued.toString()).contains("pri-resp", "\"PRGIndex\":\"0x1b\"", "\"Resp\":\"0x2\"");
    }

    @Test
    void inABinaryAnswerItIsStatus2() {
        var request = ByteBuffer.allocate(32).order(ByteOrder.LITTLE_ENDIAN);
        request.putInt(0, 0x21).putInt(4, 7).putLong(8, 0x7fabcdef2234L).putLong(24, 99);
        var answer = ByteBuffer.wrap(bytes(send(HttpMethod.POST, M1 + "/translations", request.array())
                        .expectStatus()
                        .isOk()))
                .order(ByteOrder.LITTLE_ENDIAN);
        assertThat(answer.get(8)).isEqualTo((byte) 2);
        assertThat(answer.getInt(12)).isEqualTo(0x12);
        assertThat(answer.getLong(24)).isEqualTo(99);
    }
}
