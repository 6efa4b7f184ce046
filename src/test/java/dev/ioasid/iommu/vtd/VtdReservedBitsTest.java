package dev.ioasid.iommu.vtd;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.BitSet;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Every bit of every structure that the specification calls reserved, gated by a capability, or ignored, set one at a time.
 * Bits are numbered over the whole structure; HAW stands for the host address width, 48 and 39 in turn.
 */
class VtdReservedBitsTest {
    // request        page           on a page of
    // 7F1234567ABC   second stage   4K
    // 555512345678   first stage    4K
    // 111122223333   nested         4K

    @ParameterizedTest(name = "{0}: {3}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            what                     | edits             | entry  | bits                        | request                 | outcome
            legacy root              |                   | 1803A0 | 11:1 63:HAW 127:64          | 3A11 read 7F1234567ABC  | fault A
            legacy root, absent      | 1803A0 without 1  | 1803A0 | 127:1                       | 3A11 read 7F1234567ABC  | fault 1
            legacy context           |                   | 181110 | 11:4 63:HAW 71 127:88       | 3A11 read 7F1234567ABC  | fault B
            legacy context           |                   | 181110 | 1 70:67                     | 3A11 read 7F1234567ABC  | 1234567ABC 4K r
            legacy context, absent   | 181110 without 1  | 181110 | 127:1                       | 3A11 read 7F1234567ABC  | fault 2
            pass-through context     |                   | 181120 | 11:4 71 127:88              | 3A12 read 7FFFFFFFFF    | fault B
            pass-through context     |                   | 181120 | 1 HAW-1:12 70:67               | 3A12 read 7FFFFFFFFF    | 7FFFFFFFFF
            TT=1 with DT             | 181110 or 4       | 181110 | 1 70:67                     | 3A11 read 7F1234567ABC  | 1234567ABC 4K r
            TT=1 without DT          | ECAP without 4    | 181110 | 2                           | 3A11 read 7F1234567ABC  | fault 3
            TT=2 without PT          | ECAP without 40   | 181110 | 3                           | 3A11 read 7F1234567ABC  | fault 3
            TT=3                     | 181110 or 4       | 181110 | 3                           | 3A11 read 7F1234567ABC  | fault 3
            DID of 4 bits            | CAP without 7, 181118 = 102         | 181110 | 87:76 | 3A11 read 7F1234567ABC | fault B
            DID of 4 bits            | CAP without 7, 181118 = 102         | 181110 | 75:72 | 3A11 read 7F1234567ABC | 1234567ABC 4K r
            DID of 8 bits            | CAP without 7, CAP or 2             | 181110 | 87:80 | 3A11 read 7F1234567ABC | fault B
            DID of 14 bits           | CAP without 7, CAP or 5             | 181110 | 87:86 | 3A11 read 7F1234567ABC | fault B
            DID of 16 bits           |                   | 181110 | 87:72                       | 3A11 read 7F1234567ABC  | 1234567ABC 4K r
            """)
    void legacyMode(String what, @Nullable String edits, String entry, String bits, String request, String outcome) {
        for (int hostAddressWidth : new int[] {48, 39}) {
            try (var bench = WorkedTables.legacy()) {
                sweep(bench, hostAddressWidth, edits, entry, bits, request, outcome);
            }
        }
    }

    @ParameterizedTest(name = "{0}: {3}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            what                      | edits                            | entry  | bits                 | request                | outcome
            root, lower half          |                                  | 1003A0 | 11:1 63:HAW          | 3A11 read 7F1234567ABC | fault 3A
            root, half not selected   |                                  | 1003A0 | 127:64               | 3A11 read 7F1234567ABC | 1234567ABC 4K r
            root, upper half          | 1003A8 = 101001                  | 1003A0 | 75:65 127:HAW+64     | 3A91 read 7F1234567ABC | fault 3A
            root, half not selected   | 1003A8 = 101001, 1003A0 = 0      | 1003A0 | 63:0                 | 3A91 read 7F1234567ABC | 1234567ABC 4K r
            root, half absent         | 1003A0 without 1                 | 1003A0 | 63:1                 | 3A11 read 7F1234567ABC | fault 39
            root, upper half absent   | 1003A8 = 101000                  | 1003A0 | 127:65               | 3A91 read 7F1234567ABC | fault 39
            context                   |                                  | 101220 | 8:5 63:HAW 255:85    | 3A11 read 7F1234567ABC | fault 42
            context                   |                                  | 101220 | 1 2                  | 3A11 read 7F1234567ABC | 1234567ABC 4K r
            context with DTE          | 101220 or 4                      | 101220 | 4                    | 3A11 read 7F1234567ABC | 1234567ABC 4K r
            context absent            | 101220 without 1                 | 101220 | 255:1                | 3A11 read 7F1234567ABC | fault 41
            DTE without DT            | ECAP without 4                   | 101220 | 2                    | 3A11 read 7F1234567ABC | fault 42
            PASIDE without PASID      | ECAP without 100_0000_0000, 101220 without 8 | 101220 | 3        | 3A11 read 7F1234567ABC | fault 42
            PASIDE with PASID         | 101220 without 8                 | 101220 | 3                    | 3A11 read 7F1234567ABC | 1234567ABC 4K r
            PRE without PRS           | ECAP without 2000_0000, 101220 or 4 | 101220 | 4                 | 3A11 read 7F1234567ABC | fault 42
            RID_PASID without RPS     | ECAP without 2_0000_0000_0000, 101228 = 0, 103000 = 200089 | 101220 | 83:64 | 3A11 read 7F1234567ABC | fault 42
            RID_PASID is 0 without RPS | ECAP without 2_0000_0000_0000, 101228 = 0, 103000 = 200089 | 101220 | 1 2  | 3A11 read 7F1234567ABC | 1234567ABC 4K r
            RID_PRIV without RPRIVS   | ECAP without 20_0000_0000_0000, 103150 = 1 | 101220 | 84         | 3A11 read 7F1234567ABC | fault 42
            RID_PRIV with RPRIVS      | 103150 = 1                       | 101220 | 84                   | 3A11 read 7F1234567ABC | 1234567ABC 4K r
            directory                 |                                  | 102000 | 11:2 63:HAW          | 3A11 read 7F1234567ABC | fault 52
            directory                 |                                  | 102000 | 1                    | 3A11 read 7F1234567ABC | 1234567ABC 4K r
            directory absent          | 102000 without 1                 | 102000 | 63:1                 | 3A11 read 7F1234567ABC | fault 51
            directory, by PASID       |                                  | 102240 | 11:2 63:HAW          | 3A11 pasid 1234 read 555512345678 | fault 52
            """)
    void scalableMode(String what, @Nullable String edits, String entry, String bits, String request, String outcome) {
        for (int hostAddressWidth : new int[] {48, 39}) {
            try (var bench = WorkedTables.scalable()) {
                sweep(bench, hostAddressWidth, edits, entry, bits, request, outcome);
            }
        }
    }

    /** All 512 bits of a PASID table entry. */
    @ParameterizedTest(name = "{0}: {3}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            what                    | edits                         | entry  | bits                                    | request                           | outcome
            second stage            |                               | 103140 | 5 11:10 63:HAW 86:80 95:89 127:96 129 139:136 191:HAW+128 511:192 | 3A11 read 7F1234567ABC | fault 5A
            second stage            |                               | 103140 | 1 9 79:64 88 128 132:130 134:133 135 HAW+127:140 | 3A11 read 7F1234567ABC | 1234567ABC 4K r
            first stage             |                               | 104D00 | 5 11:10 63:HAW 86:80 95:89 127:96 129 139:136 191:HAW+128 511:192 | 3A11 pasid 1234 read 555512345678 | fault 5A
            first stage             |                               | 104D00 | 1 4:2 9 HAW-1:12 79:64 88 128 132 134:133 135 | 3A11 pasid 1234 read 555512345678 | 5A5A5A678 4K rw
            nested                  |                               | 105080 | 5 11:10 63:HAW 86:80 95:89 127:96 129 139:136 191:HAW+128 511:192 | 3A11 pasid 42 read 111122223333 | fault 5A
            nested                  |                               | 105080 | 1 9 79:64 88 128 132 134:133 135        | 3A11 pasid 42 read 111122223333   | 987654333 4K rw
            pass-through            |                               | 105DC0 | 5 11:10 63:HAW 86:80 95:89 127:96 129 139:136 191:HAW+128 511:192 | 3A11 pasid 77 read 111122223 | fault 5A
            pass-through            |                               | 105DC0 | 1 4:2 9 HAW-1:12 79:64 88 128 132:130 134:133 135 HAW+127:140 | 3A11 pasid 77 read 111122223 | 111122223
            absent                  | 103140 without 1              | 103140 | 511:1                                   | 3A11 read 7F1234567ABC            | fault 59
            PGTT 0, 5, 6, 7         | 103140 without 1C0            | 103140 | 1                                       | 3A11 read 7F1234567ABC            | fault 5B
            PGTT 5, 6               | 103140 without 1C0, 103140 or 100 | 103140 | 6 7                                 | 3A11 read 7F1234567ABC            | fault 5B
            PGTT 7                  | 103140 or C0                  | 103140 | 8                                       | 3A11 read 7F1234567ABC            | fault 5B
            FSPM 2, 3               |                               | 104D00 | 131                                     | 3A11 pasid 1234 read 555512345678 | fault 5B
            FSPM 3                  | 104D10 or 4                   | 104D00 | 131                                     | 3A11 pasid 1234 read 555512345678 | fault 5B
            FSPM 2, nested          |                               | 105080 | 131                                     | 3A11 pasid 42 read 111122223333   | fault 5B
            FSPM 1 without FS5LP    | CAP without 1000_0000_0000_0000 | 104D00 | 130                                   | 3A11 pasid 1234 read 555512345678 | fault 5B

            no SSTS                 | ECAP without 6000_0400_0000   | 104D00 | 4:2 9 63:12                             | 3A11 pasid 1234 read 555512345678 | fault 5A
            no SSTS                 | ECAP without 6000_0400_0000   | 104D00 | 1 88 128                                | 3A11 pasid 1234 read 555512345678 | 5A5A5A678 4K rw
            no FSTS                 | ECAP without 8004_0400_0000   | 103140 | 132:130 135 191:140                     | 3A11 read 7F1234567ABC            | fault 5A
            no FSTS                 | ECAP without 8004_0400_0000   | 103140 | 1 9 88 128 134:133                      | 3A11 read 7F1234567ABC            | 1234567ABC 4K r
            no SSADS                | ECAP without 2000_0000_0000   | 103140 | 9                                       | 3A11 read 7F1234567ABC            | fault 5A
            no SSADS, ignored       | ECAP without 2000_0000_0000   | 104D00 | 9                                       | 3A11 pasid 1234 read 555512345678 | fault 5A
            no SMPWCS               | ECAP without 1_2004_0000_0000, 103148 = 11 | 103140 | 87                         | 3A11 read 7F1234567ABC            | fault 5A
            no SMPWCS               | ECAP without 1_2004_0000_0000, 103148 = 11 | 103140 | 1 88                       | 3A11 read 7F1234567ABC            | 1234567ABC 4K r
            PWSNP with SMPWCS       | 103148 = 11                   | 103140 | 87                                      | 3A11 read 7F1234567ABC            | 1234567ABC 4K r
            no SC                   | ECAP without 80               | 103140 | 88                                      | 3A11 read 7F1234567ABC            | fault 5A
            MTS                     | ECAP or 200_0000              | 103140 | 90:89 96 98 100 102 104 106 108 110 112 114 116 118 120 122 124 126 | 3A11 read 7F1234567ABC | 1234567ABC 4K r
            MTS                     | ECAP or 200_0000              | 103140 | 86:80 95:91                             | 3A11 read 7F1234567ABC            | fault 5A
            MTS, ignored            | ECAP or 200_0000              | 104D00 | 90                                      | 3A11 pasid 1234 read 555512345678 | 5A5A5A678 4K rw
            no SRS                  | ECAP without 20_0000_8000_0000 | 103140 | 128                                    | 3A11 read 7F1234567ABC            | fault 5A
            no EAFS                 | ECAP without 4_0000_0000      | 104D00 | 135                                     | 3A11 pasid 1234 read 555512345678 | fault 5A
            no EAFS, ignored        | ECAP without 4_0000_0000      | 103140 | 135                                     | 3A11 read 7F1234567ABC            | fault 5A
            DID of 6 bits           | CAP without 7, CAP or 1       | 103140 | 79:70                                   | 3A11 read 7F1234567ABC            | fault 5A
            DID of 6 bits           | CAP without 7, CAP or 1       | 103140 | 69:64                                   | 3A11 read 7F1234567ABC            | 1234567ABC 4K r
            DID of 12 bits          | CAP without 7, CAP or 4       | 103140 | 79:76                                   | 3A11 read 7F1234567ABC            | fault 5A
            """)
    void pasidEntry(String what, @Nullable String edits, String entry, String bits, String request, String outcome) {
        for (int hostAddressWidth : new int[] {48, 39}) {
            try (var bench = WorkedTables.scalable()) {
                sweep(bench, hostAddressWidth, edits, entry, bits, request, outcome);
            }
        }
    }

    @ParameterizedTest(name = "{0}: {3}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            what                 | edits                        | entry  | bits                               | address        | outcome
            level 5              |                              | 5000A8 | 7 11 51:HAW 62                     | 1591AAF82F3456 | reserved
            level 5              |                              | 5000A8 | 6:2 10:8 61:52 63                  | 1591AAF82F3456 | 1234567456 4K rw
            level 4              |                              | 501918 | 7 11 51:HAW 62                     | 1591AAF82F3456 | reserved
            level 4              |                              | 501918 | 6:2 10:8 61:52 63                  | 1591AAF82F3456 | 1234567456 4K rw
            level 3, table       |                              | 502558 | 11 51:HAW 62                       | 1591AAF82F3456 | reserved
            level 3, table       |                              | 502558 | 6:2 10:8 61:52 63                  | 1591AAF82F3456 | 1234567456 4K rw
            level 2, table       |                              | 503E08 | 11 51:HAW 62                       | 1591AAF82F3456 | reserved
            level 2, table       |                              | 503E08 | 6:2 10:8 61:52 63                  | 1591AAF82F3456 | 1234567456 4K rw
            level 1              |                              | 504798 | 51:HAW 62                          | 1591AAF82F3456 | reserved
            level 1              |                              | 504798 | 7:2 11:8 61:52 63                  | 1591AAF82F3456 | 1234567456 4K rw
            2 MiB leaf           |                              | 503E10 | 20:12 51:HAW 62                    | 1591AAF8412345 | reserved
            2 MiB leaf           |                              | 503E10 | 6:2 11:8 61:52 63                  | 1591AAF8412345 | 1234612345 2M rw
            1 GiB leaf           |                              | 502560 | 29:12 51:HAW 62                    | 1591AB01234567 | reserved
            1 GiB leaf           |                              | 502560 | 6:2 11:8 61:52 63                  | 1591AB01234567 | 1241234567 1G rw
            level 1 without SC   | ECAP without 80              | 504798 | 11                                 | 1591AAF82F3456 | reserved
            2 MiB without SC     | ECAP without 80              | 503E10 | 11                                 | 1591AAF8412345 | reserved
            1 GiB without SC     | ECAP without 80              | 502560 | 11                                 | 1591AB01234567 | reserved
            no 1 GiB             | CAP without 8_0000_0000, 502560  without 80 | 502560 | 7                   | 1591AB01234567 | reserved
            no 2 MiB             | CAP without 3C_0000_0000, 503E10 without 80 | 503E10 | 7                   | 1591AAF8412345 | reserved
            absent at level 5    | 5000A8 without 3             | 5000A8 | 63:2                               | 1591AAF82F3456 | absent
            absent at level 4    | 501918 without 3             | 501918 | 63:2                               | 1591AAF82F3456 | absent
            absent at level 3    | 502558 without 3             | 502558 | 63:2                               | 1591AAF82F3456 | absent
            absent at level 2    | 503E08 without 3             | 503E08 | 63:2                               | 1591AAF82F3456 | absent
            absent at level 1    | 504798 without 3             | 504798 | 63:2                               | 1591AAF82F3456 | absent
            """)
    void secondStageEntry(
            String what, @Nullable String edits, String entry, String bits, String address, String outcome) {
        for (int hostAddressWidth : new int[] {48, 39}) {
            try (var bench = WorkedTables.deep()) {
                sweep(
                        bench,
                        hostAddressWidth,
                        edits,
                        entry,
                        bits,
                        "3A11 pasid 6 read " + address,
                        outcome.replace("reserved", "fault 7A").replace("absent", "fault 79"));
            }
            for (var access : new String[] {"read", "write"}) {
                try (var bench = WorkedTables.deep()) {
                    bench.rootTable = WorkedTables.LEGACY;
                    sweep(
                            bench,
                            hostAddressWidth,
                            edits,
                            entry,
                            bits,
                            "3A13 " + access + " " + address,
                            outcome.replace("reserved", "fault C")
                                    .replace("absent", access.equals("read") ? "fault 6" : "fault 5"));
                }
            }
        }
    }

    /** RTADDR.SSIRWE: IR and IW, bits 61 and 62, stand for R and W. */
    @ParameterizedTest(name = "{0}: {3}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            what              | edits                         | entry  | bits                | outcome
            leaf              | 203B38 = 6000001234567000     | 203B38 | 7:0 11:8 60:52 63   | 1234567ABC 4K rw
            leaf              | 203B38 = 6000001234567000     | 203B38 | 51:HAW              | fault 7A
            leaf, IR only     | 203B38 = 2000001234567000     | 203B38 | 1:0                 | 1234567ABC 4K r
            leaf, absent      | 203B38 = 1234567000           | 203B38 | 60:0 63             | fault 79
            table, absent     | 202D10 = 203000               | 202D10 | 60:0 63             | fault 79
            """)
    void secondStageEntryWithHighRights(
            String what, @Nullable String edits, String entry, String bits, String outcome) {
        for (int hostAddressWidth : new int[] {48, 39}) {
            try (var bench = WorkedTables.scalable()) {
                bench.edit("RTADDR or 80, ECAP or 200_0000_0000_0000");
                bench.edit("2007F0 or 6000000000000000, 201240 or 6000000000000000, 202D10 or 6000000000000000");
                sweep(bench, hostAddressWidth, edits, entry, bits, "3A11 read 7F1234567ABC", outcome);
            }
        }
    }

    @ParameterizedTest(name = "{0}: {3}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            what                 | edits                        | entry  | bits                    | address        | outcome
            level 5              |                              | 5100A8 | 7 51:HAW                | 1591AAF82F3456 | fault 72
            level 5              |                              | 5100A8 | 6:3 11:8 63:52          | 1591AAF82F3456 | 1234567456 4K rw
            level 4              |                              | 511918 | 7 51:HAW                | 1591AAF82F3456 | fault 72
            level 4              |                              | 511918 | 6:3 11:8 63:52          | 1591AAF82F3456 | 1234567456 4K rw
            level 3, table       |                              | 512558 | 51:HAW                  | 1591AAF82F3456 | fault 72
            level 3, table       |                              | 512558 | 6:3 11:8 63:52          | 1591AAF82F3456 | 1234567456 4K rw
            level 2, table       |                              | 513E08 | 51:HAW                  | 1591AAF82F3456 | fault 72
            level 2, table       |                              | 513E08 | 6:3 11:8 63:52          | 1591AAF82F3456 | 1234567456 4K rw
            level 1              |                              | 514798 | 51:HAW                  | 1591AAF82F3456 | fault 72
            level 1, 7 is PAT    |                              | 514798 | 11:3 63:52              | 1591AAF82F3456 | 1234567456 4K rw
            2 MiB leaf           |                              | 513E10 | 20:13 51:HAW            | 1591AAF8412345 | fault 72
            2 MiB leaf, 12 is PAT |                             | 513E10 | 6:3 12:8 63:52          | 1591AAF8412345 | 1234612345 2M rw
            1 GiB leaf           |                              | 512560 | 29:13 51:HAW            | 1591AB01234567 | fault 72
            1 GiB leaf, 12 is PAT |                             | 512560 | 6:3 12:8 63:52          | 1591AB01234567 | 1241234567 1G rw
            no 1 GiB             | CAP without 100_0000_0000_0000, 512560 without 80 | 512560 | 7  | 1591AB01234567 | fault 72
            EAFE                 | 1031D0 or 80, 103210 or 80   | 514798 | 11:3 63:52              | 1591AAF82F3456 | 1234567456 4K rw
            absent at level 5    | 5100A8 without 1             | 5100A8 | 63:1                    | 1591AAF82F3456 | fault 71
            absent at level 4    | 511918 without 1             | 511918 | 63:1                    | 1591AAF82F3456 | fault 71
            absent at level 3    | 512558 without 1             | 512558 | 63:1                    | 1591AAF82F3456 | fault 71
            absent at level 2    | 513E08 without 1             | 513E08 | 63:1                    | 1591AAF82F3456 | fault 71
            absent at level 1    | 514798 without 1             | 514798 | 63:1                    | 1591AAF82F3456 | fault 71
            """)
    void firstStageEntry(
            String what, @Nullable String edits, String entry, String bits, String address, String outcome) {
        for (int hostAddressWidth : new int[] {48, 39}) {
            for (int pasid : new int[] {7, 8}) { // first stage, nested
                try (var bench = WorkedTables.deep()) {
                    sweep(
                            bench,
                            hostAddressWidth,
                            edits,
                            entry,
                            bits,
                            "3A11 pasid %x read %s".formatted(pasid, address),
                            outcome);
                }
            }
        }
    }

    /** The second stage under a first stage: entries that lead to a first-stage table, and those that lead to the page. */
    @ParameterizedTest(name = "{0}: {3}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            what                  | entry  | bits              | outcome
            level 4               | 400000 | 7 11 51:HAW 62    | fault 7A
            level 4               | 400000 | 6:2 10:8 61:52 63 | 987654333 4K rw
            to a table, level 3   | 401000 | 11 51:HAW 62      | fault 7A
            to a table, level 2   | 402000 | 11 51:HAW 62      | fault 7A
            top table             | 403080 | 51:HAW 62         | fault 7A
            top table             | 403080 | 11:2 61:52 63     | 987654333 4K rw
            lower table           | 403088 | 51:HAW 62         | fault 7A
            lower table           | 403088 | 11:2 61:52 63     | 987654333 4K rw
            to the page, level 3  | 401008 | 11 51:HAW 62      | fault 7A
            the page              | 405118 | 51:HAW 62         | fault 7A
            the page              | 405118 | 11:2 61:52 63     | 987654333 4K rw
            """)
    void secondStageEntryUnderAFirstStage(String what, String entry, String bits, String outcome) {
        for (int hostAddressWidth : new int[] {48, 39}) {
            try (var bench = WorkedTables.scalable()) {
                sweep(bench, hostAddressWidth, null, entry, bits, "3A11 pasid 42 read 111122223333", outcome);
            }
        }
    }

    private static void sweep(
            Bench bench,
            int hostAddressWidth,
            @Nullable String edits,
            String entry,
            String bits,
            String request,
            String outcome) {
        bench.hostAddressWidth = hostAddressWidth;
        bench.edit(edits == null ? "" : edits);
        var wrong = new ArrayList<String>();
        var positions = positions(bits, hostAddressWidth);
        for (int bit = positions.nextSetBit(0); bit >= 0; bit = positions.nextSetBit(bit + 1)) {
            long address = Bench.hex(entry) + bit / 64 * 8L;
            long before = bench.word(address);
            bench.word(address, before | 1L << bit);
            var answer = bench.ask(request);
            // where there is no page, its size and rights mean nothing
            if (!(answer.equals(outcome) || !outcome.contains(" ") && answer.startsWith(outcome + " "))) {
                wrong.add("bit " + bit + ": " + answer);
            }
            bench.word(address, before);
        }
        assertThat(positions.isEmpty()).isFalse();
        assertThat(wrong).as("HAW %d, %s", hostAddressWidth, outcome).isEmpty();
    }

    /** Reads {@code 11:1 63:HAW 191:HAW+128}. */
    private static BitSet positions(String text, int hostAddressWidth) {
        var positions = new BitSet();
        for (var range : text.strip().split(" +")) {
            var ends = range.split(":");
            positions.set(position(ends[ends.length - 1], hostAddressWidth), position(ends[0], hostAddressWidth) + 1);
        }
        return positions;
    }

    private static int position(String text, int hostAddressWidth) {
        int sum = 0;
        for (var part : text.replace("-", "+-").split("\\+")) {
            sum += part.equals("HAW") ? hostAddressWidth : Integer.parseInt(part);
        }
        return sum;
    }
}
