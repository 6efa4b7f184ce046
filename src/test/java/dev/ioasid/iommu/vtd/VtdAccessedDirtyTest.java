package dev.ioasid.iommu.vtd;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.iommu.Explanation;
import dev.ioasid.iommu.Fault;
import dev.ioasid.iommu.Step;
import dev.ioasid.iommu.Translation;
import dev.ioasid.memory.PhysicalMemory;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * VT-d 5.10, 3.6.2, 3.7.2 and 3.8.1: what hardware marks in the entries that it uses, and when. The column "words that
 * change" names all of them: second stage A is 100 and D is 200; first stage A is 20, D is 40 and EA is 400.
 */
class VtdAccessedDirtyTest {
    private static final int TABLES = 10_000;

    // second stage of RID_PASID 5: 7F1234567ABC through 2007F0 201240 202D10 to 203B38, 4 KiB, read only
    //                              7F1240A4CDEF through 2007F0 201248        to 204028, 2 MiB
    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            what                                | edits                                                  | request                 | result          | words that change
            SSADE=0, read                       |                                                        | 3A11 read  7F1240A4CDEF | 88764CDEF 2M rw |
            SSADE=0, write                      |                                                        | 3A11 write 7F1240A4CDEF | 88764CDEF 2M rw |
            SSADE=0, not snooped, write         | 103148 = 11                                            | 3A11 write 7F1240A4CDEF | 88764CDEF 2M rw |
            SSADE=0 without SMPWCS              | 103148 = 11, ECAP without 1_2004_0000_0000             | 3A11 write 7F1240A4CDEF | 88764CDEF 2M rw |
            read: A                             | 103140 or 200                                          | 3A11 read  7F1240A4CDEF | 88764CDEF 2M rw | 2007F0=201103 201248=204103 204028=887600983
            write: A, and D in the leaf         | 103140 or 200                                          | 3A11 write 7F1240A4CDEF | 88764CDEF 2M rw | 2007F0=201103 201248=204103 204028=887600B83
            execute without PASID: A            | 103140 or 200                                          | 3A11 execute 7F1240A4CDEF | 88764CDEF 2M rw | 2007F0=201103 201248=204103 204028=887600983
            write, A was there                  | 103140 or 200, 2007F0 or 100, 201248 or 100, 204028 or 100 | 3A11 write 7F1240A4CDEF | 88764CDEF 2M rw | 204028=887600B83
            read, A was there                   | 103140 or 200, 2007F0 or 100, 201248 or 100, 204028 or 100 | 3A11 read  7F1240A4CDEF | 88764CDEF 2M rw |
            read leaves D alone                 | 103140 or 200, 204028 or 200                           | 3A11 read  7F1240A4CDEF | 88764CDEF 2M rw | 2007F0=201103 201248=204103 204028=887600B83
            write, D without A                  | 103140 or 200, 204028 or 200                           | 3A11 write 7F1240A4CDEF | 88764CDEF 2M rw | 2007F0=201103 201248=204103 204028=887600B83
            D of a table is no D                | 103140 or 200, 201248 or 200                           | 3A11 write 7F1240A4CDEF | 88764CDEF 2M rw | 2007F0=201103 201248=204303 204028=887600B83
            first-stage bits mean nothing       | 103140 or 200, 204028 or 460                           | 3A11 write 7F1240A4CDEF | 88764CDEF 2M rw | 2007F0=201103 201248=204103 204028=887600FE3
            4 KiB page                          | 103140 or 200                                          | 3A11 read  7F1234567ABC | 1234567ABC 4K r | 2007F0=201103 201240=202103 202D10=203103 203B38=1234567101
            not snooped, read                   | 103140 or 200, 103148 = 11                             | 3A11 read  7F1240A4CDEF | fault 7C        |
            not snooped, top lacks A            | 103140 or 200, 103148 = 11, 201248 or 100, 204028 or 300 | 3A11 read  7F1240A4CDEF | fault 7C      |
            not snooped, table lacks A          | 103140 or 200, 103148 = 11, 2007F0 or 100, 204028 or 300 | 3A11 read  7F1240A4CDEF | fault 7C      |
            not snooped, leaf lacks A           | 103140 or 200, 103148 = 11, 2007F0 or 100, 201248 or 100, 204028 or 200 | 3A11 write 7F1240A4CDEF | fault 7C |
            not snooped, leaf lacks D           | 103140 or 200, 103148 = 11, 2007F0 or 100, 201248 or 100, 204028 or 100 | 3A11 write 7F1240A4CDEF | fault 7C |
            not snooped, read needs no D        | 103140 or 200, 103148 = 11, 2007F0 or 100, 201248 or 100, 204028 or 100 | 3A11 read  7F1240A4CDEF | 88764CDEF 2M rw |
            not snooped, all is there           | 103140 or 200, 103148 = 11, 2007F0 or 100, 201248 or 100, 204028 or 300 | 3A11 write 7F1240A4CDEF | 88764CDEF 2M rw |
            absent leaf: A above it             | 103140 or 200, 203B38 = 1234567000                     | 3A11 read  7F1234567ABC | fault 79        | 2007F0=201103 201240=202103 202D10=203103
            absent table: A above it            | 103140 or 200, 201240 = 202000                         | 3A11 read  7F1234567ABC | fault 79        | 2007F0=201103
            absent at the top                   | 103140 or 200, 2007F0 = 201000                         | 3A11 read  7F1234567ABC | fault 79        |
            reserved bit of the leaf            | 103140 or 200, 204028 or 2000                          | 3A11 write 7F1240A4CDEF | fault 7A        | 2007F0=201103 201248=204103
            reserved bit of a table             | 103140 or 200, 201248 or 800                           | 3A11 write 7F1240A4CDEF | fault 7A        | 2007F0=201103
            table beyond memory                 | 103140 or 200, 201240 = 1000003                        | 3A11 read  7F1234567ABC | fault 78        | 2007F0=201103 201240=1000103
            write to a read-only page           | 103140 or 200                                          | 3A11 write 7F1234567ABC | fault 85        | 2007F0=201103 201240=202103 202D10=203103
            read of a write-only page           | 103140 or 200, 203B38 = 1234567002                     | 3A11 read  7F1234567ABC | fault 86        | 2007F0=201103 201240=202103 202D10=203103
            no right left                       | 103140 or 200, 202D10 = 203002                         | 3A11 read  7F1234567ABC | fault 79        | 2007F0=201103 201240=202103 202D10=203102
            output is an interrupt              | 103140 or 200, 203B38 = FEE01003                       | 3A11 write 7F1234567ABC | fault 87        | 2007F0=201103 201240=202103 202D10=203103
            input is too wide                   | 103140 or 200                                          | 3A11 read  1_7F1234567ABC | fault 84      |
            legacy mode has no A and D          | RTADDR = 180000                                        | 3A11 write 7F1240A4CDEF | 88764CDEF 2M rw |
            legacy mode, A and D mean nothing   | RTADDR = 180000, 2007F0 or 300, 204028 or 100          | 3A11 write 7F1240A4CDEF | 88764CDEF 2M rw |
            SSADE is not for pass-through       | 105DC0 or 200                                          | 3A11 pasid 77 write 123456 | 123456 4K rw |
            SSADE is not for first stage        | 104D00 or 200                                          | 3A11 pasid 1234 read 555512345678 | 5A5A5A678 4K rw | 300550=301027 301AA0=302027 302488=303027 303A28=80000005A5A5A027
            """)
    void secondStage(String what, @Nullable String edits, String request, String result, @Nullable String changes) {
        check(edits, request, result, changes);
    }

    // first stage of PASID 1234: 555512345678 through 300550 301AA0 302488 to 303A28, 4 KiB
    //                            FFFF8123456789A0 through 300810 304468 to 305158, 2 MiB, supervisor, read only
    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            what                            | edits                                                             | request                                            | result          | words that change
            read: A                         |                                                                   | 3A11 pasid 1234 read  555512345678                 | 5A5A5A678 4K rw | 300550=301027 301AA0=302027 302488=303027 303A28=80000005A5A5A027
            write: A, and D in the leaf     |                                                                   | 3A11 pasid 1234 write 555512345678                 | 5A5A5A678 4K rw | 300550=301027 301AA0=302027 302488=303027 303A28=80000005A5A5A067
            by RID_PASID                    | 101228 = 1234                                                     | 3A11 write 555512345678                            | 5A5A5A678 4K rw | 300550=301027 301AA0=302027 302488=303027 303A28=80000005A5A5A067
            write, A was there              | 300550 or 20, 301AA0 or 20, 302488 or 20, 303A28 or 20            | 3A11 pasid 1234 write 555512345678                 | 5A5A5A678 4K rw | 303A28=80000005A5A5A067
            read, A was there               | 300550 or 20, 301AA0 or 20, 302488 or 20, 303A28 or 20            | 3A11 pasid 1234 read  555512345678                 | 5A5A5A678 4K rw |
            read leaves D alone             | 303A28 or 40                                                      | 3A11 pasid 1234 read  555512345678                 | 5A5A5A678 4K rw | 300550=301027 301AA0=302027 302488=303027 303A28=80000005A5A5A067
            bit 6 of a table is no D        | 302488 or 40                                                      | 3A11 pasid 1234 write 555512345678                 | 5A5A5A678 4K rw | 300550=301027 301AA0=302027 302488=303067 303A28=80000005A5A5A067
            EAFE, read: A and EA            | 104D10 or 80                                                      | 3A11 pasid 1234 read  555512345678                 | 5A5A5A678 4K rw | 300550=301427 301AA0=302427 302488=303427 303A28=80000005A5A5A427
            EAFE, write                     | 104D10 or 80                                                      | 3A11 pasid 1234 write 555512345678                 | 5A5A5A678 4K rw | 300550=301427 301AA0=302427 302488=303427 303A28=80000005A5A5A467
            EAFE, A was there               | 104D10 or 80, 300550 or 20, 301AA0 or 20, 302488 or 20, 303A28 or 60 | 3A11 pasid 1234 read 555512345678               | 5A5A5A678 4K rw | 300550=301427 301AA0=302427 302488=303427 303A28=80000005A5A5A467
            EAFE, EA was there              | 104D10 or 80, 300550 or 400, 301AA0 or 400, 302488 or 400, 303A28 or 400 | 3A11 pasid 1234 read 555512345678           | 5A5A5A678 4K rw | 300550=301427 301AA0=302427 302488=303427 303A28=80000005A5A5A427
            EAFE, all was there             | 104D10 or 80, 300550 or 420, 301AA0 or 420, 302488 or 420, 303A28 or 460 | 3A11 pasid 1234 write 555512345678          | 5A5A5A678 4K rw |
            no EAFE, EA means nothing       | 300550 or 400                                                     | 3A11 pasid 1234 read  555512345678                 | 5A5A5A678 4K rw | 300550=301427 301AA0=302027 302488=303027 303A28=80000005A5A5A027
            second-stage bits mean nothing  | 303A28 or 300                                                     | 3A11 pasid 1234 write 555512345678                 | 5A5A5A678 4K rw | 300550=301027 301AA0=302027 302488=303027 303A28=80000005A5A5A367
            2 MiB, supervisor read          | 104D10 or 1                                                       | 3A11 pasid 1234 privileged read FFFF8123456789A0   | 2400789A0 2M rw | 300810=304027 304468=305027 305158=2400000A1
            2 MiB, supervisor write         | 104D10 or 1                                                       | 3A11 pasid 1234 privileged write FFFF8123456789A0  | 2400789A0 2M rw | 300810=304027 304468=305027 305158=2400000E1
            not snooped                     | 104D08 = 100                                                      | 3A11 pasid 1234 read  555512345678                 | fault 90        |
            no SMPWCS                       | 104D08 = 100, ECAP without 1_2004_0000_0000                       | 3A11 pasid 1234 read  555512345678                 | fault 90        |
            not snooped, top lacks A        | 104D08 = 100, 301AA0 or 20, 302488 or 20, 303A28 or 60            | 3A11 pasid 1234 read  555512345678                 | fault 90        |
            not snooped, table lacks A      | 104D08 = 100, 300550 or 20, 301AA0 or 20, 303A28 or 60            | 3A11 pasid 1234 read  555512345678                 | fault 90        |
            not snooped, leaf lacks A       | 104D08 = 100, 300550 or 20, 301AA0 or 20, 302488 or 20, 303A28 or 40 | 3A11 pasid 1234 write 555512345678              | fault 90        |
            not snooped, leaf lacks D       | 104D08 = 100, 300550 or 20, 301AA0 or 20, 302488 or 20, 303A28 or 20 | 3A11 pasid 1234 write 555512345678              | fault 90        |
            not snooped, read needs no D    | 104D08 = 100, 300550 or 20, 301AA0 or 20, 302488 or 20, 303A28 or 20 | 3A11 pasid 1234 read  555512345678              | 5A5A5A678 4K rw |
            not snooped, all is there       | 104D08 = 100, 300550 or 20, 301AA0 or 20, 302488 or 20, 303A28 or 60 | 3A11 pasid 1234 write 555512345678              | 5A5A5A678 4K rw |
            not snooped, EA needed          | 104D08 = 100, 104D10 or 80, 300550 or 420, 301AA0 or 420, 302488 or 20, 303A28 or 460 | 3A11 pasid 1234 read 555512345678 | fault 90 |
            not snooped, EA not needed      | 104D08 = 100, 104D10 or 80, 300550 or 420, 301AA0 or 420, 302488 or 420, 303A28 or 460 | 3A11 pasid 1234 write 555512345678 | 5A5A5A678 4K rw |
            absent leaf: A above it         | 303A28 without 1                                                  | 3A11 pasid 1234 write 555512345678                 | fault 71        | 300550=301027 301AA0=302027 302488=303027
            EAFE, absent table              | 104D10 or 80, 302488 without 1                                    | 3A11 pasid 1234 read  555512345678                 | fault 71        | 300550=301427 301AA0=302427
            reserved bit of the leaf        | 303A28 or 8000000000000                                           | 3A11 pasid 1234 write 555512345678                 | fault 72        | 300550=301027 301AA0=302027 302488=303027
            table beyond memory             | 301AA0 = 1000007                                                  | 3A11 pasid 1234 read  555512345678                 | fault 70        | 300550=301027 301AA0=1000027
            write to a read-only page       | 303A28 without 2                                                  | 3A11 pasid 1234 write 555512345678                 | fault 85        | 300550=301027 301AA0=302027 302488=303027
            user, supervisor page           |                                                                   | 3A11 pasid 1234 read  FFFF8123456789A0             | fault 81        | 300810=304027 304468=305027
            supervisor, WPE                 | 104D10 or 11                                                      | 3A11 pasid 1234 privileged write FFFF8123456789A0  | fault 85        | 300810=304027 304468=305027
            output is an interrupt          | 303A28 = FEE01007                                                 | 3A11 pasid 1234 write 555512345678                 | fault 87        | 300550=301027 301AA0=302027 302488=303027
            SRE=0                           |                                                                   | 3A11 pasid 1234 privileged read 555512345678       | fault 5D        |
            not canonical                   |                                                                   | 3A11 pasid 1234 read  0000800000000000             | fault 80        |
            """)
    void firstStage(String what, @Nullable String edits, String request, String result, @Nullable String changes) {
        check(edits, request, result, changes);
    }

    // PASID 42: first stage 710110 725220 733888, 2 MiB, on a second stage of which 400000 401000 402000 lead to the
    // pages of first-stage tables, 403080 403088 403090, and 400000 401008 404000 to the page at the end, 405118
    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            what                             | edits                                                | request                             | result          | words that change
            SSADE=0, read                    |                                                      | 3A11 pasid 42 read  111122223333    | 987654333 4K rw | 710110=11027 725220=12027 733888=400000A7
            SSADE=0, write                   |                                                      | 3A11 pasid 42 write 111122223333    | 987654333 4K rw | 710110=11027 725220=12027 733888=400000E7
            SSADE=0, EAFE                    | 105090 or 80                                         | 3A11 pasid 42 write 111122223333    | 987654333 4K rw | 710110=11427 725220=12427 733888=400004E7
            SSADE, read                      | 105080 or 200                                        | 3A11 pasid 42 read  111122223333    | 987654333 4K rw | 400000=401103 401000=402103 401008=404103 402000=403103 403080=710303 403088=725303 403090=733303 404000=405103 405118=987654103 710110=11027 725220=12027 733888=400000A7
            SSADE, write                     | 105080 or 200                                        | 3A11 pasid 42 write 111122223333    | 987654333 4K rw | 400000=401103 401000=402103 401008=404103 402000=403103 403080=710303 403088=725303 403090=733303 404000=405103 405118=987654303 710110=11027 725220=12027 733888=400000E7
            SSADE, first stage was marked    | 105080 or 200, 710110 or 20, 725220 or 20, 733888 or 60 | 3A11 pasid 42 read 111122223333  | 987654333 4K rw | 400000=401103 401000=402103 401008=404103 402000=403103 403080=710303 403088=725303 403090=733303 404000=405103 405118=987654103
            read-only page of tables         | 403088 = 725001                                      | 3A11 pasid 42 read  111122223333    | fault 77        | 710110=11027
            read-only page of the leaf       | 403090 = 733001                                      | 3A11 pasid 42 read  111122223333    | fault 77        | 710110=11027 725220=12027
            ... where nothing is to be done  | 403080 = 710001, 403088 = 725001, 403090 = 733001, 710110 or 20, 725220 or 20, 733888 or 20 | 3A11 pasid 42 read 111122223333 | 987654333 4K rw |
            ... but D, for a write           | 403090 = 733001, 710110 or 20, 725220 or 20, 733888 or 20 | 3A11 pasid 42 write 111122223333 | fault 77       |
            ... and D is there               | 403090 = 733001, 710110 or 20, 725220 or 20, 733888 or 60 | 3A11 pasid 42 write 111122223333 | 987654333 4K rw |
            ... but EA                       | 105090 or 80, 403090 = 733001, 710110 or 420, 725220 or 420, 733888 or 60 | 3A11 pasid 42 read 111122223333 | fault 77 |
            SSADE wants both rights          | 105080 or 200, 403088 = 725001, 725220 or 20         | 3A11 pasid 42 read  111122223333    | fault 77        | 400000=401103 401000=402103 402000=403103 403080=710303 710110=11027
            SSADE, write-only page of tables | 105080 or 200, 403088 = 725002                       | 3A11 pasid 42 read  111122223333    | fault 76        | 400000=401103 401000=402103 402000=403103 403080=710303 710110=11027
            SSADE, write-only page of the top | 105080 or 200, 403080 = 710002                      | 3A11 pasid 42 read  111122223333    | fault 75        | 400000=401103 401000=402103 402000=403103
            the page is read only, write     | 405118 = 987654001                                   | 3A11 pasid 42 write 111122223333    | fault 85        | 710110=11027 725220=12027
            SSADE, the same                  | 105080 or 200, 405118 = 987654001                    | 3A11 pasid 42 write 111122223333    | fault 85        | 400000=401103 401000=402103 401008=404103 402000=403103 403080=710303 403088=725303 403090=733303 404000=405103 710110=11027 725220=12027
            the page is absent               | 405118 = 0                                           | 3A11 pasid 42 write 111122223333    | fault 79        | 710110=11027 725220=12027
            SSADE, the same                  | 105080 or 200, 405118 = 0                            | 3A11 pasid 42 write 111122223333    | fault 79        | 400000=401103 401000=402103 401008=404103 402000=403103 403080=710303 403088=725303 403090=733303 404000=405103 710110=11027 725220=12027
            SSADE, output is an interrupt    | 105080 or 200, 405118 = FEE00003                     | 3A11 pasid 42 write 111122223333    | fault 87        | 400000=401103 401000=402103 401008=404103 402000=403103 403080=710303 403088=725303 403090=733303 404000=405103 710110=11027 725220=12027
            SSADE, first stage is read only  | 105080 or 200, 733888 without 2                      | 3A11 pasid 42 write 111122223333    | fault 85        | 400000=401103 401000=402103 402000=403103 403080=710303 403088=725303 403090=733303 710110=11027 725220=12027
            SSADE, first-stage table absent  | 105080 or 200, 725220 = 0                            | 3A11 pasid 42 read  111122223333    | fault 71        | 400000=401103 401000=402103 402000=403103 403080=710303 403088=725303 710110=11027
            SSADE, page of tables absent     | 105080 or 200, 403088 = 0                            | 3A11 pasid 42 read  111122223333    | fault 79        | 400000=401103 401000=402103 402000=403103 403080=710303 710110=11027
            not snooped                      | 105088 = 22                                          | 3A11 pasid 42 read  111122223333    | fault 90        |
            not snooped, all is there        | 105088 = 22, 710110 or 20, 725220 or 20, 733888 or 60 | 3A11 pasid 42 write 111122223333   | 987654333 4K rw |
            SSADE, not snooped               | 105080 or 200, 105088 = 22, 710110 or 20, 725220 or 20, 733888 or 60 | 3A11 pasid 42 read 111122223333 | fault 7C |
            SSADE, not snooped, second stage is marked | 105080 or 200, 105088 = 22, 400000 or 100, 401000 or 100, 402000 or 100, 403080 or 300 | 3A11 pasid 42 read 111122223333 | fault 90 |
            SSADE, not snooped, page lacks D | 105080 or 200, 105088 = 22, 400000 or 100, 401000 or 100, 402000 or 100, 403080 or 300, 403088 or 300, 403090 or 300, 401008 or 100, 404000 or 100, 405118 or 100, 710110 or 20, 725220 or 20, 733888 or 60 | 3A11 pasid 42 write 111122223333 | fault 7C |
            SSADE, not snooped, all is there | 105080 or 200, 105088 = 22, 400000 or 100, 401000 or 100, 402000 or 100, 403080 or 300, 403088 or 300, 403090 or 300, 401008 or 100, 404000 or 100, 405118 or 100, 710110 or 20, 725220 or 20, 733888 or 20 | 3A11 pasid 42 read 111122223333 | 987654333 4K rw |
            """)
    void nested(String what, @Nullable String edits, String request, String result, @Nullable String changes) {
        check(edits, request, result, changes);
    }

    private static void check(@Nullable String edits, String asked, String result, @Nullable String changes) {
        try (var bench = WorkedTables.scalable().words(WorkedTables.LEGACY_MODE)) {
            bench.edit(edits == null ? "" : edits);
            var unit = bench.on();
            var request = Bench.request(asked);

            var explanation = unit.explain(request);
            assertThat(Bench.text(explanation.result())).isEqualTo(result);
            assertThat(bench.changes()).isEmpty();
            assertThat(unit.faults()).isEmpty();

            assertThat(Bench.text(unit.translate(request))).isEqualTo(result);
            assertThat(Bench.text(bench.changes())).isEqualTo(changes == null ? "" : changes);

            // all that was to be marked is marked now
            var marked = bench.snapshot();
            assertThat(Bench.text(unit.translate(request))).isEqualTo(result);
            assertThat(bench.snapshot()).isEqualTo(marked);
        }
    }

    /** What is explained is what then happens; and to explain it changes nothing, and its steps are what is in memory. */
    @Test
    void anExplanationSaysWhatATranslationDoes() {
        var wrong = new ArrayList<String>();
        int pages = 0;
        int faults = 0;
        int twice = 0;
        try (var whole = RandomTables.memory(false);
                var holed = RandomTables.memory(true)) {
            for (long seed = 0; seed < TABLES && wrong.size() < 10; seed++) {
                var tables = new RandomTables(seed);
                var memory = tables.hole ? holed : whole;
                tables.writeTo(memory);
                for (var request : tables.requests) {
                    var unit = tables.hardware(memory);
                    var registers = unit.registers();
                    var before = RandomTables.image(memory, tables.hole);

                    var explanation = unit.explain(request);

                    assertThat(RandomTables.image(memory, tables.hole)).isEqualTo(before);
                    assertThat(unit.registers()).isEqualTo(registers);
                    assertThat(unit.faults()).isEmpty();
                    assertThat(unit.faultCounts()).isEmpty();
                    var difference = steps(explanation, memory, registers.get("RTADDR"));
                    var translation = unit.translate(request);
                    boolean same = explanation.result().equals(unrecorded(translation));
                    if (!same && cameTwice(explanation, unit.explain(request), translation)) {
                        twice++;
                    } else if (!same || difference != null) {
                        wrong.add("seed %d, %s, %s: explained %s, was %s, %s"
                                .formatted(seed, tables.unit, request, explanation.result(), translation, difference));
                    }
                    switch (translation) {
                        case Translation.Translated _ -> pages++;
                        case Translation.Faulted _ -> faults++;
                        case Translation.Stalled stalled -> throw new AssertionError(stalled);
                        case Translation.Completed completed -> throw new AssertionError(completed);
                    }
                }
            }
        }
        assertThat(wrong).isEmpty();
        assertThat(twice).isLessThan(TABLES / 1000);
        assertThat(pages).isGreaterThan(TABLES);
        assertThat(faults).isGreaterThan(TABLES);
    }

    /**
     * A walk that comes twice to one first-stage entry, first through a writable page of the second stage and then through
     * a read-only one, finds its own mark there. An explanation leaves no marks, and stops: it says 77 until they are made.
     */
    private static boolean cameTwice(Explanation before, Explanation after, Translation translation) {
        return before.result() instanceof Translation.Faulted(var fault)
                && fault.code() == 0x77
                && after.result().equals(unrecorded(translation));
    }

    private static Translation unrecorded(Translation translation) {
        return switch (translation) {
            case Translation.Translated page -> page;
            case Translation.Faulted(var fault) ->
                new Translation.Faulted(new Fault(
                        fault.code(),
                        fault.name(),
                        fault.detail(),
                        fault.stage(),
                        fault.level(),
                        fault.address(),
                        fault.recoverable(),
                        false,
                        fault.words()));
            case Translation.Stalled stalled -> stalled;
            case Translation.Completed completed -> completed;
        };
    }

    /** What is wrong with the steps: each shows the words at its address, the last says how it ended. */
    private static @Nullable String steps(Explanation explanation, PhysicalMemory memory, @Nullable Long rtaddr) {
        var first = explanation.steps().getFirst();
        if (!first.structure().equals("rtaddr") || !first.raw().equals(List.of(rtaddr))) {
            return "first step " + first;
        }
        for (var step : explanation.steps().subList(1, explanation.steps().size())) {
            var address = step.address();
            if (address == null) {
                return "no address in " + step;
            }
            if (step.raw().isEmpty() ? memory.backs(address) : !step.raw().equals(words(memory, address, step))) {
                return "not what is in memory: " + step;
            }
        }
        var last = explanation.steps().getLast();
        return switch (explanation.result()) {
            case Translation.Translated page ->
                last.decision().endsWith("goes to 0x" + Long.toHexString(page.address())) ? null : last.decision();
            case Translation.Faulted(var fault) ->
                last.decision().contains("fault 0x%x %s:".formatted(fault.code(), fault.name()))
                                && (fault.level() == null
                                        || last.stage() != fault.stage()
                                        || Objects.equals(last.level(), fault.level()))
                        ? null
                        : "ended in " + last.structure() + " " + last.level() + ": " + last.decision();
            case Translation.Stalled stalled -> throw new AssertionError(stalled);
            case Translation.Completed completed -> throw new AssertionError(completed);
        };
    }

    private static List<Long> words(PhysicalMemory memory, long address, Step step) {
        var words = new ArrayList<Long>();
        for (int word = 0; word < step.raw().size(); word++) {
            words.add(memory.acquire(address + word * 8L));
        }
        return words;
    }
}
