package dev.ioasid.iommu.vtd;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.PageRequest;
import dev.ioasid.iommu.PageRequest.Outcome;
import dev.ioasid.iommu.Rid;
import dev.ioasid.pagetable.Permissions;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What becomes of a page request: the checks on its way, the descriptor in the ring, the event, and what the unit answers by itself. VT-d
 * 5.10, sections 7.1.3 and 7.5. The context entry of the worked tables has DTE and PRE set.
 */
class PageRequestsTest {
    private static final long RING = 0x800000;
    private static final int SIZE = 32;
    private static final int SLOTS = 128;
    private static final long PPR = 1;
    private static final long PRO = 2;
    private static final String ASKS = "3A11 pasid 1234 rw last 55 555512345000";

    private static Bench bench() {
        return WorkedTables.scalable().edit("101220 or 14");
    }

    private static VtdHardware on(Bench bench) {
        var hardware = bench.on();
        if (hardware.capabilities().has(Ecap.PRS)) {
            Bench.write(hardware, "PQA", RING);
        }
        return hardware;
    }

    /** Reads {@code 3A11 pasid 1234 rwxp last 55 555512345000}: pasid and last may be left out, {@code -} is no right. */
    private static PageRequest request(String text) {
        var words = List.of(text.strip().split(" +"));
        int sourceId = (int) Bench.hex(words.getFirst());
        var rights = words.get(words.contains("pasid") ? 3 : 1);
        return new PageRequest(
                Rid.ofSourceId(0, sourceId),
                sourceId,
                words.contains("pasid") ? (int) Bench.hex(words.get(2)) : DmaRequest.NO_PASID,
                Bench.hex(words.getLast()),
                new Permissions(rights.contains("r"), rights.contains("w"), rights.contains("x"), rights.contains("p")),
                (int) Bench.hex(words.get(words.size() - 2)),
                words.contains("last"));
    }

    /** {@code queued}, {@code dropped}, {@code invalid}, {@code success}. */
    private static String text(Outcome outcome) {
        return switch (outcome) {
            case Outcome.Queued() -> "queued";
            case Outcome.Dropped dropped -> "dropped";
            case Outcome.Answered(var response, var _) -> response.name().toLowerCase(Locale.ROOT);
        };
    }

    private static String ask(VtdHardware hardware, String request) {
        return text(hardware.request(request(request)));
    }

    private static String words(Bench bench, long slot) {
        long at = RING + slot * SIZE;
        return "%016X %016X %X %X"
                .formatted(bench.word(at), bench.word(at + 8), bench.word(at + 16), bench.word(at + 24));
    }

    private static void assertPointers(VtdHardware hardware, long head, long tail, long status) {
        assertThat(Bench.read(hardware, "PQH")).as("PQH").isEqualTo(head * SIZE);
        assertThat(Bench.read(hardware, "PQT")).as("PQT").isEqualTo(tail * SIZE);
        assertThat(Bench.read(hardware, "PRS")).as("PRS").isEqualTo(status);
    }

    // ---------------------------------------------------------------- the descriptor

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            request                                  | word 0           | word 1
            3A11 pasid 1234 rw last 55 555512345000  | 000012343A110101 | 00005555123452AF
            3A11 pasid 1234 r 55 555512345000        | 000012343A110101 | 00005555123452A9
            3A11 pasid 1234 w 55 555512345000        | 000012343A110101 | 00005555123452AA
            3A11 pasid 1234 rx 0 555512345000        | 001012343A110101 | 0000555512345001
            3A11 pasid 1234 rp 0 555512345000        | 002012343A110101 | 0000555512345001
            3A11 pasid 1234 r 1FF 555512345000       | 000012343A110101 | 0000555512345FF9
            3A11 pasid 1234 r 0 FFFFFFFFFFFFF000     | 000012343A110101 | FFFFFFFFFFFFF001
            3A11 pasid 1234 - last 1 555512345000    | 000012343A110101 | 000055551234500C
            3A11 pasid 42 w last 1 111122223000      | 000000423A110101 | 000011112222300E
            3A11 rw last 55 7F1234567000             | 000000003A110001 | 00007F12345672AF
            3A11 rxp last 55 7F1234567000            | 000000003A110001 | 00007F12345672AD
            3A11 - last 1 7F1234567000               | 000000003A110001 | 00007F123456700C
            """)
    void theDescriptorHasItsBits(String request, String word0, String word1) {
        try (var bench = bench()) {
            var hardware = on(bench);
            for (long offset = 0; offset < SIZE; offset += 8) {
                bench.word(RING + offset, -1);
            }
            assertThat(ask(hardware, request)).isEqualTo("queued");
            assertThat(words(bench, 0)).isEqualTo(word0 + " " + word1 + " 0 0");
            assertPointers(hardware, 0, 1, PPR);
            assertThat(Bench.read(hardware, "FSTS")).isZero();

            var expected = request(request);
            var wanted = expected.permissions();
            var read = PageRequestDescriptor.decode(0, Bench.hex(word0), Bench.hex(word1));
            assertThat(read)
                    .isEqualTo(new PageRequest(
                            expected.rid(),
                            expected.sourceId(),
                            expected.pasid(),
                            expected.address(),
                            new Permissions(
                                    wanted.read(),
                                    wanted.write(),
                                    expected.hasPasid() && wanted.execute(),
                                    expected.hasPasid() && wanted.privileged()),
                            expected.group(),
                            expected.last()));
        }
    }

    @Test
    void whatIsNoPageRequestIsNotRead() {
        assertThat(PageRequestDescriptor.decode(0, 0, 0)).isNull();
        assertThat(PageRequestDescriptor.decode(0, 0x3A110102L, 1)).isNull();
    }

    /** Reason codes of which the table's column PR has nothing: a page request is not translated. */
    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            what                         | edits                            | request
            5C, execute                  |                                  | 3A11 pasid 1234 rx last 55 555512345000
            34, execute                  | VER = 80                         | 3A11 pasid 1234 rx last 55 555512345000
            5D, SRE = 0                  |                                  | 3A11 pasid 1234 rp last 55 555512345000
            71, no page                  | 300550 = 0                       | 3A11 pasid 1234 rw last 55 555512345000
            73, no table                 | 104D10 = 1000000                 | 3A11 pasid 1234 rw last 55 555512345000
            79, no page                  | 2007F0 = 0                       | 3A11 rw last 55 7F1234567000
            80, not canonical            |                                  | 3A11 pasid 1234 rw last 55 800000000000
            83, pass-through beyond HAW  |                                  | 3A11 pasid 77 rw last 55 1000000000000
            84, beyond 2^X               |                                  | 3A11 rw last 55 1000000000000
            85, read only                |                                  | 3A11 w last 55 7F1234567000
            87, interrupts               |                                  | 3A11 w last 55 FEE00000
            89, PASID beyond PSS         | ECAP without F8_0000_0000, ECAP or 58_0000_0000 | 3A11 pasid 1234 rw last 55 555512345000
            """)
    void aPageRequestIsNotTranslated(String what, @Nullable String edits, String request) {
        try (var bench = bench()) {
            bench.edit(edits == null ? "" : edits);
            var hardware = on(bench);
            assertThat(ask(hardware, request)).isEqualTo("queued");
            assertThat(bench.changes()).as("no accessed bit is set").isEmpty();
            assertThat(Bench.read(hardware, "FSTS")).isZero();
        }
    }

    // ---------------------------------------------------------------- table faults

    @ParameterizedTest(name = "{0} {2}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            code | Q | what                        | edits                                | request                                 | FPD in
            30   | N | TTM = 3 without ADMS        | RTADDR = 100C00, ECAP without 10_0000_0000_0000 | 3A11 pasid 1234 rw last 55 555512345000 | 101220
            30   | N | TTM = 2                     | RTADDR = 100800                      | 3A11 rw last 55 7F1234567000            | 101220
            30   | N | TTM = 1 without SMTS        | ECAP without 800_0000_0000           | 3A11 pasid 1234 r last 55 555512345000  | 101220
            30   | N | SSIRWE, TTM = 0             | RTADDR = 180080, ECAP or 200_0000_0000_0000 | 3A11 rw last 55 7F1234567000     |
            32   | N | legacy mode                 | RTADDR = 180000                      | 3A11 rw last 55 7F1234567000            |
            32   | N | legacy mode, PASID          | RTADDR = 180000                      | 3A11 pasid 1234 rwp last 55 555512345000 |
            33   | N | abort DMA                   | RTADDR = 100C00                      | 3A11 pasid 1234 rw last 55 555512345000 | 101220
            38   | N | root table beyond memory    | RTADDR = 1000400                     | 3A11 pasid 1234 rw last 55 555512345000 |
            39   | N | lower half absent           | 1003A0 = 0                           | 3A11 rw last 55 7F1234567000            |
            39   | N | upper half absent           |                                      | 3A91 pasid 1234 rw last 55 555512345000 |
            3A   | N | bit 1 of the half           | 1003A0 or 2                          | 3A11 rw last 55 7F1234567000            |
            40   | N | context table beyond memory | 1003A0 = 1000001                     | 3A11 rw last 55 7F1234567000            |
            41   | Y | context absent              | 101220 without 1                     | 3A11 pasid 1234 rw last 55 555512345000 | 101220
            42   | Y | bit 7 of the context        | 101220 or 80                         | 3A11 rw last 55 7F1234567000            | 101220
            42   | Y | PRE without PRS             | ECAP without 2000_0000               | 3A11 rw last 55 7F1234567000            | 101220
            43   | Y | PRE without DTE             | 101220 without 4                     | 3A11 pasid 1234 rw last 55 555512345000 | 101220
            43   | Y | RID_PASID beyond PDTS       | 101228 = 2000                        | 3A11 pasid 1234 rw last 55 555512345000 | 101220
            45   | Y | PASIDE = 0                  | 101220 without 8                     | 3A11 pasid 1234 w last 1FF 555512345000 | 101220
            46   | Y | PASID beyond PDTS           |                                      | 3A11 pasid 2000 rw last 55 555512345000 | 101220
            47   | Y | PRE = 0                     | 101220 without 10                    | 3A11 pasid 1234 rw last 55 555512345000 | 101220
            47   | Y | PRE = 0 and DTE = 0         | 101220 without 14                    | 3A11 rw last 55 7F1234567000            | 101220
            47   | Y | PRE = 0 and PASIDE = 0      | 101220 without 18                    | 3A11 pasid 1234 rw last 55 555512345000 | 101220
            48   | Y | PASID is RID_PASID          |                                      | 3A11 pasid 5 rwxp last 55 7F1234567000  | 101220
            50   | N | directory beyond memory     | 101220 = 100001D                     | 3A11 pasid 1234 rw last 55 555512345000 | 101220
            51   | Y | directory entry absent      |                                      | 3A11 pasid 777 rw last 55 555512345000  | 101220 1020E8
            51   | Y | absent, RID_PASID           | 102000 = 0                           | 3A11 rw last 55 7F1234567000            | 101220 102000
            52   | Y | bit 2 of the directory      | 102240 or 4                          | 3A11 pasid 1234 rw last 55 555512345000 | 101220 102240
            58   | N | PASID table beyond memory   | 102240 = 1000001                     | 3A11 pasid 1234 rw last 55 555512345000 | 101220 102240
            59   | Y | PASID entry absent          |                                      | 3A11 pasid 1235 rw last 55 555512345000 | 101220 102240 104D40
            5A   | Y | bit 10 of the entry         | 104D00 or 400                        | 3A11 pasid 1234 rw last 55 555512345000 | 101220 102240 104D00
            5B   | Y | AW                          | 103140 = 20008D                      | 3A11 rw last 55 7F1234567000            | 101220 102000 103140
            5B   | Y | PGTT                        | 104D00 = 1C1                         | 3A11 pasid 1234 rw last 55 555512345000 | 101220 102240 104D00
            5B   | Y | FSPM                        | 104D10 = 30000C                      | 3A11 pasid 1234 rw last 55 555512345000 | 101220 102240 104D00
            5B   | Y | nested FSPTPTR beyond 2^X   | 105080 = 4010C5, 105090 = 8000000000 | 3A11 pasid 42 rw last 55 111122223000   | 101220 102008 105080
            """)
    void everyReasonIsRecordedAndTheGroupInvalid(
            String code, String qualified, String what, @Nullable String edits, String text, @Nullable String fpdIn) {
        try (var bench = WorkedTables.scalable().words(WorkedTables.LEGACY_MODE)) {
            bench.edit("101220 or 14").edit(edits == null ? "" : edits);
            var before = bench.snapshot();
            var request = request(text);

            var hardware = on(bench);
            assertThat(text(hardware.request(request))).isEqualTo("invalid");
            assertThat(Bench.read(hardware, "FRCD0_LO")).isEqualTo(Bench.recordLow(request.address(), 48));
            assertThat("%016X".formatted(Bench.read(hardware, "FRCD0_HI"))).isEqualTo(record(request, code));
            assertThat(hardware.faults()).singleElement().satisfies(fault -> {
                assertThat(fault.code()).isEqualTo(Integer.parseInt(code, 16));
                assertThat(fault.pasid()).isEqualTo(request.pasid());
                assertThat(fault.access()).as("the record does not say").isEqualTo(Access.READ);
            });
            assertThat(text(hardware.request(request(text.replace("last ", "")))))
                    .as("not the last")
                    .isEqualTo("dropped");
            assertThat(hardware.faults()).hasSize(2);
            assertThat(hardware.faultCounts().values()).containsExactly(2L);
            if (hardware.capabilities().has(Ecap.PRS)) {
                assertPointers(hardware, 0, 0, 0);
            }
            assertThat(bench.word(RING)).isZero();

            for (var holder : fpdIn == null ? new String[0] : fpdIn.split(" ")) {
                bench.restore(before);
                bench.edit(holder + " or 2");
                var disabled = on(bench);
                assertThat(text(disabled.request(request)))
                        .as("FPD in %s", holder)
                        .isEqualTo("invalid");
                assertThat(disabled.faults()).as("FPD in %s", holder).hasSize(qualified.equals("Y") ? 0 : 1);
            }
        }
    }

    /** T1 T2 = 01, F, PP with PV and PRIV; EXE is of reads only. */
    private static String record(PageRequest request, String code) {
        long high = 1L << 63 | 1L << 28 | Bench.hex(code) << 32 | request.sourceId();
        if (request.hasPasid()) {
            high |= 1L << 31 | (long) request.pasid() << 40;
            high |= request.permissions().privileged() ? 1L << 29 : 0;
        }
        return "%016X".formatted(high);
    }

    @Test
    void aRecordAsItIsWrittenOut() {
        try (var bench = bench()) {
            var hardware = on(bench);
            ask(hardware, "3A11 pasid 1235 rwp last 55 FFFF555512345000");
            assertThat(Bench.read(hardware, "FRCD0_LO")).isEqualTo(0x0000_5555_1234_5000L);
            assertThat(Bench.read(hardware, "FRCD0_HI")).isEqualTo(0x8012_3559_B000_3A11L);
        }
    }

    @Test
    void aStopMarkerIsNeverAnswered() {
        try (var bench = bench()) {
            var hardware = on(bench);
            assertThat(ask(hardware, "3A11 pasid 1235 - last 55 0")).isEqualTo("dropped");
            assertThat(Bench.read(hardware, "FRCD0_HI")).as("but recorded").isNotZero();
            assertThat(ask(hardware, "3A11 pasid 1234 - last 55 0")).isEqualTo("queued");
            fill(hardware, SLOTS - 2);
            assertThat(ask(hardware, "3A11 pasid 1234 - last 55 0")).as("full").isEqualTo("dropped");
            assertThat(ask(hardware, "3A11 pasid 1234 - last 55 0")).as("PRO").isEqualTo("dropped");
            assertThat(ask(hardware, "3A11 - last 55 0"))
                    .as("without PASID it is none")
                    .isEqualTo("success");
        }
    }

    @Test
    void whileTranslationIsOffNothingGetsInAndNothingIsRecorded() {
        try (var bench = bench()) {
            var hardware = on(bench);
            Bench.write(hardware, "GCMD", 0);
            assertThat(ask(hardware, ASKS)).isEqualTo("invalid");
            assertThat(ask(hardware, ASKS.replace("last ", ""))).isEqualTo("dropped");
            assertThat(Bench.read(hardware, "FSTS")).isZero();
            assertPointers(hardware, 0, 0, 0);
        }
    }

    // ---------------------------------------------------------------- what is forgotten

    /** VT-d 5.10, 7.5: pages around the one that is asked for stay, but where a first stage is nested. */
    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            what                      | edits                                 | cached                                                                   | request                                | left
            first stage               | 303A30 = 5A5A5B007                    | 3A11 pasid 1234 read 555512345678, 3A11 pasid 1234 read 555512346678     | 3A11 pasid 1234 r last 1 555512345000  | 555512346000
            first stage, another PASID | 104D40 = 41, 104D48 = 800100, 104D50 = 300000 | 3A11 pasid 1234 read 555512345678, 3A11 pasid 1235 read 555512345678 | 3A11 pasid 1235 r last 1 555512345000 | 555512345000
            second stage              | 203B40 = 1234568001                   | 3A11 read 7F1234567ABC, 3A11 read 7F1234568ABC                           | 3A11 r last 1 7F1234567000             | 7F1234568000
            second stage, large page  |                                       | 3A11 read 7F1234567ABC, 3A11 read 7F1240A4CDEF                           | 3A11 r last 1 7F1240A00000             | 7F1234567000
            pass-through              |                                       | 3A11 pasid 77 read 1000, 3A11 pasid 77 read 2000                         | 3A11 pasid 77 r last 1 2000            | 1000
            nested: the whole domain  | 733890 = 40200087, 404008 = 40000083  | 3A11 pasid 42 read 111122223333, 3A11 pasid 42 read 111122423333         | 3A11 pasid 42 r last 1 111122223000    |
            another domain stays      |                                       | 3A11 pasid 77 read 1000, 3A11 read 7F1234567ABC                          | 3A11 pasid 42 r last 1 111122223000    | 1000 7F1234567000
            """)
    void whatIsCachedOfThePageIsForgotten(
            String what, @Nullable String edits, String cached, String request, @Nullable String left) {
        try (var bench = bench()) {
            bench.edit(edits == null ? "" : edits);
            var hardware = on(bench);
            for (var one : cached.split(",")) {
                assertThat(Bench.text(hardware.translate(Bench.request(one)))).doesNotContain("fault");
            }
            assertThat(iotlb(hardware).split(" ")).hasSize(2);
            assertThat(ask(hardware, request)).isEqualTo("queued");
            assertThat(iotlb(hardware)).isEqualTo(left == null ? "" : left);
        }
    }

    private static String iotlb(VtdHardware hardware) {
        return Objects.requireNonNull(hardware.cached("iotlb")).stream()
                .map(entry -> "%X".formatted(entry.input()))
                .sorted()
                .collect(Collectors.joining(" "));
    }

    /** Also of a request that finds no room: it has come as far. */
    @Test
    void aRequestThatIsLostHasForgottenThePageToo() {
        try (var bench = bench()) {
            var hardware = on(bench);
            fill(hardware, SLOTS);
            hardware.translate(Bench.request("3A11 pasid 1234 read 555512345678"));
            assertThat(iotlb(hardware)).isEqualTo("555512345000");
            assertThat(ask(hardware, ASKS)).isEqualTo("success");
            assertThat(iotlb(hardware)).isEmpty();
        }
    }

    @Test
    void theContextAndPasidEntriesThatWereCachedCount() {
        try (var bench = bench()) {
            var hardware = on(bench);
            assertThat(ask(hardware, ASKS)).isEqualTo("queued");
            bench.edit("101220 = 0, 104D00 = 0");
            assertThat(ask(hardware, ASKS)).isEqualTo("queued");
            hardware.submit(List.of(List.of(0x00003A1100000031L, 0L)));
            assertThat(ask(hardware, ASKS)).isEqualTo("invalid");
        }
    }

    // ---------------------------------------------------------------- the ring

    private static void fill(VtdHardware hardware, int requests) {
        for (int i = 0; i < requests; i++) {
            hardware.request(request("3A11 pasid 1234 r last %x 555512345000".formatted(i)));
        }
    }

    @Test
    void theRingGoesRoundAndKeepsOneSlotFree() {
        try (var bench = bench()) {
            var hardware = on(bench);
            fill(hardware, SLOTS - 1);
            assertPointers(hardware, 0, SLOTS - 1, PPR);
            Bench.write(hardware, "PQH", 2 * SIZE);
            assertThat(ask(hardware, ASKS)).isEqualTo("queued");
            assertPointers(hardware, 2, 0, PPR);
            assertThat(words(bench, SLOTS - 1)).isEqualTo("000012343A110101 00005555123452AF 0 0");
            assertThat(ask(hardware, "3A11 rw last 55 7F1234567000")).isEqualTo("queued");
            assertThat(words(bench, 0)).isEqualTo("000000003A110001 00007F12345672AF 0 0");
            assertThat(words(bench, 1)).isEqualTo("000012343A110101 000055551234500D 0 0");
            assertThat(ask(hardware, ASKS)).as("full").isEqualTo("success");
            assertPointers(hardware, 2, 1, PPR | PRO);
            assertThat(words(bench, 1)).isEqualTo("000012343A110101 000055551234500D 0 0");
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 3})
    void theRingHasTwoToThePqsPages(int pqs) {
        try (var bench = bench()) {
            var hardware = on(bench);
            Bench.write(hardware, "PQA", RING | pqs);
            int slots = SLOTS << pqs;
            fill(hardware, 200);
            assertThat(Bench.read(hardware, "PQT")).isEqualTo(Math.min(200, slots - 1) * SIZE);
            Bench.write(hardware, "PQT", (long) (slots - 1) * SIZE);
            Bench.write(hardware, "PRS", PPR | PRO);
            Bench.write(hardware, "PQH", SIZE);
            assertThat(ask(hardware, ASKS)).isEqualTo("queued");
            assertPointers(hardware, 1, 0, PPR);
            assertThat(words(bench, slots - 1)).isEqualTo("000012343A110101 00005555123452AF 0 0");
        }
    }

    /** The overflow rows of the table of automatic answers. */
    @Test
    void whatFindsTheQueueFullIsAnsweredByTheUnit() {
        try (var bench = bench()) {
            var hardware = on(bench);
            fill(hardware, SLOTS - 1);
            assertThat(ask(hardware, ASKS.replace("last ", ""))).as("full").isEqualTo("dropped");
            assertPointers(hardware, 0, SLOTS - 1, PPR | PRO);
            Bench.write(hardware, "PRS", PRO);
            assertPointers(hardware, 0, SLOTS - 1, PPR);
            assertThat(ask(hardware, ASKS)).as("full").isEqualTo("success");
            Bench.write(hardware, "PQH", 10 * SIZE);
            assertThat(ask(hardware, ASKS)).as("room, but PRO is set").isEqualTo("success");
            assertThat(ask(hardware, ASKS.replace("last ", ""))).isEqualTo("dropped");
            assertThat(ask(hardware, "3A11 pasid 1235 r last 5 1000"))
                    .as("a fault")
                    .isEqualTo("invalid");
            assertPointers(hardware, 10, SLOTS - 1, PPR | PRO);
            assertThat(Bench.read(hardware, "FSTS")).as("overflow is no fault").isEqualTo(2);
            Bench.write(hardware, "PRS", PRO);
            assertThat(ask(hardware, ASKS)).isEqualTo("queued");
            assertPointers(hardware, 10, 0, PPR);
        }
    }

    @Test
    void aRingThatIsNoMemoryLosesWhatIsWritten() {
        try (var bench = bench()) {
            var hardware = on(bench);
            Bench.write(hardware, "PQA", Bench.HOLE);
            assertThat(ask(hardware, ASKS)).isEqualTo("queued");
            assertPointers(hardware, 0, 1, PPR);
        }
    }

    // ---------------------------------------------------------------- the event

    @Test
    void aRequestRaisesTheEventUnlessPprOrProIsSet() {
        try (var bench = bench()) {
            var hardware = on(bench);
            assertThat(Bench.read(hardware, "PECTL")).isEqualTo(0x8000_0000L);
            ask(hardware, ASKS);
            assertThat(Bench.read(hardware, "PECTL")).as("masked: it waits").isEqualTo(0xC000_0000L);
            Bench.write(hardware, "PECTL", 0);
            assertThat(Bench.read(hardware, "PECTL")).as("sent").isZero();
            Bench.write(hardware, "PECTL", 0x8000_0000L);
            ask(hardware, ASKS);
            assertThat(Bench.read(hardware, "PECTL")).as("PPR was still set").isEqualTo(0x8000_0000L);
            Bench.write(hardware, "PRS", PPR);
            ask(hardware, ASKS);
            assertThat(Bench.read(hardware, "PECTL")).isEqualTo(0xC000_0000L);
            Bench.write(hardware, "PRS", PPR);
            assertThat(Bench.read(hardware, "PECTL"))
                    .as("nothing waits any more")
                    .isEqualTo(0x8000_0000L);
            Bench.write(hardware, "PECTL", 0);
            ask(hardware, ASKS);
            assertThat(Bench.read(hardware, "PECTL")).as("sent at once").isZero();
        }
    }

    @Test
    void anOverflowIsNoSecondEvent() {
        try (var bench = bench()) {
            var hardware = on(bench);
            Bench.write(hardware, "PECTL", 0);
            fill(hardware, SLOTS - 1);
            Bench.write(hardware, "PECTL", 0x8000_0000L);
            ask(hardware, ASKS);
            assertPointers(hardware, 0, SLOTS - 1, PPR | PRO);
            assertThat(Bench.read(hardware, "PECTL")).isEqualTo(0x8000_0000L);
        }
    }

    @Test
    void anOverflowRaisesTheEventToo() {
        try (var bench = bench()) {
            var hardware = on(bench);
            fill(hardware, SLOTS - 1);
            Bench.write(hardware, "PRS", PPR);
            assertThat(Bench.read(hardware, "PECTL")).isEqualTo(0x8000_0000L);
            ask(hardware, ASKS);
            assertThat(Bench.read(hardware, "PECTL")).isEqualTo(0xC000_0000L);
            assertPointers(hardware, 0, SLOTS - 1, PRO);
            Bench.write(hardware, "PQH", (SLOTS - 1) * SIZE);
            Bench.write(hardware, "PECTL", 0x8000_0000L);
            assertThat(Bench.read(hardware, "PECTL")).as("IP is read-only").isEqualTo(0xC000_0000L);
            Bench.write(hardware, "PRS", PPR);
            assertThat(Bench.read(hardware, "PECTL")).as("PRO is left").isEqualTo(0xC000_0000L);
            Bench.write(hardware, "PRS", PRO);
            assertThat(Bench.read(hardware, "PECTL")).isEqualTo(0x8000_0000L);
        }
    }
}
