package dev.ioasid.iommu.vtd;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Rid;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Every width and every limit, at its last valid and its first invalid value. */
class VtdWidthsTest {
    private static final Rid RID = Rid.ofSourceId(0, 0x3a11);
    private static final long SAGAW = 0xfL << 8;
    private static final long MGAW = 0x3fL << 16;

    /** Only tables of a width that SAGAW has are walked: AW 1, 2, 3 are SAGAW bits 1, 2, 3. */
    @ParameterizedTest(name = "SAGAW {0}")
    @ValueSource(ints = {0b0010, 0b0100, 0b1000, 0b0110, 0b1100, 0b1010, 0b1110})
    void onlySupportedWidthsAreWalked(int sagaw) {
        for (int aw = 0; aw < 8; aw++) {
            boolean supported = aw >= 1 && aw <= 3 && (sagaw >>> aw & 1) != 0;
            try (var bench = secondStage(Math.clamp(aw, 1, 3), 57, 48)) {
                bench.cap = bench.cap & ~SAGAW | (long) sagaw << 8;
                bench.edit("103140 without 1C, 103140 or %x".formatted(aw << 2));
                bench.edit("181118 = 110%x, 181128 = 330%x".formatted(aw, aw));
                bench.edit("105080 without 1C, 105080 or %x".formatted(aw << 2));

                assertThat(bench.ask("3A11 read 1234567")).isEqualTo(supported ? "2234567 4K rw" : "fault 5B");
                if (!supported) {
                    assertThat(bench.ask("3A11 pasid 42 read 111122223333")).isEqualTo("fault 5B");
                }
                bench.rootTable = WorkedTables.LEGACY;
                assertThat(bench.ask("3A11 read 1234567")).isEqualTo(supported ? "2234567 4K rw" : "fault 3");
                assertThat(bench.ask("3A12 read 1234567").split(" ")[0]).isEqualTo(supported ? "1234567" : "fault");
            }
        }
    }

    /** A second-stage input is below 2^X, X the smaller of MGAW and the width of the tables. */
    @ParameterizedTest(name = "AW {0}, MGAW {1}: {2} bits")
    @CsvSource(useHeadersInDisplayName = true, textBlock = """
            AW, MGAW, X
            1,  39,   39
            1,  48,   39
            1,  57,   39
            2,  39,   39
            2,  40,   40
            2,  47,   47
            2,  48,   48
            2,  57,   48
            3,  39,   39
            3,  48,   48
            3,  49,   49
            3,  56,   56
            3,  57,   57
            """)
    void secondStageInputsEndAtX(int aw, int mgaw, int x) {
        long last = (1L << x) - 1;
        try (var bench = secondStage(aw, mgaw, 39)) {
            mapSecondStage(bench, 0x200000, aw + 2, last, 0x7654321000L | 3);
            mapSecondStage(bench, 0x200000, aw + 2, 1L << x, 0x7654321000L | 3); // may be the page at 0
            mapSecondStage(bench, 0x200000, aw + 2, 0, 0x7654321000L | 3);

            assertThat(bench.ask(read(DmaRequest.NO_PASID, last))).isEqualTo("7654321FFF 4K rw");
            assertThat(bench.ask(read(DmaRequest.NO_PASID, 0))).isEqualTo("7654321000 4K rw");
            assertThat(bench.ask(read(DmaRequest.NO_PASID, last + 1))).isEqualTo("fault 84");
            assertThat(bench.ask(read(DmaRequest.NO_PASID, 1L << 63))).isEqualTo("fault 84");
            assertThat(bench.ask(read(DmaRequest.NO_PASID, -1))).isEqualTo("fault 84");
            bench.rootTable = WorkedTables.LEGACY;
            assertThat(bench.ask(read(DmaRequest.NO_PASID, last))).isEqualTo("7654321FFF 4K rw");
            assertThat(bench.ask(read(DmaRequest.NO_PASID, last + 1))).isEqualTo("fault 4");
            assertThat(bench.ask(read(DmaRequest.NO_PASID, -1))).isEqualTo("fault 4");
        }
    }

    /** The guest physical addresses of a first stage are below 2^X, and the bits from HAW on are reserved first. */
    @ParameterizedTest(name = "AW {0}, MGAW {1}, HAW {2}: {3} bits")
    @CsvSource(useHeadersInDisplayName = true, textBlock = """
            AW, MGAW, HAW, limit, entry beyond, FSPTPTR beyond
            1,  48,   48,  39,    74,           5B
            1,  57,   52,  39,    74,           5B
            1,  57,   40,  39,    74,           5B
            1,  57,   39,  39,    72,           5A
            2,  57,   52,  48,    74,           5B
            2,  48,   48,  48,    72,           5A
            2,  57,   46,  46,    72,           5A
            3,  50,   52,  50,    74,           5B
            3,  57,   51,  51,    72,           5A
            """)
    void guestAddressesEndAtX(
            int aw, int mgaw, int hostAddressWidth, int limit, String entryBeyond, String rootBeyond) {
        long last = (1L << limit) - 0x1000;
        try (var bench = secondStage(aw, mgaw, hostAddressWidth)) {
            // PASID 42: its top first-stage table is at the last guest page, and so is the page that it leads to
            bench.edit("105080 = %x, 105090 = %x".formatted(0x2000c1 | aw << 2, last));
            mapSecondStage(bench, 0x200000, aw + 2, last, 0x710003);
            mapSecondStage(bench, 0x200000, aw + 2, 0x11000, 0x725003);
            mapSecondStage(bench, 0x200000, aw + 2, 0x12000, 0x733003);
            mapSecondStage(bench, 0x200000, aw + 2, 0x13000, 0x734003);
            bench.word(0x733888, 0x13007).word(0x734118, last | 7);

            assertThat(bench.ask("3A11 pasid 42 read 111122223333")).isEqualTo("710333 4K rw");
            bench.word(0x734118, 1L << limit | 7);
            assertThat(bench.ask("3A11 pasid 42 read 111122223333")).isEqualTo("fault " + entryBeyond);
            bench.word(0x734118, last | 7).word(0x733888, 1L << limit | 7);
            assertThat(bench.ask("3A11 pasid 42 read 111122223333")).isEqualTo("fault " + entryBeyond);
            bench.word(0x105090, 1L << limit);
            assertThat(bench.ask("3A11 pasid 42 read 111122223333")).isEqualTo("fault " + rootBeyond);
        }
    }

    /** A PASID directory has 2^(PDTS+7) entries of 64 PASIDs each. */
    @ParameterizedTest(name = "PDTS {0}")
    @ValueSource(ints = {0, 1, 2, 3, 4, 5, 6, 7})
    void pasidsEndWithTheDirectory(int pdts) {
        int last = (1 << pdts + 13) - 1;
        try (var bench = WorkedTables.scalable()) {
            bench.edit("101220 = 800009, 101220 or %x, 101228 = 1".formatted(pdts << 9));
            bench.word(0x800000 + (last >>> 6) * 8L, 0x104001)
                    .word(0x104fc0, 0x101)
                    .word(0x104fc8, 0x800100);

            assertThat(bench.ask(read(last, 0x1000))).startsWith("1000 ");
            if (pdts < 7) {
                assertThat(bench.ask(read(last + 1, 0x1000))).isEqualTo("fault 46");
            }
            bench.word(0x101228, last);
            assertThat(bench.ask(read(DmaRequest.NO_PASID, 0x1000))).startsWith("1000 ");
            if (pdts < 7) {
                bench.word(0x101228, last + 1);
                assertThat(bench.ask(read(DmaRequest.NO_PASID, 0x1000))).isEqualTo("fault 43");
                assertThat(bench.ask(read(last, 0x1000))).isEqualTo("fault 43");
            }
        }
    }

    /** The unit takes PASIDs of PSS+1 bits. */
    @ParameterizedTest(name = "PSS {0}")
    @ValueSource(ints = {0, 1, 5, 6, 9, 12, 15, 18, 19})
    void pasidsEndWithThoseOfTheUnit(int pss) {
        int last = (1 << pss + 1) - 1;
        try (var bench = WorkedTables.scalable()) {
            bench.edit("101220 = 800E09, 101228 = 0"); // PDTS = 7
            bench.ecap = bench.ecap & ~(0x1fL << 35) | (long) pss << 35;
            for (int pasid : new int[] {last, last + 1}) {
                bench.word(0x800000 + (pasid >>> 6) * 8L, 0x104001);
                bench.word(0x104000 + (pasid & 63) * 64L, 0x101);
            }

            assertThat(bench.ask(read(last, 0x1000))).startsWith("1000 ");
            if (pss < 19) {
                assertThat(bench.ask(read(last + 1, 0x1000))).isEqualTo("fault 89");
            }
        }
    }

    @ParameterizedTest(name = "HAW {0}")
    @ValueSource(ints = {32, 36, 39, 46, 48, 52})
    void whatPassesThroughEndsAtTheHostAddressWidth(int hostAddressWidth) {
        long last = (1L << hostAddressWidth) - 1;
        try (var bench = WorkedTables.scalable().words(WorkedTables.LEGACY_MODE)) {
            bench.cap = bench.cap & ~MGAW | 56L << 16;
            bench.hostAddressWidth = hostAddressWidth;

            assertThat(bench.ask(read(0x77, last)))
                    .startsWith("%X ".formatted(last))
                    .endsWith(" rw");
            assertThat(bench.ask(read(0x77, last + 1))).isEqualTo("fault 83");
            assertThat(bench.ask(read(0x77, -1))).isEqualTo("fault 83");
            bench.edit("101228 = 77");
            assertThat(bench.ask(read(DmaRequest.NO_PASID, last))).startsWith("%X ".formatted(last));
            assertThat(bench.ask(read(DmaRequest.NO_PASID, last + 1))).isEqualTo("fault 83");
            bench.rootTable = WorkedTables.LEGACY;
            var other = Rid.ofSourceId(0, 0x3a12);
            assertThat(bench.ask(new DmaRequest(other, DmaRequest.NO_PASID, last, Access.WRITE, false)))
                    .startsWith("%X ".formatted(last));
            assertThat(bench.ask(new DmaRequest(other, DmaRequest.NO_PASID, last + 1, Access.WRITE, false)))
                    .isEqualTo("fault 4");
        }
    }

    /** First-stage inputs repeat their highest bit up to bit 63, whatever the second stage is. */
    @ParameterizedTest(name = "{1}: {2}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            levels | pasid | address          | outcome
            4      | 1234  | 00007FFFFFFFFFFF | fault 71
            4      | 1234  | 0000800000000000 | fault 80
            4      | 1234  | FFFF7FFFFFFFFFFF | fault 80
            4      | 1234  | FFFF800000000000 | fault 71
            4      | 1234  | FFFFFFFFFFFFFFFF | fault 71
            4      | 1234  | 0000000000000000 | fault 71
            4      | 1234  | 8000555512345678 | fault 80
            4      | 1234  | 0001555512345678 | fault 80
            4      | 42    | 00007FFFFFFFFFFF | fault 71
            4      | 42    | 0000800000000000 | fault 80
            4      | 42    | FFFF7FFFFFFFFFFF | fault 80
            4      | 42    | FFFF800000000000 | fault 71
            5      | 7     | 00FFFFFFFFFFFFFF | fault 71
            5      | 7     | 0100000000000000 | fault 80
            5      | 7     | FEFFFFFFFFFFFFFF | fault 80
            5      | 7     | FF00000000000000 | fault 71
            5      | 7     | 0000800000000000 | fault 71
            5      | 8     | 00FFFFFFFFFFFFFF | fault 71
            5      | 8     | 0100000000000000 | fault 80
            5      | 8     | FEFFFFFFFFFFFFFF | fault 80
            5      | 8     | FF00000000000000 | fault 71
            """)
    void firstStageInputsAreCanonical(int levels, String pasid, String address, String outcome) {
        for (int mgaw : new int[] {48, 57}) {
            try (var bench = WorkedTables.deep()) {
                bench.cap = bench.cap & ~MGAW | (mgaw - 1L) << 16;
                assertThat(bench.ask("3A11 pasid %s read %s".formatted(pasid, address)))
                        .isEqualTo(outcome);
            }
        }
    }

    /** Leaves of 2 MiB and 1 GiB where the unit has them, and where it does not. */
    @ParameterizedTest(name = "{0}, {2}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            what               | edits                            | pasid | address        | outcome
            SSLPS = 3          |                                  | 6     | 1591AAF8412345 | 1234612345 2M rw
            SSLPS = 3          |                                  | 6     | 1591AB01234567 | 1241234567 1G rw
            SSLPS = 1          | CAP without 8_0000_0000          | 6     | 1591AAF8412345 | 1234612345 2M rw
            SSLPS = 1          | CAP without 8_0000_0000          | 6     | 1591AB01234567 | fault 7A
            SSLPS = 0          | CAP without C_0000_0000          | 6     | 1591AAF8412345 | fault 7A
            SSLPS = 0          | CAP without C_0000_0000          | 6     | 1591AB01234567 | fault 7A
            SSLPS = 0          | CAP without C_0000_0000          | 6     | 1591AAF82F3456 | 1234567456 4K rw
            FS1GP              |                                  | 7     | 1591AAF8412345 | 1234612345 2M rw
            FS1GP              |                                  | 7     | 1591AB01234567 | 1241234567 1G rw
            no FS1GP           | CAP without 100_0000_0000_0000   | 7     | 1591AAF8412345 | 1234612345 2M rw
            no FS1GP           | CAP without 100_0000_0000_0000   | 7     | 1591AB01234567 | fault 72
            SSLPS is not for FS | CAP without C_0000_0000         | 7     | 1591AB01234567 | 1241234567 1G rw
            FS1GP is not for SS | CAP without 100_0000_0000_0000  | 6     | 1591AB01234567 | 1241234567 1G rw
            nested             |                                  | 8     | 1591AAF82F3456 | 1234567456 4K rw
            nested, 2M on 1G   |                                  | 8     | 1591AAF8412345 | 1234612345 2M rw
            nested, 1G on 1G   |                                  | 8     | 1591AB01234567 | 1241234567 1G rw
            nested, no FS1GP   | CAP without 100_0000_0000_0000   | 8     | 1591AB01234567 | fault 72
            nested, SSLPS = 1  | CAP without 8_0000_0000          | 8     | 1591AAF82F3456 | fault 7A
            1G on 4K           | 522248 = 530003, 530048 = 531003, 531B38 = 1FEED003 | 8 | 1591AB01367567 | 1FEED567 4K rw
            1G on 2M           | 522248 = 530003, 530048 = 1FE00083 | 8   | 1591AB01234567 | 1FE34567 2M rw
            """)
    void largePages(String what, @Nullable String edits, String pasid, String address, String outcome) {
        try (var bench = WorkedTables.deep()) {
            bench.edit(edits == null ? "" : edits);

            assertThat(bench.ask("3A11 pasid %s read %s".formatted(pasid, address)))
                    .isEqualTo(outcome);
        }
    }

    @Test
    void legacyModeWalksFiveLevelsAndAllLeaves() {
        try (var bench = WorkedTables.deep()) {
            bench.rootTable = WorkedTables.LEGACY;

            assertThat(bench.ask("3A13 read 1591AAF82F3456")).isEqualTo("1234567456 4K rw");
            assertThat(bench.ask("3A13 write 1591AAF8412345")).isEqualTo("1234612345 2M rw");
            assertThat(bench.ask("3A13 read 1591AB01234567")).isEqualTo("1241234567 1G rw");
        }
    }

    /** Addresses FEE00000 to FEEFFFFF as the input of a request. */
    @ParameterizedTest(name = "{0}: {2}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            mode     | edits                        | request                        | outcome
            scalable |                              | 3A11 write FEDFFFFF            | 1FF00FFF 4K rw
            scalable |                              | 3A11 write FEE00000            | FEE00000
            scalable |                              | 3A11 write FEEFFFFF            | FEEFFFFF
            scalable |                              | 3A11 write FEF00000            | 1FF03000 4K rw
            scalable |                              | 3A11 read  FEDFFFFF            | 1FF00FFF 4K rw
            scalable |                              | 3A11 read  FEE00000            | fault 87
            scalable |                              | 3A11 read  FEEFFFFF            | fault 87
            scalable |                              | 3A11 read  FEF00000            | 1FF03000 4K rw
            scalable |                              | 3A11 write 1_FEE00000          | fault 79
            scalable |                              | 3A11 pasid 9 write FEE00000    | 1FF01000 4K rw
            scalable |                              | 3A11 pasid 9 read  FEEFFFFF    | 1FF02FFF 4K rw
            scalable |                              | 3A11 pasid 77 read  FEDFFFFF   | FEDFFFFF
            scalable |                              | 3A11 pasid 77 read  FEE00000   | fault 87
            scalable |                              | 3A11 pasid 77 write FEEFFFFF   | fault 87
            scalable |                              | 3A11 pasid 77 write FEF00000   | FEF00000
            passing  | 101228 = 77                  | 3A11 write FEDFFFFF            | FEDFFFFF
            passing  | 101228 = 77                  | 3A11 write FEE00000            | FEE00000
            passing  | 101228 = 77                  | 3A11 write FEEFFFFF            | FEEFFFFF
            passing  | 101228 = 77                  | 3A11 write FEF00000            | FEF00000
            passing  | 101228 = 77                  | 3A11 read  FEE00000            | fault 87
            passing  | 101228 = 77                  | 3A11 read  FEEFFFFF            | fault 87
            first    | 101228 = 1234                | 3A11 write FEE00000            | FEE00000
            first    | 101228 = 1234                | 3A11 read  FEE00000            | fault 87
            first    | 101228 = 1234                | 3A11 read  FEEFFFFF            | fault 87
            first    | 101228 = 1234                | 3A11 read  FEDFFFFF            | fault 71
            first    | 101228 = 1234                | 3A11 read  FEF00000            | fault 71
            nested   | 101228 = 42                  | 3A11 write FEEFFFFF            | FEEFFFFF
            nested   | 101228 = 42                  | 3A11 read  FEE00000            | fault 87
            nested   | 101228 = 42                  | 3A11 read  FEF00000            | fault 71
            nested   | 101228 = 42                  | 3A11 write FEF00000            | fault 71
            absent   | 1003A0 = 0                   | 3A11 write FEE12344            | FEE12344
            legacy   | RTADDR = 180000              | 3A11 write FEDFFFFF            | 1FF00FFF 4K rw
            legacy   | RTADDR = 180000              | 3A11 write FEE00000            | FEE00000
            legacy   | RTADDR = 180000              | 3A11 write FEEFFFFF            | FEEFFFFF
            legacy   | RTADDR = 180000              | 3A11 write FEF00000            | 1FF03000 4K rw
            legacy   | RTADDR = 180000              | 3A11 read  FEE00000            | fault E
            legacy   | RTADDR = 180000              | 3A11 read  FEEFFFFF            | fault E
            legacy   | RTADDR = 180000              | 3A12 read  FEDFFFFF            | FEDFFFFF
            legacy   | RTADDR = 180000              | 3A12 read  FEE00000            | fault E
            legacy   | RTADDR = 180000              | 3A12 write FEE00000            | FEE00000
            legacy   | RTADDR = 180000              | 3A12 write FEF00000            | FEF00000
            """)
    void interruptRangeAsInput(String mode, @Nullable String edits, String request, String outcome) {
        try (var bench = WorkedTables.scalable().words(WorkedTables.LEGACY_MODE)) {
            // 3 GiB to 4 GiB of RID_PASID 5 and of PASID 9
            bench.words("""
                    103240: 0000000000200089   PASID entry 9: as PASID 5
                    103248: 0000000000800011
                    200000: 0000000000800003   SS L4[0]
                    800018: 0000000000801003   SS L3[3]
                    801FB0: 0000000000802003   SS L2[1F6]  FEC00000
                    801FB8: 0000000000803003   SS L2[1F7]  FEE00000
                    802FF8: 000000001FF00003   SS L1[1FF]  FEDFF000
                    803000: 000000001FF01003   SS L1[0]    FEE00000
                    8037F8: 000000001FF02003   SS L1[0FF]  FEEFF000
                    803800: 000000001FF03003   SS L1[100]  FEF00000
                    """);
            bench.edit(edits == null ? "" : edits);

            var answer = bench.ask(request);
            assertThat(outcome.contains(" ") ? answer : answer.split(" ")[0]).isEqualTo(outcome);
        }
    }

    /** Addresses FEE00000 to FEEFFFFF as what a page leads to: exactly the byte that is asked for counts. */
    @ParameterizedTest(name = "{1} of {0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            leaf           | offset | inside
            FEDFF003       | FFF    | no
            FEE00003       | 0      | yes
            FEE00003       | FFF    | yes
            FEEFF003       | FFF    | yes
            FEF00003       | 0      | no
            2M FEC00083    | 1FFFFF | no
            2M FEE00083    | 0      | yes
            2M FEE00083    | FFFFF  | yes
            2M FEE00083    | 100000 | no
            1G C0000083    | 3EDFFFFF | no
            1G C0000083    | 3EE00000 | yes
            1G C0000083    | 3EEFFFFF | yes
            1G C0000083    | 3EF00000 | no
            1FEE00003      | 0      | no
            """)
    void interruptRangeAsOutput(String leaf, String offset, String inside) {
        long entry = Bench.hex(leaf.substring(leaf.indexOf(' ') + 1));
        var address = "%X".formatted((entry & ~0xfffL) + Bench.hex(offset));
        boolean interrupt = inside.equals("yes");
        long input = (leaf.startsWith("1G")
                        ? 0x1591AB00000000L
                        : leaf.startsWith("2M") ? 0x1591AAF8400000L : 0x1591AAF82F3000L)
                + Bench.hex(offset);
        for (var access : new Access[] {Access.READ, Access.WRITE}) {
            try (var bench = WorkedTables.deep()) {
                bench.word(0x504798, entry).word(0x503E10, entry).word(0x502560, entry); // second stage
                bench.word(0x514798, entry | 7).word(0x513E10, entry | 7).word(0x512560, entry | 7); // first stage
                bench.word(0x522018, 0xc0000083L).word(0x522038, 0x1c0000083L); // below nested: GPA = HPA

                for (int pasid : new int[] {6, 7, 8}) {
                    assertThat(bench.ask(new DmaRequest(RID, pasid, input, access, false))
                                    .split(" "))
                            .as("pasid %d", pasid)
                            .startsWith(interrupt ? new String[] {"fault", "87"} : new String[] {address});
                }
                bench.rootTable = WorkedTables.LEGACY;
                var rid = Rid.ofSourceId(0, 0x3a13);
                assertThat(bench.ask(new DmaRequest(rid, DmaRequest.NO_PASID, input, access, false))
                                .split(" "))
                        .startsWith(interrupt ? new String[] {"fault", "E"} : new String[] {address});
            }
        }
    }

    // ---------------------------------------------------------------- tables by hand

    private static DmaRequest read(int pasid, long iova) {
        return new DmaRequest(RID, pasid, iova, Access.READ, false);
    }

    /** RID_PASID 5, and legacy device 2 function 1, on an own second stage at 200000 that maps 1234567 to 2234567. */
    private static Bench secondStage(int aw, int mgaw, int hostAddressWidth) {
        var bench = WorkedTables.scalable().words(WorkedTables.LEGACY_MODE);
        bench.edit("2007F0 = 0, 103140 = %x, 181118 = %x".formatted(0x200081 | aw << 2, 0x1100 | aw));
        bench.cap = bench.cap & ~(MGAW | SAGAW) | (mgaw - 1L) << 16 | 0b1110L << 8;
        bench.hostAddressWidth = hostAddressWidth;
        mapSecondStage(bench, 0x200000, aw + 2, 0x1234000, 0x2234003);
        return bench;
    }

    /** Writes the path to a 4 KiB page. */
    private static void mapSecondStage(Bench bench, long root, int levels, long input, long leaf) {
        long table = root;
        for (int level = levels; level > 1; level--) {
            long at = table + (input >>> 12 + 9 * (level - 1) & 0x1ff) * 8;
            if (bench.word(at) == 0) {
                bench.word(at, bench.page() | 3);
            }
            table = bench.word(at) & 0xffffffffff000L;
        }
        bench.word(table + (input >>> 12 & 0x1ff) * 8, leaf);
    }
}
