package dev.ioasid.iommu.smmuv3;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.memory.BitField;
import dev.ioasid.memory.BitLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.FieldSource;

/** IHI 0070, 5.1 to 5.4 and 6.3: every field of every structure and register by name and bits, and words that are known. */
class SmmuLayoutsTest {
    private static final Map<String, BitLayout> LAYOUTS = new LinkedHashMap<>();

    static {
        for (var layout : List.of(
                StreamTableDescriptor.LAYOUT,
                Ste.LAYOUT,
                L1Cd.LAYOUT,
                Cd.LAYOUT,
                Idr0.LAYOUT,
                Idr1.LAYOUT,
                Idr3.LAYOUT,
                Idr5.LAYOUT,
                Cr0.LAYOUT,
                Cr2.LAYOUT,
                Gbpa.LAYOUT,
                Gerror.LAYOUT,
                IrqCtrl.LAYOUT)) {
            LAYOUTS.put(layout.name(), layout);
        }
        LAYOUTS.put("STRTAB", Strtab.LAYOUT);
    }

    @SuppressWarnings("UnusedVariable") // by its name
    private static final List<String> NAMES = List.copyOf(LAYOUTS.keySet());

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            structure | words | fields
            L1STD     | 1 | Span 4:0, L2Ptr 51:6
            STE       | 8 | V 0, Config 3:1, S1Fmt 5:4, S1ContextPtr 51:6, S1CDMax 63:59, S1DSS 65:64, S1CIR 67:66, S1COR 69:68, S1CSH 71:70, S2HWU59 72, S2HWU60 73, S2HWU61 74, S2HWU62 75, DRE 76, CONT 80:77, DCP 81, PPAR 82, MEV 83, SW_RESERVED 87:84, S1PIE 88, S2FWB 89, S1MPAM 90, S1STALLD 91, EATS 93:92, STRW 95:94, MemAttr 99:96, MTCFG 100, ALLOCCFG 104:101, SHCFG 109:108, NSCFG 111:110, PRIVCFG 113:112, INSTCFG 115:114, S2VMID 143:128, S2T0SZ 165:160, S2SL0 167:166, S2IR0 169:168, S2OR0 171:170, S2SH0 173:172, S2TG 175:174, S2PS 178:176, S2AA64 179, S2ENDI 180, S2AFFD 181, S2PTW 182, S2HD 183, S2HA 184, S2S 185, S2R 186, S2HAFT 187, S2PIE 188, S2POE 189, DPT_VMATCH 191:190, S2NSW 192, S2NSA 193, S2SL0_2 194, S2DS 195, S2TTB 243:196, S2SKL 254:253, PARTID 287:272, S_S2T0SZ 293:288, S_S2SL0 295:294, S_S2TG 303:302, MECID 319:304, PMG 327:320, MPAM_NS 328, AssuredOnly 329, TL0 330, TL1 331, VMSPtr 375:332, S2SW 384, S2SA 385, S_S2SL0_2 386, S_S2TTB 435:388, S_S2SKL 446:445, S2POI 511:448
            L1CD      | 1 | V 0, L2Ptr 51:12
            CD        | 8 | T0SZ 5:0, TG0 7:6, IR0 9:8, OR0 11:10, SH0 13:12, EPD0 14, ENDI 15, T1SZ 21:16, TG1 23:22, IR1 25:24, OR1 27:26, SH1 29:28, EPD1 30, V 31, IPS 34:32, AFFD 35, WXN 36, UWXN 37, TBI0 38, TBI1 39, PAN 40, AA64 41, HD 42, HA 43, S 44, R 45, A 46, ASET 47, ASID 63:48, NSCFG0 64, HAD0 65, E0PD0 66, HAFT 67, TTB0 115:68, PnCH 122, EPAN 123, HWU059 124, HWU060 125, HWU061 126, HWU062 127, NSCFG1 128, HAD1 129, E0PD1 130, AIE 131, TTB1 179:132, DS 186, PIE 187, HWU159 188, HWU160 189, HWU161 190, HWU162 191, MAIR0 223:192, MAIR1 255:224, AMAIR0 287:256, AMAIR1 319:288, PARTID 367:352, PMG 375:368, PIIU 431:384, PIIP 495:448
            STRTAB    | 2 | ADDR 51:6, RA 62, LOG2SIZE 69:64, SPLIT 74:70, FMT 81:80
            IDR0      | 1 | S2P 0, S1P 1, TTF 3:2, COHACC 4, BTM 5, HTTU 7:6, DORMHINT 8, Hyp 9, ATS 10, NS1ATS 11, ASID16 12, MSI 13, SEV 14, ATOS 15, PRI 16, VMW 17, VMID16 18, CD2L 19, VATOS 20, TTENDIAN 22:21, ATSRECERR 23, STALL_MODEL 25:24, TERM_MODEL 26, ST_LEVEL 28:27, RME_IMPL 30
            IDR1      | 1 | SIDSIZE 5:0, SSIDSIZE 10:6, PRIQS 15:11, EVENTQS 20:16, CMDQS 25:21, ATTR_PERMS_OVR 26, ATTR_TYPES_OVR 27, REL 28, QUEUES_PRESET 29, TABLES_PRESET 30, ECMDQ 31
            IDR3      | 1 | HAD 2, PBHA 3, XNX 4, PPS 5, MPAM 7, FWB 8, STT 9, RIL 10, BBML 12:11, E0PD 13, PTWNNC 14, DPT 15, PASIDTT 16, EPAN 17, S1PI 18, S2PI 19, S2PO 20, THE 21, MTEPERM 22, AIE 23
            IDR5      | 1 | OAS 2:0, GRAN4K 4, GRAN16K 5, GRAN64K 6, DS 7, D128 8, VAX 11:10, STALL_MAX 31:16
            CR0       | 1 | SMMUEN 0, PRIQEN 1, EVENTQEN 2, CMDQEN 3, ATSCHK 4, VMW 8:6
            CR2       | 1 | E2H 0, RECINVSID 1, PTM 2, REC_CFG_ATS 3
            GBPA      | 1 | MemAttr 3:0, MTCFG 4, ALLOCCFG 11:8, SHCFG 13:12, PRIVCFG 17:16, INSTCFG 19:18, ABORT 20, Update 31
            GERROR    | 1 | CMDQ_ERR 0, EVENTQ_ABT_ERR 2, PRIQ_ABT_ERR 3, MSI_CMDQ_ABT_ERR 4, MSI_EVENTQ_ABT_ERR 5, MSI_PRIQ_ABT_ERR 6, MSI_GERROR_ABT_ERR 7, SFM_ERR 8, CMDQP_ERR 9, DPT_ERR 10
            IRQ_CTRL  | 1 | GERROR_IRQEN 0, PRIQ_IRQEN 1, EVENTQ_IRQEN 2
            """)
    void fields(String structure, int words, String fields) {
        var layout = layout(structure);

        assertThat(text(layout)).containsExactly(fields.split(", "));
        assertThat(layout.words()).isEqualTo(words);
        assertThat(layout.fields())
                .allSatisfy(field -> assertThat(field.meaning()).isNotBlank());
    }

    /** Each bit belongs to one field at most, and each name to one. */
    @ParameterizedTest
    @FieldSource("NAMES")
    void noFieldOverlapsAnother(String structure) {
        var layout = layout(structure);
        var owned = new long[layout.words()];
        var names = new HashSet<String>();

        for (var field : layout.fields()) {
            assertThat(owned[field.word()] & field.mask()).as(field.name()).isZero();
            owned[field.word()] |= field.mask();
            assertThat(names.add(field.name())).as(field.name()).isTrue();
        }
        for (int word = 0; word < owned.length; word++) {
            assertThat(layout.reserved(word)).isEqualTo(~owned[word]);
        }
    }

    /** Each field that is not 0, as it stands in the word, and the same word from the fields. */
    @ParameterizedTest(name = "{0} {1}: {2}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            structure | word | value            | fields
            STRTAB    | 0    | 4000000080000000 | ADDR 2000000, RA 1
            STRTAB    | 1    | 8                | LOG2SIZE 8
            STRTAB    | 1    | 10188            | LOG2SIZE 8, SPLIT 6, FMT 1
            L1STD     | 0    | 80000007         | Span 7, L2Ptr 2000000
            L1STD     | 0    | 80000006         | Span 6, L2Ptr 2000000
            STE       | 0    | 500000008001001b | V 1, Config 5, S1Fmt 1, S1ContextPtr 2000400, S1CDMax a
            STE       | 1    | 1000000000d4     | S1CIR 1, S1COR 1, S1CSH 3, SHCFG 1
            STE       | 2    | 7                | S2VMID 7
            STE       | 0    | 180000008003000b | V 1, Config 5, S1ContextPtr 2000c00, S1CDMax 3
            STE       | 0    | d                | V 1, Config 6
            STE       | 1    | 100000000000     | SHCFG 1
            STE       | 2    | 040d355800000011 | S2VMID 11, S2T0SZ 18, S2SL0 1, S2IR0 1, S2OR0 1, S2SH0 3, S2PS 5, S2AA64 1, S2R 1
            STE       | 2    | 040a355800000011 | S2VMID 11, S2T0SZ 18, S2SL0 1, S2IR0 1, S2OR0 1, S2SH0 3, S2PS 2, S2AA64 1, S2R 1
            STE       | 2    | 060d355800000011 | S2VMID 11, S2T0SZ 18, S2SL0 1, S2IR0 1, S2OR0 1, S2SH0 3, S2PS 5, S2AA64 1, S2S 1, S2R 1
            STE       | 2    | 040db55800000012 | S2VMID 12, S2T0SZ 18, S2SL0 1, S2IR0 1, S2OR0 1, S2SH0 3, S2TG 2, S2PS 5, S2AA64 1, S2R 1
            STE       | 3    | 80200000         | S2TTB 8020000
            STE       | 3    | 80400000         | S2TTB 8040000
            STE       | 0    | 180000004000100f | V 1, Config 7, S1ContextPtr 1000040, S1CDMax 3
            STE       | 0    | 180000006000100f | V 1, Config 7, S1ContextPtr 1800040, S1CDMax 3
            L1CD      | 0    | 80020001         | V 1, L2Ptr 80020
            CD        | 0    | 0025e205c0003510 | T0SZ 10, IR0 1, OR0 1, SH0 3, EPD1 1, V 1, IPS 5, AA64 1, R 1, A 1, ASET 1, ASID 25
            CD        | 0    | 0025f205c0003510 | T0SZ 10, IR0 1, OR0 1, SH0 3, EPD1 1, V 1, IPS 5, AA64 1, S 1, R 1, A 1, ASET 1, ASID 25
            CD        | 1    | 80100000         | TTB0 8010000
            CD        | 3    | 444ff            | MAIR0 444ff
            CD        | 0    | 0026e205b5d64000 | EPD0 1, T1SZ 16, TG1 3, IR1 1, OR1 1, SH1 3, V 1, IPS 5, AA64 1, R 1, A 1, ASET 1, ASID 26
            CD        | 2    | 80180000         | TTB1 8018000
            CD        | 0    | 0031e205c0003519 | T0SZ 19, IR0 1, OR0 1, SH0 3, EPD1 1, V 1, IPS 5, AA64 1, R 1, A 1, ASET 1, ASID 31
            CD        | 0    | 0031ea05c0003519 | T0SZ 19, IR0 1, OR0 1, SH0 3, EPD1 1, V 1, IPS 5, AA64 1, HA 1, R 1, A 1, ASET 1, ASID 31
            CD        | 0    | 0031ee05c0003519 | T0SZ 19, IR0 1, OR0 1, SH0 3, EPD1 1, V 1, IPS 5, AA64 1, HD 1, HA 1, R 1, A 1, ASET 1, ASID 31
            CD        | 1    | 40010000         | TTB0 4001000
            IDR0      | 0    | 084d369b         | S2P 1, S1P 1, TTF 2, COHACC 1, HTTU 2, Hyp 1, ATS 1, ASID16 1, MSI 1, PRI 1, VMID16 1, CD2L 1, TTENDIAN 2, ST_LEVEL 1
            IDR1      | 0    | 0e739c10         | SIDSIZE 10, SSIDSIZE 10, PRIQS 13, EVENTQS 13, CMDQS 13, ATTR_PERMS_OVR 1, ATTR_TYPES_OVR 1
            IDR3      | 0    | 1534             | HAD 1, XNX 1, PPS 1, FWB 1, RIL 1, BBML 2
            IDR3      | 0    | 7534             | HAD 1, XNX 1, PPS 1, FWB 1, RIL 1, BBML 2, E0PD 1, PTWNNC 1
            IDR5      | 0    | 400075           | OAS 5, GRAN4K 1, GRAN16K 1, GRAN64K 1, STALL_MAX 40
            GBPA      | 0    | 1000             | SHCFG 1
            """)
    void knownWords(String structure, int word, String value, String fields) {
        var layout = layout(structure);
        long bits = Long.parseUnsignedLong(value, 16);

        var decoded = new ArrayList<String>();
        long encoded = 0;
        for (var field : layout.fields()) {
            if (field.word() == word && field.isSet(bits)) {
                decoded.add(field.name() + " " + Long.toHexString(field.get(bits)));
                encoded |= field.of(field.get(bits));
            }
        }

        assertThat(decoded).containsExactly(fields.split(", "));
        assertThat(encoded).isEqualTo(bits);
        assertThat(Arrays.stream(fields.split(", "))
                        .mapToLong(part -> {
                            var names = part.split(" ");
                            return field(layout, word, names[0]).of(Long.parseUnsignedLong(names[1], 16));
                        })
                        .reduce(0, (one, other) -> one | other))
                .isEqualTo(bits);
    }

    /** Pointers are used with their bits in place. */
    @Test
    void pointersKeepTheirPlace() {
        assertThat(Ste.S1CONTEXTPTR.address(0x500000008001001bL)).isEqualTo(0x80010000L);
        assertThat(Ste.S2TTB.address(-1)).isEqualTo(0x000f_ffff_ffff_fff0L);
        assertThat(Cd.TTB0.address(-1)).isEqualTo(0x000f_ffff_ffff_fff0L);
        assertThat(Cd.TTB1.address(-1)).isEqualTo(0x000f_ffff_ffff_fff0L);
        assertThat(L1Cd.L2PTR.address(-1)).isEqualTo(0x000f_ffff_ffff_f000L);
        assertThat(StreamTableDescriptor.L2PTR.address(-1)).isEqualTo(0x000f_ffff_ffff_ffc0L);
        assertThat(Strtab.ADDR.address(-1)).isEqualTo(0x000f_ffff_ffff_ffc0L);
    }

    private static BitLayout layout(String structure) {
        var layout = LAYOUTS.get(structure);
        if (layout == null) {
            throw new AssertionError("no layout " + structure);
        }
        return layout;
    }

    private static BitField field(BitLayout layout, int word, String name) {
        return layout.fields().stream()
                .filter(field -> field.word() == word && field.name().equals(name))
                .findFirst()
                .orElseThrow();
    }

    /** {@code Config 3:1}, {@code V 0}. */
    private static List<String> text(BitLayout layout) {
        return layout.fields().stream()
                .map(field -> field.name() + " "
                        + (field.high() == field.low() ? field.low() : field.high() + ":" + field.low()))
                .toList();
    }
}
