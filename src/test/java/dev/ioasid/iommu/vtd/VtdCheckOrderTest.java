package dev.ioasid.iommu.vtd;

import static org.assertj.core.api.Assertions.assertThat;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Two things are wrong at once, and the one that hardware comes to first is the fault. The later one, alone, is a fault of
 * its own: column "wrong", or the request itself.
 */
class VtdCheckOrderTest {
    @ParameterizedTest(name = "{0} before {1}: {4}, {2}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            first | second | also wrong                         | wrong                                | request
            1     | A      | 1803A0 without 1                   | 1803A8 = 1                           | 3A11 read 7F1234567ABC
            A     | 9      | 1803A0 or 2                        | 1803A0 = 1000001                     | 3A11 read 7F1234567ABC
            A     | 2      | 1803A8 = 1                         | 181110 = 0                           | 3A11 read 7F1234567ABC
            2     | B      | 181110 without 1                   | 181110 or 10                         | 3A11 read 7F1234567ABC
            2     | 3      | 181110 without 1                   | 181118 = 1103                        | 3A11 read 7F1234567ABC
            B     | 3      | 181110 or 10                       | 181110 or C                          | 3A11 read 7F1234567ABC
            B     | 3      | 181118 or 80                       | 181118 or 1                          | 3A11 read 7F1234567ABC
            B     | 4      | 181110 or 10                       |                                      | 3A11 read 1_0000_0000_0000
            3     | 4      | 181110 or C                        |                                      | 3A11 read 1_0000_0000_0000
            3     | 4      | 181128 = 3301                      | CAP without 200                      | 3A12 read 1_0000_0000_0000
            4     | 3      |                                    | 181110 = 1000001                     | 3A11 read 1_0000_0000_0000
            5     | C      | 201240 without 3                   | 201240 or 800                        | 3A11 write 7F1234567ABC
            6     | C      | 201240 without 3                   | 201240 or 800                        | 3A11 read 7F1234567ABC
            C     | 7      | 201240 or 800                      | 201240 = 1000003                     | 3A11 read 7F1234567ABC
            C     | 6      | 201240 or 800                      | 202D10 = 0                           | 3A11 read 7F1234567ABC
            C     | 5      | 203B38 or 4000000000000000         |                                      | 3A11 write 7F1234567ABC
            C     | 5      | 202D10 or 800                      | 2007F0 without 2                     | 3A11 write 7F1234567ABC
            C     | E      | 203B38 or 4000000000000000         | 203B38 = FEE01001                    | 3A11 read 7F1234567ABC
            30    | 8      | RTADDR or 80                       | RTADDR = 1000000                     | 3A11 read 7F1234567ABC
            30    | 31     | RTADDR or 80                       |                                      | 3A11 pasid 1 read 7F1234567ABC
            31    | 8      |                                    | RTADDR = 1000000                     | 3A11 pasid 1 read 7F1234567ABC
            31    | 1      |                                    | 1803A0 = 0                           | 3A11 pasid 1 read 7F1234567ABC
            """)
    void legacyMode(String first, String second, @Nullable String alsoWrong, @Nullable String wrong, String request) {
        try (var bench = WorkedTables.legacy()) {
            check(bench, first, second, alsoWrong, wrong, request);
        }
    }

    @ParameterizedTest(name = "{0} before {1}: {4}, {2}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            first | second | also wrong                          | wrong                               | request
            30    | 33     | ECAP without 10_0000_0000_0000      | RTADDR = 100C00                     | 3A11 read 7F1234567ABC
            30    | 34     | RTADDR = 100800                     | VER = 80                            | 3A11 pasid 1234 execute 555512345678
            30    | 38     | ECAP without 800_0000_0000          | RTADDR = 1000400                    | 3A11 read 7F1234567ABC
            33    | 34     | RTADDR = 100C00                     | VER = 80                            | 3A11 pasid 1234 execute 555512345678
            34    | 38     | VER = 80                            | RTADDR = 1000400                    | 3A11 pasid 1234 execute 555512345678
            34    | 39     | VER = 80                            | 1003A0 = 0                          | 3A11 pasid 1234 execute 555512345678
            34    | 45     | VER = 80                            | 101220 without 8                    | 3A11 pasid 1234 execute 555512345678
            39    | 3A     | 1003A0 without 1                    | 1003A0 or 2                         | 3A11 read 7F1234567ABC
            3A    | 40     | 1003A0 or 2                         | 1003A0 = 1000001                    | 3A11 read 7F1234567ABC
            3A    | 41     | 1003A0 or 2                         | 101220 = 0                          | 3A11 read 7F1234567ABC
            41    | 42     | 101220 without 1                    | 101220 or 80                        | 3A11 read 7F1234567ABC
            41    | 43     | 101220 without 1                    | 101220 or 10                        | 3A11 read 7F1234567ABC
            41    | 45     | 101220 without 1                    | 101220 without 8                    | 3A11 pasid 1234 read 555512345678
            42    | 43     | 101220 or 80                        | 101220 or 10                        | 3A11 read 7F1234567ABC
            42    | 43     | 101230 = 1                          | 101228 = 2000                       | 3A11 read 7F1234567ABC
            42    | 45     | 101238 = 1                          | 101220 without 8                    | 3A11 pasid 1234 read 555512345678
            42    | 46     | 101238 = 1                          |                                     | 3A11 pasid 2000 read 555512345678
            42    | 48     | 101238 = 1                          |                                     | 3A11 pasid 5 read 555512345678
            42    | 50     | 101220 or 80                        | 101220 = 1000009                    | 3A11 read 7F1234567ABC
            43    | 45     | 101228 = 2000                       | 101220 without 8                    | 3A11 pasid 1234 read 555512345678
            43    | 45     | 101220 or 10                        | 101220 without 8                    | 3A11 pasid 1234 read 555512345678
            43    | 46     | 101220 or 10                        |                                     | 3A11 pasid 2000 read 555512345678
            43    | 48     | 101220 or 10                        |                                     | 3A11 pasid 5 read 555512345678
            43    | 50     | 101220 or 10                        | 101220 = 1000009                    | 3A11 read 7F1234567ABC
            43    | 51     | 101228 = 2000                       | 102240 = 0                          | 3A11 pasid 1234 read 555512345678
            45    | 50     | 101220 without 8                    | 101220 = 1000009                    | 3A11 pasid 1234 read 555512345678
            45    | 51     | 101220 without 8                    |                                     | 3A11 pasid 777 read 555512345678
            46    | 50     |                                     | 101220 = 1000009                    | 3A11 pasid 2000 read 555512345678
            48    | 50     |                                     | 101220 = 1000009                    | 3A11 pasid 5 read 555512345678
            48    | 51     |                                     | 102000 = 0                          | 3A11 pasid 5 read 555512345678
            89    | 50     | ECAP without F8_0000_0000, ECAP or 58_0000_0000 | 101220 = 1000009        | 3A11 pasid 1234 read 555512345678
            89    | 51     | ECAP without F8_0000_0000, ECAP or 40_0000_0000 |                         | 3A11 pasid 777 read 555512345678
            51    | 52     | 102000 without 1                    | 102000 or 4                         | 3A11 read 7F1234567ABC
            51    | 58     | 102000 without 1                    | 102000 = 1000001                    | 3A11 read 7F1234567ABC
            52    | 58     | 102000 or 4                         | 102000 = 1000001                    | 3A11 read 7F1234567ABC
            52    | 59     | 102000 or 4                         | 103140 = 0                          | 3A11 read 7F1234567ABC
            59    | 5A     | 103140 without 1                    | 103140 or 20                        | 3A11 read 7F1234567ABC
            59    | 5B     | 103140 without 1                    | 103140 without 1C0                  | 3A11 read 7F1234567ABC
            5A    | 5B     | 103140 or 20                        | 103140 without 1C0                  | 3A11 read 7F1234567ABC
            5A    | 5B     | 103178 = 1                          | 103140 or C                         | 3A11 read 7F1234567ABC
            5A    | 5C     | 104D18 = 1                          |                                     | 3A11 pasid 1234 execute 555512345678
            5A    | 5D     | 104D18 = 1                          |                                     | 3A11 pasid 1234 privileged read 555512345678
            5A    | 83     | 105DC0 or 20                        |                                     | 3A11 pasid 77 read 1_0000_0000_0000
            5A    | 84     | 103140 or 20                        |                                     | 3A11 read 1_0000_0000_0000
            5A    | 80     | 104D18 = 1                          |                                     | 3A11 pasid 1234 read 0000800000000000
            5A    | 7B     | 103140 or 20                        | 103140 = 1000089                    | 3A11 read 7F1234567ABC
            5B    | 84     | 103140 or C                         |                                     | 3A11 read 1_0000_0000_0000
            5B    | 80     | 104D10 or 8                         |                                     | 3A11 pasid 1234 read 0000800000000000
            5B    | 7B     | 103140 or C                         | 103140 = 1000089                    | 3A11 read 7F1234567ABC
            5B    | 73     | 104D10 or 8                         | 104D10 = 1000000                    | 3A11 pasid 1234 read 555512345678
            5C    | 73     |                                     | 104D10 = 1000000                    | 3A11 pasid 1234 execute 555512345678
            5D    | 73     |                                     | 104D10 = 1000000                    | 3A11 pasid 1234 privileged read 555512345678
            5D    | 71     |                                     | 300550 = 0                          | 3A11 pasid 1234 privileged write 555512345678
            84    | 7B     |                                     | 103140 = 1000089                    | 3A11 read 1_0000_0000_0000
            80    | 73     |                                     | 104D10 = 1000000                    | 3A11 pasid 1234 read 0000800000000000
            79    | 7A     | 202D10 without 3                    | 202D10 or 800                       | 3A11 read 7F1234567ABC
            7A    | 78     | 201240 or 800                       | 201240 = 1000003                    | 3A11 read 7F1234567ABC
            7A    | 79     | 201240 or 800                       | 202D10 = 0                          | 3A11 read 7F1234567ABC
            7A    | 7C     | 2007F0 or 800                       | 103140 or 200, 103148 = 11          | 3A11 read 7F1234567ABC
            79    | 7C     | 2007F0 = 0                          | 103140 or 200, 103148 = 11          | 3A11 read 7F1234567ABC
            7C    | 78     | 103140 or 200, 103148 = 11          | 2007F0 = 1000003                    | 3A11 read 7F1234567ABC
            7C    | 79     | 103140 or 200, 103148 = 11          | 201240 = 0                          | 3A11 read 7F1234567ABC
            7C    | 7A     | 103140 or 200, 103148 = 11          | 201240 or 800                       | 3A11 read 7F1234567ABC
            7C    | 85     | 103140 or 200, 103148 = 11          |                                     | 3A11 write 7F1234567ABC
            7A    | 85     | 203B38 or 4000000000000000          |                                     | 3A11 write 7F1234567ABC
            7A    | 86     | 203B38 or 4000000000000000          | 203B38 = 1234567002                 | 3A11 read 7F1234567ABC
            7A    | 87     | 203B38 or 4000000000000000          | 203B38 = FEE01003                   | 3A11 read 7F1234567ABC
            78    | 85     | 202D10 = 1000003                    | 2007F0 without 2                    | 3A11 write 7F1234567ABC
            79    | 86     | 203B38 = 0                          | 2007F0 without 1, 203B38 or 2       | 3A11 read 7F1234567ABC
            71    | 72     | 302488 without 1                    | 302488 or 8000000000000             | 3A11 pasid 1234 read 555512345678
            72    | 70     | 301AA0 or 8000000000000             | 301AA0 = 1000007                    | 3A11 pasid 1234 read 555512345678
            72    | 71     | 301AA0 or 8000000000000             | 302488 = 0                          | 3A11 pasid 1234 read 555512345678
            71    | 90     | 300550 without 1                    | 104D08 = 100                        | 3A11 pasid 1234 read 555512345678
            72    | 90     | 300550 or 80                        | 104D08 = 100                        | 3A11 pasid 1234 read 555512345678
            90    | 70     | 104D08 = 100                        | 300550 = 1000007                    | 3A11 pasid 1234 read 555512345678
            90    | 71     | 104D08 = 100                        | 301AA0 = 0                          | 3A11 pasid 1234 read 555512345678
            72    | 81     | 303A28 or 8000000000000             | 303A28 without 4                    | 3A11 pasid 1234 read 555512345678
            72    | 85     | 303A28 or 8000000000000             | 303A28 without 2                    | 3A11 pasid 1234 write 555512345678
            71    | 81     | 303A28 without 1                    | 300550 without 4                    | 3A11 pasid 1234 read 555512345678
            71    | 85     | 303A28 without 1                    | 300550 without 2                    | 3A11 pasid 1234 write 555512345678
            70    | 81     | 302488 = 1000007                    | 300550 without 4                    | 3A11 pasid 1234 read 555512345678
            81    | 85     | 303A28 without 4                    | 303A28 without 2                    | 3A11 pasid 1234 write 555512345678
            81    | 85     | 303A28 without 4                    | 300550 without 2                    | 3A11 pasid 1234 write 555512345678
            81    | 85     | 300550 without 4                    | 303A28 without 2                    | 3A11 pasid 1234 write 555512345678
            72    | 74     | 733888 or 8000000000000             | 105080 = 4010C5, 733888 = 8000000087 | 3A11 pasid 42 read 111122223333
            71    | 74     | 725220 without 1                    | 105080 = 4010C5, 725220 = 8000000007 | 3A11 pasid 42 read 111122223333
            74    | 90     | 105080 = 4010C5, 710110 = 8000000007 | 105088 = 22                        | 3A11 pasid 42 read 111122223333
            74    | 77     | 105080 = 4010C5, 710110 = 8000000007 | 403080 = 710001                    | 3A11 pasid 42 read 111122223333
            74    | 81     | 105080 = 4010C5, 733888 = 8000000087 | 733888 without 4                   | 3A11 pasid 42 read 111122223333
            75    | 71     | 403080 = 710002                     | 710110 = 0                          | 3A11 pasid 42 read 111122223333
            76    | 71     | 403088 = 725002                     | 725220 = 0                          | 3A11 pasid 42 read 111122223333
            79    | 71     | 403088 = 0                          | 725220 = 0                          | 3A11 pasid 42 read 111122223333
            7A    | 75     | 403080 or 4000000000000000          | 403080 = 710002                     | 3A11 pasid 42 read 111122223333
            77    | 79     | 403080 = 710001                     | 403088 = 0                          | 3A11 pasid 42 read 111122223333
            71    | 77     | 710110 without 1                    | 403080 = 710001                     | 3A11 pasid 42 read 111122223333
            72    | 77     | 710110 or 80                        | 403080 = 710001                     | 3A11 pasid 42 read 111122223333
            5B    | 80     | 105090 = 1_0000_0000_0000, HAW = 52, CAP or 3F0000 |                      | 3A11 pasid 42 read 0000800000000000
            """)
    void scalableMode(String first, String second, @Nullable String alsoWrong, @Nullable String wrong, String request) {
        try (var bench = WorkedTables.scalable()) {
            check(bench, first, second, alsoWrong, wrong, request);
        }
    }

    /** What the specification recommends where it does not decide. */
    @ParameterizedTest(name = "{0} before {1}: {4}, {2}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            first | second | also wrong                          | wrong                               | request
            45    | 46     | 101220 without 8                    |                                     | 3A11 pasid 2000 read 555512345678
            45    | 48     | 101220 without 8                    |                                     | 3A11 pasid 5 read 555512345678
            45    | 89     | 101220 without 8                    | ECAP without F8_0000_0000, ECAP or 58_0000_0000 | 3A11 pasid 1234 read 555512345678
            89    | 46     | ECAP without F8_0000_0000, ECAP or 58_0000_0000 |                         | 3A11 pasid 2000 read 555512345678
            5B    | 5C     | 104D10 or 8                         |                                     | 3A11 pasid 1234 execute 555512345678
            5B    | 5D     | 104D10 or 8                         |                                     | 3A11 pasid 1234 privileged read 555512345678
            5C    | 5D     |                                     |                                     | 3A11 pasid 1234 privileged execute 555512345678
            85    | 87     |                                     | 203B38 = FEE01001                   | 3A11 write 7F1234567ABC
            86    | 87     | 203B38 without 1                    | 203B38 = FEE01003                   | 3A11 read 7F1234567ABC
            81    | 87     | 303A28 without 4                    | 303A28 = FEE01007                   | 3A11 pasid 1234 read 555512345678
            85    | 87     | 303A28 without 2                    | 303A28 = FEE01007                   | 3A11 pasid 1234 write 555512345678
            81    | 79     | 733888 without 4                    | 405118 = 0                          | 3A11 pasid 42 read 111122223333
            85    | 79     | 733888 without 2                    | 405118 = 0                          | 3A11 pasid 42 write 111122223333
            81    | 90     | 303A28 without 4                    | 104D08 = 100, 300550 or 20, 301AA0 or 20, 302488 or 20 | 3A11 pasid 1234 read 555512345678
            85    | 90     | 303A28 without 2                    | 104D08 = 100, 300550 or 20, 301AA0 or 20, 302488 or 20 | 3A11 pasid 1234 write 555512345678
            85    | 7C     | 203B38 without 2                    | 103140 or 200, 103148 = 11, 2007F0 or 100, 201240 or 100, 202D10 or 100, 203B38 or 2 | 3A11 write 7F1234567ABC
            86    | 7C     | 203B38 without 1                    | 103140 or 200, 103148 = 11, 2007F0 or 100, 201240 or 100, 202D10 or 100, 203B38 or 2 | 3A11 read 7F1234567ABC
            7C    | 87     | 103140 or 200, 103148 = 11, 2007F0 or 100, 201240 or 100, 202D10 or 100 | 203B38 = FEE01003 | 3A11 read 7F1234567ABC
            90    | 87     | 104D08 = 100, 300550 or 20, 301AA0 or 20, 302488 or 20 | 303A28 = FEE01007 | 3A11 pasid 1234 read 555512345678
            """)
    void recommended(String first, String second, @Nullable String alsoWrong, @Nullable String wrong, String request) {
        try (var bench = WorkedTables.scalable()) {
            check(bench, first, second, alsoWrong, wrong, request);
        }
    }

    private static void check(
            Bench bench,
            String first,
            String second,
            @Nullable String alsoWrong,
            @Nullable String wrong,
            String request) {
        bench.edit(wrong == null ? "" : wrong);
        if (alsoWrong != null) { // otherwise it is the request that is wrong first
            var before = bench.snapshot();
            assertThat(bench.ask(request)).isEqualTo("fault " + second);
            bench.restore(before);
        }
        bench.edit(alsoWrong == null ? "" : alsoWrong);

        assertThat(bench.ask(request)).isEqualTo("fault " + first);
    }
}
