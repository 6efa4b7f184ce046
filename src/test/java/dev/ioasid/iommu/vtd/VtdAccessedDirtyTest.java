package dev.ioasid.iommu.vtd;

import static org.assertj.core.api.Assertions.assertThat;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Accessed and dirty bits: when they are set, when they cannot be, and that an explanation sets none. */
class VtdAccessedDirtyTest {
    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            what                                | edits                                                   | request                | result          | words that change
            off: nothing is set                 |                                                         | 3A11 write 7F1240A4CDEF | 88764CDEF 2M rw |
            off: not snooped is all right       | 103148 = 11                                             | 3A11 write 7F1240A4CDEF | 88764CDEF 2M rw |
            off: what is set stays              | 204028 or 300, 201248 or 300                            | 3A11 read 7F1240A4CDEF | 88764CDEF 2M rw |
            read of a 4K page: A                | 103140 or 200, 203B38 or 2                              | 3A11 read 7F1234567ABC | 1234567ABC 4K rw | 2007F0=201103 201240=202103 202D10=203103 203B38=1234567103
            write to a 4K page: A and D         | 103140 or 200, 203B38 or 2                              | 3A11 write 7F1234567ABC | 1234567ABC 4K rw | 2007F0=201103 201240=202103 202D10=203103 203B38=1234567303
            read of a 2M page: A                | 103140 or 200                                           | 3A11 read 7F1240A4CDEF | 88764CDEF 2M rw | 2007F0=201103 201248=204103 204028=887600983
            write to an accessed page: D        | 103140 or 200, 2007F0 or 100, 201248 or 100, 204028 or 100 | 3A11 write 7F1240A4CDEF | 88764CDEF 2M rw | 204028=887600B83
            read of a dirty page: A             | 103140 or 200, 2007F0 or 100, 201248 or 100, 204028 or 200 | 3A11 read 7F1240A4CDEF | 88764CDEF 2M rw | 204028=887600B83
            D of a table entry means nothing    | 103140 or 200, 2007F0 or 300, 201248 or 300             | 3A11 write 7F1240A4CDEF | 88764CDEF 2M rw | 204028=887600B83
            all set: nothing to do              | 103140 or 200, 2007F0 or 100, 201248 or 100, 204028 or 300 | 3A11 write 7F1240A4CDEF | 88764CDEF 2M rw |
            not snooped, all set                | 103140 or 200, 103148 = 11, 2007F0 or 100, 201248 or 100, 204028 or 300 | 3A11 write 7F1240A4CDEF | 88764CDEF 2M rw |
            not snooped, a read needs no D      | 103140 or 200, 103148 = 11, 2007F0 or 100, 201248 or 100, 204028 or 100 | 3A11 read 7F1240A4CDEF | 88764CDEF 2M rw |
            not snooped, D needed               | 103140 or 200, 103148 = 11, 2007F0 or 100, 201248 or 100, 204028 or 100 | 3A11 write 7F1240A4CDEF | fault 7C |
            not snooped, A of the leaf needed   | 103140 or 200, 103148 = 11, 2007F0 or 100, 201248 or 100 | 3A11 read 7F1240A4CDEF | fault 7C |
            not snooped, A of a table needed    | 103140 or 200, 103148 = 11, 2007F0 or 100, 204028 or 300 | 3A11 read 7F1240A4CDEF | fault 7C |
            write refused: upper A only         | 103140 or 200                                           | 3A11 write 7F1234567ABC | fault 85       | 2007F0=201103 201240=202103 202D10=203103
            read refused: upper A only          | 103140 or 200, 203B38 = 1234567002                      | 3A11 read 7F1234567ABC | fault 86        | 2007F0=201103 201240=202103 202D10=203103
            interrupt range: upper A only       | 103140 or 200, 203B38 = FEE01003                        | 3A11 write 7F1234567ABC | fault 87       | 2007F0=201103 201240=202103 202D10=203103
            absent leaf: upper A only           | 103140 or 200, 203B38 = 0                               | 3A11 write 7F1234567ABC | fault 79       | 2007F0=201103 201240=202103 202D10=203103
            absent table: A above it            | 103140 or 200, 202D10 = 0                               | 3A11 read 7F1234567ABC | fault 79        | 2007F0=201103 201240=202103
            reserved bit: A above it            | 103140 or 200, 202D10 or 800                            | 3A11 read 7F1234567ABC | fault 7A        | 2007F0=201103 201240=202103
            fetch fails: A of who points there  | 103140 or 200, 202D10 = 1000003                         | 3A11 read 7F1234567ABC | fault 78        | 2007F0=201103 201240=202103 202D10=1000103
            """)
    void secondStage(String what, @Nullable String edits, String request, String result, @Nullable String changes) {
        check(WorkedTables.scalable(), edits, request, result, changes);
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            what                                | edits                                                   | request                           | result          | words that change
            read of an accessed path            | 300550 or 20, 301AA0 or 20, 302488 or 20, 303A28 or 20  | 3A11 pasid 1234 read 555512345678 | 5A5A5A678 4K rw |
            write to an accessed path: D        | 300550 or 20, 301AA0 or 20, 302488 or 20, 303A28 or 20  | 3A11 pasid 1234 write 555512345678 | 5A5A5A678 4K rw | 303A28=80000005A5A5A067
            D of a table entry means nothing    | 300550 or 60, 301AA0 or 60, 302488 or 60                | 3A11 pasid 1234 write 555512345678 | 5A5A5A678 4K rw | 303A28=80000005A5A5A067
            not snooped, all set                | 104D08 = 100, 300550 or 20, 301AA0 or 20, 302488 or 20, 303A28 or 60 | 3A11 pasid 1234 write 555512345678 | 5A5A5A678 4K rw |
            not snooped, a read needs no D      | 104D08 = 100, 300550 or 20, 301AA0 or 20, 302488 or 20, 303A28 or 20 | 3A11 pasid 1234 read 555512345678 | 5A5A5A678 4K rw |
            not snooped, D needed               | 104D08 = 100, 300550 or 20, 301AA0 or 20, 302488 or 20, 303A28 or 20 | 3A11 pasid 1234 write 555512345678 | fault 90 |
            not snooped, EA needed              | 104D08 = 100, 104D10 or 80, 300550 or 20, 301AA0 or 20, 302488 or 20, 303A28 or 20 | 3A11 pasid 1234 read 555512345678 | fault 90 |
            SSADE is not for a first stage      | 104D00 or 200                                           | 3A11 pasid 1234 read 555512345678 | 5A5A5A678 4K rw | 300550=301027 301AA0=302027 302488=303027 303A28=80000005A5A5A027
            EAFE, read                          | 104D10 or 80                                            | 3A11 pasid 1234 read 555512345678 | 5A5A5A678 4K rw | 300550=301427 301AA0=302427 302488=303427 303A28=80000005A5A5A427
            EAFE, accessed already              | 104D10 or 80, 300550 or 20, 301AA0 or 20, 302488 or 20, 303A28 or 20 | 3A11 pasid 1234 read 555512345678 | 5A5A5A678 4K rw | 300550=301427 301AA0=302427 302488=303427 303A28=80000005A5A5A427
            no EAFE, EA stays as it is          | 302488 or 400                                           | 3A11 pasid 1234 read 555512345678 | 5A5A5A678 4K rw | 300550=301027 301AA0=302027 302488=303427 303A28=80000005A5A5A027
            user refused: upper A only          | 303A28 without 4                                        | 3A11 pasid 1234 write 555512345678 | fault 81       | 300550=301027 301AA0=302027 302488=303027
            write refused: upper A only         | 303A28 without 2                                        | 3A11 pasid 1234 write 555512345678 | fault 85       | 300550=301027 301AA0=302027 302488=303027
            interrupt range: upper A only       | 303A28 = FEE00007                                       | 3A11 pasid 1234 write 555512345678 | fault 87       | 300550=301027 301AA0=302027 302488=303027
            absent leaf: upper A only           | 303A28 = 0                                              | 3A11 pasid 1234 read 555512345678 | fault 71        | 300550=301027 301AA0=302027 302488=303027
            fetch fails: A of who points there  | 302488 = 1000007                                        | 3A11 pasid 1234 read 555512345678 | fault 70        | 300550=301027 301AA0=302027 302488=1000027
            not canonical: nothing              |                                                         | 3A11 pasid 1234 read 0000800000000000 | fault 80    |
            """)
    void firstStage(String what, @Nullable String edits, String request, String result, @Nullable String changes) {
        check(WorkedTables.scalable(), edits, request, result, changes);
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            what                                | edits                                                   | request                          | result          | words that change
            read-only tables, all set           | 403080 = 710001, 403088 = 725001, 403090 = 733001, 710110 or 20, 725220 or 20, 733888 or 60 | 3A11 pasid 42 write 111122223333 | 987654333 4K rw |
            read-only tables, read needs no D   | 403080 = 710001, 403088 = 725001, 403090 = 733001, 710110 or 20, 725220 or 20, 733888 or 20 | 3A11 pasid 42 read 111122223333 | 987654333 4K rw |
            read-only leaf table, D needed      | 403080 = 710001, 403088 = 725001, 403090 = 733001, 710110 or 20, 725220 or 20, 733888 or 20 | 3A11 pasid 42 write 111122223333 | fault 77 |
            read-only leaf table, EA needed     | 105090 or 80, 403090 = 733001, 710110 or 420, 725220 or 420, 733888 or 20 | 3A11 pasid 42 read 111122223333 | fault 77 |
            not snooped, all set                | 105088 = 22, 710110 or 20, 725220 or 20, 733888 or 60   | 3A11 pasid 42 write 111122223333 | 987654333 4K rw |
            not snooped, D needed               | 105088 = 22, 710110 or 20, 725220 or 20, 733888 or 20   | 3A11 pasid 42 write 111122223333 | fault 90        |
            not snooped, SSADE                  | 105080 or 200, 105088 = 22, 710110 or 20, 725220 or 20, 733888 or 60 | 3A11 pasid 42 write 111122223333 | fault 7C |
            SSADE, read: D of the tables' pages | 105080 or 200                                           | 3A11 pasid 42 read 111122223333  | 987654333 4K rw | 400000=401103 401000=402103 401008=404103 402000=403103 403080=710303 403088=725303 403090=733303 404000=405103 405118=987654103 710110=11027 725220=12027 733888=400000A7
            SSADE, read-only table page         | 105080 or 200, 403088 = 725001, 725220 or 20            | 3A11 pasid 42 read 111122223333  | fault 77        | 400000=401103 401000=402103 402000=403103 403080=710303 710110=11027
            SSADE, read-only page, write        | 105080 or 200, 405118 = 987654001                       | 3A11 pasid 42 write 111122223333 | fault 85        | 400000=401103 401000=402103 401008=404103 402000=403103 403080=710303 403088=725303 403090=733303 404000=405103 710110=11027 725220=12027
            SSADE, first stage absent           | 105080 or 200, 710110 = 0                               | 3A11 pasid 42 read 111122223333  | fault 71        | 400000=401103 401000=402103 402000=403103 403080=710303
            SSADE, output is an interrupt       | 105080 or 200, 405118 = FEE00003                        | 3A11 pasid 42 write 111122223333 | fault 87        | 400000=401103 401000=402103 401008=404103 402000=403103 403080=710303 403088=725303 403090=733303 404000=405103 710110=11027 725220=12027
            EAFE and SSADE, write               | 105080 or 200, 105090 or 80                             | 3A11 pasid 42 write 111122223333 | 987654333 4K rw | 400000=401103 401000=402103 401008=404103 402000=403103 403080=710303 403088=725303 403090=733303 404000=405103 405118=987654303 710110=11427 725220=12427 733888=400004E7
            """)
    void nested(String what, @Nullable String edits, String request, String result, @Nullable String changes) {
        check(WorkedTables.scalable(), edits, request, result, changes);
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            what                       | request                 | result
            legacy mode, read          | 3A11 read 7F1234567ABC  | 1234567ABC 4K r
            legacy mode, write         | 3A11 write 7F1240A4CDEF | 88764CDEF 2M rw
            legacy mode, write refused | 3A11 write 7F1234567ABC | fault 5
            """)
    void legacyModeHasNone(String what, String request, String result) {
        check(WorkedTables.legacy(), null, request, result, null);
    }

    private static void check(
            Bench made, @Nullable String edits, String asked, String result, @Nullable String changes) {
        try (var bench = made) {
            bench.edit(edits == null ? "" : edits);
            var request = Bench.request(asked);

            var unit = bench.on();
            assertThat(Bench.text(unit.explain(request).result())).isEqualTo(result);
            assertThat(bench.changes()).isEmpty();
            assertThat(Bench.text(unit.translate(request))).isEqualTo(result);
            assertThat(Bench.text(bench.changes())).isEqualTo(changes == null ? "" : changes);
            // once set they stay, and there is nothing more to do
            assertThat(bench.ask(request)).isEqualTo(result);
            assertThat(Bench.text(bench.changes())).isEqualTo(changes == null ? "" : changes);
        }
    }
}
