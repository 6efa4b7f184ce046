package dev.ioasid.iommu.vtd;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.iommu.CacheSummary;
import dev.ioasid.iommu.CachedEntry;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is cached, what is not, and what each invalidation reaches: VT-d 5.10, sections 6.2 and 6.5.1. */
class VtdCachesTest {
    private static final String SECOND = "3A11 read 7F1234567ABC";
    private static final String SECOND_LARGE = "3A11 read 7F1240A4CDEF";
    private static final String FIRST = "3A11 pasid 1234 read 555512345678";
    private static final String NESTED = "3A11 pasid 42 read 111122223333";
    private static final String PASS_THROUGH = "3A11 pasid 77 read 12345678";

    /** Domains 11, 100, 22 and 33, each with one entry in the PASID cache and one page, 11 with two, in the IOTLB. */
    private static VtdHardware warm(Bench bench) {
        var hardware = bench.on();
        for (var request : List.of(SECOND, SECOND_LARGE, FIRST, NESTED, PASS_THROUGH)) {
            assertThat(Bench.text(hardware.translate(Bench.request(request)))).doesNotStartWith("fault");
        }
        return hardware;
    }

    /** The domains that have entries in a cache, in hexadecimal. */
    private static String domains(VtdHardware hardware, String cache) {
        return contents(hardware, cache).stream()
                .map(CachedEntry::domain)
                .map(domain -> Integer.toHexString(Objects.requireNonNull(domain)))
                .collect(Collectors.toCollection(TreeSet::new))
                .toString();
    }

    private static List<CachedEntry> contents(VtdHardware hardware, String cache) {
        return Objects.requireNonNull(hardware.cached(cache));
    }

    private static String set(@Nullable String domains) {
        return domains == null ? "[]" : new TreeSet<>(Arrays.asList(domains.split(" "))).toString();
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            what                                     | word 0           | word 1           | IOTLB        | first stage | second stage | PASID        | context
            nothing                                  | 5                | 0                | 11 22 33 100 | 22 100      | 11 22        | 11 22 33 100 | 1
            IOTLB, global                            | 12               | 0                |              |             |              | 11 22 33 100 | 1
            IOTLB, domain of a second stage          | 110022           | 0                | 22 33 100    | 22 100      | 22           | 11 22 33 100 | 1
            IOTLB, domain of a first stage           | 1000022          | 0                | 11 22 33     | 22          | 11 22        | 11 22 33 100 | 1
            IOTLB, domain of a nested one            | 220022           | 0                | 11 33 100    | 100         | 11           | 11 22 33 100 | 1
            IOTLB, domain of pass-through            | 330022           | 0                | 11 22 100    | 22 100      | 11 22        | 11 22 33 100 | 1
            IOTLB, domain that has none              | 440022           | 0                | 11 22 33 100 | 22 100      | 11 22        | 11 22 33 100 | 1
            IOTLB, the first GiB of a second stage   | 110032           | 12               | 11 22 33 100 | 22 100      | 11 22        | 11 22 33 100 | 1
            IOTLB, another page of a second stage    | 110032           | 7F8000000000     | 11 22 33 100 | 22 100      | 11 22        | 11 22 33 100 | 1
            IOTLB, any page of a nested one, leaves  | 220032           | 5000000040       | 11 33 100    | 100         | 11 22        | 11 22 33 100 | 1
            IOTLB, any page of a first stage, leaves | 1000032          | 5000000040       | 11 22 33     | 22          | 11 22        | 11 22 33 100 | 1
            IOTLB, the page of pass-through          | 330032           | 12345000         | 11 22 100    | 22 100      | 11 22        | 11 22 33 100 | 1
            IOTLB, another page of pass-through      | 330032           | 12346000         | 11 22 33 100 | 22 100      | 11 22        | 11 22 33 100 | 1
            PASID IOTLB of a first stage             | 0000123401000026 | 0                | 11 22 33     | 22          | 11 22        | 11 22 33 100 | 1
            PASID IOTLB of a second stage            | 0000000500110026 | 0                | 22 33 100    | 22 100      | 11 22        | 11 22 33 100 | 1
            PASID IOTLB of a nested one              | 0000004200220026 | 0                | 11 33 100    | 100         | 11 22        | 11 22 33 100 | 1
            PASID IOTLB of pass-through              | 0000007700330026 | 0                | 11 22 100    | 22 100      | 11 22        | 11 22 33 100 | 1
            PASID IOTLB of another domain            | 0000123400220026 | 0                | 11 22 33 100 | 22 100      | 11 22        | 11 22 33 100 | 1
            PASID IOTLB, page of a first stage       | 0000123401000036 | 555512345000     | 11 22 33     | 22          | 11 22        | 11 22 33 100 | 1
            PASID IOTLB, page of it, leaves          | 0000123401000036 | 555512345040     | 11 22 33     | 22 100      | 11 22        | 11 22 33 100 | 1
            PASID IOTLB, another page of it, leaves  | 0000123401000036 | 555512346040     | 11 22 33 100 | 22 100      | 11 22        | 11 22 33 100 | 1
            PASID IOTLB, 4 pages around it, leaves   | 0000123401000036 | 555512346042     | 11 22 33     | 22 100      | 11 22        | 11 22 33 100 | 1
            PASID IOTLB, page of a nested one        | 0000004200220036 | 111122223000     | 11 33 100    | 100         | 11 22        | 11 22 33 100 | 1
            PASID IOTLB, page of a second stage      | 0000000500110036 | 7F1234567000     | 11 22 33 100 | 22 100      | 11 22        | 11 22 33 100 | 1
            PASID IOTLB, page of pass-through        | 0000007700330036 | 12345000         | 11 22 33 100 | 22 100      | 11 22        | 11 22 33 100 | 1
            PASID cache, global                      | 37               | 0                | 11 22 33 100 | 22 100      | 11 22        |              | 1
            PASID cache, domain                      | 1000007          | 0                | 11 22 33 100 | 22 100      | 11 22        | 11 22 33     | 1
            PASID cache, PASID in domain             | 0000004200220017 | 0                | 11 22 33 100 | 22 100      | 11 22        | 11 33 100    | 1
            PASID cache, PASID in another domain     | 0000004201000017 | 0                | 11 22 33 100 | 22 100      | 11 22        | 11 22 33 100 | 1
            context, global                          | 11               | 0                | 11 22 33 100 | 22 100      | 11 22        | 11 22 33 100 | 0
            context, domain: acts as global          | 440021           | 0                | 11 22 33 100 | 22 100      | 11 22        | 11 22 33 100 | 0
            context, device                          | 00003A1100000031 | 0                | 11 22 33 100 | 22 100      | 11 22        | 11 22 33 100 | 0
            context, another device                  | 00003A1200000031 | 0                | 11 22 33 100 | 22 100      | 11 22        | 11 22 33 100 | 1
            context, functions but for bit 2         | 00013A1500000031 | 0                | 11 22 33 100 | 22 100      | 11 22        | 11 22 33 100 | 0
            context, functions but for bits 2:1      | 00023A1700000031 | 0                | 11 22 33 100 | 22 100      | 11 22        | 11 22 33 100 | 0
            context, functions but for bits 2:1      | 00023A1600000031 | 0                | 11 22 33 100 | 22 100      | 11 22        | 11 22 33 100 | 1
            context, all functions                   | 00033A1600000031 | 0                | 11 22 33 100 | 22 100      | 11 22        | 11 22 33 100 | 0
            """)
    void eachInvalidationReachesWhatItSays(
            String what,
            String word0,
            String word1,
            @Nullable String iotlb,
            @Nullable String firstStage,
            @Nullable String secondStage,
            @Nullable String pasids,
            int contexts) {
        try (var bench = WorkedTables.scalable()) {
            var hardware = warm(bench);
            hardware.submit(List.of(List.of(Bench.hex(word0), Bench.hex(word1))));
            assertThat(domains(hardware, VtdCaches.IOTLB)).isEqualTo(set(iotlb));
            assertThat(domains(hardware, VtdCaches.FIRST_STAGE)).isEqualTo(set(firstStage));
            assertThat(domains(hardware, VtdCaches.SECOND_STAGE)).isEqualTo(set(secondStage));
            assertThat(domains(hardware, VtdCaches.PASID)).isEqualTo(set(pasids));
            assertThat(contents(hardware, VtdCaches.CONTEXT)).hasSize(contexts);
        }
    }

    /** A page of a larger one takes that along; the other page stays, and so do copies that lead elsewhere. */
    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            what                       | word 1       | pages left               | second-stage copies left
            a page of the 2 MiB page   | 7F1240A4C000 | 7f1234567000             | 7f1200000000 7f1234400000
            the same, leaves only      | 7F1240A4C040 | 7f1234567000             | 7f0000000000 7f1200000000 7f1234400000 7f1240000000
            the 4 KiB page             | 7F1234567000 | 7f1240a00000             | 7f1240000000
            2 MiB around the 4 KiB one | 7F1234400009 | 7f1240a00000             | 7f1240000000
            another page               | 7F1234568040 | 7f1234567000 7f1240a00000 | 7f0000000000 7f1200000000 7f1234400000 7f1240000000
            """)
    void pagesAreMetByAddress(String what, String word1, String pages, String copies) {
        try (var bench = WorkedTables.scalable()) {
            var hardware = bench.on();
            hardware.translate(Bench.request(SECOND));
            hardware.translate(Bench.request(SECOND_LARGE));
            hardware.submit(List.of(List.of(0x110032L, Bench.hex(word1))));
            assertThat(inputs(hardware, VtdCaches.IOTLB)).isEqualTo(set(pages));
            assertThat(inputs(hardware, VtdCaches.SECOND_STAGE)).isEqualTo(set(copies));
        }
    }

    private static String inputs(VtdHardware hardware, String cache) {
        return contents(hardware, cache).stream()
                .map(entry -> Long.toHexString(Objects.requireNonNull(entry.input())))
                .collect(Collectors.toCollection(TreeSet::new))
                .toString();
    }

    /** Each structure is edited behind the unit's back: the old answer, until what holds it is told to forget. */
    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            what                          | request                               | edit                     | before          | invalidations                                | after
            second-stage leaf             | 3A11 read 7F1234567ABC                | 203B38 = 7777001         | 1234567ABC 4K r | 110032:7F1234567040                          | 7777ABC 4K r
            second-stage table, its leaf  | 3A11 read 7F1234567ABC                | 202D10 = 0               | 1234567ABC 4K r | 110032:7F1234567040                          | 1234567ABC 4K r
            second-stage table            | 3A11 read 7F1234567ABC                | 202D10 = 0               | 1234567ABC 4K r | 110032:7F1234567000                          | fault 79
            first-stage leaf              | 3A11 pasid 1234 read 555512345678     | 303A28 = 7777007         | 5A5A5A678 4K rw | 0000123401000036:555512345040                | 7777678 4K rw
            first-stage table, its leaf   | 3A11 pasid 1234 read 555512345678     | 302488 = 0               | 5A5A5A678 4K rw | 0000123401000036:555512345040                | 5A5A5A678 4K rw
            first-stage table             | 3A11 pasid 1234 read 555512345678     | 302488 = 0               | 5A5A5A678 4K rw | 0000123401000036:555512345000                | fault 71
            nested, second-stage leaf     | 3A11 pasid 42 read 111122223333       | 405118 = 7777003         | 987654333 4K rw | 220032:40023040                              | 7777333 4K rw
            nested, wrong kind            | 3A11 pasid 42 read 111122223333       | 405118 = 7777003         | 987654333 4K rw | 110032:40023040                              | 987654333 4K rw
            nested, first-stage leaf gone | 3A11 pasid 42 read 111122223333       | 733888 = 0               | 987654333 4K rw | 0000004200220036:111122223040                | fault 71
            PASID table entry, IOTLB only | 3A11 read 7F1234567ABC                | 103140 = 0               | 1234567ABC 4K r | 110022:0                                     | 1234567ABC 4K r
            PASID table entry, its cache  | 3A11 read 7F1234567ABC                | 103140 = 0               | 1234567ABC 4K r | 0000000500110017:0                           | 1234567ABC 4K r
            PASID table entry, both       | 3A11 read 7F1234567ABC                | 103140 = 0               | 1234567ABC 4K r | 0000000500110017:0 110022:0                  | fault 59
            context entry, its cache      | 3A11 read 7F1234567ABC                | 101220 = 0               | 1234567ABC 4K r | 00003A1100000031:0                           | 1234567ABC 4K r
            context entry, and IOTLB      | 3A11 read 7F1234567ABC                | 101220 = 0               | 1234567ABC 4K r | 00003A1100000031:0 110022:0                  | fault 41
            context entry, IOTLB only     | 3A11 read 7F1234567ABC                | 101220 = 0               | 1234567ABC 4K r | 110022:0                                     | 1234567ABC 4K r
            """)
    void theOldAnswerUntilItIsInvalidated(
            String what, String request, String edit, String before, String invalidations, String after) {
        try (var bench = WorkedTables.scalable()) {
            var hardware = bench.on();
            var asked = Bench.request(request);
            assertThat(Bench.text(hardware.translate(asked))).isEqualTo(before);
            bench.edit(edit);
            assertThat(Bench.text(hardware.translate(asked))).isEqualTo(before);
            assertThat(Bench.text(hardware.explain(asked).result())).isEqualTo(before);
            for (var invalidation : invalidations.split(" +")) {
                var words = invalidation.split(":");
                hardware.submit(List.of(List.of(Bench.hex(words[0]), Bench.hex(words[1]))));
            }
            assertThat(Bench.text(hardware.explain(asked).result())).isEqualTo(after);
            assertThat(Bench.text(hardware.translate(asked))).isEqualTo(after);
        }
    }

    /** Whatever was not present is there as soon as it is written, whichever structure it is. */
    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            what                | absent                   | fault | present            | request                           | answer
            second-stage leaf   | 203B38 = 0               | 79    | 203B38 = 1234567001 | 3A11 read 7F1234567ABC           | 1234567ABC 4K r
            second-stage table  | 202D10 = 0               | 79    | 202D10 = 203003    | 3A11 read 7F1234567ABC            | 1234567ABC 4K r
            first-stage leaf    | 303A28 = 0               | 71    | 303A28 = 5A5A5A007 | 3A11 pasid 1234 read 555512345678 | 5A5A5A678 4K rw
            PASID table entry   | 103140 = 0               | 59    | 103140 = 200089    | 3A11 read 7F1234567ABC            | 1234567ABC 4K r
            PASID directory     | 102000 = 0               | 51    | 102000 = 103001    | 3A11 read 7F1234567ABC            | 1234567ABC 4K r
            context entry       | 101220 = 0               | 41    | 101220 = 102009    | 3A11 read 7F1234567ABC            | 1234567ABC 4K r
            root entry          | 1003A0 = 0               | 39    | 1003A0 = 101001    | 3A11 read 7F1234567ABC            | 1234567ABC 4K r
            a reserved bit      | 103140 = 200489          | 5A    | 103140 = 200089    | 3A11 read 7F1234567ABC            | 1234567ABC 4K r
            """)
    void whatWasNotPresentIsNotRemembered(
            String what, String absent, String fault, String present, String request, String answer) {
        try (var bench = WorkedTables.scalable()) {
            bench.edit(absent);
            var hardware = bench.on();
            var asked = Bench.request(request);
            assertThat(Bench.text(hardware.translate(asked))).isEqualTo("fault " + fault);
            bench.edit(present);
            assertThat(Bench.text(hardware.translate(asked))).isEqualTo(answer);
        }
    }

    /** Caching mode: the same, but the old refusal stays until it is invalidated, with domain 0 or, of a page, its own. */
    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            what                        | absent          | fault | present             | invalidations                      | answer
            second-stage leaf           | 203B38 = 0      | 79    | 203B38 = 1234567001 | 32:7F1234567040                    | 1234567ABC 4K r
            second-stage leaf, own      | 203B38 = 0      | 79    | 203B38 = 1234567001 | 110032:7F1234567040                | 1234567ABC 4K r
            second-stage leaf, other    | 203B38 = 0      | 79    | 203B38 = 1234567001 | 220032:7F1234567040                | fault 79
            second-stage table          | 202D10 = 0      | 79    | 202D10 = 203003     | 22:0                               | 1234567ABC 4K r
            PASID table entry           | 103140 = 0      | 59    | 103140 = 200089     | 0000000500000017:0                 | 1234567ABC 4K r
            PASID table entry, other    | 103140 = 0      | 59    | 103140 = 200089     | 0000000500110017:0                 | fault 59
            PASID directory             | 102000 = 0      | 51    | 102000 = 103001     | 7:0                                | 1234567ABC 4K r
            context entry               | 101220 = 0      | 41    | 101220 = 102009     | 00003A1100000031:0                 | 1234567ABC 4K r
            root entry                  | 1003A0 = 0      | 39    | 1003A0 = 101001     | 11:0                               | 1234567ABC 4K r
            root entry, nothing         | 1003A0 = 0      | 39    | 1003A0 = 101001     | 5:0                                | fault 39
            """)
    void inCachingModeItIs(
            String what, String absent, String fault, String present, String invalidations, String answer) {
        try (var bench = WorkedTables.scalable()) {
            bench.edit("CAP or 80").edit(absent);
            var hardware = bench.on();
            var asked = Bench.request(SECOND);
            assertThat(Bench.text(hardware.translate(asked))).isEqualTo("fault " + fault);
            bench.edit(present);
            assertThat(Bench.text(hardware.translate(asked))).isEqualTo("fault " + fault);
            assertThat(Bench.text(hardware.explain(asked).result())).isEqualTo("fault " + fault);
            for (var invalidation : invalidations.split(" +")) {
                var words = invalidation.split(":");
                hardware.submit(List.of(List.of(Bench.hex(words[0]), Bench.hex(words[1]))));
            }
            assertThat(Bench.text(hardware.translate(asked))).isEqualTo(answer);
        }
    }

    @Test
    void inCachingModeLegacyModeStillNamesWhatWasWanted() {
        try (var bench = WorkedTables.legacy()) {
            bench.edit("CAP or 80, 203B38 = 0");
            var hardware = bench.on();
            assertThat(Bench.text(hardware.translate(Bench.request("3A11 write 7F1234567ABC"))))
                    .isEqualTo("fault 5");
            assertThat(Bench.text(hardware.translate(Bench.request(SECOND)))).isEqualTo("fault 6");
            assertThat(Bench.text(hardware.explain(Bench.request(SECOND)).result()))
                    .isEqualTo("fault 6");
            assertThat(iotlb(hardware).hits()).isEqualTo(1);
        }
    }

    @Test
    void inCachingModeFirstStagesAreNotRememberedEither() {
        try (var bench = WorkedTables.scalable()) {
            bench.edit("CAP or 80, 303A28 = 0");
            var hardware = bench.on();
            assertThat(Bench.text(hardware.translate(Bench.request(FIRST)))).isEqualTo("fault 71");
            bench.edit("303A28 = 5A5A5A007");
            assertThat(Bench.text(hardware.translate(Bench.request(FIRST)))).isEqualTo("5A5A5A678 4K rw");
        }
    }

    /** A page that was read is good for reads; the first write is walked, marks it, and is good for writes from then on. */
    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            what                | edits         | read                              | write                              | leaf   | marked
            first stage         |               | 3A11 pasid 1234 read 555512345678 | 3A11 pasid 1234 write 555512345678 | 303A28 | 80000005A5A5A067
            nested              |               | 3A11 pasid 42 read 111122223333   | 3A11 pasid 42 write 111122223333   | 733888 | 400000E7
            second stage, SSADE | 103140 or 200 | 3A11 read 7F1240A4CDEF            | 3A11 write 7F1240A4CDEF            | 204028 | 887600B83
            """)
    void aWriteMarksThePageEvenWhereItWasReadBefore(
            String what, @Nullable String edits, String read, String write, String leaf, String marked) {
        try (var bench = WorkedTables.scalable()) {
            bench.edit(edits == null ? "" : edits);
            var hardware = bench.on();
            hardware.translate(Bench.request(read));
            hardware.translate(Bench.request(write));
            assertThat(bench.word(Bench.hex(leaf))).isEqualTo(Bench.hex(marked));
            long hits = iotlb(hardware).hits();
            hardware.translate(Bench.request(write));
            assertThat(iotlb(hardware).hits()).isEqualTo(hits + 1);
        }
    }

    /** A page that is marked already is good for writes from the first read on. */
    @Test
    void aPageThatIsMarkedIsGoodForWrites() {
        try (var bench = WorkedTables.scalable()) {
            bench.edit("303A28 or 60");
            var hardware = bench.on();
            hardware.translate(Bench.request(FIRST));
            hardware.translate(Bench.request("3A11 pasid 1234 write 555512345678"));
            assertThat(iotlb(hardware).hits()).isEqualTo(1);
        }
    }

    /** A page in which some addresses are interrupts is good for the others, and never answers for these. */
    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            what                       | edits                         | before                          | request                          | answer
            second stage, 2 MiB        | 204028 = FEE00083             | 3A11 read 7F1240B4CDEF          | 3A11 read 7F1240A4CDEF           | fault 87
            nested, 2 MiB              | 404000 = FEE00083, 733888 = 40000087 | 3A11 pasid 42 read 111122300000 | 3A11 pasid 42 read 111122223333 | fault 87
            pass-through, asked before | 101220 or 4                   | 3A11 pasid 77 ask FED00000      | 3A11 pasid 77 read FEE00000      | fault 87
            """)
    void interruptsInALargePageAreNotAnswered(String what, String edits, String before, String request, String answer) {
        try (var bench = WorkedTables.scalable()) {
            bench.edit(edits);
            var hardware = bench.on();
            assertThat(Bench.text(hardware.translate(Bench.request(before)))).doesNotStartWith("fault");
            assertThat(Bench.text(hardware.translate(Bench.request(request)))).isEqualTo(answer);
            assertThat(Bench.text(hardware.explain(Bench.request(request)).result()))
                    .isEqualTo(answer);
        }
    }

    private static CacheSummary iotlb(VtdHardware hardware) {
        return hardware.caches().stream()
                .filter(cache -> cache.name().equals(VtdCaches.IOTLB))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void latchingTheRootTableForgetsEverythingWhereTheUnitSaysSo() {
        try (var bench = WorkedTables.scalable()) {
            var hardware = warm(bench);
            Bench.write(hardware, "GCMD", 1L << 31 | 1L << 30);
            assertThat(contents(hardware, VtdCaches.IOTLB)).isEmpty();
            assertThat(contents(hardware, VtdCaches.CONTEXT)).isEmpty();
        }
        try (var bench = WorkedTables.scalable()) {
            bench.edit("CAP without 8000000000000000"); // ESRTPS
            var hardware = warm(bench);
            Bench.write(hardware, "GCMD", 1L << 31 | 1L << 30);
            assertThat(contents(hardware, VtdCaches.IOTLB)).isNotEmpty();
            Bench.write(hardware, "GCMD", 0);
            assertThat(contents(hardware, VtdCaches.IOTLB))
                    .as("TE off, scalable mode")
                    .isEmpty();
        }
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            what                 | word 0           | word 1       | contexts left | pages left
            context, its domain  | 110021           | 0            | 3A12          | 7f1234567000 12345000
            context, another     | 220021           | 0            | 3A11 3A12     | 7f1234567000 12345000
            context, device      | 00003A1200000031 | 0            | 3A11          | 7f1234567000 12345000
            IOTLB, domain        | 110022           | 0            | 3A11 3A12     | 12345000
            IOTLB, page          | 110032           | 7F1234567000 | 3A11 3A12     | 12345000
            IOTLB, another page  | 110032           | 7F1234568000 | 3A11 3A12     | 7f1234567000 12345000
            IOTLB, pass-through  | 330032           | 12345000     | 3A11 3A12     | 7f1234567000
            """)
    void legacyModeKnowsDomainsOfContexts(
            String what, String word0, String word1, String contexts, @Nullable String pages) {
        try (var bench = WorkedTables.legacy()) {
            var hardware = bench.on();
            hardware.translate(Bench.request(SECOND));
            hardware.translate(Bench.request("3A12 read 12345678"));
            hardware.submit(List.of(List.of(Bench.hex(word0), Bench.hex(word1))));
            assertThat(contents(hardware, VtdCaches.CONTEXT).stream()
                            .map(entry -> "%X"
                                    .formatted(
                                            Objects.requireNonNull(entry.rid()).sourceId()))
                            .sorted()
                            .collect(Collectors.joining(" ")))
                    .isEqualTo(contexts);
            assertThat(inputs(hardware, VtdCaches.IOTLB)).isEqualTo(set(pages));
        }
    }

    @Test
    void explainSaysWhichCacheAnswers() {
        try (var bench = WorkedTables.scalable()) {
            var hardware = bench.on();
            var asked = Bench.request(SECOND);
            assertThat(structures(hardware, SECOND)).doesNotContain("iotlb");
            hardware.translate(asked);
            assertThat(structures(hardware, SECOND)).isEqualTo("rtaddr iotlb");
            hardware.submit(List.of(List.of(0x110032L, 0x7F12_3456_7040L)));
            assertThat(structures(hardware, SECOND))
                    .isEqualTo("rtaddr context-cache pasid-cache paging-structure-cache second-stage-entry");
            var before = hardware.caches();
            hardware.explain(asked);
            assertThat(hardware.caches()).as("nothing was counted").isEqualTo(before);
        }
    }

    private static String structures(VtdHardware hardware, String request) {
        return hardware.explain(Bench.request(request)).steps().stream()
                .map(step -> step.structure())
                .collect(Collectors.joining(" "));
    }

    /** Each request that comes to the unit is a hit or a miss of the IOTLB, and the ways of a set are taken in turn. */
    @Test
    void hitsMissesAndEvictionsAreCounted() {
        try (var bench = WorkedTables.scalable()) {
            var hardware = bench.on();
            for (int i = 0; i < 10; i++) {
                hardware.translate(Bench.request(SECOND));
            }
            hardware.translate(Bench.request("3A91 read 1000"));
            var iotlb = iotlb(hardware);
            assertThat(iotlb.hits()).isEqualTo(9);
            assertThat(iotlb.misses()).isEqualTo(2);
            assertThat(iotlb.entries()).isEqualTo(1);
            assertThat(iotlb.evictions()).isZero();
        }
    }
}
