package dev.ioasid.iommu.smmuv3;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.iommu.DeviceMessage;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.PageRequest;
import dev.ioasid.iommu.Rid;
import dev.ioasid.iommu.UnitWrites;
import dev.ioasid.pagetable.Permissions;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** IHI 0070, chapter 8: what a unit does with page requests, and what it answers by itself. */
class PageRequestsTest {
    /** PRIQ_PROD of a queue of four that has overflowed. */
    private static final String OVERFLOWED = "PRIQ_PROD=80000004";

    /** {@code 21/5 rwL 1b 7fabcdef4000}; {@code -} for nothing that is asked for. */
    private static PageRequest request(String text) {
        var parts = text.split(" ");
        var ids = parts[0].split("/");
        int streamId = (int) ExampleUnit.hex(ids[0]);
        var what = parts[1];
        return new PageRequest(
                Rid.ofSourceId(0, streamId),
                streamId,
                ids.length == 1 ? DmaRequest.NO_PASID : (int) ExampleUnit.hex(ids[1]),
                ExampleUnit.hex(parts[3]),
                new Permissions(what.contains("r"), what.contains("w"), what.contains("x"), what.contains("p")),
                (int) ExampleUnit.hex(parts[2]),
                what.contains("L"));
    }

    private static String text(PageRequest.Outcome outcome) {
        return switch (outcome) {
            case PageRequest.Outcome.Queued queued -> "queued";
            case PageRequest.Outcome.Answered(var response, var _) -> response.name();
            case PageRequest.Outcome.Dropped dropped -> "dropped";
        };
    }

    private static String send(ExampleUnit unit, String request) {
        return text(unit.hardware.request(request(request)));
    }

    /** Bits of capabilities that are turned; IDR3.PPS is set on a current server. */
    private static ExampleUnit unit(@Nullable String capabilities) {
        return new ExampleUnit(
                capabilities == null
                        ? Map.of()
                        : Map.of(
                                capabilities.split("=")[0],
                                ExampleUnit.hex(capabilities.split("=")[1])),
                SmmuCacheGeometries.DEFAULT);
    }

    @ParameterizedTest(name = "{0} {1}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            what                       | before                                    | request                   | capabilities | outcome
            a request                  |                                           | 21/5 rwL 1b 7fabcdef4000  |              | queued
            not the last               |                                           | 21/5 r 1b 7fabcdef4000    |              | queued
            a marker                   |                                           | 21/5 L 0 0                |              | queued
            of nobody's StreamID       |                                           | ffffffff/5 rL 0 0         |              | queued
            off                        | CR0=1d                                    | 21/5 rL 0 0               |              | FAILURE
            off, not the last          | CR0=1d                                    | 21/5 r 0 0                |              | FAILURE
            off, a marker              | CR0=1d                                    | 21/5 L 0 0                |              | dropped
            off, no marker             | CR0=1d                                    | 21 L 0 0                  |              | FAILURE
            translation off            | CR0=1e                                    | 21/5 rL 0 0               |              | FAILURE
            translation off, a marker  | CR0=1e                                    | 21/5 L 0 0                |              | dropped
            no memory                  | CR0=1d PRIQ_BASE=c0000002 CR0=1f          | 21/5 rL 0 0               |              | FAILURE
            no memory, a marker        | CR0=1d PRIQ_BASE=c0000002 CR0=1f          | 21/5 L 0 0                |              | dropped
            no PRI                     |                                           | 21/5 rL 0 0               | IDR0=10000   | FAILURE
            full                       | CR0=1d PRIQ_PROD=4 CR0=1f                 | 21/5 rL 0 0               |              | SUCCESS
            overflow                   | CR0=1d PRIQ_PROD=80000004 CR0=1f          | 21/5 rL 0 0               |              | SUCCESS
            overflow, room             | CR0=1d PRIQ_PROD=80000001 CR0=1f          | 21/5 rL 0 0               |              | SUCCESS
            overflow, acknowledged     | CR0=1d PRIQ_PROD=80000001 PRIQ_CONS=80000000 CR0=1f | 21/5 rL 0 0     |              | queued
            overflow, not the last     | CR0=1d PRIQ_PROD=80000004 CR0=1f          | 21/5 r 0 0                |              | dropped
            overflow, a marker         | CR0=1d PRIQ_PROD=80000004 CR0=1f          | 21/5 L 0 0                |              | dropped
            overflow, no marker        | CR0=1d PRIQ_PROD=80000004 CR0=1f          | 21 L 0 0                  |              | SUCCESS
            overflow, no PASID         | CR0=1d PRIQ_PROD=80000004 CR0=1f          | 25 rL 0 0                 |              | SUCCESS
            overflow, PPS, no STE      | CR0=1d PRIQ_PROD=80000004 CR0=1f          | 25/5 rL 0 0               |              | SUCCESS
            overflow, STE              | CR0=1d PRIQ_PROD=80000004 CR0=1f          | 21/5 rL 0 0               | IDR3=20      | SUCCESS
            overflow, no STE           | CR0=1d PRIQ_PROD=80000004 CR0=1f          | 25/5 rL 0 0               | IDR3=20      | FAILURE
            overflow, no STE, no PASID | CR0=1d PRIQ_PROD=80000004 CR0=1f          | 25 rL 0 0                 | IDR3=20      | SUCCESS
            overflow, StreamID beyond  | CR0=1d PRIQ_PROD=80000004 CR0=1f          | 100/5 rL 0 0              | IDR3=20      | FAILURE
            """)
    void outcomes(String what, @Nullable String before, String request, @Nullable String capabilities, String outcome) {
        try (var unit = unit(capabilities)) {
            if (before != null) {
                unit.write(before);
            }
            assertThat(send(unit, request)).isEqualTo(outcome);
            assertThat(unit.events()).isEmpty();
        }
    }

    @Test
    void whatIsQueuedStandsInTheQueue() {
        try (var unit = unit(null)) {
            send(unit, "21/5 rwL 1b 7fabcdef4000");
            send(unit, "21/5 L 0 0");
            assertThat(unit.register("PRIQ_PROD")).isEqualTo(2);
            assertThat(unit.memory.acquire(ExampleUnit.PRI_QUEUE)).isEqualTo(0xf000000500000021L);
            assertThat(unit.memory.acquire(ExampleUnit.PRI_QUEUE + 8)).isEqualTo(0x7fabcdef401bL);
            assertThat(unit.memory.acquire(ExampleUnit.PRI_QUEUE + 16)).isEqualTo(0xc000000500000021L);
            assertThat(unit.memory.acquire(ExampleUnit.PRI_QUEUE + 24)).isZero();
        }
    }

    /** After an aborted write all fail until GERRORN says that it has been seen. */
    @Test
    void anAbortedWrite() {
        try (var unit = unit(null)) {
            unit.write("CR0=1d PRIQ_BASE=c0000002 CR0=1f");
            assertThat(send(unit, "21/5 rL 0 0")).isEqualTo("FAILURE");
            assertThat(unit.register("GERROR")).isEqualTo(8);
            unit.write("CR0=1d PRIQ_BASE=b0010002 CR0=1f");
            assertThat(send(unit, "21/5 rL 0 0")).isEqualTo("FAILURE");
            assertThat(unit.register("PRIQ_PROD")).isZero();
            unit.write("GERRORN=8");
            assertThat(send(unit, "21/5 rL 0 0")).isEqualTo("queued");
        }
    }

    private static final SmmuState STATE = SmmuState.of(0x1f, 2, 0x8000_0000L, 8, 16, 0);

    /** What it is made of, without its unit. */
    private static PageRequests alone(ExampleUnit unit) {
        var capabilities = unit.hardware.capabilities();
        var writes = new UnitWrites(unit.memory, address -> {});
        var message = new Msi(writes, true, 0);
        var errors = new GlobalErrors(capabilities, message);
        var events = new EventQueue(unit.memory, new OutputQueue(0, EventQueue.SIZE), writes, errors, message);
        return new PageRequests(
                capabilities,
                new PriQueue(new OutputQueue(0, PriEntry.SIZE), writes, errors, message),
                new SmmuTranslation(unit.memory, capabilities, new SmmuCaches(SmmuCacheGeometries.NONE)),
                new EventReports(events, new Stalls(0)));
    }

    /** Whether the response has the PASID: IDR3.PPS, or STE.PPAR. */
    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            what                 | edits                        | request     | capabilities | written    | response
            PPS                  |                              | 21/5 rL 0 0 |              | OVERFLOWED | SUCCESS true
            PPS, not asked       | 80000848 = 00001000100400d4  | 25/5 rL 0 0 |              | OVERFLOWED | SUCCESS true
            PPAR=0               |                              | 21/5 rL 0 0 | IDR3=20      | OVERFLOWED | SUCCESS false
            PPAR=1               | 80000848 = 00001000100400d4  | 21/5 rL 0 0 | IDR3=20      | OVERFLOWED | SUCCESS true
            PPAR=1, no PASID     | 80000848 = 00001000100400d4  | 21 rL 0 0   | IDR3=20      | OVERFLOWED | SUCCESS false
            Config=000, PPAR=1   | 80000840 = 1, 80000848 = 40000 | 21/5 rL 0 0 | IDR3=20    | OVERFLOWED | SUCCESS true
            STE.V=0, PPAR=1      | 80000840 = 0, 80000848 = 40000 | 21/5 rL 0 0 | IDR3=20    | OVERFLOWED | FAILURE false
            no substreams        |                              | 25/5 rL 0 0 | IDR1=400     | OVERFLOWED | SUCCESS false
            closed, PPS          |                              | 21/5 rL 0 0 |              | CLOSED     | FAILURE false
            closed, PPAR=1       | 80000848 = 00001000100400d4  | 21/5 rL 0 0 | IDR3=20      | CLOSED     | FAILURE false
            """)
    void thePasidOfAnAutomaticResponse(
            String what,
            @Nullable String edits,
            String asked,
            @Nullable String capabilities,
            PriQueue.Outcome written,
            String response) {
        try (var unit = unit(capabilities)) {
            if (edits != null) {
                unit.edit(edits);
            }
            var request = request(asked);
            var entry = PriEntry.of(request, unit.hardware.capabilities().ssidBits() > 0);
            var automatic =
                    Objects.requireNonNull(alone(unit).automatic(written, STATE, request, entry, new Transaction()));
            assertThat(automatic.response() + " " + automatic.pasid()).isEqualTo(response);
        }
    }

    /** CR2.REC_CFG_ATS, and for a StreamID beyond the table CR2.RECINVSID, have it recorded that the STE could not be asked. */
    @ParameterizedTest(name = "{0} CR2={1}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            request       | cr2 | recorded
            25/5 rL 0 0   | 2   |
            25/5 rL 0 0   | 8   | 0000002500005804 0000000000000000 0000000000000000 0000000000000000
            100/5 rL 0 0  | 8   |
            100/5 rL 0 0  | a   | 0000010000005802 0000000000000000 0000000000000000 0000000000000000
            100 rL 0 0    | a   |
            """)
    void anSteThatCannotBeAsked(String request, String cr2, @Nullable String recorded) {
        try (var unit = unit("IDR3=20")) {
            unit.write("CR0=0 CR2=" + cr2 + " " + OVERFLOWED + " CR0=1f");
            send(unit, request);
            assertThat(String.join(", ", unit.events())).isEqualTo(recorded == null ? "" : recorded);
        }
    }

    // ---- what software answers

    /** IHI 0070, 4.5.2. */
    @ParameterizedTest(name = "{0} {1}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            w0               | w1               | pasid | group | response
            0000002100005841 | 000000000000201b | 5     | 1b    | SUCCESS
            0000002100005841 | 000000000000101b | 5     | 1b    | INVALID
            0000002100005841 | 000000000000001b | 5     | 1b    | FAILURE
            0000002100000041 | 00000000000021ff | -1    | 1ff   | SUCCESS
            0000002100005041 | 0000000000002000 | -1    | 0     | SUCCESS
            """)
    void answersReachTheDevice(String w0, String w1, int pasid, String group, PageRequest.Response response) {
        try (var unit = unit(null)) {
            unit.command(new long[] {ExampleUnit.hex(w0), ExampleUnit.hex(w1)});
            assertThat(unit.hardware.takeMessages())
                    .containsExactly(
                            new DeviceMessage.GroupAnswered(0x21, pasid, Integer.parseInt(group, 16), response));
            assertThat(unit.hardware.takeMessages()).isEmpty();
        }
    }

    @Test
    void answersToNobodyReachNobody() {
        try (var unit = unit(null)) {
            unit.command(Commands.priResp(0x1_0021, 5, 1, 2));
            unit.write("CR0=8");
            unit.command(Commands.priResp(0x21, 5, 1, 2));
            assertThat(unit.hardware.takeMessages()).isEmpty();
        }
    }
}
