package dev.ioasid.iommu.kernellog;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.iommu.IommuType;
import dev.ioasid.iommu.smmuv3.SmmuEvent;
import dev.ioasid.iommu.vtd.VtdReasons;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Lines as kernels print them, and what else people have in their hands. */
class KernelLogTest {
    /** Reports of real kernels: both architectures, older and newer wording. */
    static String fixture() {
        try (var file = KernelLogTest.class.getResourceAsStream("/faults/kernel-fault-lines.txt")) {
            return new String(file.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** {@code 4 vtd 0000:00:16.7 write dceff000 5 LGN.2 second}: what a fault says, in the order of {@link DecodedFault}. */
    static String said(DecodedFault fault) {
        var source = fault.source();
        var access = fault.access();
        var said = new ArrayList<String>();
        said.add(fault.line() + " " + fault.architecture() + " " + source.rid());
        said.add(source.streamId() == null ? "" : "sid " + Integer.toHexString(source.streamId()));
        said.add(source.client() == null ? "" : "(" + source.client() + ")");
        said.add(source.pasid() < 0 ? "" : "pasid " + Integer.toHexString(source.pasid()));
        said.add(access.request() == null ? "" : access.request().name());
        said.add(access.privileged() == null ? "" : access.privileged() ? "privileged" : "unprivileged");
        said.add(access.access() == null ? "" : access.access().name());
        said.add(access.address() == null ? "" : Long.toHexString(access.address()));
        said.add(access.interruptIndex() == null ? "" : "index " + Integer.toHexString(access.interruptIndex()));
        said.add(Integer.toHexString(fault.reason().code()) + " "
                + fault.reason().name());
        said.add(fault.reason().stage() == null ? "" : fault.reason().stage().name());
        said.add(fault.faultClass() == null ? "" : "class " + fault.faultClass());
        said.add(fault.level() == null ? "" : "level " + fault.level());
        return said.stream()
                .map(String::strip)
                .filter(part -> !part.isEmpty())
                .collect(Collectors.joining(" "))
                .toLowerCase(Locale.ROOT);
    }

    private static List<String> said(String text) {
        return KernelLog.read(text).faults().stream().map(KernelLogTest::said).toList();
    }

    @Test
    void theFaultsOfRealKernels() {
        var log = KernelLog.read(fixture());
        assertThat(log.faults().stream().map(KernelLogTest::said))
                .containsExactly(
                        "4 vtd 0000:00:16.7 write dceff000 5 lgn.2 second",
                        "5 vtd 0000:00:16.7 read dceff000 6 lgn.3 second",
                        "6 vtd 0000:03:00.1 write fffc0000 2 lct.2",
                        "7 vtd 0000:03:00.0 read fffd3000 6 lgn.3 second",
                        "8 vtd 0000:e2:00.0 index a00 25 interrupt remapping: format",
                        "9 vtd 0000:42:00.2 index 1600 25 interrupt remapping: format",
                        "10 smmuv3 0000:01:00.0 sid 100 unprivileged write 90000f040 10 f_translation first class in",
                        "15 smmuv3 0000:00:00.0 sid 0 unprivileged write ffffff90f040 10 f_translation first class in");
        assertThat(log.skipped()).isEqualTo(3);
        assertThat(log.truncated()).isFalse();
        assertThat(log.faults().get(6).words()).containsExactly(0x10000000010L, 0x20000000000L, 0x90000f040L, 0L);
        assertThat(log.faults()).allSatisfy(fault -> {
            assertThat(fault.advice().likelyCauses()).isNotEmpty();
            assertThat(fault.advice().lookNext()).isNotEmpty();
        });
    }

    /** One line is one report. */
    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            what                       | line                                                                                                                                    | said
            PASID, newer               | DMAR: [DMA Write PASID 0x1a] Request device [6a:01.0] fault addr 0x7f1240a4c000 [fault reason 0x71] SM: Present bit is clear             | 1 vtd 0000:6a:01.0 pasid 1a write 7f1240a4c000 71 sfs.2 first
            PASID, older               | DMAR: [DMA Read] Request device [6a:01.0] PASID 12345 fault addr ffffff9000000000 [fault reason 128] SM: not canonical                   | 1 vtd 0000:6a:01.0 pasid 12345 read ffffff9000000000 80 sgn.1 first
            no PASID, older            | DMAR: [DMA Write] Request device [00:02.0] PASID ffffffff fault addr 9bff0000 [fault reason 05] PTE Write access is not set               | 1 vtd 0000:00:02.0 write 9bff0000 5 lgn.2 second
            before PASIDs              | DMAR: [DMA Write] Request device [00:02.0] fault addr 9bff0000 [fault reason 23] Unknown                                                  | 1 vtd 0000:00:02.0 write 9bff0000 17
            decimal reason             | DMAR: [DMA Write] Request device [00:02.0] fault addr 9bff0000 [fault reason 12] non-zero reserved fields in PTE                          | 1 vtd 0000:00:02.0 write 9bff0000 c lss.2 second
            hexadecimal reason         | DMAR: [DMA Write NO_PASID] Request device [00:02.0] fault addr 0x9bff0000 [fault reason 0x12] Unknown                                     | 1 vtd 0000:00:02.0 write 9bff0000 12
            dmesg                      | [  131.474962] DMAR: [DMA Read NO_PASID] Request device [00:1f.7] fault addr 0x0 [fault reason 0x59] SM: Present bit                      | 1 vtd 0000:00:1f.7 read 0 59 spt.2
            dmesg -T                   | [Tue Nov 12 10:11:12 2024] DMAR: [DMA Read NO_PASID] Request device [00:1f.7] fault addr 0x0 [fault reason 0x59] SM: Present bit          | 1 vtd 0000:00:1f.7 read 0 59 spt.2
            journal                    | Nov 12 10:11:12 host-1 kernel: DMAR: [DMA Read NO_PASID] Request device [00:1f.7] fault addr 0x0 [fault reason 0x59] SM: Present bit      | 1 vtd 0000:00:1f.7 read 0 59 spt.2
            journal, ISO               | 2024-11-12T10:11:12+0100 host-1 kernel: DMAR: [DMA Read NO_PASID] Request device [00:1f.7] fault addr 0x0 [fault reason 0x59] x           | 1 vtd 0000:00:1f.7 read 0 59 spt.2
            syslog with level          | <3>DMAR: [DMA Read NO_PASID] Request device [00:1f.7] fault addr 0x0 [fault reason 0x59] SM: Present bit                                  | 1 vtd 0000:00:1f.7 read 0 59 spt.2
            quoted in a mail           | > > [ 1.2] DMAR: [DMA Read NO_PASID] Request device [00:1f.7] fault addr 0x0 [fault reason 0x59] SM: Present bit                          | 1 vtd 0000:00:1f.7 read 0 59 spt.2
            older prefix               | dmar: DMAR:[DMA Read] Request device [03:00.0] fault addr fffd3000 [fault reason 06] PTE Read access is not set                           | 1 vtd 0000:03:00.0 read fffd3000 6 lgn.3 second
            64 bits                    | DMAR: [DMA Read NO_PASID] Request device [ff:1f.7] fault addr 0xfffffffffffff000 [fault reason 0x80] x                                    | 1 vtd 0000:ff:1f.7 read fffffffffffff000 80 sgn.1 first
            interrupt, source id       | DMAR: [INTR-REMAP] Request device [0x42:0x00.2] fault index 0x16 [fault reason 0x26] Blocked                                              | 1 vtd 0000:42:00.2 index 16 26 interrupt remapping: source id
            interrupt, decimal         | DMAR: [INTR-REMAP] Request device [42:00.2] fault index 16 [fault reason 34] Present field in the IRTE entry is clear                     | 1 vtd 0000:42:00.2 index 16 22 interrupt remapping: absent
            no such function           | DMAR: [DMA Read] Request device [03:00.8] fault addr fffd3000 [fault reason 06] PTE Read access is not set                                |
            17 digits                  | DMAR: [DMA Read] Request device [03:00.0] fault addr 1fffffffffffffffff [fault reason 06] PTE                                             |
            no fault                   | DMAR: DRHD: handling fault status reg 3                                                                                                  |
            no fault either            | DMAR: RMRR base: 0x0000009b800000 end: 0x0000009fffffff                                                                                  |
            words                      | 0x1000 0xc000017980003a00                                                                                                                | 1 vtd 0000:3a:00.0 pasid 1 untranslated unprivileged read 1000 79 sss.2 second
            words of 16 digits         | 0000000000001000 c000017980003a00                                                                                                        | 1 vtd 0000:3a:00.0 pasid 1 untranslated unprivileged read 1000 79 sss.2 second
            words with a prefix        | vtd: 1000 C000017980003A00                                                                                                               | 1 vtd 0000:3a:00.0 pasid 1 untranslated unprivileged read 1000 79 sss.2 second
            words as JSON              | ["0x1000", "0xc000017980003a00"],                                                                                                        | 1 vtd 0000:3a:00.0 pasid 1 untranslated unprivileged read 1000 79 sss.2 second
            privileged                 | 0x0000812345678000 0xC012345DA0003A11                                                                                                    | 1 vtd 0000:3a:02.1 pasid 1234 untranslated privileged read 812345678000 5d spt.6
            execute                    | 0x555512345000 0xC012345CC0003A11                                                                                                        | 1 vtd 0000:3a:02.1 pasid 1234 untranslated unprivileged execute 555512345000 5c spt.5
            translated                 | 0x987654000 0xE000004400003A11                                                                                                           | 1 vtd 0000:3a:02.1 translated read 987654000 44 sct.5
            translation request        | 0x987654000 0xD000004400003A11                                                                                                           | 1 vtd 0000:3a:02.1 translation_request read 987654000 44 sct.5
            page request               | 0x987654000 0x8000004710003A11                                                                                                           | 1 vtd 0000:3a:02.1 page_request 987654000 47 sct.8
            atomic                     | 0x987654000 0xC000008510003A11                                                                                                           | 1 vtd 0000:3a:02.1 untranslated write 987654000 85 sgn.6
            interrupt                  | 0x1600000000000000 0xC000002500004202                                                                                                    | 1 vtd 0000:42:00.2 index 1600 25 interrupt remapping: format
            a number without meaning   | 0x1000 0xc00000ff00003a00                                                                                                                | 1 vtd 0000:3a:00.0 untranslated read 1000 ff
            nothing recorded           | 0x0 0x0                                                                                                                                  |
            too short to be numbers    | dead beef                                                                                                                                |
            three words                | 0x1 0x2 0x3                                                                                                                              |
            three of a kind            | vtd: 0x1 0x2 0x3                                                                                                                         |
            four of the wrong kind     | vtd: 0x10 0x2 0x3 0x4                                                                                                                    |
            event                      | 0000002100005813 0000020000000000 00007fabce012345 0                                                                                     | 1 smmuv3 0000:00:04.1 sid 21 pasid 5 unprivileged write 7fabce012345 13 f_permission first class in
            event with a prefix        | SMMUv3: 2100005813 20000000000 7fabce012345 0                                                                                            | 1 smmuv3 0000:00:04.1 sid 21 pasid 5 unprivileged write 7fabce012345 13 f_permission first class in
            stage 2, a table           | 0x0000002300005810 0x0000018000000000 0x0000001234767890 0x0000000060000000                                                              | 1 smmuv3 0000:00:04.3 sid 23 pasid 5 unprivileged write 1234767890 10 f_translation second class tt
            a wide StreamID            | 0x0001020300000004 0x0 0x0 0x0                                                                                                           | 1 smmuv3 0001:02:00.3 sid 10203 4 c_bad_ste
            nothing of the access      | 0x000000210000680a 0x0 0x0 0x0                                                                                                           | 1 smmuv3 0000:00:04.1 sid 21 pasid 6 a c_bad_cd
            ATS                        | 0x0000002100005805 0x00000000c0000001 0x00007fabcdef1000 0x0                                                                             | 1 smmuv3 0000:00:04.1 sid 21 pasid 5 translation_request unprivileged write 7fabcdef1000 5 f_bad_ats_treq
            translated transaction     | 0x0000002100000007 0x0000000800000000 0x0000000123456234 0x0                                                                             | 1 smmuv3 0000:00:04.1 sid 21 translated read 123456234 7 f_transl_forbidden
            the implementation's own   | 0x00000021000058e3 0xffffffffffffffff 0xffffffffffffffff 0xffffffffffffffff                                                              | 1 smmuv3 0000:00:04.1 sid 21 e3
            no event                   | 0x0 0x0 0x0 0x1                                                                                                                          |
            """)
    void lines(String what, String line, @Nullable String said) {
        var log = KernelLog.read(line);
        assertThat(log.faults().stream().map(KernelLogTest::said)).isEqualTo(said == null ? List.of() : List.of(said));
        assertThat(log.skipped()).isEqualTo(said == null ? 1 : 0);
    }

    @Test
    void aReasonMayStandInALineOfItsOwn() {
        assertThat(said("""
                dmar: DRHD: handling fault status reg 2
                dmar: DMAR:[DMA Read] Request device [02:00.0] fault addr 2affde000\s
                DMAR:[fault reason 06] PTE Read access is not set
                INTR-REMAP: Request device [[00:1f.0] fault index 21
                INTR-REMAP:[fault reason 34] Present field in the IRTE entry is clear
                (XEN) [VT-D]DMAR:[DMA Write] Request device [0001:00:1f.2] fault addr 7f21000, iommu reg = ffff82c000201000
                (XEN) [VT-D]DMAR: reason 0a - non-zero reserved fields in RTP
                """))
                .containsExactly(
                        "2 vtd 0000:02:00.0 read 2affde000 6 lgn.3 second",
                        "4 vtd 0000:00:1f.0 index 21 22 interrupt remapping: absent",
                        "6 vtd 0001:00:1f.2 write 7f21000 a lrt.3");
    }

    @Test
    void aRequestThatNoReasonFollowsIsNoFault() {
        var log = KernelLog.read("""
                DMAR:[DMA Read] Request device [02:00.0] fault addr 1000
                DMAR:[DMA Read] Request device [02:00.0] fault addr 2000
                1
                2
                3
                4
                5
                6
                7
                8
                DMAR:[fault reason 06] PTE Read access is not set
                DMAR:[DMA Read] Request device [02:00.0] fault addr 3000
                """);
        assertThat(log.faults()).isEmpty();
        assertThat(log.skipped()).isEqualTo(12);
    }

    /** What a kernel shows of the tables belongs to the fault before it, and says at which level they end. */
    @Test
    void entriesThatLedToTheFault() {
        var log = KernelLog.read("""
                DMAR: [DMA Read NO_PASID] Request device [00:16.7] fault addr 0x1000 [fault reason 0x79] SM: Read/Write permission
                DMAR: Dump dmar0 table entries for IOVA 0x1000
                DMAR: scalable mode root entry: hi 0x0000000000000000, low 0x0000000100e5c001
                DMAR: context entry: hi 0x0000000000000000, low 0x0000000100e60401
                DMAR: pasid dir entry: 0x0000000100e63001
                DMAR: pasid table entry[0]: 0x0000000100e64089
                DMAR: pasid table entry[7]: 0x0000000000000000
                DMAR: pte level: 4, pte value: 0x0000000100e65003
                DMAR: pte level: 3, pte value: 0x0000000000000000
                DMAR: page table not present at level 2
                DMAR: [DMA Read NO_PASID] Request device [00:16.7] fault addr 0x2000 [fault reason 0x06] PTE Read access is not set
                DMAR: root entry: 0x0000000100e5c001
                DMAR: pte level: 4, pte value: 0x0000000100e65003
                DMAR: PTE not present at level 3
                DMAR: [DMA Read NO_PASID] Request device [00:17.7] fault addr 0x2000 [fault reason 0x01] Present bit in root entry is clear
                DMAR: root table entry is not present
                """);
        assertThat(log.faults().stream().map(KernelLogTest::said))
                .containsExactly(
                        "1 vtd 0000:00:16.7 read 1000 79 sss.2 second level 3",
                        "11 vtd 0000:00:16.7 read 2000 6 lgn.3 second level 3",
                        "15 vtd 0000:00:17.7 read 2000 1 lrt.2");
        assertThat(log.skipped()).isZero();
        assertThat(KernelLog.read("DMAR: PTE not present at level 3").skipped()).isEqualTo(1);
    }

    /** Newer kernels say it in words, too, and know the device. */
    @Test
    void eventsInWords() {
        var log = KernelLog.read("""
                [131.1] arm-smmu-v3 fc900000.iommu: event 0x10 received:
                [131.2] arm-smmu-v3 fc900000.iommu: \t0x0000210000000010
                [131.3] arm-smmu-v3 fc900000.iommu: \t0x0000020000000000
                [131.4] arm-smmu-v3 fc900000.iommu: \t0x0000000000000000
                [131.5] arm-smmu-v3 fc900000.iommu: \t0x0000000000000000
                [131.6] arm-smmu-v3 fc900000.iommu: event: F_TRANSLATION client: 0002:21:00.0 sid: 0x2100 ssid: 0x0 iova: 0x0 ipa: 0x0
                [131.7] arm-smmu-v3 fc900000.iommu: unpriv data write s1 "Input address caused fault" stag: 0x0
                arm-smmu-v3 fc900000.iommu: event: F_PERMISSION client: fd8c0000.usb sid: 0x7 ssid: 0x1f iova: 0x1000 ipa: 0x2000
                arm-smmu-v3 fc900000.iommu: priv inst read s2 "Stage 1 translation table fetch" ttd_read stall stag: 0x1c
                arm-smmu-v3 fc900000.iommu: event: F_CD_FETCH client: (unassigned sid) sid: 0x10300 ssid: 0x0 fetch_addr: 0x80020140
                arm-smmu-v3 fc900000.iommu: event: C_BAD_STE client: 0000:00:04.1 sid: 0x11 ssid: 0x0
                arm-smmu-v3 fc900000.iommu: event: UNKNOWN client: 0000:00:04.1 sid: 0x11 ssid: 0x0
                """);
        assertThat(log.faults().stream().map(KernelLogTest::said))
                .containsExactly(
                        "1 smmuv3 0002:21:00.0 sid 2100 (0002:21:00.0) unprivileged write 0 10 f_translation first class in",
                        "8 smmuv3 null sid 7 (fd8c0000.usb) pasid 1f privileged execute 1000 13 f_permission second class tt",
                        "10 smmuv3 0001:03:00.0 sid 10300 9 f_cd_fetch",
                        "11 smmuv3 0000:00:04.1 sid 11 (0000:00:04.1) 4 c_bad_ste");
        assertThat(log.skipped()).isEqualTo(1);
        assertThat(log.faults().get(0).words()).hasSize(4);
        assertThat(log.faults().get(1).words()).isEmpty();
    }

    /** Two units in one log, and what a log has lost. */
    @Test
    void unitsMayAlternateAndLinesBeMissing() {
        var log = KernelLog.read("""
                arm-smmu-v3 a.iommu: event 0x04 received:
                arm-smmu-v3 b.iommu: event 0x02 received:
                arm-smmu-v3 a.iommu:  0x0000002100005804
                arm-smmu-v3 b.iommu:  0x0000010000000002
                usb 1-1: new device
                arm-smmu-v3 b.iommu:  0x0000000000000000
                arm-smmu-v3 b.iommu:  0x0000000000000000
                arm-smmu-v3 b.iommu:  0x0000000000000000
                arm-smmu-v3 a.iommu:  0x0000000000000000
                arm-smmu-v3 a.iommu:  0x0000000000000000
                arm-smmu-v3 a.iommu:  0x0000000000000000
                arm-smmu-v3 a.iommu: event 0x04 received:
                arm-smmu-v3 a.iommu:  0x0000002100005804
                arm-smmu-v3 a.iommu: event 0x0a received:
                arm-smmu-v3 a.iommu:  0x000000210000580a
                arm-smmu-v3 a.iommu:  0x0000000000000000
                arm-smmu-v3 a.iommu:  0x0000000000000000
                arm-smmu-v3 a.iommu:  0x0000000000000000
                arm-smmu-v3 c.iommu:  0x0000002200000013
                arm-smmu-v3 c.iommu:  0x0000028000000000
                arm-smmu-v3 c.iommu:  0x00000080456789a8
                arm-smmu-v3 c.iommu:  0x0000008045678000
                arm-smmu-v3 c.iommu:  0x0000008045678000
                """);
        assertThat(log.faults().stream().map(KernelLogTest::said))
                .containsExactly(
                        "1 smmuv3 0000:00:04.1 sid 21 pasid 5 4 c_bad_ste",
                        "2 smmuv3 0000:01:00.0 sid 100 2 c_bad_streamid",
                        "14 smmuv3 0000:00:04.1 sid 21 pasid 5 a c_bad_cd",
                        "19 smmuv3 0000:00:04.2 sid 22 unprivileged write 80456789a8 13 f_permission second class in");
        assertThat(log.skipped()).isEqualTo(4);
    }

    @Test
    void thereIsAnEndToIt() {
        var line = "vtd: 1000 c000017980003a00\n";
        var most = KernelLog.read(line.repeat(KernelLog.MOST) + "and so on\n");
        assertThat(most.faults()).hasSize(KernelLog.MOST);
        assertThat(most.skipped()).isEqualTo(1);
        assertThat(most.truncated()).isFalse();
        var more = KernelLog.read(line.repeat(KernelLog.MOST + 7) + "and so on\n");
        assertThat(more.faults()).hasSize(KernelLog.MOST);
        assertThat(more.skipped()).isZero();
        assertThat(more.truncated()).isTrue();
    }

    @Test
    void enormousLinesAreReadFromTheirBeginning() {
        var line = "DMAR: [DMA Read NO_PASID] Request device [00:1f.7] fault addr 0x0 [fault reason 0x59] ";
        var log = KernelLog.read(line + "x".repeat(4 << 20) + "\n" + "0x".repeat(1 << 20) + "\n" + "[".repeat(1 << 20));
        assertThat(log.faults())
                .singleElement()
                .satisfies(fault -> assertThat(fault.text()).hasSize(4096));
        assertThat(log.skipped()).isEqualTo(2);
        var halved = KernelLog.read(line + "x".repeat(4095 - line.length()) + "\ud83d\ude00".repeat(10));
        assertThat(halved.faults().getFirst().text()).hasSize(4095);
    }

    @Test
    void controlCharactersAreBlanks() {
        assertThat(
                        said(
                                "\u0000DMAR:\u0001[DMA Read NO_PASID]\u001b Request\u200bdevice\t[00:1f.7] fault addr 0x0 [fault reason 0x59]\u0007"))
                .containsExactly("1 vtd 0000:00:1f.7 read 0 59 spt.2");
    }

    /** Better none than a wrong one. */
    @Test
    void anAddressOfMoreThan64BitsIsNoReport() {
        var line = "DMAR: [DMA Read NO_PASID] Request device [03:00.0] fault addr 0x%s [fault reason 0x06] x";
        assertThat(KernelLog.read(line.formatted("f".repeat(16))).faults()).hasSize(1);
        assertThat(KernelLog.read(line.formatted("f".repeat(17))).faults()).isEmpty();
    }

    @Test
    void blankLinesAreNotCounted() {
        assertThat(KernelLog.read("\n \r\n\t\n\u0000\n").skipped()).isZero();
        assertThat(KernelLog.read("").faults()).isEmpty();
    }

    /** Every number that is defined has causes and next steps of its own, and no other has. */
    @Test
    void thereIsAdviceOnEveryFault() {
        var vtd = VtdReasons.all().stream().map(reason -> reason.code()).toList();
        var smmuv3 = IntStream.range(0, 0x100)
                .filter(code -> SmmuEvent.ofCode(code) != null)
                .boxed()
                .toList();
        assertThat(vtd).hasSize(81);
        assertThat(smmuv3).hasSize(19);
        for (int code = 0; code < 0x100; code++) {
            for (var architecture : IommuType.values()) {
                var defined = (architecture == IommuType.VTD ? vtd : smmuv3).contains(code);
                var advice = Advice.on(architecture, code);
                assertThat(advice.likelyCauses().isEmpty())
                        .as("%s %x", architecture, code)
                        .isEqualTo(!defined);
                assertThat(advice.lookNext()).as("%s %x", architecture, code).isNotEmpty();
            }
        }
    }
}
