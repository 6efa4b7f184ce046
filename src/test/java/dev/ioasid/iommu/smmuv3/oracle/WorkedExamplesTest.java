package dev.ioasid.iommu.smmuv3.oracle;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.smmuv3.HardwareSubject;
import dev.ioasid.iommu.smmuv3.SmmuCacheGeometries;
import dev.ioasid.memory.AddressRange;
import dev.ioasid.memory.PhysicalMemory;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The worked examples of the reference. All numbers are hexadecimal; {@code 21/5} is StreamID 0x21 with SubstreamID 5, events have STAG 0, and a
 * result without event is the address, the size of the page and the rights. What the requests change in memory is compared whole.
 */
class WorkedExamplesTest {
    private static final Smmu IDENTITY =
            new Smmu(0x084d369b, 0x0e739c10, 0x00001534, 0x00400075, 0xd, 2, 0x1000, 0x4000000080000000L, 8);

    private static final String STAGE_1 = """
            80000840 500000008001001b
            80000848 00001000000000d4
            80000850 0000000000000007
            80010000 0000000080020001
            80020140 0025e205c0003510
            80020148 0000000080100000
            80020158 00000000000444ff
            800201c0 0025f205c0003510
            800201c8 0000000080100000
            800201d8 00000000000444ff
            801007f8 0000000080101003
            80101578 0000000080102003
            80102378 0000000080103003
            80102380 0060000140000fc1
            80103788 0060000123456f43
            80103790 0060000123457b43
            """;

    /** One more context descriptor, for 64 KB pages of the upper half. */
    private static final String UPPER_HALF = """
            80020240 0026e205b5d64000
            80020250 0000000080180000
            80020258 00000000000444ff
            801848d0 0000000080190003
            80192b38 00600001c2340f43
            801848d8 00600001e0000f41
            """;

    /** The same context descriptor in a linear table. */
    private static final String LINEAR = """
            80000840 180000008003000b
            80030140 0025e205c0003510
            80030148 0000000080100000
            80030158 00000000000444ff
            """;

    private static final String STAGE_2 = """
            80000880 000000000000000d
            80000888 0000100000000000
            80000890 040d355800000011
            80000898 0000000080200000
            80201008 0000000080202003
            80202158 0000000080203003
            80202160 0000000a000007fd
            802033c0 00400009abcde77f
            802033c8 00400100000057ff
            80000900 000000000000000d
            80000908 0000100000000000
            80000910 040db55800000012
            80000918 0000000080400000
            80430488 0000000080440003
            804428a8 0040000b123447ff
            80430490 0040000c020007fd
            """;

    private static final String NESTED = """
            800008c0 180000004000100f
            800008c8 00001000000000d4
            800008d0 040d355800000011
            800008d8 0000000080200000
            80200008 0000000080204003
            80204000 00400000900007fd
            80204008 00400000902007fd
            80204400 0000000080205003
            80205918 00400000a5a5a77f
            80205920 00400000a5a5b7ff
            90001140 0031e205c0003519
            90001148 0000000040010000
            90001158 00000000000444ff
            90010240 0000000040011003
            90011d10 0000000040012003
            90011d18 0000000060000003
            90011d20 0060000040200f41
            90011d28 0060000050000f41
            90012b38 0060000050123f43
            90012b40 0060000050124f43
            90012b48 0060000050125f43
            90012b50 0060000050123fc3
            90012b58 0060020000000f43
            """;

    /** Context descriptors that let hardware update, and pages for them. */
    private static final String UPDATING = """
            90001180 0031ea05c0003519
            90001188 0000000040010000
            90001198 00000000000444ff
            900011c0 0031ee05c0003519
            900011c8 0000000040010000
            900011d8 00000000000444ff
            90012b60 0060000050124b43
            90012b68 0068000050124fc3
            """;

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            what                     | edits                     | request                            | result
            4 KB page, read          |                           | 21/5 read 7fabcdef1234             | 123456234 1000 rw
            4 KB page, write         |                           | 21/5 write 7fabcdef1234            | 123456234 1000 rw
            4 KB page, privileged    |                           | 21/5 privileged write 7fabcdef1234 | 123456234 1000 rw
            2 MB block               |                           | 21/5 read 7fabce012345             | 140012345 200000 r
            A1 write to a read-only  |                           | 21/5 write 7fabce012345            | 0000002100005813 0000020000000000 00007fabce012345 0000000000000000
            A2 no descriptor         |                           | 21/5 read 7fabcdef6234             | 0000002100005810 0000020800000000 00007fabcdef6234 0000000000000000
            A3 AF=0                  |                           | 21/5 read 7fabcdef2234             | 0000002100005812 0000020800000000 00007fabcdef2234 0000000000000000
            A4 CD.S=1                |                           | 21/7 read 7fabcdef2234             | 0000002100007812 0000020880000000 00007fabcdef2234 0000000000000000 stalled
            A5 instruction           |                           | 21/5 execute 7fabcdef1234          | 0000002100005813 0000020c00000000 00007fabcdef1234 0000000000000000
            A6 privileged            |                           | 21/5 privileged write 7fabce012345 | 0000002100005813 0000020200000000 00007fabce012345 0000000000000000
            A7 bit 48                |                           | 21/5 read 17fabcdef1234            | 0000002100005810 0000020800000000 00017fabcdef1234 0000000000000000
            A8 EPD1=1                |                           | 21/5 read ffff000000001000         | 0000002100005810 0000020800000000 ffff000000001000 0000000000000000
            A9 S1DSS=00, no SSID     |                           | 21 read 7fabcdef1234               | 0000002100000006 0000000000000000 0000000000000000 0000000000000000
            A10 SSID of 11 bits      |                           | 21/400 read 7fabcdef1234           | 0000002100400008 0000000000000000 0000000000000000 0000000000000000
            A11 L1CD.V=0             |                           | 21/46 read 7fabcdef1234            | 0000002100046008 0000000000000000 0000000000000000 0000000000000000
            A12 CD.V=0               |                           | 21/6 read 7fabcdef1234             | 000000210000680a 0000000000000000 0000000000000000 0000000000000000
            A13 STE.V=0              |                           | 25/5 read 7fabcdef1234             | 0000002500005804 0000000000000000 0000000000000000 0000000000000000
            A14 StreamID beyond      |                           | 100/5 read 7fabcdef1234            | 0000010000005802 0000000000000000 0000000000000000 0000000000000000
            A14 RECINVSID=0          | CR2 = 0                   | 100/5 read 7fabcdef1234            | 0000010000005802 0000000000000000 0000000000000000 0000000000000000 unrecorded
            S1DSS=01, no SSID        | 80000848 = 1000000000d5   | 21 read 1234567                    | 1234567 0 rw
            S1DSS=01, beyond IAS     | 80000848 = 1000000000d5   | 21 read 1000000000000              | 0000002100000011 0000020800000000 0001000000000000 0000000000000000
            S1DSS=01, SSID 0         | 80000848 = 1000000000d5   | 21/0 read 1234567                  | 000000210000080a 0000000000000000 0000000000000000 0000000000000000
            S1DSS=10, no SSID        | 80000848 = 1000000000d6   | 21 read 1234567                    | 000000210000000a 0000000000000000 0000000000000000 0000000000000000
            S1DSS=10, SSID 0         | 80000848 = 1000000000d6   | 21/0 read 1234567                  | 0000002100000006 0000000000000000 0000000000000000 0000000000000000
            STE not there            | 80000840 absent           | 21/5 read 7fabcdef1234             | 0000002100005803 0000000000000000 0000000000000000 0000000080000840
            CD not there             | 80020140 absent           | 21/5 read 7fabcdef1234             | 0000002100005809 0000000000000000 0000000000000000 0000000080020140
            descriptor not there     | 80101578 absent           | 21/5 read 7fabcdef1234             | 000000210000580b 0000010800000000 00007fabcdef1234 0000000080101578
            two-level streams        | STRTAB_BASE = 4000000080040000, STRTAB_BASE_CFG = 10188, 80040000 = 80000007 | 21/5 read 7fabcdef1234 | 123456234 1000 rw
            L1STD is 0               | STRTAB_BASE = 4000000080040000, STRTAB_BASE_CFG = 10188, 80040000 = 80000007 | 61/5 read 7fabcdef1234 | 0000006100005802 0000000000000000 0000000000000000 0000000000000000
            Span=6                   | STRTAB_BASE = 4000000080040000, STRTAB_BASE_CFG = 10188, 80040000 = 80000006 | 21/5 read 7fabcdef1234 | 0000002100005802 0000000000000000 0000000000000000 0000000000000000
            disabled                 | CR0 = 0                   | 21/5 read 7fabcdef1234             | 7fabcdef1234 0 rw
            disabled, beyond OAS     | CR0 = 0                   | 21/5 read 1000000000000            | silent
            disabled, GBPA.ABORT=1   | CR0 = 0, GBPA = 101000    | 21/5 read 7fabcdef1234             | silent
            Config=000               | 80000840 = 1              | 21/5 read 7fabcdef1234             | silent
            """)
    void stage1(String what, @Nullable String edits, String request, String result) {
        var bench = new Bench(STAGE_1 + UPPER_HALF, edits);
        assertThat(bench.answer(request)).isEqualTo(result);
        assertThat(bench.changes).isEmpty();
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            what                   | request                       | result
            linear, SSID 5         | 21/5 read 7fabcdef1234        | 123456234 1000 rw
            linear, SSID 8         | 21/8 read 7fabcdef1234        | 0000002100008008 0000000000000000 0000000000000000 0000000000000000
            """)
    void linearContextDescriptors(String what, String request, String result) {
        assertThat(new Bench(STAGE_1 + LINEAR, null).answer(request)).isEqualTo(result);
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            what                   | request                       | result
            64 KB page             | 21/9 write fffffd2345678abc   | 1c2348abc 10000 rw
            512 MB block           | 21/9 read fffffd2361234567    | 1e1234567 20000000 rw
            bit 42 clear           | 21/9 read fffff92345678abc    | 0000002100009810 0000020800000000 fffff92345678abc 0000000000000000
            EPD0=1                 | 21/9 read 1000                | 0000002100009810 0000020800000000 0000000000001000 0000000000000000
            """)
    void upperHalf(String what, String request, String result) {
        assertThat(new Bench(STAGE_1 + UPPER_HALF, null).answer(request)).isEqualTo(result);
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            what                   | edits                       | request                   | result
            4 KB page              |                             | 22 read 80456789a8        | 9abcde9a8 1000 r
            2 MB block             |                             | 22 write 8045854321       | a00054321 200000 rw
            B1 write to read-only  |                             | 22 write 80456789a8       | 0000002200000013 0000028000000000 00000080456789a8 0000008045678000
            B2 beyond S2T0SZ       |                             | 22 read 10000001000       | 0000002200000010 0000028800000000 0000010000001000 0000010000001000
            B3 beyond IAS          |                             | 22 read 1000000001000     | 0000002200000011 0000020800000000 0001000000001000 0000000000000000
            B4 no descriptor       |                             | 22 read 12345678          | 0000002200000010 0000028800000000 0000000012345678 0000000012345000
            B5 SSID                |                             | 22/5 read 80456789a8      | 0000002200005008 0000000000000000 0000000000000000 0000000000000000
            page of 41 bits        |                             | 22 read 80456799a8        | 100000059a8 1000 rw
            B6 S2PS=010            | 80000890 = 040a355800000011 | 22 read 80456799a8        | 0000002200000011 0000028800000000 00000080456799a8 0000008045679000
            B7 S2T0SZ=20, S2SL0=01 | 80000890 = 040d355400000011 | 22 read 80456789a8        | 0000002200000004 0000000000000000 0000000000000000 0000000000000000
            B8 S2S=1               | 80000890 = 060d355800000011 | 22 write 80456789a8       | 0000002200000013 0000028080000000 00000080456789a8 0000008045678000 stalled
            S2R=0                  | 80000890 = 000d355800000011 | 22 write 80456789a8       | 0000002200000013 0000028000000000 00000080456789a8 0000008045678000 unrecorded
            16 KB page             |                             | 24 write c123456789       | b12346789 4000 rw
            32 MB block            |                             | 24 write c1240abcde       | c020abcde 2000000 rw
            """)
    void stage2(String what, @Nullable String edits, String request, String result) {
        var bench = new Bench(STAGE_2, edits);
        assertThat(bench.answer(request)).isEqualTo(result);
        assertThat(bench.changes).isEmpty();
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            what                    | edits                       | request               | result                                                               | changes
            read-only at stage 2    |                             | 23/5 read 1234567890  | a5a5a890 1000 r                                                      |
            writable at both        |                             | 23/5 write 1234568890 | a5a5b890 1000 rw                                                     |
            2 MB on 2 MB            |                             | 23/5 read 123481abcd  | 9021abcd 200000 rw                                                   |
            2 MB on 4 KB            |                             | 23/5 read 1234b23abc  | a5a5aabc 1000 r                                                      |
            C1 stage 2 refuses      |                             | 23/5 write 1234567890 | 0000002300005813 0000028000000000 0000001234567890 0000000050123000  |
            C2 not at stage 2       |                             | 23/5 read 1234569890  | 0000002300005810 0000028800000000 0000001234569890 0000000050125000  |
            C3 both refuse          |                             | 23/5 write 123456a890 | 0000002300005813 0000020000000000 000000123456a890 0000000000000000  |
            C4 page beyond S2T0SZ   |                             | 23/5 read 123456b890  | 0000002300005810 0000028800000000 000000123456b890 0000020000000000  |
            C5 table not at stage 2 |                             | 23/5 write 1234767890 | 0000002300005810 0000018000000000 0000001234767890 0000000060000000  |
            C6 CD not at stage 2    | 800008c0 = 180000006000100f | 23/5 read 1234567890  | 0000002300005810 0000008800000000 0000001234567890 0000000060001000  |
            HA=1                    |                             | 23/6 read 123456c890  | a5a5b890 1000 rw                                                     | 90012b60 = 60000050124f43
            HA=1, table read-only   | 80204000 = 004000009000077d | 23/6 read 123456c890  | 0000002300006813 0000018800000000 000000123456c890 0000000040012000  |
            HA=HD=1                 |                             | 23/7 write 123456d890 | a5a5b890 1000 rw                                                     | 90012b68 = 68000050124f43
            HD=0, DBM=1             |                             | 23/5 write 123456d890 | 0000002300005813 0000020000000000 000000123456d890 0000000000000000  |
            S2 descriptor not there | 80204000 absent, 800008c0 = 180000005012400f, a5a5b140 = 31e205c0003519, a5a5b148 = 40010000 | 23/5 read 1234567890 | 000000230000580b 0000018800000000 0000001234567890 0000000080204000 |
            """)
    void nested(String what, @Nullable String edits, String request, String result, @Nullable String changes) {
        var bench = new Bench(STAGE_2 + NESTED + UPDATING, edits);
        assertThat(bench.answer(request)).isEqualTo(result);
        assertThat(bench.changes()).isEqualTo(changes == null ? "" : changes);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            21/5 read 7fabcdef1234 | 80000840 80010000 80020140 801007f8 80101578 80102378 80103788
            23/5 read 1234567890   | 800008c0 80200008 80204000 90001140 80200008 80204000 90010240 80200008 80204000 90011d10 80200008 80204000 90012b38 80200008 80204400 80205918
            """)
    void whatIsFetchedInWhichOrder(String request, String fetches) {
        var bench = new Bench(STAGE_1 + STAGE_2 + NESTED, null);
        bench.answer(request);
        assertThat(bench.fetches).isEqualTo(fetches);
    }

    /** Words of memory by hand; the rest is zero, unless it is said to be absent. */
    private static final class Bench implements Words {
        private static final long MEMORY = 0xc000_0000L;
        private static final long EVENT_QUEUE = 0xb000_0004L; // 16 records
        private static final long PAGE = 0x1000;

        private final Map<Long, Long> words = new TreeMap<>();
        private final Set<Long> absent = new TreeSet<>();
        private final Map<String, Long> registers = new TreeMap<>();
        final Map<Long, Long> changes = new TreeMap<>();
        String fetches = "";

        Bench(String text, @Nullable String edits) {
            text.lines().map(line -> line.split(" ")).forEach(word -> words.put(hex(word[0]), hex(word[1])));
            for (var edit : edits == null ? new String[0] : edits.split(", ")) {
                var parts = edit.split(" ");
                if (parts[1].equals("absent")) {
                    absent.add(hex(parts[0]));
                } else if (parts[0].matches("[0-9a-f]+")) {
                    words.put(hex(parts[0]), hex(parts[2]));
                } else {
                    registers.put(parts[0], hex(parts[2]));
                }
            }
        }

        private Smmu smmu() {
            return new Smmu(
                    IDENTITY.idr0(),
                    IDENTITY.idr1(),
                    IDENTITY.idr3(),
                    IDENTITY.idr5(),
                    registers.getOrDefault("CR0", (long) IDENTITY.cr0()).intValue(),
                    registers.getOrDefault("CR2", (long) IDENTITY.cr2()).intValue(),
                    registers.getOrDefault("GBPA", (long) IDENTITY.gbpa()).intValue(),
                    registers.getOrDefault("STRTAB_BASE", IDENTITY.strtabBase()),
                    registers
                            .getOrDefault("STRTAB_BASE_CFG", (long) IDENTITY.strtabBaseCfg())
                            .intValue());
        }

        String answer(String text) {
            var parts = new ArrayList<>(List.of(text.split(" ")));
            boolean privileged = parts.remove("privileged");
            var ids = parts.get(0).split("/");
            var request = new Request(
                    (int) hex(ids[0]),
                    ids.length == 1 ? Request.NO_SUBSTREAM : (int) hex(ids[1]),
                    hex(parts.get(2)),
                    Access.valueOf(parts.get(1).toUpperCase(Locale.ROOT)),
                    privileged);
            var answer = new SmmuOracle(smmu(), this, Set.of(), request).answer();
            if (!isHiddenEarlier()) {
                checkUnit(request, answer);
            }
            return text(answer);
        }

        /** Memory is absent by the page: then something may be missed before the word that is meant. */
        private boolean isHiddenEarlier() {
            var read = List.of(fetches.split(" "));
            return read.stream()
                    .limit(read.size() - 1)
                    .anyMatch(at -> absent.stream().anyMatch(gone -> (gone ^ hex(at)) < PAGE && (gone ^ hex(at)) >= 0));
        }

        /** The service's own unit answers the same, and leaves the same memory behind. */
        private void checkUnit(Request request, Answer expected) {
            var holes = absent.stream()
                    .map(address -> AddressRange.of(address & -PAGE, PAGE))
                    .distinct()
                    .toList();
            try (var memory = new PhysicalMemory(MEMORY, holes)) {
                words.forEach((address, word) -> {
                    if (memory.backs(address)) {
                        memory.commit(AddressRange.of(address, Long.BYTES));
                        memory.release(address, word);
                    }
                });
                var unit = HardwareSubject.of(memory, smmu(), EVENT_QUEUE, SmmuCacheGeometries.DEFAULT);
                var answer = unit.answer(request);
                if (expected instanceof Answer.Event event && !event.recorded()) {
                    assertThat(answer).isEqualTo(new Answer.Event(event.code(), List.of(), false, false));
                } else {
                    assertThat(text(answer)).isEqualTo(text(expected));
                }
                words.keySet().stream()
                        .filter(memory::backs)
                        .forEach(address -> assertThat(memory.acquire(address)).isEqualTo(read(address)));
            }
        }

        private static String text(Answer answer) {
            return switch (answer) {
                case Answer.Page page ->
                    "%x %x %s%s"
                            .formatted(page.address(), page.size(), page.read() ? "r" : "", page.write() ? "w" : "");
                case Answer.Event event ->
                    event.words().stream().map("%016x"::formatted).collect(Collectors.joining(" "))
                            + (event.stalled() ? " stalled" : event.recorded() ? "" : " unrecorded");
                case Answer.Silent() -> "silent";
                case Answer.Unsaid(var question) -> question;
            };
        }

        String changes() {
            return changes.entrySet().stream()
                    .map(change -> "%x = %x".formatted(change.getKey(), change.getValue()))
                    .collect(Collectors.joining(", "));
        }

        @Override
        public boolean backs(long address) {
            fetches += (fetches.isEmpty() ? "" : " ") + Long.toHexString(address);
            return !absent.contains(address);
        }

        @Override
        public long read(long address) {
            return changes.getOrDefault(address, words.getOrDefault(address, 0L));
        }

        @Override
        public void write(long address, long word) {
            changes.put(address, word);
        }

        private static long hex(String text) {
            return Long.parseUnsignedLong(text, 16);
        }
    }
}
