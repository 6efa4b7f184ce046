package dev.ioasid.iommu.vtd;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.iommu.Requester;
import dev.ioasid.iommu.Translation;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Translation requests, translated requests, and what a device does with what it was told. VT-d 5.10, section 4.2. */
class AtsTest {
    private static final String DTE = "101220 or 4";

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            what                           | edits                         | request                                        | completion             | words that change
            4 KiB page, read only          |                               | 3A11 ask 7F1234567ABC                          | success 1234567001     |
            2 MiB page, snooped            |                               | 3A11 ask 7F1240A4CDEF                          | success 8876FFC03      |
            2 MiB page, no write           |                               | 3A11 ask-nw 7F1240A4CDEF                       | success 8876FFC01      |
            no write, without NWFS         | ECAP without 200000000        | 3A11 ask-nw 7F1240A4CDEF                       | success 8876FFC03      |
            PGSNP                          | 103148 or 1000000             | 3A11 ask 7F1234567ABC                          | success 1234567401     |
            write only                     | 203B38 = 1234567002           | 3A11 ask 7F1234567ABC                          | success 1234567002     |
            write only, no write           | 203B38 = 1234567002           | 3A11 ask-nw 7F1234567ABC                       | success 0              |
            absent                         | 202D10 = 203000               | 3A11 ask 7F1234567ABC                          | success 0 (79)         |
            reserved bit                   | 204028 or 2000                | 3A11 ask 7F1240A4CDEF                          | CA (7A)                |
            beyond the width               |                               | 3A11 ask 17F1234567ABC                         | success 0 (84)         |
            table beyond memory            | 103140 = 2000089              | 3A11 ask 7F1234567ABC                          | CA (7B)                |
            interrupts in the page         | 203B38 = FEE01003             | 3A11 ask 7F1234567ABC                          | CA (87)                |
            interrupts in the large page   | 204028 = FEE00083             | 3A11 ask 7F1240B4CDEF                          | CA (87)                |
            interrupt                      |                               | 3A11 ask FEE01234                              | success 6              |
            interrupt, no write            |                               | 3A11 ask-nw FEE01234                           | success 0              |
            DTE=0                          | 101220 without 4              | 3A11 ask 7F1234567ABC                          | UR (44)                |
            no context entry               | 101220 = 0                    | 3A11 ask 7F1234567ABC                          | UR (41)                |
            reserved bit of the context    | 101220 or 80                  | 3A11 ask 7F1234567ABC                          | CA (42)                |
            no root entry                  |                               | 3A91 ask 7F1234567ABC                          | UR (39)                |
            SSADE                          | 103140 or 200                 | 3A11 ask 7F1240A4CDEF                          | success 8876FFC03      | 2007F0=201103 201248=204103 204028=887600B83
            SSADE, no write                | 103140 or 200                 | 3A11 ask-nw 7F1240A4CDEF                       | success 8876FFC01      | 2007F0=201103 201248=204103 204028=887600983
            SSADE, read only               | 103140 or 200                 | 3A11 ask 7F1234567ABC                          | success 1234567001     | 2007F0=201103 201240=202103 202D10=203103 203B38=1234567101
            SSADE, not snooped             | 103140 or 200, 103148 = 11    | 3A11 ask 7F1240A4CDEF                          | CA (7C)                |
            first stage                    |                               | 3A11 pasid 1234 ask 555512345678               | success 5A5A5A003      | 300550=301027 301AA0=302027 302488=303027 303A28=80000005A5A5A067
            first stage, no write          |                               | 3A11 pasid 1234 ask-nw 555512345678            | success 5A5A5A001      | 300550=301027 301AA0=302027 302488=303027 303A28=80000005A5A5A027
            first stage, read only         | 302488 without 2              | 3A11 pasid 1234 ask 555512345678               | success 5A5A5A001      | 300550=301027 301AA0=302027 302488=303025 303A28=80000005A5A5A027
            supervisor page                |                               | 3A11 pasid 1234 ask FFFF8123456789A0           | success 0 (81)         | 300810=304027 304468=305027
            privileged, SRE=0              |                               | 3A11 pasid 1234 privileged ask FFFF8123456789A0 | success 10 (5D)       |
            privileged, SRE=1              | 104D10 = 300001               | 3A11 pasid 1234 privileged ask FFFF8123456789A0 | success 2400FF813     | 300810=304027 304468=305027 305158=2400000E1
            privileged, WPE=1              | 104D10 = 300011               | 3A11 pasid 1234 privileged ask FFFF8123456789A0 | success 2400FF811     | 300810=304027 304468=305027 305158=2400000A1
            first stage, absent            | 302488 without 1              | 3A11 pasid 1234 ask 555512345678               | success 0 (71)         | 300550=301027 301AA0=302027
            first stage, not snooped       | 104D08 = 100                  | 3A11 pasid 1234 ask 555512345678               | success 0 (90)         |
            not canonical                  |                               | 3A11 pasid 1234 ask 0000800000000000           | success 0 (80)         |
            PASIDE=0                       | 101220 = 102005               | 3A11 pasid 1234 ask 555512345678               | UR (45)                |
            RID_PASID                      |                               | 3A11 pasid 5 ask 555512345678                  | UR (48)                |
            no directory entry             |                               | 3A11 pasid 777 ask 555512345678                | success 0 (51)         |
            no PASID table entry           |                               | 3A11 pasid 1235 ask 555512345678               | success 0 (59)         |
            reserved bit of the entry      | 104D00 or 400                 | 3A11 pasid 1234 ask 555512345678               | CA (5A)                |
            nested                         |                               | 3A11 pasid 42 ask 111122223333                 | success 987654003      | 710110=11027 725220=12027 733888=400000E7
            nested, parent read only       | 405118 = 987654001            | 3A11 pasid 42 ask 111122223333                 | success 987654001      | 710110=11027 725220=12027 733888=400000A7
            nested, parent hides the page  | 405118 = 0                    | 3A11 pasid 42 ask 111122223333                 | success 0 (79)         | 710110=11027 725220=12027
            nested, SSADE                  | 105080 or 200                 | 3A11 pasid 42 ask-nw 111122223333              | success 987654001      | 400000=401103 401000=402103 401008=404103 402000=403103 403080=710303 403088=725303 403090=733303 404000=405103 405118=987654103 710110=11027 725220=12027 733888=400000A7
            pass-through: the largest page |                               | 3A11 pasid 77 ask 52345678                     | success 5FFFF803       |
            interrupt with PASID           |                               | 3A11 pasid 77 ask FEE01234                     | CA (87)                |
            """)
    void translationRequests(
            String what, @Nullable String edits, String request, String completion, @Nullable String changes) {
        try (var bench = WorkedTables.scalable()) {
            bench.edit(DTE).edit(edits == null ? "" : edits);
            var hardware = bench.on();
            var asked = Bench.request(request);

            var explained = hardware.explain(asked).result();
            assertThat(Bench.text(bench.changes()))
                    .as("explain changes nothing")
                    .isEmpty();
            var answer = hardware.translate(asked);

            assertThat(Bench.text(answer)).isEqualTo(completion);
            assertThat(Bench.text(explained)).isEqualTo(completion);
            assertThat(Bench.text(bench.changes())).isEqualTo(changes == null ? "" : changes);
            var completed = (Translation.Completed) answer;
            boolean recorded = !completion.startsWith("success");
            assertThat(Bench.read(hardware, "FSTS")).isEqualTo(recorded ? 2 : 0);
            if (recorded) {
                int code = Objects.requireNonNull(completed.fault()).code();
                assertThat(Bench.read(hardware, "FRCD0_HI"))
                        .as("AT is 1")
                        .isEqualTo(Bench.recordHigh(asked, code) | 1L << 60);
            }
        }
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            what                       | edits            | request                          | answer       | recorded
            read                       |                  | 3A11 translated read 123456789   | 123456789 4K rw | 0
            write                      |                  | 3A11 translated write 123456789  | 123456789 4K rw | 0
            beyond the host's width    |                  | 3A11 translated read 1000000000000 | fault 83   | 2
            an interrupt               |                  | 3A11 translated write FEE01000   | fault 87     | 2
            DTE=0                      | 101220 without 4 | 3A11 translated read 123456789   | fault 44     | 2
            no context entry           | 101220 = 0       | 3A11 translated read 123456789   | fault 41     | 2
            no PASID entry: not looked | 103140 = 0       | 3A11 translated read 123456789   | 123456789 4K rw | 0
            with PASID                 |                  | 3A11 pasid 1234 translated read 123456789 | fault 0 | 0
            """)
    void translatedRequests(String what, @Nullable String edits, String request, String answer, long recorded) {
        try (var bench = WorkedTables.scalable()) {
            bench.edit(DTE).edit(edits == null ? "" : edits);
            var hardware = bench.on();
            var asked = Bench.request(request);
            assertThat(Bench.text(hardware.explain(asked).result())).isEqualTo(answer);
            assertThat(Bench.text(hardware.translate(asked))).isEqualTo(answer);
            assertThat(Bench.read(hardware, "FSTS")).isEqualTo(recorded);
            if (recorded != 0) {
                assertThat(Bench.read(hardware, "FRCD0_HI") >>> 60 & 3).as("AT").isEqualTo(2);
            }
        }
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            what                    | edits                              | request                        | answer
            TT=0                    |                                    | 3A11 ask 7F1234567ABC          | UR (D)
            TT=1                    | 181110 = 200005                    | 3A11 ask 7F1234567ABC          | success 1234567001
            TT=1, snooped           | 181110 = 200005                    | 3A11 ask 7F1240A4CDEF          | success 8876FFC03
            TT=1, absent            | 181110 = 200005, 203B38 = 0        | 3A11 ask 7F1234567ABC          | success 0 (5)
            TT=1, reserved bit      | 181110 = 200005, 204028 or 2000    | 3A11 ask 7F1240A4CDEF          | CA (C)
            TT=1, an interrupt      | 181110 = 200005                    | 3A11 ask FEE00000              | success 6
            TT=2                    |                                    | 3A12 ask 12345678              | UR (D)
            TT=0, translated        |                                    | 3A11 translated read 1000      | fault D
            TT=1, translated        | 181110 = 200005                    | 3A11 translated read 1234      | 1234 4K rw
            TT=1, translated, wide  | 181110 = 200005                    | 3A11 translated read 1000000000000 | fault 4
            TT=1, translated, MSI   | 181110 = 200005                    | 3A11 translated write FEE00000 | fault E
            """)
    void legacyMode(String what, @Nullable String edits, String request, String answer) {
        try (var bench = WorkedTables.legacy()) {
            bench.edit(edits == null ? "" : edits);
            var hardware = bench.on();
            assertThat(Bench.text(hardware.translate(Bench.request(request)))).isEqualTo(answer);
        }
    }

    @Test
    void whileTranslationIsOffEverythingButUntranslatedRequestsIsUnsupported() {
        try (var bench = WorkedTables.scalable()) {
            var hardware = bench.reset();
            assertThat(Bench.text(hardware.translate(Bench.request("3A11 ask 1000"))))
                    .isEqualTo("UR (0)");
            assertThat(Bench.text(hardware.translate(Bench.request("3A11 translated read 1000"))))
                    .isEqualTo("fault 0");
            assertThat(Bench.read(hardware, "FSTS")).isZero();
        }
    }

    // ---------------------------------------------------------------- the device-TLB

    private static final String ASK = "3A11 pasid 42 ask 111122223333";
    private static final String READ = "3A11 pasid 42 read 111122223333";

    private static VtdHardware connected(Bench bench) {
        bench.edit(DTE);
        var hardware = bench.on();
        hardware.connect(new Requester(0x3A11, 20, true, false));
        return hardware;
    }

    private static void everythingButTheDevice(VtdHardware hardware) {
        hardware.submit(List.of(List.of(0x12L, 0L), List.of(0x37L, 0L), List.of(0x11L, 0L)));
    }

    private static String structures(VtdHardware hardware, String request) {
        return hardware.explain(Bench.request(request)).steps().stream()
                .map(step -> step.structure())
                .collect(Collectors.joining(" "));
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            what                        | word 0           | word 1           | goes
            its page                    | 000000423A110008 | 111122223000     | true
            its page, another PASID     | 000000433A110008 | 111122223000     | false
            its page, another device    | 000000423A120008 | 111122223000     | false
            another page                | 000000423A110008 | 111122224000     | false
            8 KiB around it             | 000000423A110008 | 111122222800     | true
            everything                  | 000000423A110008 | 7FFFFFFFFFFFF800 | true
            every PASID                 | 000000003A110008 | 7FFFFFFFFFFFF801 | true
            requests without PASID      | 00003A1100000003 | 7FFFFFFFFFFFF001 | false
            """)
    void theDeviceAnswersItselfUntilItForgets(String what, String word0, String word1, boolean goes) {
        try (var bench = WorkedTables.scalable()) {
            var hardware = connected(bench);
            hardware.translate(Bench.request(ASK));
            bench.edit("405118 = 7777003");
            everythingButTheDevice(hardware);
            assertThat(Bench.text(hardware.translate(Bench.request(READ)))).isEqualTo("987654333 4K rw");
            assertThat(structures(hardware, READ)).isEqualTo("rtaddr device-tlb context-cache");
            hardware.submit(List.of(List.of(Bench.hex(word0), Bench.hex(word1))));
            assertThat(Bench.text(hardware.translate(Bench.request(READ))))
                    .isEqualTo(goes ? "7777333 4K rw" : "987654333 4K rw");
        }
    }

    @Test
    void whatTheDeviceKnowsStillNeedsTheContextEntry() {
        try (var bench = WorkedTables.scalable()) {
            var hardware = connected(bench);
            hardware.translate(Bench.request(ASK));
            bench.edit("101220 without 4");
            everythingButTheDevice(hardware);
            assertThat(Bench.text(hardware.explain(Bench.request(READ)).result()))
                    .isEqualTo("fault 44");
            assertThat(Bench.text(hardware.translate(Bench.request(READ)))).isEqualTo("fault 44");
            assertThat(Bench.read(hardware, "FRCD0_LO"))
                    .as("the translated address")
                    .isEqualTo(0x9_8765_4000L);
            assertThat(Bench.read(hardware, "FRCD0_HI")).isEqualTo(0xE000_0044_0000_3A11L); // F, T1, AT 2
        }
    }

    @Test
    void aRightThatWasNotToldIsAskedForOnTheWay() {
        try (var bench = WorkedTables.scalable()) {
            var hardware = connected(bench);
            hardware.translate(Bench.request("3A11 pasid 42 ask-nw 111122223333"));
            assertThat(structures(hardware, READ)).contains("device-tlb");
            assertThat(structures(hardware, "3A11 pasid 42 write 111122223333")).doesNotContain("device-tlb");
            hardware.translate(Bench.request("3A11 pasid 42 write 111122223333"));
            assertThat(bench.word(0x733888)).as("dirty").isEqualTo(0x400000E7);
        }
    }

    @Test
    void interruptsAndExecutionAreNotAskedOfTheDevice() {
        try (var bench = WorkedTables.scalable()) {
            bench.edit("103140 = 101, 103148 = 800033"); // RID_PASID passes through
            var hardware = connected(bench);
            assertThat(Bench.text(hardware.translate(Bench.request("3A11 ask FED00000"))))
                    .isEqualTo("success DFFFF803");
            assertThat(Bench.text(hardware.translate(Bench.request("3A11 write FED00000"))))
                    .isEqualTo("FED00000 1G rw");
            assertThat(Bench.text(hardware.translate(Bench.request("3A11 write FEE00000"))))
                    .isEqualTo("FEE00000 4K w");
            hardware.translate(Bench.request(ASK));
            assertThat(Bench.text(hardware.translate(Bench.request("3A11 pasid 42 execute 111122223333"))))
                    .isEqualTo("fault 5C");
            assertThat(Bench.text(hardware.explain(Bench.request("3A11 pasid 42 execute 111122223333"))
                            .result()))
                    .isEqualTo("fault 5C");
        }
    }

    @Test
    void aDeviceThatIsGoneKnowsNothingWhenItComesBack() {
        try (var bench = WorkedTables.scalable()) {
            var hardware = connected(bench);
            hardware.translate(Bench.request(ASK));
            hardware.disconnect(0x3A11);
            hardware.connect(new Requester(0x3A11, 20, true, false));
            assertThat(structures(hardware, READ)).doesNotContain("device-tlb");
        }
    }
}
