package dev.ioasid.iommu.vtd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.FaultRecord;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** VT-d 5.10, 11.4: what software reads and writes, and what becomes of it. */
class VtdRegistersTest {
    private static final String FAULTY = "3A11 write 7F1234567ABC";
    private static final long F = 1L << 63;

    // ---------------------------------------------------------------- commands and the root table

    @Test
    void afterResetEverythingIsZeroButTheCapabilitiesAndTheMaskOfEvents() {
        try (var bench = WorkedTables.scalable()) {
            var expected = new LinkedHashMap<String, Long>();
            expected.put("VER", 0x60L);
            expected.put("CAP", 0x91D2078C226F0606L);
            expected.put("ECAP", 0x0033ED9EA4000FC7L);
            for (var name : List.of("GSTS", "RTADDR", "FSTS")) {
                expected.put(name, 0L);
            }
            expected.put("FECTL", 0x8000_0000L);
            for (var name : List.of("FEDATA", "FEADDR", "FEUADDR")) {
                expected.put(name, 0L);
            }
            for (var name : List.of("IQH", "IQT", "IQA", "ICS")) {
                expected.put(name, 0L);
            }
            expected.put("IECTL", 0x8000_0000L);
            for (var name : List.of("IEDATA", "IEADDR", "IEUADDR", "IQERCD")) {
                expected.put(name, 0L);
            }
            for (var name : List.of("PQH", "PQT", "PQA", "PRS")) {
                expected.put(name, 0L);
            }
            expected.put("PECTL", 0x8000_0000L);
            for (var name : List.of("PEDATA", "PEADDR", "PEUADDR")) {
                expected.put(name, 0L);
            }
            for (int record = 0; record < 8; record++) {
                expected.put("FRCD" + record + "_LO", 0L);
                expected.put("FRCD" + record + "_HI", 0L);
            }

            assertThat(bench.reset().registers()).containsExactlyEntriesOf(expected);
        }
    }

    /** GSTS follows GCMD bit by bit; what starts an action once stays done. Bit 27 and whatever has no name never show. */
    @ParameterizedTest(name = "{0}: {2}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            what                              | edits        | GCMD, one after another           | GSTS
            TE                                |              | 80000000                          | 80000000
            TE off again                      |              | 80000000 0                        | 0
            QIE                               |              | 4000000                           | 4000000
            QIE off again                     |              | 4000000 0                         | 0
            QIE stays while TE is set         |              | 4000000 84000000                  | 84000000
            a command without QIE clears it   |              | 4000000 80000000                  | 80000000
            SRTP                              |              | 40000000                          | 40000000
            RTPS stays                        |              | 40000000 0                        | 40000000
            RTPS stays beside TE              |              | 40000000 80000000                 | C0000000
            SRTP with TE                      |              | C0000000                          | C0000000
            no write buffers to flush         |              | 8000000                           | 0
            no interrupt remapping: IRE       |              | 2000000                           | 0
            no interrupt remapping: SIRTP     |              | 1000000                           | 0
            no interrupt remapping: CFI       |              | 800000                            | 0
            IRE                               | ECAP or 8    | 2000000                           | 2000000
            SIRTP, IRTPS stays                | ECAP or 8    | 1000000 0                         | 1000000
            CFI                               | ECAP or 8    | 800000                            | 800000
            no queued invalidation: QIE       | ECAP without 2 | 4000000                         | 0
            old and reserved bits             |              | 307FFFFF                          | 0
            everything                        | ECAP or 8    | FFFFFFFF                          | C7800000
            """)
    void globalCommands(String what, @Nullable String edits, String commands, String status) {
        try (var bench = WorkedTables.scalable()) {
            bench.edit(edits == null ? "" : edits);
            var unit = bench.reset();
            for (var command : commands.split(" ")) {
                Bench.write(unit, "GCMD", Bench.hex(command));
            }

            assertThat(Bench.read(unit, "GSTS")).isEqualTo(Bench.hex(status));
            assertThat(unit.registers()).doesNotContainKey("GCMD"); // write-only
        }
    }

    /** RTADDR means nothing before SRTP, and translation goes by what was latched last. */
    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            writes, one after another; those that are joined by + go together           | outcome
            RTADDR=100400 GCMD=40000000 GCMD=80000000                                   | 1234567ABC 4K r
            RTADDR=100400 GCMD=C0000000                                                 | 1234567ABC 4K r
            RTADDR=100400 GCMD=80000000                                                 | fault 1
            GCMD=40000000 RTADDR=100400 GCMD=80000000                                   | fault 1
            RTADDR=100400+GCMD=C0000000                                                 | 1234567ABC 4K r
            GCMD=C0000000+RTADDR=100400                                                 | fault 1
            RTADDR=100400 GCMD=C0000000 RTADDR=180000                                   | 1234567ABC 4K r
            RTADDR=100400 GCMD=C0000000 1003A0=0 RTADDR=180000                          | fault 39
            RTADDR=100400 GCMD=C0000000 1003A0=0 RTADDR=180000 GCMD=C0000000            | 1234567ABC 4K r
            RTADDR=100400 GCMD=C0000000 1003A0=0 RTADDR=180000 GCMD=80000000            | fault 39
            RTADDR=100400 GCMD=C0000000 RTADDR=100C00 GCMD=C0000000                     | fault 33
            RTADDR=100400 GCMD=C0000000 RTADDR=100800 GCMD=C0000000                     | fault 30
            RTADDR=100400 GCMD=C0000000 GCMD=0                                          | 7F1234567ABC 4K rw
            RTADDR=100400 GCMD=C0000000 GCMD=0 GCMD=80000000                            | 1234567ABC 4K r
            RTADDR=100400 GCMD=C0000000 GCMD=0 RTADDR=0 GCMD=80000000                   | 1234567ABC 4K r
            RTADDR=10077F GCMD=C0000000                                                 | 1234567ABC 4K r
            """)
    void theRootTableIsLatched(String writes, String outcome) {
        try (var bench = WorkedTables.scalable().words(WorkedTables.LEGACY_MODE)) {
            var unit = bench.reset();
            for (var together : writes.split(" ")) {
                if (together.startsWith("1003A0=")) {
                    bench.word(0x1003a0, 0);
                } else {
                    writeTogether(unit, together);
                }
            }

            assertThat(Bench.text(unit.translate(Bench.request("3A11 read 7F1234567ABC"))))
                    .isEqualTo(outcome);
        }
    }

    /** Bits 9:8 and 6:0 are reserved and do not stick. */
    @Test
    void rtaddrHoldsItsFields() {
        try (var bench = WorkedTables.scalable()) {
            var unit = bench.reset();
            Bench.write(unit, "RTADDR", -1);
            assertThat(Bench.read(unit, "RTADDR")).isEqualTo(0xFFFF_FFFF_FFFF_FC80L);
            assertThat(Bench.read(unit, "GSTS")).isZero();
            Bench.write(unit, "RTADDR", 0);
            assertThat(Bench.read(unit, "RTADDR")).isZero();
        }
    }

    /** With TES = 0 nothing is looked at and nothing is wrong. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "3A11 read 0",
                "3A11 write 7F1234567ABC",
                "3A11 read FEE00000",
                "3A11 write FEE00000",
                "3A11 execute FFFFFFFFFFFFFFFF",
                "FFFF read 8000000000000000",
                "3A11 pasid FFFFF privileged write 123456789ABCDEF0",
                "3A11 pasid 5 privileged execute 1_0000_0000_0000",
                "3A11 pasid 77 read FEEFFFFF"
            })
    void whatIsNotTranslatedPasses(String request) {
        for (long rootTable : new long[] {0, 0x100400, 0x180000, 0x100800, 0x100c00, Bench.HOLE | 0x400}) {
            try (var bench = WorkedTables.scalable()) {
                var unit = bench.reset();
                writeTogether(unit, "RTADDR=%x+GCMD=40000000".formatted(rootTable));

                assertThat(Bench.text(unit.translate(Bench.request(request))))
                        .isEqualTo("%X 4K rw".formatted(Bench.request(request).iova()));
                assertThat(unit.faults()).isEmpty();
                assertThat(Bench.read(unit, "FSTS")).isZero();
                assertThat(bench.changes()).isEmpty();
            }
        }
    }

    // ---------------------------------------------------------------- fault records

    /** Bit for bit: F 127, T1 126, AT 125:124, PV 123:104, FR 103:96, PP 95, EXE 94, PRIV 93, T2 92, SID 79:64, FI 63:12. */
    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            what                         | edits                | request                                           | low              | high
            write                        |                      | 3A11 write 7F1234567ABC                           | 00007F1234567000 | 8000008500003A11
            read: T1                     |                      | 3A11 read 1_7F1234567ABC                          | 00007F1234567000 | C000008400003A11
            other source                 |                      | 3A91 read 7F1234567ABC                            | 00007F1234567000 | C000003900003A91
            highest source, page 0       |                      | FFFF write FFF                                    | 0000000000000000 | 800000390000FFFF
            lowest source, last page     |                      | 0000 read FFFFFFFFFFFF                            | 0000FFFFFFFFF000 | C000003900000000
            execute without PASID        | 203B38 = 1234567002  | 3A11 execute 7F1234567ABC                         | 00007F1234567000 | C000008600003A11
            PASID: PP and PV             |                      | 3A11 pasid 1234 read FFFF8123456789A0             | 0000812345678000 | C012348180003A11
            PASID, write                 | 302488 without 2     | 3A11 pasid 1234 write 555512345678                | 0000555512345000 | 8012348580003A11
            PASID 0                      | 101228 = 6           | 3A11 pasid 0 read 555512345678                    | 0000555512345000 | C000005980003A11
            widest PASID                 |                      | 3A11 pasid FFFFF read 555512345678                | 0000555512345000 | CFFFFF4680003A11
            PRIV                         |                      | 3A11 pasid 1234 privileged read FFFF8123456789A0  | 0000812345678000 | C012345DA0003A11
            PRIV, write                  |                      | 3A11 pasid 1234 privileged write FFFF8123456789A0 | 0000812345678000 | 8012345DA0003A11
            EXE                          |                      | 3A11 pasid 1234 execute 555512345678              | 0000555512345000 | C012345CC0003A11
            PRIV and EXE                 |                      | 3A11 pasid 1234 privileged execute 555512345678   | 0000555512345000 | C012345CE0003A11
            RID_PRIV is not PRIV         | 101228 = 100005      | 3A11 read 7F1234567ABC                            | 00007F1234567000 | C000005D00003A11
            RID_PASID is not PV          | 101228 = 1234        | 3A11 read 1234567ABC                              | 0000001234567000 | C000007100003A11
            FI has 57 bits with AW 3     | CAP or 800           | 3A11 pasid 1234 read FF00000000000123             | 0100000000000000 | C012348080003A11
            FI has 48 bits               |                      | 3A11 pasid 1234 read FF00000000000123             | 0000000000000000 | C012348080003A11
            FI has 39 bits with AW 1     | CAP without 400      | 3A11 read 7F9234567ABC                            | 0000001234567000 | C000005B00003A11
            """)
    void recordedBits(String what, @Nullable String edits, String request, String low, String high) {
        try (var bench = WorkedTables.scalable()) {
            bench.edit(edits == null ? "" : edits);
            var unit = bench.on();
            Bench.fault(unit.translate(Bench.request(request)));

            assertThat("%016X".formatted(Bench.read(unit, "FRCD0_LO"))).isEqualTo(low);
            assertThat("%016X".formatted(Bench.read(unit, "FRCD0_HI"))).isEqualTo(high);
            assertThat(unit.faults()).singleElement().satisfies(record -> {
                assertThat(record.words()).containsExactly(Bench.hex(low), Bench.hex(high));
                assertThat(record.address()).isEqualTo(Bench.hex(low));
            });
        }
    }

    /** The ring fills, wraps and overflows; what is lost marks PFO, and nothing is recorded until PFO is cleared. */
    @ParameterizedTest(name = "{0} records: {1}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            records | steps                                              | FSTS | pages of the records with F
            4       |                                                    | 0    | - - - -
            4       | fault                                              | 2    | 1 - - -
            4       | fault fault fault                                  | 2    | 1 2 3 -
            4       | fault fault fault fault                            | 2    | 1 2 3 4
            4       | fault fault fault fault fault                      | 3    | 1 2 3 4
            4       | fault fault fault fault fault fault                | 3    | 1 2 3 4
            4       | fault fault fault fault clear0                     | 2    | - 2 3 4
            4       | fault fault fault fault clear0 fault               | 2    | 5 2 3 4
            4       | fault fault fault fault clear1 fault               | 3    | 1 - 3 4
            4       | fault fault fault fault clear0 clear1 fault        | 2    | 5 - 3 4
            4       | fault fault fault fault fault clear0               | 3    | - 2 3 4
            4       | fault fault fault fault fault clear0 fault         | 3    | - 2 3 4
            4       | fault fault fault fault fault clear0 FSTS=1 fault  | 2    | 6 2 3 4
            4       | fault fault fault fault fault FSTS=1               | 2    | 1 2 3 4
            4       | fault fault fault fault fault FSTS=1 fault         | 3    | 1 2 3 4
            4       | fault fault fault fault fault FSTS=FFFE            | 3    | 1 2 3 4
            4       | fault fault fault fault fault clear0 clear1 clear2 clear3 | 1 | - - - -
            4       | fault fault fault fault fault clear0 clear1 clear2 clear3 fault | 1 | - - - -
            4       | fault fault fault fault fault clear0 clear1 clear2 clear3 FSTS=1 | 0 | - - - -
            4       | fault clear0 fault                                 | 102  | - 2 - -
            4       | fault fault clear0 clear1 fault                    | 202  | - - 3 -
            4       | fault fault clear0 fault                           | 2    | - 2 3 -
            4       | fault fault fault clear0 clear1 clear2 fault fault | 302  | 5 - - 4
            4       | fault FSTS=FFFFFFFF                                | 2    | 1 - - -
            4       | fault FRCD0_HI=7FFFFFFFFFFFFFFF                    | 2    | 1 - - -
            4       | fault FRCD1_HI=FFFFFFFFFFFFFFFF fault              | 2    | 1 2 - -
            4       | fault fault off on fault                           | 3    | 1 2 - -
            4       | fault fault clear0 clear1 off on fault             | 2    | 3 - - -
            4       | fault fault clear0 off on fault                    | 2    | 3 2 - -
            4       | fault fault off                                    | 2    | 1 2 - -
            1       | fault                                              | 2    | 1
            1       | fault fault                                        | 3    | 1
            1       | fault clear0 fault                                 | 2    | 2
            2       | fault fault fault FSTS=1 clear0 fault clear1 fault | 2    | 4 5
            """)
    void theRing(int records, @Nullable String steps, String status, String pages) {
        try (var bench = WorkedTables.scalable()) {
            bench.cap = bench.cap & ~(0xffL << 40) | records - 1L << 40;
            var unit = bench.on();
            var script = new Script(unit);
            for (var step : steps == null ? new String[0] : steps.split(" ")) {
                script.run(step);
            }

            assertThat(script.records(records)).isEqualTo(pages);
            assertThat("%X".formatted(Bench.read(unit, "FSTS"))).isEqualTo(status);
            assertThat(unit.faultsOverflowed()).isEqualTo((Bench.hex(status) & 1) != 0);
            assertThat(unit.registers()).doesNotContainKey("FRCD" + records + "_LO");
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 8, 255, 256})
    void aUnitHasOneRecordMoreThanNfr(int records) {
        try (var bench = WorkedTables.scalable()) {
            bench.cap = bench.cap & ~(0xffL << 40) | records - 1L << 40;
            var unit = bench.on();
            for (int i = 0; i < records; i++) {
                assertThat(Bench.fault(unit.translate(Bench.request(FAULTY))).recorded())
                        .isTrue();
            }
            assertThat(Bench.read(unit, "FSTS")).isEqualTo(0b10);
            assertThat(Bench.fault(unit.translate(Bench.request(FAULTY))).recorded())
                    .isFalse();
            assertThat(Bench.read(unit, "FSTS")).isEqualTo(0b11);
            assertThat(unit.faults()).hasSize(records);
            assertThat(unit.faultCounts()).containsExactly(Map.entry("SGN.6", records + 1L));
            assertThat(unit.faultsDropped()).isEqualTo(1);
            unit.translate(Bench.request(FAULTY));
            assertThat(unit.faultsDropped()).isEqualTo(2);

            unit.clearFaults();
            assertThat(unit.faults()).isEmpty();
            assertThat(Bench.read(unit, "FSTS")).isZero();
            assertThat(unit.faultCounts()).containsExactly(Map.entry("SGN.6", records + 2L));
            assertThat(unit.faultsDropped()).as("since the unit was made").isEqualTo(2);
        }
    }

    // ---------------------------------------------------------------- fault events

    /** IM is bit 31, IP bit 30. An event waits while it is masked; a second cause raises no second event. */
    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            steps                                          | FECTL
            FECTL=0                                        | 0
            FECTL=FFFFFFFF                                 | 80000000
            FECTL=40000000                                 | 0
            fault                                          | C0000000
            FECTL=0 fault                                  | 0
            FECTL=0 fault FECTL=80000000                   | 80000000
            FECTL=0 fault FECTL=80000000 fault             | 80000000
            FECTL=0 fault clear0 FECTL=80000000 fault      | C0000000
            fault FECTL=0                                  | 0
            fault FECTL=0 FECTL=80000000                   | 80000000
            fault FECTL=80000000                           | C0000000
            fault FECTL=C0000000                           | C0000000
            fault clear0                                   | 80000000
            fault fault clear0                             | C0000000
            fault fault clear0 clear1                      | 80000000
            fault fault fault clear0 clear1                | C0000000
            fault fault fault clear0 clear1 FSTS=1         | 80000000
            fault fault fault FSTS=1                       | C0000000
            FECTL=0 fault fault FECTL=80000000 fault       | 80000000
            """)
    void faultEvents(String steps, String control) {
        try (var bench = WorkedTables.scalable()) {
            bench.cap = bench.cap & ~(0xffL << 40) | 1L << 40; // 2 records
            var unit = bench.on();
            var script = new Script(unit);
            for (var step : steps.split(" ")) {
                script.run(step);
            }

            assertThat("%X".formatted(Bench.read(unit, "FECTL"))).isEqualTo(control);
        }
    }

    @Test
    void theEventsMessageIsKept() {
        try (var bench = WorkedTables.scalable()) {
            var unit = bench.reset();
            writeTogether(unit, "FEDATA=4021+FEADDR=FEE01003+FEUADDR=89ABCDEF");

            assertThat(Bench.read(unit, "FEDATA")).isEqualTo(0x4021);
            assertThat(Bench.read(unit, "FEADDR")).isEqualTo(0xFEE01000L); // 4-byte aligned
            assertThat(Bench.read(unit, "FEUADDR")).isEqualTo(0x89ABCDEFL);
        }
    }

    /** The ring and its event, the obvious way, beside the unit: random faults, clears and commands. */
    @Test
    void theLogDoesWhatAPlainRingDoes() {
        for (long seed = 0; seed < 400; seed++) {
            var random = new Random(seed);
            int records = 1 + random.nextInt(5);
            try (var bench = WorkedTables.scalable()) {
                bench.cap = bench.cap & ~(0xffL << 40) | records - 1L << 40;
                bench.edit("ECAP or 8"); // interrupt remapping
                var unit = bench.on();
                var script = new Script(unit);
                var ring = new Ring(records);
                var done = new ArrayList<String>();
                for (int i = 0; i < 60; i++) {
                    int record = random.nextInt(records);
                    var step = switch (random.nextInt(10)) {
                        case 0 -> "clear" + record;
                        case 1 -> random.nextBoolean() ? "clear" + record : "FSTS=FFFFFFFE";
                        case 2 -> "FSTS=1";
                        case 3 -> random.nextBoolean() ? "FECTL=80000000" : "FECTL=0";
                        case 4 ->
                            switch (random.nextInt(3)) {
                                case 0 -> "GCMD=2000000"; // IRE without TE
                                case 1 -> "off";
                                default -> "on";
                            };
                        default -> "fault";
                    };
                    done.add(step);
                    script.run(step);
                    ring.run(step);

                    assertThat(Bench.read(unit, "FSTS")).as("%s", done).isEqualTo(ring.status());
                    assertThat(Bench.read(unit, "FECTL")).as("%s", done).isEqualTo(ring.control());
                    assertThat(script.records(records)).as("%s", done).isEqualTo(ring.text());
                    assertThat(unit.faults().stream().map(FaultRecord::address).toList())
                            .as("oldest first: %s", done)
                            .isEqualTo(ring.oldestFirst());
                }
            }
        }
    }

    /** VT-d 5.10, 7.2.1, word for word. */
    private static final class Ring {
        private final long[] pages; // 0: F is clear
        private int index;
        private int first;
        private boolean overflow;
        private boolean pending;
        private boolean masked = true;
        private boolean translating = true;
        private long faults;

        Ring(int records) {
            pages = new long[records];
        }

        void run(String step) {
            switch (step) {
                case "fault" -> fault();
                case "on" -> translating = true;
                case "off" -> {
                    translating = false;
                    index = 0;
                }
                case "GCMD=2000000" -> translating = false;
                case "FSTS=1" -> overflow = false;
                case "FSTS=FFFFFFFE" -> {}
                case "FECTL=80000000" -> masked = true;
                case "FECTL=0" -> {
                    masked = false;
                    pending = false; // sent
                }
                default -> pages[step.charAt(5) - '0'] = 0;
            }
            pending &= overflow || any();
        }

        private void fault() {
            faults++;
            if (!translating || overflow) {
                return;
            }
            if (pages[index] != 0) {
                overflow = true;
                return;
            }
            if (!any()) {
                first = index;
                pending = masked;
            }
            pages[index] = faults;
            index = index + 1 == pages.length ? 0 : index + 1;
        }

        private boolean any() {
            for (long page : pages) {
                if (page != 0) {
                    return true;
                }
            }
            return false;
        }

        long status() {
            return (overflow ? 1 : 0) | (any() ? 2 | (long) first << 8 : 0);
        }

        long control() {
            return (masked ? 0x8000_0000L : 0) | (pending ? 0x4000_0000L : 0);
        }

        String text() {
            var text = new ArrayList<String>();
            for (long page : pages) {
                text.add(page == 0 ? "-" : "%X".formatted(page));
            }
            return String.join(" ", text);
        }

        List<Long> oldestFirst() {
            var addresses = new ArrayList<Long>();
            for (long page : pages) {
                if (page != 0) {
                    addresses.add(page << 12);
                }
            }
            return addresses.stream().sorted().toList();
        }
    }

    /** Steps in words: each {@code fault} is a request for the next page, 1000, 2000, ... */
    private static final class Script {
        private final VtdHardware unit;
        private long page;

        Script(VtdHardware unit) {
            this.unit = unit;
        }

        void run(String step) {
            switch (step) {
                case "fault" -> unit.translate(Bench.request("3A91 read %x".formatted(++page << 12)));
                case "off" -> Bench.write(unit, "GCMD", 0);
                case "on" -> Bench.write(unit, "GCMD", 1L << 31);
                default -> {
                    if (step.startsWith("clear")) {
                        Bench.write(unit, "FRCD" + step.substring("clear".length()) + "_HI", F);
                    } else {
                        writeTogether(unit, step);
                    }
                }
            }
        }

        /** The page that each record holds, if it has F. */
        String records(int count) {
            var text = new ArrayList<String>();
            for (int record = 0; record < count; record++) {
                boolean holds = (Bench.read(unit, "FRCD" + record + "_HI") & F) != 0;
                text.add(holds ? "%X".formatted(Bench.read(unit, "FRCD" + record + "_LO") >>> 12) : "-");
            }
            return String.join(" ", text);
        }
    }

    // ---------------------------------------------------------------- refusals

    /** Nothing is written where one write of several is refused, be it the last. */
    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            writes                                    | register
            VER=60                                    | VER
            CAP=0                                     | CAP
            ECAP=0                                    | ECAP
            GSTS=0                                    | GSTS
            FRCD0_LO=0                                | FRCD0_LO
            FRCD7_LO=0                                | FRCD7_LO
            FRCD8_HI=8000000000000000                 | FRCD8_HI
            FRCD8_LO=0                                | FRCD8_LO
            FRCD00_HI=0                               | FRCD00_HI
            FRCD-1_HI=0                               | FRCD-1_HI
            FRCD99999999999_HI=0                      | FRCD99999999999_HI
            FRCD_HI=0                                 | FRCD_HI
            FRCD0=0                                   | FRCD0
            FRCD=0                                    | FRCD
            RTADDR_REG=0                              | RTADDR_REG
            rtaddr=0                                  | rtaddr
            CR0=0                                     | CR0
            GCMD=100000000                            | GCMD
            GCMD=FFFFFFFF80000000                     | GCMD
            FSTS=100000001                            | FSTS
            FECTL=100000000                           | FECTL
            FEDATA=8000000000000000                   | FEDATA
            FEADDR=1FEE00000                          | FEADDR
            FEUADDR=100000000                         | FEUADDR
            PRS=100000000                             | PRS
            PQA=0+PECTL=100000000                     | PECTL
            PEDATA=100000000                          | PEDATA
            PEADDR=100000000                          | PEADDR
            PEUADDR=100000000                         | PEUADDR
            RTADDR=180000+GCMD=C0000000+GSTS=0        | GSTS
            GCMD=0+FRCD0_HI=8000000000000000+FRCD8_HI=0 | FRCD8_HI
            FSTS=1+FECTL=0+FEDATA=1+FEADDR=10+FEUADDR=1+GCMD=100000000 | GCMD
            CR0=0+RTADDR=180000                       | CR0
            """)
    void refusedWrites(String writes, String register) {
        try (var bench = WorkedTables.scalable()) {
            var unit = bench.on();
            for (int i = 0; i < 9; i++) {
                unit.translate(Bench.request(FAULTY)); // an overflow, too
            }
            var before = unit.registers();

            assertThatThrownBy(() -> writeTogether(unit, writes))
                    .isInstanceOfSatisfying(RefusedException.class, refused -> {
                        assertThat(refused.errno()).isEqualTo(Errno.EINVAL);
                        assertThat(refused.subjects()).containsEntry("register", register);
                        assertThat(refused).hasMessageContaining(register);
                    });

            assertThat(unit.registers()).isEqualTo(before);
            assertThat(unit.faults()).hasSize(8);
            unit.clearFaults();
            assertThat(Bench.text(unit.translate(Bench.request("3A11 read 7F1234567ABC"))))
                    .isEqualTo("1234567ABC 4K r");
        }
    }

    /** What 32-bit registers take at most, and 64-bit registers at all. */
    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            write                     | reads back
            RTADDR=FFFFFFFFFFFFFFFF   | FFFFFFFFFFFFFC80
            FEDATA=FFFFFFFF           | FFFFFFFF
            FEADDR=FFFFFFFF           | FFFFFFFC
            FEUADDR=FFFFFFFF          | FFFFFFFF
            FSTS=FFFFFFFF             | 0
            FECTL=FFFFFFFF            | 80000000
            FRCD7_HI=FFFFFFFFFFFFFFFF | 0
            PQH=FFFFFFFFFFFFFFFF      | 7FFE0
            PQT=FFFFFFFFFFFFFFFF      | 7FFE0
            PQA=FFFFFFFFFFFFFFFF      | FFFFFFFFFFFFF007
            PRS=FFFFFFFF              | 0
            PECTL=FFFFFFFF            | 80000000
            PEDATA=FFFFFFFF           | FFFFFFFF
            PEADDR=FFFFFFFF           | FFFFFFFC
            PEUADDR=FFFFFFFF          | FFFFFFFF
            """)
    void widestWrites(String write, String readsBack) {
        try (var bench = WorkedTables.scalable()) {
            var unit = bench.reset();
            writeTogether(unit, write);

            assertThat("%X".formatted(Bench.read(unit, write.substring(0, write.indexOf('=')))))
                    .isEqualTo(readsBack);
        }
    }

    /** Registers of page requests are there with ECAP.PRS only. */
    @ParameterizedTest
    @ValueSource(strings = {"PQH", "PQT", "PQA", "PRS", "PECTL", "PEDATA", "PEADDR", "PEUADDR"})
    void withoutPageRequestsThereAreNoRegistersOfThem(String register) {
        try (var bench = WorkedTables.scalable().edit("ECAP without 20000000")) {
            var unit = bench.reset();

            assertThat(unit.registers()).doesNotContainKey(register);
            assertThatThrownBy(() -> Bench.write(unit, register, 0))
                    .isInstanceOf(RefusedException.class)
                    .hasMessageContaining("there is no register '" + register + "'")
                    .hasMessageContaining("ECAP.PRS");
        }
    }

    /** Several registers in one write are written in the order given. */
    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            writes                                               | FSTS | FECTL    | records
            FECTL=0+FRCD0_HI=8000000000000000                    | 3    | 0        | - 2
            FRCD0_HI=8000000000000000+FRCD1_HI=8000000000000000  | 1    | C0000000 | - -
            FSTS=1+FRCD0_HI=8000000000000000+FRCD1_HI=8000000000000000 | 0 | 80000000 | - -
            FRCD1_HI=8000000000000000+FRCD0_HI=8000000000000000+FSTS=1 | 0 | 80000000 | - -
            FRCD0_HI=8000000000000000+FSTS=1                     | 2    | C0000000 | - 2
            """)
    void severalRegistersInOneWrite(String writes, String status, String control, String records) {
        try (var bench = WorkedTables.scalable()) {
            bench.cap = bench.cap & ~(0xffL << 40) | 1L << 40; // 2 records
            var unit = bench.on();
            var script = new Script(unit);
            script.run("fault");
            script.run("fault");
            script.run("fault");
            writeTogether(unit, writes);

            assertThat("%X".formatted(Bench.read(unit, "FSTS"))).isEqualTo(status);
            assertThat("%X".formatted(Bench.read(unit, "FECTL"))).isEqualTo(control);
            assertThat(script.records(2)).isEqualTo(records);
        }
    }

    /** Writes {@code RTADDR=100400+GCMD=C0000000} as one write of several registers. */
    private static void writeTogether(VtdHardware unit, String text) {
        var values = new LinkedHashMap<String, Long>();
        for (var part : text.split("\\+")) {
            var register = part.split("=");
            values.put(register[0], Bench.hex(register[1]));
        }
        unit.write(values);
    }
}
