package dev.ioasid.iommu.vtd;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.iommu.Requester;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The ring in memory, as software that drives an unmanaged unit sees it. VT-d 5.10, section 6.5.2. */
class InvalidationQueueTest {
    private static final long RING = 0x800000;
    private static final long STATUS = 0x810000;
    private static final long QIE = 1L << 26;
    private static final long TE = 1L << 31;
    private static final long IQE = 1 << 4;
    private static final long ITE = 1 << 6;
    private static final int WIDE = 32;

    private static VtdHardware on(Bench bench) {
        var hardware = bench.on();
        Bench.write(hardware, "IQA", RING | 0x800);
        Bench.write(hardware, "GCMD", TE | QIE);
        return hardware;
    }

    private static void put(Bench bench, int slot, String word0, String word1) {
        bench.word(RING + (long) slot * WIDE, Bench.hex(word0));
        bench.word(RING + (long) slot * WIDE + 8, Bench.hex(word1));
        bench.word(RING + (long) slot * WIDE + 16, 0);
        bench.word(RING + (long) slot * WIDE + 24, 0);
    }

    private static void tail(VtdHardware hardware, int slot) {
        Bench.write(hardware, "IQT", (long) slot * WIDE);
    }

    @Test
    void whatIsAddedIsDoneAndTheWaitSaysSo() {
        try (var bench = WorkedTables.scalable()) {
            var hardware = on(bench);
            put(bench, 0, "12", "0");
            put(bench, 1, "0000CAFE00000065", "810004");
            assertThat(bench.word(STATUS)).isZero();
            tail(hardware, 2);
            assertThat(bench.word(STATUS)).as("the upper half only").isEqualTo(0xCAFEL << 32);
            assertThat(Bench.read(hardware, "IQH")).isEqualTo(2 * WIDE);
            assertThat(Bench.read(hardware, "FSTS")).isZero();
        }
    }

    @Test
    void theRingGoesRound() {
        try (var bench = WorkedTables.scalable()) {
            var hardware = on(bench);
            for (int slot = 0; slot < 127; slot++) {
                put(bench, slot, "5", "0");
            }
            tail(hardware, 127);
            assertThat(Bench.read(hardware, "IQH")).isEqualTo(127 * WIDE);
            put(bench, 127, "0000000700000025", "810000");
            put(bench, 0, "0000000800000025", "810008");
            tail(hardware, 1);
            assertThat(Bench.read(hardware, "IQH")).isEqualTo(WIDE);
            assertThat(bench.word(STATUS)).isEqualTo(7);
            assertThat(bench.word(STATUS + 8)).isEqualTo(8);
        }
    }

    @Test
    void nothingIsDoneWhileTheQueueIsOffAndTurningItOffBeginsAnew() {
        try (var bench = WorkedTables.scalable()) {
            var hardware = bench.on();
            Bench.write(hardware, "IQA", RING | 0x800);
            put(bench, 0, "0000000100000025", "810000");
            tail(hardware, 1);
            assertThat(bench.word(STATUS)).isZero();
            Bench.write(hardware, "GCMD", TE | QIE);
            assertThat(bench.word(STATUS)).isEqualTo(1);
            assertThat(Bench.read(hardware, "IQH")).isEqualTo(WIDE);
            Bench.write(hardware, "GCMD", TE);
            assertThat(Bench.read(hardware, "IQH")).isZero();
            assertThat(Bench.read(hardware, "IQT")).isEqualTo(WIDE);
        }
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            what                                 | edits                  | IQA    | IQT  | word 0           | word 1   | IQEI
            a tail beyond the queue              |                        | 800800 | 1000 | 12               | 0        | 1
            a ring that is no memory             |                        | A00800 | 20   | 12               | 0        | 2
            type 0                               |                        | 800800 | 20   | 0                | 0        | 3
            type 10                              |                        | 800800 | 20   | A                | 0        | 3
            type 18, by bits 11:9                |                        | 800800 | 20   | 202              | 0        | 3
            interrupt entries, no remapping      |                        | 800800 | 20   | 4                | 0        | 3
            device-TLB without ATS               | ECAP without 20000004  | 800800 | 20   | 3                | 0        | 3
            PASID device-TLB without ATS         | ECAP without 20000004  | 800800 | 20   | 8                | 0        | 3
            page group response without PRS      | ECAP without 20000000  | 800800 | 20   | 9                | 0        | 3
            a reserved bit                       |                        | 800800 | 20   | 100000000000012  | 0        | 4
            context, G 0                         |                        | 800800 | 20   | 1                | 0        | 4
            IOTLB, G 0                           |                        | 800800 | 20   | 2                | 0        | 4
            PASID IOTLB, G 1                     |                        | 800800 | 20   | 16               | 0        | 4
            PASID cache, G 2                     |                        | 800800 | 20   | 27               | 0        | 4
            IOTLB page, AM above MAMV            |                        | 800800 | 20   | 32               | 13       | 4
            IOTLB page without PSI               | CAP without 8000000000 | 800800 | 20   | 32               | 0        | 4
            wait, PD without PDS                 | ECAP without 40000000000 | 800800 | 20 | 85               | 0        | 4
            128 bits in scalable mode            |                        | 800000 | 10   | 12               | 0        | 5
            a tail between two descriptors       |                        | 800800 | 10   | 12               | 0        | 6
            a status that is no memory           |                        | 800800 | 20   | 25               | A00000   | 2
            """)
    void anErrorStopsTheQueueAndSaysWhy(
            String what, String edits, String iqa, String iqt, String word0, String word1, int error) {
        try (var bench = WorkedTables.scalable()) {
            bench.edit(edits == null ? "" : edits);
            var hardware = bench.on();
            put(bench, 0, word0, word1);
            Bench.write(hardware, "IQA", Bench.hex(iqa));
            Bench.write(hardware, "GCMD", TE | QIE);
            Bench.write(hardware, "IQT", Bench.hex(iqt));
            assertThat(Bench.read(hardware, "FSTS")).isEqualTo(IQE);
            assertThat(Bench.read(hardware, "IQERCD")).isEqualTo(error);
            assertThat(Bench.read(hardware, "IQH")).isZero();
        }
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            what                            | word 0 | IQEI
            context cache, global           | 11     | 0
            IOTLB, global                   | 12     | 0
            wait                            | 5      | 0
            PASID IOTLB is of scalable mode | 26     | 3
            PASID cache is of scalable mode | 37     | 3
            """)
    void legacyModeTakesDescriptorsOf128Bits(String what, String word0, int error) {
        try (var bench = WorkedTables.legacy()) {
            var hardware = bench.on();
            bench.word(RING, Bench.hex(word0)).word(RING + 8, 0);
            Bench.write(hardware, "IQA", RING);
            Bench.write(hardware, "GCMD", TE | QIE);
            Bench.write(hardware, "IQT", 0x10);
            assertThat(Bench.read(hardware, "IQERCD")).isEqualTo(error);
            assertThat(Bench.read(hardware, "IQH")).isEqualTo(error == 0 ? 0x10 : 0);
        }
    }

    @Test
    void afterAnErrorTheQueueGoesOnWhereItStoodOnceItIsToldTo() {
        try (var bench = WorkedTables.scalable()) {
            var hardware = on(bench);
            put(bench, 0, "0000000100000025", "810000");
            put(bench, 1, "F", "0");
            put(bench, 2, "0000000200000025", "810008");
            tail(hardware, 2);
            assertThat(bench.word(STATUS)).as("what came before is done").isEqualTo(1);
            assertThat(Bench.read(hardware, "IQH")).isEqualTo(WIDE);
            tail(hardware, 3);
            assertThat(Bench.read(hardware, "IQT")).isEqualTo(3 * WIDE);
            put(bench, 1, "12", "0");
            assertThat(bench.word(STATUS + 8)).isZero();
            Bench.write(hardware, "FSTS", IQE);
            assertThat(bench.word(STATUS + 8)).isEqualTo(2);
            assertThat(Bench.read(hardware, "IQH")).isEqualTo(3 * WIDE);
            assertThat(Bench.read(hardware, "FSTS")).isZero();
        }
    }

    @Test
    void clearingTheErrorWithoutMendingItMeetsItAgain() {
        try (var bench = WorkedTables.scalable()) {
            var hardware = on(bench);
            put(bench, 0, "F", "0");
            tail(hardware, 1);
            Bench.write(hardware, "FSTS", IQE);
            assertThat(Bench.read(hardware, "FSTS")).isEqualTo(IQE);
            assertThat(Bench.read(hardware, "IQH")).isZero();
        }
    }

    /** Events: IF raises one, which is held back by IM, and there is no second while IWC is set. */
    @Test
    void aWaitRaisesTheInvalidationEvent() {
        try (var bench = WorkedTables.scalable()) {
            var hardware = on(bench);
            put(bench, 0, "15", "0");
            put(bench, 1, "15", "0");
            put(bench, 2, "15", "0");
            tail(hardware, 1);
            assertThat(Bench.read(hardware, "ICS")).isEqualTo(1);
            assertThat(Bench.read(hardware, "IECTL")).as("masked: it waits").isEqualTo(0xC000_0000L);
            Bench.write(hardware, "IECTL", 0);
            assertThat(Bench.read(hardware, "IECTL")).as("sent").isZero();
            Bench.write(hardware, "IECTL", 0x8000_0000L);
            tail(hardware, 2);
            assertThat(Bench.read(hardware, "IECTL")).as("IWC was still set").isEqualTo(0x8000_0000L);
            Bench.write(hardware, "ICS", 1);
            assertThat(Bench.read(hardware, "ICS")).isZero();
            tail(hardware, 3);
            assertThat(Bench.read(hardware, "IECTL")).isEqualTo(0xC000_0000L);
            Bench.write(hardware, "ICS", 1);
            assertThat(Bench.read(hardware, "IECTL"))
                    .as("nothing waits any more")
                    .isEqualTo(0x8000_0000L);
        }
    }

    @Test
    void anErrorRaisesTheFaultEventUnlessOneIsThere() {
        try (var bench = WorkedTables.scalable()) {
            var hardware = on(bench);
            put(bench, 0, "F", "0");
            tail(hardware, 1);
            assertThat(Bench.read(hardware, "FECTL")).isEqualTo(0xC000_0000L);
            Bench.write(hardware, "FECTL", 0);
            assertThat(hardware.translate(Bench.request("3A91 read 1000"))).isNotNull();
            assertThat(Bench.read(hardware, "FECTL")).as("IQE was set").isZero();
            assertThat(Bench.read(hardware, "FSTS")).isEqualTo(IQE | 2);
        }
    }

    @Test
    void aDeviceThatDoesNotAnswerTimesOutAtTheWaitWhichIsAborted() {
        try (var bench = WorkedTables.scalable()) {
            var hardware = on(bench);
            hardware.connect(new Requester(0x3A11, 20, true, false));
            hardware.setAnswersInvalidations(0x3A11, false);
            put(bench, 0, "00003A1100000003", "7FFFFFFFFFFFF001");
            put(bench, 1, "12", "0");
            put(bench, 2, "0000000100000025", "810000");
            put(bench, 3, "0000000200000025", "810008");
            tail(hardware, 4);
            assertThat(Bench.read(hardware, "FSTS")).isEqualTo(ITE);
            assertThat(Bench.read(hardware, "IQERCD")).isEqualTo(0x3A11L << 32);
            assertThat(bench.word(STATUS)).as("aborted").isZero();
            assertThat(Bench.read(hardware, "IQH")).as("past what was aborted").isEqualTo(3 * WIDE);
            assertThat(bench.word(STATUS + 8)).as("not fetched").isZero();
            Bench.write(hardware, "FSTS", ITE);
            assertThat(bench.word(STATUS + 8)).isEqualTo(2);
            assertThat(Bench.read(hardware, "IQH")).isEqualTo(4 * WIDE);
        }
    }

    @Test
    void withoutAWaitItTimesOutWhereTheQueueEnds() {
        try (var bench = WorkedTables.scalable()) {
            var hardware = on(bench);
            hardware.connect(new Requester(0x3A11, 20, true, false));
            hardware.setAnswersInvalidations(0x3A11, false);
            put(bench, 0, "000012343A110008", "7FFFFFFFFFFFF800");
            tail(hardware, 1);
            assertThat(Bench.read(hardware, "FSTS")).isEqualTo(ITE);
            hardware.setAnswersInvalidations(0x3A11, true);
            Bench.write(hardware, "FSTS", ITE);
            put(bench, 1, "000012343A110008", "7FFFFFFFFFFFF800");
            tail(hardware, 2);
            assertThat(Bench.read(hardware, "FSTS")).isZero();
        }
    }
}
