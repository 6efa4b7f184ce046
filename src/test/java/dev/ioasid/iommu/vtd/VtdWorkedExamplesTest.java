package dev.ioasid.iommu.vtd;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.iommu.Translation;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The worked examples: second stage by RID, first stage by PASID, nested. What hardware writes is compared word by word:
 * the column "words that change" names all of them. Requests that are atomic do not exist in this model.
 */
class VtdWorkedExamplesTest {
    private static final int WIDEST_SECOND_STAGE = 48;

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            what                    | edits                  | request                  | result            | FRCD low         | FRCD high        | words that change
            4 KiB page, read only   |                        | 3A11 read  7F1234567ABC  | 1234567ABC 4K r   |                  |                  |
            2 MiB page              |                        | 3A11 read  7F1240A4CDEF  | 88764CDEF 2M rw   |                  |                  |
            2 MiB page, write       |                        | 3A11 write 7F1240A4CDEF  | 88764CDEF 2M rw   |                  |                  |
            write to a read-only    |                        | 3A11 write 7F1234567ABC  | fault 85          | 00007F1234567000 | 8000008500003A11 |
            bit 48 of the input     |                        | 3A11 read 1_7F1234567ABC | fault 84          | 00007F1234567000 | C000008400003A11 |
            reserved bit of 2M leaf | 204028 or 2000         | 3A11 read  7F1240A4CDEF  | fault 7A          |                  |                  |
            R = W = 0               | 202D10 = 203000        | 3A11 read  7F1234567ABC  | fault 79          |                  |                  |
            SNP in a table entry    | 201240 or 800          | 3A11 read  7F1234567ABC  | fault 7A          |                  |                  |
            RID_PASID beyond PDTS 0 | 101228 = 2000          | 3A11 read  7F1234567ABC  | fault 43          |                  |                  |
            PRE without DTE         | 101220 or 10           | 3A11 read  7F1234567ABC  | fault 43          |                  |                  |
            FPD                     | 101220 or 2            | 3A11 write 7F1234567ABC  | fault 85 silently |                  |                  |
            AW not in SAGAW         | 103140 or C            | 3A11 read  7F1234567ABC  | fault 5B          |                  |                  |
            SSPTPTR beyond memory   | 103140 = 2000089       | 3A11 read  7F1234567ABC  | fault 7B          |                  |                  |
            output is an interrupt  | 203B38 = FEE01003      | 3A11 write 7F1234567ABC  | fault 87          |                  |                  |
            upper half absent       |                        | 3A91 read  7F1234567ABC  | fault 39          |                  |                  |
            SSADE, write            | 103140 or 200          | 3A11 write 7F1240A4CDEF  | 88764CDEF 2M rw   |                  |                  | 2007F0=201103 201248=204103 204028=887600B83
            SSADE, read             | 103140 or 200          | 3A11 read  7F1234567ABC  | 1234567ABC 4K r   |                  |                  | 2007F0=201103 201240=202103 202D10=203103 203B38=1234567101
            SSADE, not snooped      | 103140 or 200, 103148 = 11 | 3A11 write 7F1240A4CDEF | fault 7C       |                  |                  |
            SSADE, not snooped      | 103140 or 200, 103148 = 11 | 3A11 read  7F1234567ABC | fault 7C       |                  |                  |
            """)
    void secondStageByRid(
            String what,
            @Nullable String edits,
            String request,
            String result,
            @Nullable String low,
            @Nullable String high,
            @Nullable String changes) {
        example(edits, request, result, low, high, changes);
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            what                   | edits               | request                                        | result          | FRCD low         | FRCD high        | words that change
            read                   |                     | 3A11 pasid 1234 read  555512345678             | 5A5A5A678 4K rw |                  |                  | 300550=301027 301AA0=302027 302488=303027 303A28=80000005A5A5A027
            write                  |                     | 3A11 pasid 1234 write 555512345678             | 5A5A5A678 4K rw |                  |                  | 300550=301027 301AA0=302027 302488=303027 303A28=80000005A5A5A067
            write with EAFE        | 104D10 or 80        | 3A11 pasid 1234 write 555512345678             | 5A5A5A678 4K rw |                  |                  | 300550=301427 301AA0=302427 302488=303427 303A28=80000005A5A5A467
            user, supervisor page  |                     | 3A11 pasid 1234 read  FFFF8123456789A0         | fault 81        | 0000812345678000 | C012348180003A11 | 300810=304027 304468=305027
            not canonical          |                     | 3A11 pasid 1234 read  0000800000000000         | fault 80        |                  |                  |
            supervisor, SRE=0      |                     | 3A11 pasid 1234 privileged read FFFF8123456789A0 | fault 5D      |                  | C012345DA0003A11 |
            supervisor, SRE=1      | 104D10 = 300001     | 3A11 pasid 1234 privileged read FFFF8123456789A0 | 2400789A0 2M rw |                |                  | 300810=304027 304468=305027 305158=2400000A1
            supervisor, WPE=0      | 104D10 = 300001     | 3A11 pasid 1234 privileged write FFFF8123456789A0 | 2400789A0 2M rw |               |                  | 300810=304027 304468=305027 305158=2400000E1
            supervisor, WPE=1      | 104D10 = 300011     | 3A11 pasid 1234 privileged write FFFF8123456789A0 | fault 85     |                  |                  | 300810=304027 304468=305027
            read only at level 2   | 302488 without 2    | 3A11 pasid 1234 write 555512345678             | fault 85        | 0000555512345000 | 8012348580003A11 | 300550=301027 301AA0=302027 302488=303025
            absent at level 2      | 302488 without 1    | 3A11 pasid 1234 read  555512345678             | fault 71        |                  |                  | 300550=301027 301AA0=302027
            bit 14 of a 2M leaf    | 305158 or 4000      | 3A11 pasid 1234 read  FFFF8123456789A0         | fault 72        |                  |                  | 300810=304027 304468=305027
            PASID = RID_PASID      |                     | 3A11 pasid 5    read  555512345678             | fault 48        |                  |                  |
            PASID beyond PDTS 0    |                     | 3A11 pasid 2000 read  555512345678             | fault 46        |                  |                  |
            directory entry 0      |                     | 3A11 pasid 777  read  555512345678             | fault 51        |                  |                  |
            table entry 0          |                     | 3A11 pasid 1235 read  555512345678             | fault 59        |                  |                  |
            PASIDE=0               | 101220 = 102001     | 3A11 pasid 1234 read  555512345678             | fault 45        |                  |                  |
            not snooped, A clear   | 104D08 = 100        | 3A11 pasid 1234 read  555512345678             | fault 90        |                  |                  |
            """)
    void firstStageByPasid(
            String what,
            @Nullable String edits,
            String request,
            String result,
            @Nullable String low,
            @Nullable String high,
            @Nullable String changes) {
        example(edits, request, result, low, high, changes);
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            what                            | edits                                  | request                          | result          | FRCD low         | FRCD high        | words that change
            2M page on a 4K page, read      |                                        | 3A11 pasid 42 read  111122223333 | 987654333 4K rw |                  |                  | 710110=11027 725220=12027 733888=400000A7
            write                           |                                        | 3A11 pasid 42 write 111122223333 | 987654333 4K rw |                  |                  | 710110=11027 725220=12027 733888=400000E7
            second stage read only, write   | 405118 = 987654001                     | 3A11 pasid 42 write 111122223333 | fault 85        | 0000111122223000 | 8000428580003A11 | 710110=11027 725220=12027
            second stage read only, read    | 405118 = 987654001                     | 3A11 pasid 42 read  111122223333 | 987654333 4K r  |                  |                  | 710110=11027 725220=12027 733888=400000A7
            table read only, A needed       | 403088 = 725001                        | 3A11 pasid 42 read  111122223333 | fault 77        |                  | C000427780003A11 | 710110=11027
            table read only, A set          | 403088 = 725001, 725220 = 12027        | 3A11 pasid 42 read  111122223333 | 987654333 4K rw |                  |                  | 710110=11027 733888=400000A7
            top table write only            | 403080 = 710002                        | 3A11 pasid 42 read  111122223333 | fault 75        |                  |                  |
            lower table write only          | 403090 = 733002                        | 3A11 pasid 42 read  111122223333 | fault 76        |                  |                  | 710110=11027 725220=12027
            table absent in second stage    | 403088 = 0                             | 3A11 pasid 42 read  111122223333 | fault 79        |                  |                  | 710110=11027
            page absent in second stage     | 405118 = 0                             | 3A11 pasid 42 read  111122223333 | fault 79        |                  |                  | 710110=11027 725220=12027
            first stage read only, write    | 733888 = 40000085                      | 3A11 pasid 42 write 111122223333 | fault 85        |                  |                  | 710110=11027 725220=12027
            output is an interrupt          | 405118 = FEE00003                      | 3A11 pasid 42 read  111122223333 | fault 87        |                  |                  | 710110=11027 725220=12027
            leaf beyond 3 levels            | 105080 = 4010C5, 733888 = 8000000087   | 3A11 pasid 42 read  111122223333 | fault 74        |                  |                  | 710110=11027 725220=12027
            FSPTPTR beyond 3 levels         | 105080 = 4010C5, 105090 = 8000000000   | 3A11 pasid 42 read  111122223333 | fault 5B        |                  |                  |
            3 levels                        | 105080 = 4010C5                        | 3A11 pasid 42 read  111122223333 | 987654333 4K rw |                  |                  | 710110=11027 725220=12027 733888=400000A7
            SSADE, write                    | 105080 or 200                          | 3A11 pasid 42 write 111122223333 | 987654333 4K rw |                  |                  | 400000=401103 401000=402103 401008=404103 402000=403103 403080=710303 403088=725303 403090=733303 404000=405103 405118=987654303 710110=11027 725220=12027 733888=400000E7
            """)
    void nested(
            String what,
            @Nullable String edits,
            String request,
            String result,
            @Nullable String low,
            @Nullable String high,
            @Nullable String changes) {
        example(edits, request, result, low, high, changes);
    }

    private static void example(
            @Nullable String edits,
            String asked,
            String result,
            @Nullable String low,
            @Nullable String high,
            @Nullable String changes) {
        try (var bench = WorkedTables.scalable()) {
            bench.edit(edits == null ? "" : edits);
            var hardware = bench.on();
            var request = Bench.request(asked);
            boolean silent = result.endsWith(" silently");

            var translation = hardware.translate(request);

            assertThat(Bench.text(translation)).isEqualTo(result.replace(" silently", ""));
            assertThat(Bench.text(bench.changes())).isEqualTo(changes == null ? "" : changes);
            if (translation instanceof Translation.Faulted) {
                var fault = Bench.fault(translation);
                assertThat(fault.address()).isEqualTo(request.iova());
                assertThat(fault.recorded()).isEqualTo(!silent);
                long expectedLow = silent ? 0 : Bench.recordLow(request.iova(), WIDEST_SECOND_STAGE);
                long expectedHigh = silent ? 0 : Bench.recordHigh(request, fault.code());
                assertThat(Bench.read(hardware, "FRCD0_LO")).isEqualTo(expectedLow);
                assertThat(Bench.read(hardware, "FRCD0_HI")).isEqualTo(expectedHigh);
                assertThat(low == null ? expectedLow : Bench.hex(low)).isEqualTo(expectedLow);
                assertThat(high == null ? expectedHigh : Bench.hex(high)).isEqualTo(expectedHigh);
            }
            assertThat(Bench.read(hardware, "FRCD1_HI")).isZero();
            boolean recorded = translation instanceof Translation.Faulted && !silent;
            assertThat(Bench.read(hardware, "FSTS")).isEqualTo(recorded ? 0b10 : 0); // PPF, FRI = 0
        }
    }
}
