package dev.ioasid.iommu.vtd;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.iommu.Fault;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Every reason for which an untranslated request can be blocked.
 *
 * <p>Column Q: the fault is qualified, so FPD silences it. Column "FPD in": entries that were fetched before the fault and
 * have an FPD bit; each is tried alone. Stage and level name the table entry at fault: {@code none 0} where no page table
 * was, {@code -} where it is a matter of taste. Not here: failed updates (7D, 91), which memory does not have.
 */
class VtdReasonCodesTest {
    @ParameterizedTest(name = "{0} {3}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            code | name  | Q | what                        | edits                              | request                       | FPD in        | at
            1    | LRT.2 | N | root absent                 | 1803A0 = 0                         | 3A11 read  7F1234567ABC       |               | none 0
            1    | LRT.2 | N | no bus 3B                   |                                    | 3B11 write 7F1234567ABC       |               | none 0
            2    | LCT.2 | Y | context absent              | 181110 without 1                   | 3A11 read  7F1234567ABC       | 181110        | none 0
            2    | LCT.2 | Y | context zero                |                                    | 3A14 write 7F1234567ABC       | 181140        | none 0
            3    | LCT.4 | Y | AW unsupported              | 181118 = 1103                      | 3A11 read  7F1234567ABC       | 181110        | none 0
            3    | LCT.4 | Y | AW unsupported, passing     | 181128 = 3303                      | 3A12 read  7F1234567ABC       | 181120        | none 0
            3    | LCT.4 | Y | TT = 3                      | 181110 or C                        | 3A11 read  7F1234567ABC       | 181110        | none 0
            3    | LCT.4 | Y | TT = 1 without DT           | 181110 or 4, ECAP without 4        | 3A11 read  7F1234567ABC       | 181110        | none 0
            3    | LCT.4 | Y | TT = 2 without PT           | ECAP without 40                    | 3A12 read  7F1234567ABC       | 181120        | none 0
            3    | LCT.4 | Y | SSPTPTR beyond memory       | 181110 = 1000001                   | 3A11 read  7F1234567ABC       | 181110        | -
            3    | LCT.4 | Y | SSPTPTR in a hole           | 181110 = A00001                    | 3A11 write 7F1234567ABC       | 181110        | -
            4    | LGN.1 | Y | input beyond 48 bits        |                                    | 3A11 read  1_0000_0000_0000   | 181110        | - 0
            4    | LGN.1 | Y | passing beyond HAW          |                                    | 3A12 write 1_0000_0000_0000   | 181120        | - 0
            5    | LGN.2 | Y | write to a read-only page   |                                    | 3A11 write 7F1234567ABC       | 181110        | second
            5    | LGN.2 | Y | write through R only        | 201248 = 204001                    | 3A11 write 7F1240A4CDEF       | 181110        | second
            5    | LGN.2 | Y | write to an absent page     | 203B38 = 0                         | 3A11 write 7F1234567ABC       | 181110        | second 1
            5    | LGN.2 | Y | write, absent at level 4    | 2007F0 = 0                         | 3A11 write 7F1234567ABC       | 181110        | second 4
            5    | LGN.2 | Y | write, no right left        | 201240 = 202001, 202D10 = 203002   | 3A11 write 7F1234567ABC       | 181110        | second
            6    | LGN.3 | Y | read of a write-only page   | 203B38 = 1234567002                | 3A11 read  7F1234567ABC       | 181110        | second
            6    | LGN.3 | Y | read of an absent page      | 203B38 = 0                         | 3A11 read  7F1234567ABC       | 181110        | second 1
            6    | LGN.3 | Y | read, absent at level 3     | 201240 = 0                         | 3A11 read  7F1234567ABC       | 181110        | second 3
            6    | LGN.3 | Y | read, no right left         | 201240 = 202001, 202D10 = 203002   | 3A11 read  7F1234567ABC       | 181110        | second
            7    | LSS.1 | Y | L3 beyond memory            | 2007F0 = 1000003                   | 3A11 read  7F1234567ABC       | 181110        | second 3
            7    | LSS.1 | Y | L1 in a hole                | 202D10 = AFF003                    | 3A11 write 7F1234567ABC       | 181110        | second 1
            8    | LRT.1 | N | root table beyond memory    | RTADDR = 1000000                   | 3A11 read  7F1234567ABC       |               | none 0
            8    | LRT.1 | N | root table in a hole        | RTADDR = A00000                    | 3A11 write 7F1234567ABC       |               | none 0
            9    | LCT.1 | N | context table beyond memory | 1803A0 = 1000001                   | 3A11 read  7F1234567ABC       |               | none 0
            9    | LCT.1 | N | context table in a hole     | 1803A0 = A00001                    | 3A11 write 7F1234567ABC       |               | none 0
            A    | LRT.3 | N | bit 1 of the root           | 1803A0 or 2                        | 3A11 read  7F1234567ABC       |               | none 0
            B    | LCT.3 | Y | bit 4 of the context        | 181110 or 10                       | 3A11 read  7F1234567ABC       | 181110        | none 0
            C    | LSS.2 | Y | SNP at level 3              | 201240 or 800                      | 3A11 read  7F1234567ABC       | 181110        | second 3
            C    | LSS.2 | Y | bit 13 of a 2M leaf         | 204028 or 2000                     | 3A11 write 7F1240A4CDEF       | 181110        | second 2
            E    | LGN.4 | Y | output is an interrupt      | 203B38 = FEE01003                  | 3A11 write 7F1234567ABC       | 181110        | -
            31   | RTA.2 | N | PASID in legacy mode        |                                    | 3A11 pasid 1234 read 7F1234567ABC | 181110    | none 0
            31   | RTA.2 | N | execute in legacy mode      |                                    | 3A11 pasid 1234 execute 7F1234567ABC |        | none 0
            30   | RTA.1 | N | SSIRWE in legacy mode       | RTADDR or 80, ECAP or 200_0000_0000_0000 | 3A11 read 7F1234567ABC  | 181110        | none 0
            """)
    void legacyMode(
            String code,
            String name,
            String qualified,
            String what,
            @Nullable String edits,
            String request,
            @Nullable String fpdIn,
            String at) {
        try (var bench = WorkedTables.legacy()) {
            check(bench, code, name, qualified, edits, request, fpdIn, at);
        }
    }

    @ParameterizedTest(name = "{0} {3}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            code | name   | Q | what                        | edits                               | request                                     | FPD in               | at
            30   | RTA.1  | N | TTM = 2                     | RTADDR = 100800                     | 3A11 read 7F1234567ABC                      |                      | none 0
            30   | RTA.1  | N | TTM = 1 without SMTS        | ECAP without 800_0000_0000          | 3A11 write 7F1234567ABC                     | 101220               | none 0
            30   | RTA.1  | N | TTM = 3 without ADMS        | RTADDR = 100C00, ECAP without 10_0000_0000_0000 | 3A11 pasid 1234 read 555512345678 |                    | none 0
            33   | RTA.4  | N | abort DMA                   | RTADDR = 100C00                     | 3A11 read 7F1234567ABC                      | 101220               | none 0
            33   | RTA.4  | N | abort DMA with PASID        | RTADDR = 100C00                     | 3A11 pasid 1234 write 555512345678          |                      | none 0
            34   | RTA.5  | N | execute, version 8          | VER = 80                            | 3A11 pasid 1234 execute 555512345678        | 101220 104D00        | none 0
            34   | RTA.5  | N | execute, version 15         | VER = F0                            | 3A11 pasid 1234 privileged execute 555512345678 |                  | none 0
            38   | SRT.1  | N | root table beyond memory    | RTADDR = 1000400                    | 3A11 read 7F1234567ABC                      |                      | none 0
            38   | SRT.1  | N | root table in a hole        | RTADDR = A00400                     | 3A11 pasid 1234 write 555512345678          |                      | none 0
            39   | SRT.2  | N | lower half absent           | 1003A0 = 0                          | 3A11 read 7F1234567ABC                      |                      | none 0
            39   | SRT.2  | N | upper half absent           |                                     | 3A91 write 7F1234567ABC                     |                      | none 0
            3A   | SRT.3  | N | bit 1 of the half           | 1003A0 or 2                         | 3A11 read 7F1234567ABC                      |                      | none 0
            40   | SCT.1  | N | context table beyond memory | 1003A0 = 1000001                    | 3A11 read 7F1234567ABC                      |                      | none 0
            40   | SCT.1  | N | context table in a hole     | 1003A0 = A00001                     | 3A11 pasid 1234 write 555512345678          |                      | none 0
            41   | SCT.2  | Y | context absent              | 101220 = 0                          | 3A11 read 7F1234567ABC                      | 101220               | none 0
            41   | SCT.2  | Y | absent, PASID               | 101220 without 1                    | 3A11 pasid 1234 write 555512345678          | 101220               | none 0
            42   | SCT.3  | Y | bit 7 of the context        | 101220 or 80                        | 3A11 read 7F1234567ABC                      | 101220               | none 0
            42   | SCT.3  | Y | word 3 of the context       | 101238 = 1                          | 3A11 pasid 1234 read 555512345678           | 101220               | none 0
            43   | SCT.4  | Y | PRE without DTE             | 101220 or 10                        | 3A11 read 7F1234567ABC                      | 101220               | none 0
            43   | SCT.4  | Y | RID_PASID beyond PDTS       | 101228 = 2000                       | 3A11 read 7F1234567ABC                      | 101220               | none 0
            43   | SCT.4  | Y | RID_PASID, PASID            | 101228 = 2000                       | 3A11 pasid 1234 write 555512345678          | 101220               | none 0
            45   | SCT.6  | Y | PASIDE = 0                  | 101220 without 8                    | 3A11 pasid 1234 read 555512345678           | 101220               | none 0
            46   | SCT.7  | Y | PASID beyond PDTS           |                                     | 3A11 pasid 2000 read 555512345678           | 101220               | none 0
            48   | SCT.9  | Y | PASID is RID_PASID          |                                     | 3A11 pasid 5 read 7F1234567ABC              | 101220               | none 0
            50   | SPD.1  | N | directory beyond memory     | 101220 = 1000009                    | 3A11 read 7F1234567ABC                      | 101220               | none 0
            50   | SPD.1  | N | directory in a hole         | 101220 = A00009                     | 3A11 pasid 1234 write 555512345678          | 101220               | none 0
            51   | SPD.2  | Y | directory entry absent      | 102000 = 0                          | 3A11 read 7F1234567ABC                      | 101220 102000        | none 0
            51   | SPD.2  | Y | directory entry absent      |                                     | 3A11 pasid 777 write 555512345678           | 101220 1020E8        | none 0
            52   | SPD.3  | Y | bit 2 of directory entry    | 102000 or 4                         | 3A11 read 7F1234567ABC                      | 101220 102000        | none 0
            58   | SPT.1  | N | PASID table beyond memory   | 102000 = 1000001                    | 3A11 read 7F1234567ABC                      | 101220 102000        | none 0
            58   | SPT.1  | N | PASID table in a hole       | 102240 = AFF001                     | 3A11 pasid 1234 write 555512345678          | 101220 102240        | none 0
            59   | SPT.2  | Y | PASID entry absent          | 103140 without 1                    | 3A11 read 7F1234567ABC                      | 101220 102000 103140 | none 0
            59   | SPT.2  | Y | PASID entry zero            |                                     | 3A11 pasid 1235 write 555512345678          | 101220 102240 104D40 | none 0
            5A   | SPT.3  | Y | bit 5 of PASID entry        | 103140 or 20                        | 3A11 read 7F1234567ABC                      | 101220 102000 103140 | none 0
            5A   | SPT.3  | Y | word 7 of PASID entry       | 104D38 = 8000000000000000           | 3A11 pasid 1234 write 555512345678          | 101220 102240 104D00 | none 0
            5B   | SPT.4  | Y | AW                          | 103140 or C                         | 3A11 read 7F1234567ABC                      | 101220 102000 103140 | none 0
            5B   | SPT.4  | Y | PGTT                        | 103140 without 1C0                  | 3A11 read 7F1234567ABC                      | 101220 102000 103140 | none 0
            5B   | SPT.4  | Y | nested without NEST         | ECAP without 400_0000               | 3A11 pasid 42 read 111122223333             | 101220 102008 105080 | none 0
            5B   | SPT.4  | Y | pass-through without PT     | ECAP without 40                     | 3A11 pasid 77 read 111122223333             | 101220 102008 105DC0 | none 0
            5B   | SPT.4  | Y | first stage without FSTS    | ECAP without 8004_0400_0000, 104D10 = 0 | 3A11 pasid 1234 read 555512345678       | 101220 102240 104D00 | none 0
            5B   | SPT.4  | Y | FSPM                        | 104D10 or 8                         | 3A11 pasid 1234 read 555512345678           | 101220 102240 104D00 | none 0
            5B   | SPT.4  | Y | FSPM = 1 without FS5LP      | 104D10 or 4, CAP without 1000_0000_0000_0000 | 3A11 pasid 1234 read 555512345678  | 101220 102240 104D00 | none 0
            5B   | SPT.4  | Y | FSPTPTR beyond 2^X          | 105080 = 4010C5, 105090 = 8000000000 | 3A11 pasid 42 read 111122223333            | 101220 102008 105080 | none 0
            5C   | SPT.5  | Y | execute, version 6          |                                     | 3A11 pasid 1234 execute 555512345678        | 101220 102240 104D00 | none 0
            5C   | SPT.5  | Y | execute, version 1          | VER = 10                            | 3A11 pasid 42 execute 111122223333          | 101220 102008 105080 | none 0
            5C   | SPT.5  | Y | execute, version 7          | VER = 70                            | 3A11 pasid 77 execute 111122223333          | 101220 102008 105DC0 | none 0
            5D   | SPT.6  | Y | privileged, SRE = 0         |                                     | 3A11 pasid 1234 privileged read 555512345678 | 101220 102240 104D00 | none 0
            5D   | SPT.6  | Y | privileged, second stage    | 101228 = 6, 103180 = 200089, 103188 = 800011 | 3A11 pasid 5 privileged write 7F1240A4CDEF | 101220 102000 103140 | none 0
            5D   | SPT.6  | Y | privileged, pass-through    |                                     | 3A11 pasid 77 privileged read 111122223333  | 101220 102008 105DC0 | none 0
            5D   | SPT.6  | Y | RID_PRIV, SRE = 0           | 101228 or 100000                    | 3A11 read 7F1234567ABC                      | 101220 102000 103140 | none 0
            70   | SFS.1  | Y | L2 beyond memory            | 301AA0 = 1000007                    | 3A11 pasid 1234 read 555512345678           | 101220 102240 104D00 | first 2
            70   | SFS.1  | Y | L1 in a hole                | 302488 = A00007                     | 3A11 pasid 1234 write 555512345678          | 101220 102240 104D00 | first 1
            70   | SFS.1  | Y | nested, L3 beyond memory    | 403088 = 1000003                    | 3A11 pasid 42 read 111122223333             | 101220 102008 105080 | first 3
            71   | SFS.2  | Y | absent at level 2           | 302488 without 1                    | 3A11 pasid 1234 read 555512345678           | 101220 102240 104D00 | first 2
            71   | SFS.2  | Y | absent at level 4           |                                     | 3A11 pasid 1234 write 555                   | 101220 102240 104D00 | first 4
            71   | SFS.2  | Y | nested, absent at level 3   | 725220 = 0                          | 3A11 pasid 42 read 111122223333             | 101220 102008 105080 | first 3
            72   | SFS.3  | Y | bit 51 at level 1           | 303A28 or 8000000000000             | 3A11 pasid 1234 read 555512345678           | 101220 102240 104D00 | first 1
            72   | SFS.3  | Y | nested, bit 13 of a 2M leaf | 733888 or 2000                      | 3A11 pasid 42 write 111122223333            | 101220 102008 105080 | first 2
            73   | SFS.4  | Y | FSPTPTR beyond memory       | 104D10 = 1000000                    | 3A11 pasid 1234 read 555512345678           | 101220 102240 104D00 | first 4
            73   | SFS.4  | Y | FSPTPTR in a hole           | 104D10 = AFF000                     | 3A11 pasid 1234 write 555512345678          | 101220 102240 104D00 | first 4
            73   | SFS.4  | Y | nested, L4 beyond memory    | 403080 = 1000003                    | 3A11 pasid 42 read 111122223333             | 101220 102008 105080 | first 4
            74   | SFS.5  | Y | leaf beyond 2^X             | 105080 = 4010C5, 733888 = 8000000087 | 3A11 pasid 42 read 111122223333            | 101220 102008 105080 | first 2
            74   | SFS.5  | Y | table beyond 2^X            | 105080 = 4010C5, 725220 = 8000000007 | 3A11 pasid 42 write 111122223333           | 101220 102008 105080 | first 3
            75   | SFS.6  | Y | top table not readable      | 403080 = 710002                     | 3A11 pasid 42 read 111122223333             | 101220 102008 105080 | -
            76   | SFS.7  | Y | lower table not readable    | 403090 = 733002                     | 3A11 pasid 42 write 111122223333            | 101220 102008 105080 | -
            77   | SFS.8  | Y | table not writable          | 403088 = 725001                     | 3A11 pasid 42 read 111122223333             | 101220 102008 105080 | -
            77   | SFS.8  | Y | leaf's table, D needed      | 403090 = 733001, 733888 or 20       | 3A11 pasid 42 write 111122223333            | 101220 102008 105080 | -
            77   | SFS.8  | Y | table not writable, SSADE   | 105080 or 200, 403088 = 725001, 725220 or 20 | 3A11 pasid 42 read 111122223333    | 101220 102008 105080 | -
            78   | SSS.1  | Y | L2 beyond memory            | 201240 = 1000003                    | 3A11 read 7F1234567ABC                      | 101220 102000 103140 | second 2
            78   | SSS.1  | Y | L1 in a hole                | 202D10 = A00003                     | 3A11 write 7F1234567ABC                     | 101220 102000 103140 | second 1
            78   | SSS.1  | Y | nested, L2 beyond memory    | 401008 = 1000003                    | 3A11 pasid 42 read 111122223333             | 101220 102008 105080 | second 2
            79   | SSS.2  | Y | absent at level 2           | 202D10 = 203000                     | 3A11 read 7F1234567ABC                      | 101220 102000 103140 | second 2
            79   | SSS.2  | Y | absent at level 1           | 203B38 = 0                          | 3A11 write 7F1234567ABC                     | 101220 102000 103140 | second 1
            79   | SSS.2  | Y | no right left, read         | 201240 = 202001, 202D10 = 203002    | 3A11 read 7F1234567ABC                      | 101220 102000 103140 | second
            79   | SSS.2  | Y | no right left, write        | 201248 = 204001, 204028 = 887600082 | 3A11 write 7F1240A4CDEF                     | 101220 102000 103140 | second
            79   | SSS.2  | Y | nested, table absent        | 403088 = 0                          | 3A11 pasid 42 read 111122223333             | 101220 102008 105080 | second 1
            79   | SSS.2  | Y | nested, page absent         | 404000 = 0                          | 3A11 pasid 42 write 111122223333            | 101220 102008 105080 | second 2
            7A   | SSS.3  | Y | bit 13 of a 2M leaf         | 204028 or 2000                      | 3A11 read 7F1240A4CDEF                      | 101220 102000 103140 | second 2
            7A   | SSS.3  | Y | nested, bit 62 at level 1   | 403088 or 4000000000000000          | 3A11 pasid 42 read 111122223333             | 101220 102008 105080 | second 1
            7B   | SSS.4  | Y | SSPTPTR beyond memory       | 103140 = 1000089                    | 3A11 read 7F1234567ABC                      | 101220 102000 103140 | second 4
            7B   | SSS.4  | Y | SSPTPTR in a hole           | 103140 = A00089                     | 3A11 write 7F1234567ABC                     | 101220 102000 103140 | second 4
            7B   | SSS.4  | Y | SSPTPTR of 3 levels         | 103140 = 1000085                    | 3A11 read 7F12345678                         | 101220 102000 103140 | second 3
            7B   | SSS.4  | Y | nested, SSPTPTR             | 105080 = 10000C9                    | 3A11 pasid 42 read 111122223333             | 101220 102008 105080 | second 4
            7C   | SSS.5  | Y | A needed, not snooped       | 103140 or 200, 103148 = 11          | 3A11 read 7F1234567ABC                      | 101220 102000 103140 | second
            7C   | SSS.5  | Y | nested, not snooped         | 105080 or 200, 105088 = 22          | 3A11 pasid 42 write 111122223333            | 101220 102008 105080 | second
            80   | SGN.1  | Y | not canonical               |                                     | 3A11 pasid 1234 read 0000800000000000       | 101220 102240 104D00 | - 0
            80   | SGN.1  | Y | nested, not canonical       |                                     | 3A11 pasid 42 write FFFE800000000000        | 101220 102008 105080 | - 0
            81   | SGN.2  | Y | user, supervisor page       |                                     | 3A11 pasid 1234 read FFFF8123456789A0       | 101220 102240 104D00 | first
            81   | SGN.2  | Y | user, supervisor at level 4 | 300550 without 4                    | 3A11 pasid 1234 write 555512345678          | 101220 102240 104D00 | first
            81   | SGN.2  | Y | RID_PRIV = 0                | 101228 = 42, 733888 = 40000083      | 3A11 read 111122223333                      | 101220 102008 105080 | first
            83   | SGN.4  | Y | passing beyond HAW          |                                     | 3A11 pasid 77 read 1_0000_0000_0000         | 101220 102008 105DC0 | - 0
            84   | SGN.5  | Y | input beyond 2^X            |                                     | 3A11 write 1_0000_0000_0000                 | 101220 102000 103140 | - 0
            85   | SGN.6  | Y | second stage                |                                     | 3A11 write 7F1234567ABC                     | 101220 102000 103140 | second
            85   | SGN.6  | Y | first stage                 | 302488 without 2                    | 3A11 pasid 1234 write 555512345678          | 101220 102240 104D00 | first
            85   | SGN.6  | Y | nested, first stage         | 733888 = 40000085                   | 3A11 pasid 42 write 111122223333            | 101220 102008 105080 | first
            85   | SGN.6  | Y | nested, second stage        | 405118 = 987654001                  | 3A11 pasid 42 write 111122223333            | 101220 102008 105080 | second
            85   | SGN.6  | Y | supervisor, WPE = 1         | 104D10 = 300011                     | 3A11 pasid 1234 privileged write FFFF8123456789A0 | 101220 102240 104D00 | first
            86   | SGN.7  | Y | second stage                | 203B38 = 1234567002                 | 3A11 read 7F1234567ABC                      | 101220 102000 103140 | second
            86   | SGN.7  | Y | nested, second stage        | 405118 = 987654002                  | 3A11 pasid 42 read 111122223333             | 101220 102008 105080 | second
            87   | SGN.8  | Y | second-stage output         | 203B38 = FEE01003                   | 3A11 write 7F1234567ABC                     | 101220 102000 103140 | -
            87   | SGN.8  | Y | first-stage output          | 303A28 = FEE00007                   | 3A11 pasid 1234 read 555512345678           | 101220 102240 104D00 | -
            87   | SGN.8  | Y | nested output               | 405118 = FEE00003                   | 3A11 pasid 42 read 111122223333             | 101220 102008 105080 | -
            87   | SGN.8  | Y | pass-through with PASID     |                                     | 3A11 pasid 77 write FEE00000                | 101220 102008 105DC0 | -
            89   | SGN.10 | Y | PASID beyond PSS            | ECAP without F8_0000_0000, ECAP or 58_0000_0000 | 3A11 pasid 1234 read 555512345678 | 101220             | none 0
            90   | SFS.9  | Y | A needed, not snooped       | 104D08 = 100                        | 3A11 pasid 1234 read 555512345678           | 101220 102240 104D00 | first
            90   | SFS.9  | Y | no SMPWCS                   | 104D08 = 100, ECAP without 1_2004_0000_0000 | 3A11 pasid 1234 read 555512345678   | 101220 102240 104D00 | first
            90   | SFS.9  | Y | nested, not snooped         | 105088 = 22                         | 3A11 pasid 42 read 111122223333             | 101220 102008 105080 | first
            """)
    void scalableMode(
            String code,
            String name,
            String qualified,
            String what,
            @Nullable String edits,
            String request,
            @Nullable String fpdIn,
            String at) {
        try (var bench = WorkedTables.scalable()) {
            check(bench, code, name, qualified, edits, request, fpdIn, at);
        }
    }

    private static void check(
            Bench bench,
            String code,
            String name,
            String qualified,
            @Nullable String edits,
            String asked,
            @Nullable String fpdIn,
            String at) {
        bench.edit(edits == null ? "" : edits);
        var before = bench.snapshot();
        var request = Bench.request(asked);
        int number = Integer.parseInt(code, 16);

        var unit = bench.on();
        var fault = Bench.fault(unit.translate(request));

        assertThat(Integer.toHexString(fault.code())).isEqualToIgnoringCase(code);
        assertThat(fault.name()).matches(name.replace(".", "\\.") + "(\\.\\d)?");
        assertThat(fault.detail()).isNotBlank();
        assertThat(fault.address()).isEqualTo(request.iova());
        assertPlace(fault, at);
        assertThat(fault.recorded()).isTrue();
        assertThat(Bench.read(unit, "FRCD0_HI")).isEqualTo(Bench.recordHigh(request, number));
        assertThat(unit.faults()).singleElement().satisfies(record -> {
            assertThat(record.code()).isEqualTo(number);
            assertThat(record.name()).matches(name.replace(".", "\\.") + "(\\.\\d)?");
            assertThat(record.detail()).isNotBlank();
            assertThat(record.rid()).isEqualTo(request.rid());
            assertThat(record.pasid()).isEqualTo(request.pasid());
            assertThat(record.access()).isEqualTo(request.access());
        });
        assertThat(unit.faultCounts()).containsEntry(fault.name(), 1L);

        for (var holder : fpdIn == null ? new String[0] : fpdIn.split(" ")) {
            bench.restore(before);
            bench.edit(holder + " or 2");
            var disabled = bench.on();
            var blocked = Bench.fault(disabled.translate(request));
            boolean silent = qualified.equals("Y");
            assertThat(Integer.toHexString(blocked.code()))
                    .as("FPD in %s", holder)
                    .isEqualToIgnoringCase(code);
            assertThat(blocked.recorded()).as("FPD in %s", holder).isEqualTo(!silent);
            assertThat(Bench.read(disabled, "FRCD0_HI"))
                    .as("FPD in %s", holder)
                    .isEqualTo(silent ? 0 : Bench.recordHigh(request, number));
            assertThat(Bench.read(disabled, "FSTS")).as("FPD in %s", holder).isEqualTo(silent ? 0 : 0b10);
            assertThat(disabled.faults()).hasSize(silent ? 0 : 1);
            assertThat(disabled.faultCounts()).containsEntry(blocked.name(), 1L);
        }
    }

    private static void assertPlace(Fault fault, String at) {
        var parts = at.split(" ");
        if (!parts[0].equals("-")) {
            var stage = fault.stage() == null ? "none" : fault.stage().name().toLowerCase(Locale.ROOT);
            assertThat(stage).isEqualTo(parts[0]);
        }
        if (parts.length > 1) {
            int level = fault.level() == null ? 0 : fault.level();
            assertThat(level).isEqualTo(Integer.parseInt(parts[1]));
        }
    }

    /** The last page before the end of memory, and those around a hole, are memory; what is beyond, and in it, is not. */
    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            what              | entry  | low bits | request                           | not memory | memory, but zero
            root table        | RTADDR | 400      | 3A11 read 7F1234567ABC            | 38         | 39
            legacy root table | RTADDR | 0        | 3A11 read 7F1234567ABC            | 8          | 1
            context table     | 1003A0 | 1        | 3A11 read 7F1234567ABC            | 40         | 41
            PASID directory   | 101220 | 9        | 3A11 read 7F1234567ABC            | 50         | 51
            PASID table       | 102000 | 1        | 3A11 read 7F1234567ABC            | 58         | 59
            SSPTPTR           | 103140 | 89       | 3A11 read 7F1234567ABC            | 7B         | 79
            second stage      | 201240 | 3        | 3A11 read 7F1234567ABC            | 78         | 79
            FSPTPTR           | 104D10 | 0        | 3A11 pasid 1234 read 555512345678 | 73         | 71
            first stage       | 301AA0 | 7        | 3A11 pasid 1234 read 555512345678 | 70         | 71
            nested, FSPTPTR   | 403080 | 3        | 3A11 pasid 42 read 111122223333   | 73         | 71
            nested            | 403088 | 3        | 3A11 pasid 42 read 111122223333   | 70         | 71
            """)
    void tablesEndWhereMemoryEnds(
            String what, String entry, String lowBits, String request, String notMemory, String zero) {
        try (var bench = WorkedTables.scalable()) {
            for (long page :
                    new long[] {0x9ff000, 0xa00000, 0xaff000, 0xb00000, 0xfff000, 0x1000000, 0xfffffffff000L}) {
                boolean backed = page < Bench.SIZE && !(page >= 0xa00000 && page <= 0xafffff);
                bench.edit("%s = %x, %s or %s".formatted(entry, page, entry, lowBits));
                assertThat(bench.ask(request)).as("at %x", page).isEqualTo("fault " + (backed ? zero : notMemory));
            }
        }
    }

    /** A PASID directory is up to 128 KiB, of which only the end may be missing. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            directory | pasid | outcome
            FFF000    | 7FFF  | fault 51
            FFF000    | 8000  | fault 50
            FE0000    | FFFFF | fault 51
            FE1000    | FFFFF | fault 50
            9FF000    | 7FFF  | fault 51
            9FF000    | 8000  | fault 50
            """)
    void aDirectoryMayReachBeyondMemory(String directory, String pasid, String outcome) {
        try (var bench = WorkedTables.scalable()) {
            bench.edit("101220 = %s, 101220 or E09".formatted(directory)); // PDTS = 7

            assertThat(bench.ask("3A11 pasid " + pasid + " read 1000")).isEqualTo(outcome);
        }
    }
}
