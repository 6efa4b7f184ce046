package dev.ioasid.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.pagetable.Permissions;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Processes: the bits of their page tables, when pages appear, what is refused, and that a refusal changes nothing. */
class CpuProcessTest {
    private static final long MEMORY = 64L << 20;
    private static final long PAGE = 0x1000;
    private static final Permissions R = Permissions.READ;
    private static final Permissions RW = Permissions.READ_WRITE;
    private static final Permissions RX = Permissions.parse("rx");

    private final Machine machine = Machine.create("m", MEMORY, List.of(), Preset.EMPTY);

    @AfterEach
    void close() {
        machine.close();
    }

    private ProcessSummary process(String format, @Nullable Integer levels, @Nullable Long granule, boolean paging) {
        return machine.apply(new Command.CreateProcess(format, levels, granule, paging));
    }

    private ProcessMapping map(long address, long length, Permissions permissions) {
        return machine.apply(new Command.MapProcess(1, address, length, permissions));
    }

    private long unmap(long address, long length) {
        return machine.apply(new Command.UnmapProcess(1, address, length));
    }

    private byte[] read(long address, int length) {
        return machine.apply(new Command.ReadProcess(1, address, length));
    }

    private void write(long address, int... bytes) {
        var all = new byte[bytes.length];
        for (int i = 0; i < bytes.length; i++) {
            all[i] = (byte) bytes[i];
        }
        machine.apply(new Command.WriteProcess(1, address, all));
    }

    private ProcessSummary summary() {
        return machine.read(view -> view.process(1));
    }

    private List<ProcessSummary> processes() {
        return machine.read(MachineView::processes);
    }

    private ProcessMapping mapping() {
        return machine.read(view -> view.processMapping(1, 0x10_0000));
    }

    private List<ProcessMapping> mappings() {
        return machine.read(view -> view.processMappings(1, null, 10));
    }

    private MachineCounts counts() {
        return machine.read(MachineView::counts);
    }

    private byte[] memory(long address, int length) {
        return machine.read(view -> view.readMemory(address, length));
    }

    private long word(long address) {
        return ByteBuffer.wrap(memory(address, 8))
                .order(ByteOrder.LITTLE_ENDIAN)
                .getLong();
    }

    /** The leaf of an address, of a table of 512 entries each, and what leads to it ORed together. */
    private long leaf(long address, int levels) {
        long at = summary().root();
        for (int level = levels; level > 1; level--) {
            at = word(at + (address >>> 12 + 9 * (level - 1) & 511) * 8) & 0xffff_ffff_f000L;
        }
        return word(at + (address >>> 12 & 511) * 8);
    }

    /** All that can be seen of the machine. */
    private String everything() {
        return machine.read(view -> view.processes() + " " + view.processMappings(1, null, 100) + " " + view.ioasids()
                        + " " + view.counts())
                + machine.frames().freeBytes();
    }

    private void refused(Errno errno, ThrowingCallable call) {
        var before = everything();
        assertThatThrownBy(call)
                .isInstanceOfSatisfying(
                        RefusedException.class,
                        refused -> assertThat(refused.errno())
                                .as(refused.getMessage())
                                .isEqualTo(errno));
        assertThat(everything()).isEqualTo(before);
    }

    /** x86-64: P 0, R/W 1, U/S 2, A 5, D 6, XD 63. VMSAv8-64: page 1:0, AP 7:6, SH 9:8, AF 10, nG 11, PXN 53, UXN 54. */
    @ParameterizedTest
    @CsvSource({
        "x86-64,       4, r,   8000000000000005, 8000000000000025, ",
        "x86-64,       4, rw,  8000000000000007, 8000000000000027, 8000000000000067",
        "x86-64,       4, rx,  0000000000000005, 0000000000000025, ",
        "x86-64,       5, rwx, 0000000000000007, 0000000000000027, 0000000000000067",
        "armv8-stage1, 4, r,   0060000000000fc3, 0060000000000fc3, ",
        "armv8-stage1, 4, rw,  0060000000000f43, 0060000000000f43, 0060000000000f43",
        "armv8-stage1, 3, rx,  0020000000000fc3, 0020000000000fc3, ",
        "armv8-stage1, 4, rwx, 0020000000000f43, 0020000000000f43, 0020000000000f43"
    })
    void aLeafSaysTheRightsAndACpuMarksIt(
            String format, int levels, String permissions, String mapped, String read, @Nullable String written) {
        process(format, levels, null, false);
        long address = 0x12_3456_7000L;
        map(address, PAGE, Permissions.parse(permissions));
        long frame = leaf(address, levels) & 0xffff_ffff_f000L;
        assertThat(leaf(address, levels)).isEqualTo(frame | Long.parseUnsignedLong(mapped, 16));
        assertThat(read(address + 8, 1)).containsExactly(0);
        assertThat(leaf(address, levels)).isEqualTo(frame | Long.parseUnsignedLong(read, 16));
        if (written == null) {
            refused(Errno.EPERM, () -> write(address, 1));
        } else {
            write(address + 8, 1, 2);
            assertThat(leaf(address, levels)).isEqualTo(frame | Long.parseUnsignedLong(written, 16));
            assertThat(memory(frame + 7, 4)).containsExactly(0, 1, 2, 0);
        }
    }

    /** The lower half of x86-64; all that T0SZ leaves of VMSAv8-64. */
    @ParameterizedTest
    @CsvSource({
        "x86-64,       4, 0x1000,  48, 7ffffffff000",
        "x86-64,       5, 0x1000,  57, fffffffffff000",
        "armv8-stage1, 3, 0x1000,  39, 7ffffff000",
        "armv8-stage1, 4, 0x1000,  48, fffffffff000",
        "armv8-stage1, 2, 0x4000,  36, fffffc000",
        "armv8-stage1, 3, 0x4000,  47, 7fffffffc000",
        "armv8-stage1, 4, 0x4000,  48, ffffffffc000",
        "armv8-stage1, 2, 0x10000, 42, 3ffffff0000",
        "armv8-stage1, 3, 0x10000, 48, ffffffff0000"
    })
    void theLastPageIsTheLastThatCanBeMapped(
            String format, int levels, String granuleText, int width, String lastText) {
        long granule = Long.decode(granuleText);
        long last = Long.parseLong(lastText, 16);
        var made = process(format, levels, granule, true);
        assertThat(made)
                .extracting(ProcessSummary::levels, ProcessSummary::addressWidth, ProcessSummary::granule)
                .containsExactly(levels, width, granule);
        map(last, granule, RW);
        write(last + granule - 2, 7, 8);
        assertThat(read(last + granule - 2, 2)).containsExactly(7, 8);
        refused(Errno.ENOENT, () -> read(last + granule - 1, 2));
        refused(Errno.EINVAL, () -> map(last + granule, granule, RW));
        refused(Errno.EINVAL, () -> map(last - granule, 3 * granule, RW));
        refused(Errno.EINVAL, () -> map(-granule, granule, RW));
        refused(Errno.EINVAL, () -> unmap(last, 2 * granule));
        refused(Errno.ENOENT, () -> read(last + granule, 1));
        refused(Errno.ENOENT, () -> read(-1, 1));
        refused(Errno.EINVAL, () -> map(2 * granule + granule / 2, granule, RW));
        refused(Errno.EINVAL, () -> map(4 * granule, granule / 2, RW));
        refused(Errno.EINVAL, () -> map(4 * granule, 0, RW));
        refused(Errno.EINVAL, () -> unmap(4 * granule, granule / 2));
        assertThat(unmap(last, granule)).isEqualTo(granule);
        assertThat(summary().residentBytes()).isZero();
    }

    @ParameterizedTest
    @CsvSource({
        "x86-64,           3,      ",
        "x86-64,           6,      ",
        "x86-64,           4,      0x4000",
        "armv8-stage1,     2,      0x1000",
        "armv8-stage1,     5,      0x1000",
        "armv8-stage1,     1,      0x4000",
        "armv8-stage1,     1,      0x10000",
        "armv8-stage1,     4,      0x10000",
        "armv8-stage1,     ,       0x2000",
        "armv8-stage2,     ,       ",
        "vtd-second-stage, ,       ",
        "sparc,            ,       "
    })
    void whatNoCpuWalksIsRefused(String format, @Nullable Integer levels, @Nullable String granule) {
        process("x86-64", null, null, true);
        refused(Errno.EINVAL, () -> process(format, levels, granule == null ? null : Long.decode(granule), true));
    }

    @Test
    void pagesAppearWhenTheyAreTouchedAndNotBefore() {
        process("x86-64", null, null, true);
        map(0x10_0000, 16 * PAGE, RW);
        assertThat(mapping()).isEqualTo(new ProcessMapping(0x10_0000, 16 * PAGE, RW, 0));
        write(0x10_2fff, 1, 2);
        assertThat(mapping().residentBytes()).isEqualTo(2 * PAGE);
        assertThat(read(0x10_5800, 1)).containsExactly(0);
        assertThat(summary())
                .extracting(ProcessSummary::mappedBytes, ProcessSummary::residentBytes, ProcessSummary::tableBytes)
                .containsExactly(16 * PAGE, 3 * PAGE, 4 * PAGE);
        assertThat(counts())
                .extracting(MachineCounts::mappedBytes, MachineCounts::tableBytes)
                .containsExactly(3 * PAGE, 4 * PAGE);
    }

    @Test
    void withoutDemandPagingAllOfThemAreThereAtOnce() {
        process("armv8-stage1", null, 0x4000L, false);
        assertThat(map(0x10_0000, 0x10000, R).residentBytes()).isEqualTo(0x10000);
        var before = everything();
        read(0x10_0000, 0x10000);
        assertThat(everything()).isEqualTo(before);
    }

    @Test
    void whatDevicesTouchAppearsIfItMay() {
        process("x86-64", null, null, true);
        map(0x10_0000, 2 * PAGE, R);
        map(0x20_0000, PAGE, Permissions.parse("rwx"));
        var process = machine.processes().process(1);
        var before = everything();
        assertThat(machine.processes().touch(process, 0xf_ffff, R)).as("a hole").isFalse();
        assertThat(machine.processes().touch(process, 0x10_2000, R))
                .as("behind it")
                .isFalse();
        assertThat(machine.processes().touch(process, 0x10_1000, RW))
                .as("not writable")
                .isFalse();
        assertThat(machine.processes().touch(process, 0x10_1000, RX))
                .as("not executable")
                .isFalse();
        assertThat(machine.processes().touch(process, 1L << 47, R))
                .as("not the user's")
                .isFalse();
        assertThat(machine.processes().touch(process, -1, R))
                .as("not the user's")
                .isFalse();
        assertThat(everything()).isEqualTo(before);
        assertThat(machine.processes().touch(process, 0x10_1fff, R)).isTrue();
        assertThat(process.residentBytes()).isEqualTo(PAGE);
        assertThat(leaf(0x10_1000, 4) & ~0xffff_ffff_f000L).isEqualTo(0x8000_0000_0000_0005L);
        before = everything();
        assertThat(machine.processes().touch(process, 0x10_1000, R)).as("again").isTrue();
        assertThat(everything()).isEqualTo(before);
        assertThat(machine.processes().touch(process, 0x20_0000, Permissions.parse("rwx")))
                .isTrue();
        assertThat(process.residentBytes()).isEqualTo(2 * PAGE);
    }

    @Test
    void anAccessIsDoneWholeOrNotAtAll() {
        process("x86-64", null, null, true);
        map(0x10_0000, 2 * PAGE, RW);
        map(0x10_2000, PAGE, R);
        map(0x10_4000, PAGE, RW);
        refused(Errno.EPERM, () -> write(0x10_1fff, 1, 2));
        refused(Errno.ENOENT, () -> read(0x10_2fff, 2));
        refused(Errno.ENOENT, () -> machine.apply(new Command.WriteProcess(1, 0x10_4000, new byte[2 * 0x1000])));
        assertThat(read(0x10_1fff, 2)).containsExactly(0, 0);
    }

    @Test
    void whatMemoryIsTooSmallForLeavesNoTrace() {
        process("x86-64", null, null, true);
        map(0x10_0000, MEMORY, RW);
        write(0x10_3000, 1);
        refused(Errno.ENOMEM, () -> read(0x10_0000, (int) MEMORY));
        process("x86-64", null, null, false);
        refused(Errno.ENOMEM, () -> machine.apply(new Command.MapProcess(2, null, MEMORY, RW)));
        // the frames are enough, but those of the tables are not
        int most = (int) machine.frames().freeBytes();
        refused(Errno.ENOMEM, () -> machine.apply(new Command.MapProcess(2, 0x4000_0000L, (long) most, RW)));
        refused(Errno.ENOMEM, () -> read(0x10_3000, most + 0x1000));
        assertThat(read(0x10_3000, 2)).containsExactly(1, 0);
        while (machine.frames().tryAllocate(PAGE, PAGE) >= 0) {} // to the last
        assertThat(machine.processes().touch(machine.processes().process(1), 0x10_4000, R))
                .isFalse();
    }

    @Test
    void memoryInPiecesIsAsGoodAsInOne() {
        process("x86-64", null, null, false);
        map(0x10_0000, 0x200 * PAGE, RW);
        for (int page = 0; page < 0x200; page += 2) {
            unmap(0x10_0000 + page * PAGE, PAGE);
        }
        long left = machine.frames().freeBytes();
        long half = left / 2 & -PAGE;
        map(0x4000_0000L, half, RW);
        map(0x8000_0000L, half - 0x100 * PAGE, RW);
        write(0x8000_0000L + half - 0x100 * PAGE - 1, 9);
        assertThat(read(0x8000_0000L + half - 0x100 * PAGE - 2, 2)).containsExactly(0, 9);
        machine.apply(new Command.DeleteProcess(1));
        assertThat(counts().mappedBytes()).isZero();
    }

    @Test
    void unmappingCutsWhereItEnds() {
        process("x86-64", null, null, false);
        map(0x10_0000, 8 * PAGE, RW);
        map(0x10_8000, 2 * PAGE, R);
        write(0x10_0000, 1);
        write(0x10_7000, 2);
        assertThat(unmap(0x10_2000, 3 * PAGE)).isEqualTo(3 * PAGE);
        assertThat(unmap(0x10_7000, 2 * PAGE)).isEqualTo(2 * PAGE);
        assertThat(unmap(0x30_0000, PAGE)).as("nothing there, as munmap").isZero();
        assertThat(mappings())
                .containsExactly(
                        new ProcessMapping(0x10_0000, 2 * PAGE, RW, 2 * PAGE),
                        new ProcessMapping(0x10_5000, 2 * PAGE, RW, 2 * PAGE),
                        new ProcessMapping(0x10_9000, PAGE, R, PAGE));
        assertThat(read(0x10_0000, 1)).containsExactly(1);
        refused(Errno.ENOENT, () -> read(0x10_1fff, 2));
        map(0x10_7000, PAGE, R);
        assertThat(read(0x10_7000, 1)).as("a new page is zero").containsExactly(0);
    }

    /** Where the addresses would allow a larger page, there are small ones all the same: any of them can go. */
    @ParameterizedTest
    @CsvSource({"x86-64, 4", "armv8-stage1, 4"})
    void thereAreNoLargePages(String format, int levels) {
        process(format, null, null, false);
        long length = 6L << 20;
        map(0x4000_0000, length, RW);
        long offset = leaf(0x4000_0000, levels) & 0x1f_f000;
        unmap(0x4000_0000, length);
        long address = 0x4000_0000 + offset;
        map(address, length, RW);
        assertThat(leaf(address, levels) & 0x1f_f000)
                .as("as aligned as the address")
                .isEqualTo(offset);
        assertThat(unmap(0x4030_0000, PAGE)).isEqualTo(PAGE);
        write(0x4030_0000 - 1, 7);
        write(0x4030_1000, 8);
        refused(Errno.ENOENT, () -> read(0x4030_0000, 1));
    }

    @Test
    void addressesThatNobodyNamesAreTheLowestFromAQuarterOn() {
        process("x86-64", null, null, true);
        long base = 1L << 45;
        assertThat(lowest(2 * PAGE)).isEqualTo(base);
        assertThat(lowest(PAGE)).isEqualTo(base + 2 * PAGE);
        assertThat(unmap(base, PAGE)).isEqualTo(PAGE);
        assertThat(lowest(2 * PAGE)).isEqualTo(base + 3 * PAGE);
        assertThat(lowest(PAGE)).isEqualTo(base);
        refused(Errno.ENOSPC, () -> lowest(3L << 45));
        assertThat(lowest(1L << 46)).isEqualTo(base + 5 * PAGE);
        refused(Errno.EEXIST, () -> map(base - PAGE, 2 * PAGE, R));
        refused(Errno.EPERM, () -> map(0xf000, PAGE, R));
        map(0x1_0000, PAGE, R);
        refused(Errno.EINVAL, () -> map(0x20_0000, PAGE, Permissions.WRITE));
        refused(Errno.EINVAL, () -> map(0x20_0000, PAGE, Permissions.parse("x")));
        refused(Errno.EINVAL, () -> map(0x20_0000, PAGE, Permissions.parse("rp")));
    }

    private long lowest(long length) {
        return machine.apply(new Command.MapProcess(1, null, length, R)).address();
    }

    @Test
    void thereAreLimits() {
        process("x86-64", null, null, true);
        for (int i = 0; i < ProcessRegions.MOST; i++) {
            lowest(3 * PAGE);
        }
        long base = 1L << 45;
        refused(Errno.ENOMEM, () -> lowest(PAGE));
        refused(Errno.ENOMEM, () -> unmap(base + PAGE, PAGE));
        assertThat(unmap(base, PAGE)).isEqualTo(PAGE); // cuts, and makes none more
        assertThat(unmap(base + PAGE, 2 * PAGE)).isEqualTo(2 * PAGE);
        assertThat(lowest(PAGE)).isEqualTo(base);
        machine.apply(new Command.DeleteProcess(1));
        process("x86-64", null, null, false);
        refused(Errno.E2BIG, () -> lowest(CpuProcess.MOST_AT_ONCE + PAGE));
        refused(Errno.ENOMEM, () -> lowest(CpuProcess.MOST_AT_ONCE));
    }

    /** Somebody writes over the table: a program gets no further than the table leads, and no frame is given back that is not the process's. */
    @Test
    void aTableThatSomebodyHasWrittenToMisleadsTheProgramOnly() {
        long free = machine.frames().freeBytes();
        process("x86-64", null, null, true);
        map(0x10_0000, 4 * PAGE, RW);
        write(0x10_0000, 1);
        write(0x10_1000, 2);
        long root = summary().root();
        long level1 = word(word(word(root) & 0xffff_ffff_f000L) & 0xffff_ffff_f000L) & 0xffff_ffff_f000L;
        poke(level1 + 0x100 * 8, 0);
        refused(Errno.ENOENT, () -> read(0x10_0000, 1));
        refused(Errno.ENOENT, () -> write(0x10_0fff, 1, 2, 3));
        poke(level1 + 0x100 * 8, MEMORY | 7); // a reserved bit: no such memory
        refused(Errno.ENOENT, () -> write(0x10_0fff, 1, 2, 3));
        poke(level1 + 0x100 * 8, 0x5007);
        write(0x10_0010, 7);
        assertThat(memory(0x5010, 1)).containsExactly(7);
        poke(level1 + 0x101 * 8, 0);
        refused(Errno.ENOENT, () -> write(0x10_1fff, 1, 2)); // the second page has not been touched, and is not now
        refused(Errno.ENOENT, () -> read(0x10_1fff, 2));
        refused(Errno.ENOENT, () -> {
            poke(level1 + 0x102 * 8, 0); // as it was: not there yet
            read(0x10_4000, 1);
        });
        machine.apply(new Command.DeleteProcess(1));
        assertThat(machine.frames().freeBytes()).isEqualTo(free);
        assertThat(memory(0x5010, 1)).containsExactly(7);
    }

    private void poke(long address, long word) {
        machine.apply(new Command.WriteMemory(
                address,
                ByteBuffer.allocate(8)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putLong(word)
                        .array()));
    }

    @Test
    void processesAreNumberedFromTheLowest() {
        long free = machine.frames().freeBytes();
        for (int id = 1; id <= 3; id++) {
            assertThat(process("x86-64", null, null, true).id()).isEqualTo(id);
        }
        machine.apply(new Command.DeleteProcess(2));
        assertThat(processes()).extracting(ProcessSummary::id).containsExactly(1, 3);
        assertThat(process("armv8-stage1", null, null, true).id()).isEqualTo(2);
        refused(Errno.ENOENT, () -> machine.apply(new Command.DeleteProcess(4)));
        List.of(1, 2, 3).forEach(id -> machine.apply(new Command.DeleteProcess(id)));
        assertThat(machine.frames().freeBytes()).isEqualTo(free);
    }
}
