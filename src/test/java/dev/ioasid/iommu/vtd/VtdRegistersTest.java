package dev.ioasid.iommu.vtd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.FaultRecord;
import dev.ioasid.iommu.Rid;
import dev.ioasid.iommu.Translation;
import java.util.LinkedHashMap;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Registers, and above all the fault recording registers: a ring that software empties by writing ones. */
class VtdRegistersTest {
    private static final long TE = 1L << 31;
    private static final long SRTP = 1L << 30;
    private static final long QIE = 1L << 26;
    private static final long F = 1L << 63;
    private static final long PFO = 1;
    private static final long PPF = 1 << 1;
    private static final long IM = 1L << 31;
    private static final long IP = 1L << 30;

    private final Bench bench = WorkedTables.scalable();

    @AfterEach
    void close() {
        bench.close();
    }

    // ---------------------------------------------------------------- control and root table

    @Test
    void aUnitStartsSwitchedOffWithItsInterruptMasked() {
        var unit = bench.reset();

        assertThat(unit.registers())
                .containsEntry("VER", 0x60L)
                .containsEntry("CAP", Bench.CAP)
                .containsEntry("ECAP", Bench.ECAP)
                .containsEntry("GSTS", 0L)
                .containsEntry("RTADDR", 0L)
                .containsEntry("FSTS", 0L)
                .containsEntry("FECTL", IM)
                .containsEntry("FEDATA", 0L)
                .containsEntry("FEADDR", 0L)
                .containsEntry("FEUADDR", 0L);
        assertThat(unit.faults()).isEmpty();
        assertThat(unit.faultsOverflowed()).isFalse();
    }

    @ParameterizedTest(name = "NFR {0}")
    @ValueSource(ints = {0, 1, 7, 255})
    void thereIsOneRecordMoreThanNfrSays(int nfr) {
        bench.cap = bench.cap & ~(0xffL << 40) | (long) nfr << 40;

        assertThat(bench.reset().registers())
                .containsEntry("FRCD0_LO", 0L)
                .containsEntry("FRCD" + nfr + "_LO", 0L)
                .containsEntry("FRCD" + nfr + "_HI", 0L)
                .doesNotContainKey("FRCD" + (nfr + 1) + "_LO")
                .doesNotContainKey("FRCD" + (nfr + 1) + "_HI");
    }

    @Test
    void statusFollowsCommand() {
        var unit = bench.reset();
        Bench.write(unit, "RTADDR", WorkedTables.SCALABLE);
        assertThat(Bench.read(unit, "GSTS")).isZero();
        Bench.write(unit, "GCMD", SRTP);
        assertThat(Bench.read(unit, "GSTS")).isEqualTo(SRTP);
        Bench.write(unit, "GCMD", TE);
        assertThat(Bench.read(unit, "GSTS")).isEqualTo(TE | SRTP);
        Bench.write(unit, "GCMD", TE | SRTP);
        assertThat(Bench.read(unit, "GSTS")).isEqualTo(TE | SRTP);
        Bench.write(unit, "GCMD", TE | QIE);
        assertThat(Bench.read(unit, "GSTS")).isEqualTo(TE | SRTP | QIE);
        Bench.write(unit, "GCMD", 0);
        assertThat(Bench.read(unit, "GSTS")).isEqualTo(SRTP);
    }

    @Test
    void theRootTableIsLatchedByCommandOnly() {
        bench.words("""
                8003A0: 0000000000801001   another scalable root
                801220: 0000000000802009
                801228: 0000000000000005
                802000: 0000000000803001
                803140: 0000000000000101   PASID entry 5: pass-through
                """);
        var unit = bench.on();
        var request = Bench.request("3A11 read 7F1234567ABC");
        assertThat(Bench.text(unit.translate(request))).isEqualTo("1234567ABC 4K r");

        Bench.write(unit, "RTADDR", 0x800400);
        assertThat(Bench.read(unit, "RTADDR")).isEqualTo(0x800400);
        assertThat(Bench.text(unit.translate(request))).isEqualTo("1234567ABC 4K r");
        Bench.write(unit, "GCMD", TE);
        assertThat(Bench.text(unit.translate(request))).isEqualTo("1234567ABC 4K r");
        Bench.write(unit, "GCMD", TE | SRTP);
        assertThat(Bench.text(unit.translate(request))).startsWith("7F1234567ABC ");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "3A11 read 7F1234567ABC",
                "3A11 write FFFFFFFFFFFFFFFF",
                "3A11 read FEE00000",
                "3A11 write FEE00000",
                "3A11 pasid 1234 write 1_0000_0000_0000",
                "3A11 pasid FFFFF privileged execute 123456789ABCDEF0",
                "FFFF read 0"
            })
    void whileTranslationIsOffRequestsPass(String text) {
        var request = Bench.request(text);
        var reset = bench.reset();
        var off = bench.on();
        Bench.write(off, "GCMD", 0);
        bench.rootTable = 0x800; // TTM = 2
        var invalid = bench.on();
        Bench.write(invalid, "GCMD", 0);

        for (var unit : List.of(reset, off, invalid)) {
            var answer = unit.translate(request);
            assertThat(answer).isInstanceOf(Translation.Translated.class);
            assertThat(((Translation.Translated) answer).address()).isEqualTo(request.iova());
            assertThat(Bench.read(unit, "FSTS")).isZero();
            assertThat(unit.explain(request).result()).isEqualTo(answer);
        }
        assertThat(bench.changes()).isEmpty();
    }

    @Test
    void registersAreWrittenInTheOrderGiven() {
        var request = Bench.request("3A11 read 7F1234567ABC");
        var inOrder = bench.reset();
        inOrder.write(values("RTADDR", WorkedTables.SCALABLE, "GCMD", TE | SRTP));
        assertThat(Bench.text(inOrder.translate(request))).isEqualTo("1234567ABC 4K r");

        var tooLate = bench.reset();
        tooLate.write(values("GCMD", TE | SRTP, "RTADDR", WorkedTables.SCALABLE));
        assertThat(Bench.text(tooLate.translate(request))).isEqualTo("fault 1"); // legacy root table at 0
        assertThat(Bench.read(tooLate, "RTADDR")).isEqualTo(WorkedTables.SCALABLE);
    }

    // ---------------------------------------------------------------- refusals

    @ParameterizedTest(name = "{0} = {1}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            register | value
            NOPE     | 0
            RTADDR_REG | 0
            FRCD8_HI | 0
            FRCD8_LO | 0
            FRCD_HI  | 0
            VER      | 60
            CAP      | 0
            ECAP     | 0
            GSTS     | 0
            GCMD     | 1_0000_0000
            GCMD     | FFFF_FFFF_8000_0000
            FSTS     | 1_0000_0001
            FECTL    | 1_0000_0000
            FEDATA   | 1_0000_0000
            FEADDR   | 1_0000_0000
            FEUADDR  | FFFF_FFFF_FFFF_FFFF
            """)
    void whatCannotBeWrittenIsRefusedAndChangesNothing(String register, String value) {
        var unit = bench.on();
        unit.translate(Bench.request("3B00 read 0"));
        var before = unit.registers();
        var values = values("RTADDR", 0x5000L, "FRCD0_HI", F, "FECTL", 0L, "GCMD", 0L);
        values.putLast(register, Bench.hex(value));

        assertThatThrownBy(() -> unit.write(values))
                .isInstanceOfSatisfying(
                        RefusedException.class,
                        refused -> assertThat(refused.errno()).isEqualTo(Errno.EINVAL));
        assertThat(unit.registers()).isEqualTo(before);
        assertThat(Bench.text(unit.translate(Bench.request("3A11 read 7F1234567ABC"))))
                .isEqualTo("1234567ABC 4K r");
        assertThat(unit.faults()).hasSize(1);
    }

    @Test
    void theFaultEventRegistersHoldWhatIsWritten() {
        var unit = bench.reset();
        unit.write(values("FEDATA", 0x4021L, "FEADDR", 0xfee01000L, "FEUADDR", 0x12L));
        assertThat(unit.registers())
                .containsEntry("FEDATA", 0x4021L)
                .containsEntry("FEADDR", 0xfee01000L)
                .containsEntry("FEUADDR", 0x12L);
    }

    // ---------------------------------------------------------------- records

    /** FRCD: FI 63:12, SID 79:64, PRIV 93, EXE 94, PP 95, FR 103:96, PV 123:104, AT 125:124, T1 126, F 127. */
    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            what                           | edits            | request                                     | FRCD low         | FRCD high
            write                          |                  | 3B11 write 123456789ABC                     | 0000123456789000 | 8000003900003B11
            read                           |                  | 3B11 read 123456789ABC                      | 0000123456789000 | C000003900003B11
            source id                      |                  | FFFF write FFF                              | 0000000000000000 | 800000390000FFFF
            PASID, read                    |                  | 3A11 pasid FFFFF read 1000                  | 0000000000001000 | CFFFFF4680003A11
            PASID, write                   |                  | 3A11 pasid ABCDE write 1FFF                 | 0000000000001000 | 8ABCDE4680003A11
            PASID 0                        |                  | 3A11 pasid 0 write 123000                   | 0000000000123000 | 8000005980003A11
            privileged                     |                  | 3A11 pasid 2001 privileged write 0          | 0000000000000000 | 80200146A0003A11
            execute                        |                  | 3A11 pasid 1234 execute 555512345678        | 0000555512345000 | C012345CC0003A11
            privileged execute             |                  | 3A11 pasid 1234 privileged execute 555512345678 | 0000555512345000 | C012345CE0003A11
            execute, version 8             | VER = 80         | 3A11 pasid 1234 execute 555512345678        | 0000555512345000 | C0123434C0003A11
            legacy mode, PASID             | RTADDR = 180000  | 3A11 pasid 1234 write 555512345678          | 0000555512345000 | 8012343180003A11
            RID_PRIV is not in the request | 101228 or 100000 | 3A11 read 7F1234567ABC                      | 00007F1234567000 | C000005D00003A11
            RID_PASID is not either        |                  | 3A11 write 7F1234567ABC                     | 00007F1234567000 | 8000008500003A11
            privileged without PASID       |                  | 3B11 privileged write 0                     | 0000000000000000 | 8000003900003B11
            execute without PASID          |                  | 3B11 execute 0                              | 0000000000000000 | C000003900003B11
            48 bits of the address         |                  | 3B11 read FFFFFFFFFFFFFFFF                  | 0000FFFFFFFFF000 | C000003900003B11
            39 bits of the address         | CAP without 400  | 3B11 read FFFFFFFFFFFFFFFF                  | 0000007FFFFFF000 | C000003900003B11
            57 bits of the address         | CAP or 800       | 3B11 read FFFFFFFFFFFFFFFF                  | 01FFFFFFFFFFF000 | C000003900003B11
            57 and 39 bits                 | CAP or 800, CAP without 400 | 3B11 read FFFFFFFFFFFFFFFF       | 01FFFFFFFFFFF000 | C000003900003B11
            """)
    void aRecordSaysWhatWasAsked(String what, @Nullable String edits, String text, String low, String high) {
        bench.edit(edits == null ? "" : edits);
        var unit = bench.on();
        var request = Bench.request(text);

        unit.translate(request);

        assertThat(Bench.read(unit, "FRCD0_LO")).isEqualTo(Bench.hex(low));
        assertThat(Bench.read(unit, "FRCD0_HI")).isEqualTo(Bench.hex(high));
        var record = unit.faults().getFirst();
        boolean executes = request.hasPasid() && request.access() == Access.EXECUTE;
        assertThat(record.words()).containsExactly(Bench.hex(low), Bench.hex(high));
        assertThat(record.rid()).isEqualTo(request.rid());
        assertThat(record.pasid()).isEqualTo(request.pasid());
        assertThat(record.address()).isEqualTo(Bench.hex(low));
        assertThat(record.code()).isEqualTo((int) (Bench.hex(high) >>> 32 & 0xff));
        assertThat(record.access())
                .isEqualTo(request.access() == Access.WRITE ? Access.WRITE : executes ? Access.EXECUTE : Access.READ);
    }

    @ParameterizedTest(name = "NFR {0}")
    @ValueSource(ints = {0, 1, 3, 7, 255})
    void recordsFillInOrderAndThenOverflow(int nfr) {
        bench.cap = bench.cap & ~(0xffL << 40) | (long) nfr << 40;
        var unit = bench.on();
        for (int i = 0; i <= nfr; i++) {
            assertThat(recorded(unit, i)).isTrue();
            assertThat(sourceId(unit, i)).isEqualTo(0x3b00 + i);
            assertThat(Bench.read(unit, "FSTS")).isEqualTo(PPF);
        }

        assertThat(unit.faultsOverflowed()).isFalse();
        assertThat(recorded(unit, 300)).isFalse();
        assertThat(unit.faultsOverflowed()).isTrue();
        assertThat(Bench.read(unit, "FSTS")).isEqualTo(PPF | PFO);
        for (int i = 0; i <= nfr; i++) {
            assertThat(sourceId(unit, i)).isEqualTo(0x3b00 + i);
        }
        assertThat(unit.faults()).hasSize(nfr + 1);
        assertThat(unit.faultCounts()).containsEntry("SRT.2", nfr + 2L);
    }

    @Test
    void afterAnOverflowNothingIsRecordedUntilSoftwareClearsIt() {
        var unit = fourRecords();
        fill(unit, 5);
        for (int i = 0; i < 4; i++) {
            Bench.write(unit, "FRCD" + i + "_HI", F);
        }
        assertThat(Bench.read(unit, "FSTS")).isEqualTo(PFO);
        assertThat(recorded(unit, 6)).isFalse();
        assertThat(unit.faults()).isEmpty();

        Bench.write(unit, "FSTS", PFO);
        assertThat(Bench.read(unit, "FSTS")).isZero();
        assertThat(unit.faultsOverflowed()).isFalse();
        assertThat(recorded(unit, 7)).isTrue();
        assertThat(sourceId(unit, 0)).isEqualTo(0x3b07);
    }

    @Test
    void theRingGoesOnWhereItWasAndStopsAtARecordThatIsNotCleared() {
        var unit = fourRecords();
        fill(unit, 4);
        Bench.write(unit, "FRCD1_HI", F); // the next one would be record 0, which is full
        assertThat(recorded(unit, 4)).isFalse();
        assertThat(Bench.read(unit, "FSTS")).isEqualTo(PPF | PFO);

        Bench.write(unit, "FSTS", PFO);
        Bench.write(unit, "FRCD0_HI", F);
        assertThat(recorded(unit, 5)).isTrue();
        assertThat(recorded(unit, 6)).isTrue();
        assertThat(recorded(unit, 7)).isFalse();
        assertThat(sourceId(unit, 0)).isEqualTo(0x3b05);
        assertThat(sourceId(unit, 1)).isEqualTo(0x3b06);
        assertThat(sourceId(unit, 2)).isEqualTo(0x3b02);
        assertThat(unit.faults())
                .extracting(FaultRecord::rid)
                .extracting(Rid::sourceId)
                .containsExactly(0x3b02, 0x3b03, 0x3b05, 0x3b06);
    }

    @Test
    void theFirstRecordOfABurstIsNamedInTheStatus() {
        var unit = fourRecords();
        fill(unit, 2);
        assertThat(Bench.read(unit, "FSTS")).isEqualTo(PPF);
        Bench.write(unit, "FRCD0_HI", F);
        assertThat(Bench.read(unit, "FSTS") & 0xff).isEqualTo(PPF);
        Bench.write(unit, "FRCD1_HI", F);
        assertThat(Bench.read(unit, "FSTS") & 0xff).isZero();

        recorded(unit, 2);
        assertThat(Bench.read(unit, "FSTS")).isEqualTo(2 << 8 | PPF);
        recorded(unit, 3);
        assertThat(Bench.read(unit, "FSTS")).isEqualTo(2 << 8 | PPF);
        unit.clearFaults();
        recorded(unit, 4);
        assertThat(Bench.read(unit, "FSTS")).isEqualTo(PPF);
        assertThat(sourceId(unit, 0)).isEqualTo(0x3b04);
    }

    @Test
    void switchingTranslationOffStartsTheRingAgain() {
        var unit = fourRecords();
        fill(unit, 2);
        Bench.write(unit, "FRCD0_HI", F);
        Bench.write(unit, "GCMD", 0);
        assertThat(unit.faults()).hasSize(1);
        Bench.write(unit, "GCMD", TE);

        assertThat(recorded(unit, 2)).isTrue();
        assertThat(sourceId(unit, 0)).isEqualTo(0x3b02);
        assertThat(recorded(unit, 3)).isFalse(); // record 1 was never cleared
        assertThat(Bench.read(unit, "FSTS") & 0xff).isEqualTo(PPF | PFO);
    }

    @Test
    void onlyOnesClear() {
        var unit = fourRecords();
        fill(unit, 5);
        var before = unit.registers();
        Bench.write(unit, "FRCD0_HI", 0);
        Bench.write(unit, "FRCD0_HI", ~F);
        Bench.write(unit, "FSTS", 0);
        Bench.write(unit, "FSTS", 0xff00 | PPF); // read-only bits
        assertThat(unit.registers()).isEqualTo(before);
        Bench.write(unit, "FRCD2_HI", -1);
        assertThat(Bench.read(unit, "FRCD2_HI") & F).isZero();
        assertThat(unit.faults())
                .extracting(FaultRecord::rid)
                .extracting(Rid::sourceId)
                .containsExactly(0x3b00, 0x3b01, 0x3b03);
    }

    @Test
    void clearingFaultsEmptiesTheRingAndForgetsTheOverflow() {
        var unit = fourRecords();
        fill(unit, 6);
        unit.clearFaults();

        assertThat(unit.faults()).isEmpty();
        assertThat(unit.faultsOverflowed()).isFalse();
        assertThat(Bench.read(unit, "FSTS") & 0xff).isZero();
        assertThat(Bench.read(unit, "FECTL")).isEqualTo(IM);
        assertThat(unit.faultCounts()).containsEntry("SRT.2", 6L);
        assertThat(recorded(unit, 1)).isTrue();
    }

    // ---------------------------------------------------------------- the fault event

    @Test
    void aMaskedInterruptStaysPendingWhileThereIsAFault() {
        var unit = fourRecords();
        recorded(unit, 0);
        assertThat(Bench.read(unit, "FECTL")).isEqualTo(IM | IP);
        recorded(unit, 1);
        Bench.write(unit, "FRCD0_HI", F);
        assertThat(Bench.read(unit, "FECTL")).isEqualTo(IM | IP);
        Bench.write(unit, "FRCD1_HI", F);
        assertThat(Bench.read(unit, "FECTL")).isEqualTo(IM);
    }

    @Test
    void anOverflowKeepsTheInterruptPending() {
        var unit = fourRecords();
        fill(unit, 5);
        for (int i = 0; i < 4; i++) {
            Bench.write(unit, "FRCD" + i + "_HI", F);
        }
        assertThat(Bench.read(unit, "FECTL")).isEqualTo(IM | IP);
        Bench.write(unit, "FSTS", PFO);
        assertThat(Bench.read(unit, "FECTL")).isEqualTo(IM);
    }

    @Test
    void unmaskingSendsWhatIsPending() {
        var unit = fourRecords();
        recorded(unit, 0);
        Bench.write(unit, "FECTL", 0);
        assertThat(Bench.read(unit, "FECTL")).isZero();
        assertThat(Bench.read(unit, "FSTS")).isEqualTo(PPF);
    }

    @Test
    void anUnmaskedInterruptIsSentAtOnceAndOnlyForTheFirstFault() {
        var unit = fourRecords();
        Bench.write(unit, "FECTL", 0);
        recorded(unit, 0);
        assertThat(Bench.read(unit, "FECTL")).isZero();

        Bench.write(unit, "FECTL", IM);
        recorded(unit, 1); // a fault was pending already: no event
        assertThat(Bench.read(unit, "FECTL")).isEqualTo(IM);
        fill(unit, 3); // nor is an overflow one
        assertThat(Bench.read(unit, "FSTS")).isEqualTo(PPF | PFO);
        assertThat(Bench.read(unit, "FECTL")).isEqualTo(IM);
        unit.clearFaults();
        recorded(unit, 1);
        assertThat(Bench.read(unit, "FECTL")).isEqualTo(IM | IP);
    }

    @Test
    void softwareCannotMakeAnInterruptPending() {
        var unit = bench.on();
        Bench.write(unit, "FECTL", IM | IP);
        assertThat(Bench.read(unit, "FECTL")).isEqualTo(IM);
        Bench.write(unit, "FECTL", IP);
        assertThat(Bench.read(unit, "FECTL")).isZero();
    }

    // ---------------------------------------------------------------- words

    private VtdHardware fourRecords() {
        bench.cap = bench.cap & ~(0xffL << 40) | 3L << 40;
        return bench.on();
    }

    /** Has {@code count} requests blocked, of which each is another device. */
    private static void fill(VtdHardware unit, int count) {
        for (int i = 0; i < count; i++) {
            recorded(unit, i);
        }
    }

    /** Whether the fault of a device on a bus without root entry was recorded. */
    private static boolean recorded(VtdHardware unit, int device) {
        var rid = Rid.ofSourceId(0, 0x3b00 + device);
        var fault = Bench.fault(unit.translate(new DmaRequest(rid, DmaRequest.NO_PASID, 0x1000, Access.WRITE, false)));
        assertThat(fault.code()).isEqualTo(0x39);
        return fault.recorded();
    }

    private static int sourceId(VtdHardware unit, int record) {
        return (int) Bench.read(unit, "FRCD" + record + "_HI") & 0xffff;
    }

    private static LinkedHashMap<String, Long> values(Object... pairs) {
        var values = new LinkedHashMap<String, Long>();
        for (int i = 0; i < pairs.length; i += 2) {
            values.put((String) pairs[i], (Long) pairs[i + 1]);
        }
        return values;
    }
}
