package dev.ioasid.iommu.vtd;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.iommu.Step;
import dev.ioasid.memory.BitField;
import dev.ioasid.memory.BitLayout;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Every field of every structure, by name and bits, as an explanation decodes it. Bits count over the whole structure. */
class VtdLayoutsTest {
    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            structure             | edits           | request                           | section | words | fields
            rtaddr                |                 | 3A11 read 7F1234567ABC            | 11.4.5  | 1 | RTA 63:12, TTM 11:10, SSIRWE 7
            root-entry            |                 | 3A11 read 7F1234567ABC            | 9.2     | 1 | P 0, CTP 63:12
            root-entry            | RTADDR = 180000 | 3A11 read 7F1234567ABC            | 9.1     | 2 | P 0, CTP 63:12
            context-entry         | RTADDR = 180000 | 3A11 read 7F1234567ABC            | 9.3     | 2 | P 0, FPD 1, TT 3:2, SSPTPTR 63:12, AW 66:64, IGN 70:67, DID 87:72
            context-entry         |                 | 3A11 read 7F1234567ABC            | 9.4     | 4 | P 0, FPD 1, DTE 2, PASIDE 3, PRE 4, HPTE 5, EPTR 6, PDTS 11:9, PASIDDIRPTR 63:12, RID_PASID 83:64, RID_PRIV 84
            pasid-directory-entry |                 | 3A11 read 7F1234567ABC            | 9.5     | 1 | P 0, FPD 1, SMPTBLPTR 63:12
            pasid-table-entry     |                 | 3A11 read 7F1234567ABC            | 9.6     | 8 | P 0, FPD 1, AW 4:2, PGTT 8:6, SSADE 9, SSPTPTR 63:12, DID 79:64, PWSNP 87, PGSNP 88, CD 89, EMTE 90, PAT 127:96, SRE 128, FSPM 131:130, WPE 132, IGN 134:133, EAFE 135, FSPTPTR 191:140
            first-stage-entry     |                 | 3A11 pasid 1234 read 555512345678 | 9.7     | 1 | P 0, R/W 1, U/S 2, PWT 3, PCD 4, A 5, PS 7, EA 10, ADDR 51:12, XD 63
            second-stage-entry    |                 | 3A11 read 7F1234567ABC            | 9.8     | 1 | R 0, W 1, X 2, PS 7, A 8, ADDR 51:12, IR 61, IW 62
            """)
    void fields(String structure, @Nullable String edits, String request, String section, int words, String fields) {
        try (var bench = WorkedTables.scalable().words(WorkedTables.LEGACY_MODE)) {
            bench.edit(edits == null ? "" : edits);
            var step = steps(bench, request).stream()
                    .filter(one -> one.structure().equals(structure))
                    .findFirst()
                    .orElseThrow();

            var layout = layout(step);
            assertThat(text(layout)).containsExactlyInAnyOrder(fields.split(", "));
            assertThat(layout.section()).isEqualTo(section);
            assertThat(layout.words()).isEqualTo(words);
            assertThat(step.raw()).hasSize(words);
            assertThat(layout.fields())
                    .allSatisfy(field -> assertThat(field.meaning()).isNotBlank());
        }
    }

    /** A page's entry has more fields than a table's. */
    @ParameterizedTest(name = "{0}, {1}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            structure          | request                                          | fields
            second-stage-entry | 3A11 read 7F1234567ABC                           | R 0, W 1, X 2, EMT 5:3, IPAT 6, PS 7, A 8, D 9, SNP 11, ADDR 51:12, IR 61, IW 62
            second-stage-entry | 3A11 read 7F1240A4CDEF                           | R 0, W 1, X 2, EMT 5:3, IPAT 6, PS 7, A 8, D 9, SNP 11, ADDR 51:12, IR 61, IW 62
            first-stage-entry  | 3A11 pasid 1234 read 555512345678                | P 0, R/W 1, U/S 2, PWT 3, PCD 4, A 5, D 6, PS 7, G 8, EA 10, ADDR 51:12, XD 63
            first-stage-entry  | 3A11 pasid 1234 privileged read FFFF8123456789A0 | P 0, R/W 1, U/S 2, PWT 3, PCD 4, A 5, D 6, PS 7, G 8, EA 10, ADDR 51:12, XD 63
            """)
    void pageFields(String structure, String request, String fields) {
        try (var bench = WorkedTables.scalable()) {
            bench.edit("104D10 or 1"); // SRE
            var step = steps(bench, request).getLast();

            assertThat(step.structure()).isEqualTo(structure);
            assertThat(text(layout(step))).containsExactlyInAnyOrder(fields.split(", "));
        }
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            register | fields
            FRCD     | FI 63:12, SID 79:64, T2 92, PRIV 93, EXE 94, PP 95, FR 103:96, PV 123:104, AT 125:124, T1 126, F 127
            PRQ      | TYPE 7:0, PP 8, RID 31:16, PASID 51:32, EXR 52, PMR 53, RDR 64, WRR 65, LPIG 66, PRGI 75:67, ADDR 127:76
            CAP      | ND 2:0, RWBF 4, PLMR 5, PHMR 6, CM 7, SAGAW 12:8, MGAW 21:16, ZLR 22, FRO 33:24, SSLPS 37:34, PSI 39, NFR 47:40, MAMV 53:48, DWD 54, DRD 55, FS1GP 56, PI 59, FS5LP 60, ECMDS 61, ESIRTPS 62, ESRTPS 63
            """)
    void registerFields(String register, String fields) {
        var layout = switch (register) {
            case "CAP" -> Cap.LAYOUT;
            case "PRQ" -> PageRequestDescriptor.LAYOUT;
            default -> FaultRecording.LAYOUT;
        };

        assertThat(text(layout)).containsExactlyInAnyOrder(fields.split(", "));
    }

    /** What was read, in the order in which it was read, and where. */
    @ParameterizedTest(name = "{0}, {1}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            edits               | request                           | steps
                                | 3A11 read 7F1234567ABC            | rtaddr, root-entry 1003A0, context-entry 101220, pasid-directory-entry 102000, pasid-table-entry 103140, second-stage-entry/4 2007F0, second-stage-entry/3 201240, second-stage-entry/2 202D10, second-stage-entry/1 203B38
                                | 3A11 read 7F1240A4CDEF            | rtaddr, root-entry 1003A0, context-entry 101220, pasid-directory-entry 102000, pasid-table-entry 103140, second-stage-entry/4 2007F0, second-stage-entry/3 201248, second-stage-entry/2 204028
                                | 3A11 pasid 1234 read 555512345678 | rtaddr, root-entry 1003A0, context-entry 101220, pasid-directory-entry 102240, pasid-table-entry 104D00, first-stage-entry/4 300550, first-stage-entry/3 301AA0, first-stage-entry/2 302488, first-stage-entry/1 303A28
                                | 3A11 pasid 42 read 111122223333   | rtaddr, root-entry 1003A0, context-entry 101220, pasid-directory-entry 102008, pasid-table-entry 105080, second-stage-entry/4 400000, second-stage-entry/3 401000, second-stage-entry/2 402000, second-stage-entry/1 403080, first-stage-entry/4 710110, second-stage-entry/4 400000, second-stage-entry/3 401000, second-stage-entry/2 402000, second-stage-entry/1 403088, first-stage-entry/3 725220, second-stage-entry/4 400000, second-stage-entry/3 401000, second-stage-entry/2 402000, second-stage-entry/1 403090, first-stage-entry/2 733888, second-stage-entry/4 400000, second-stage-entry/3 401008, second-stage-entry/2 404000, second-stage-entry/1 405118
                                | 3A11 pasid 77 read 1234           | rtaddr, root-entry 1003A0, context-entry 101220, pasid-directory-entry 102008, pasid-table-entry 105DC0
                                | 3A91 read 7F1234567ABC            | rtaddr, root-entry 1003A8
            101220 = 0          | 3A11 read 7F1234567ABC            | rtaddr, root-entry 1003A0, context-entry 101220
            102000 = 1000001    | 3A11 read 7F1234567ABC            | rtaddr, root-entry 1003A0, context-entry 101220, pasid-directory-entry 102000, pasid-table-entry 1000140 no memory
            201240 = 1000003    | 3A11 read 7F1234567ABC            | rtaddr, root-entry 1003A0, context-entry 101220, pasid-directory-entry 102000, pasid-table-entry 103140, second-stage-entry/4 2007F0, second-stage-entry/3 201240, second-stage-entry/2 1000D10 no memory
            RTADDR = 180000     | 3A11 read 7F1240A4CDEF            | rtaddr, root-entry 1803A0, context-entry 181110, second-stage-entry/4 2007F0, second-stage-entry/3 201248, second-stage-entry/2 204028
            RTADDR = 180000     | 3A12 read 1234                    | rtaddr, root-entry 1803A0, context-entry 181120
            RTADDR = 100C00     | 3A11 read 7F1240A4CDEF            | rtaddr
                                | 3A11 write FEE00000               | rtaddr
            """)
    void stepsInOrder(@Nullable String edits, String request, String expected) {
        try (var bench = WorkedTables.scalable().words(WorkedTables.LEGACY_MODE)) {
            bench.edit(edits == null ? "" : edits);
            var told = new ArrayList<String>();
            for (var step : steps(bench, request)) {
                var address = step.address();
                told.add(step.structure()
                        + (step.level() == null ? "" : "/" + step.level())
                        + (address == null ? "" : " %X".formatted(address))
                        + (step.raw().isEmpty() ? " no memory" : ""));
                for (int word = 0; address != null && word < step.raw().size(); word++) {
                    assertThat(step.raw().get(word)).isEqualTo(bench.word(address + word * 8L));
                }
            }

            assertThat(told).containsExactly(expected.split(", "));
        }
    }

    private static List<Step> steps(Bench bench, String request) {
        return bench.on().explain(Bench.request(request)).steps();
    }

    private static BitLayout layout(Step step) {
        var layout = step.layout();
        if (layout == null) {
            throw new AssertionError("nothing is decoded: " + step);
        }
        return layout;
    }

    /** {@code TT 3:2}, {@code P 0}. */
    private static List<String> text(BitLayout layout) {
        var text = new ArrayList<String>();
        for (BitField field : layout.fields()) {
            boolean single = field.high() == field.low();
            text.add(field.name() + " " + (single ? field.low() : field.high() + ":" + field.low()));
        }
        return text;
    }
}
