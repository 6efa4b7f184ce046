package dev.ioasid.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ioasid.errno.RefusedException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PhysicalMemoryTest {
    private static final long MIB = 1L << 20;

    /** Bytes of this process that are in memory now. */
    private static long resident() throws IOException {
        var pages = Files.readString(Path.of("/proc/self/statm")).split(" ")[1];
        return Long.parseLong(pages) * 4096;
    }

    @Test
    void onlyWhatIsTouchedCostsAnythingAndCloseGivesItBack() throws IOException {
        long before = resident();
        var memory = new PhysicalMemory(64L << 30);
        assertThat(memory.committedBytes()).isZero();
        assertThat(resident() - before).isLessThan(16 * MIB);

        memory.write(40L << 30, filled((int) (128 * MIB)));
        assertThat(memory.committedBytes()).isEqualTo(128 * MIB);
        long touched = resident();

        memory.discard(AddressRange.of(40L << 30, 96 * MIB));
        assertThat(memory.committedBytes()).isEqualTo(32 * MIB);
        assertThat(touched - resident()).isGreaterThan(64 * MIB);
        assertThat(memory.read(40L << 30, 8)).containsOnly(0);

        long discarded = resident();
        memory.close();
        assertThat(discarded - resident()).isGreaterThan(16 * MIB);
    }

    private static byte[] filled(int length) {
        var bytes = new byte[length];
        Arrays.fill(bytes, (byte) 1);
        return bytes;
    }

    @ParameterizedTest
    @ValueSource(longs = {0, -4096, 1, 0xfff, 0x1001, (1L << 42) + 0x1000})
    void aSizeIsWholePagesUpToFourTebibytes(long size) {
        assertThatThrownBy(() -> new PhysicalMemory(size)).isInstanceOf(RefusedException.class);
    }

    @Test
    void aHoleIsWholePages() {
        assertThatThrownBy(() -> new PhysicalMemory(MIB, List.of(new AddressRange(0x1000, 0x1ffe))))
                .isInstanceOf(RefusedException.class);
    }

    @Test
    void holesAndWhatIsBeyondAreNotBacked() {
        try (var memory = new PhysicalMemory(0x10000, List.of(new AddressRange(0x4000, 0x5fff)))) {
            assertThat(List.of(0L, 0x3fffL, 0x6000L, 0xffffL)).allMatch(memory::backs);
            assertThat(List.of(0x4000L, 0x5fffL, 0x10000L, -1L, 1L << 63)).noneMatch(memory::backs);
            memory.write(0x3ff8, filled(8));
            memory.write(0xffff, filled(1));
            long committed = memory.committedBytes();
            assertThatThrownBy(() -> memory.write(0x3ff9, filled(8))).isInstanceOf(RefusedException.class);
            assertThatThrownBy(() -> memory.write(0xffff, filled(2))).isInstanceOf(RefusedException.class);
            assertThatThrownBy(() -> memory.read(-8, 16)).isInstanceOf(RefusedException.class);
            assertThat(memory.read(0x3ff0, 16)).containsExactly(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1);
            assertThat(memory.committedBytes()).isEqualTo(committed);
        }
    }

    @Test
    void wordsAreLittleEndianAndKeptWithinMemory() {
        try (var memory = new PhysicalMemory(0x3000)) {
            memory.release(0x2ff8, 0x0102030405060708L);
            assertThat(memory.read(0x2ff8, 8)).containsExactly(8, 7, 6, 5, 4, 3, 2, 1);
            assertThat(memory.folded(0x2ff8 + 0x4000)).isEqualTo(0x0102030405060708L); // reserved are 16 KiB
            assertThat(memory.folded(0x3000)).isZero();
            assertThat(memory.swap(0x2ff8, 1, 2)).isFalse();
            assertThatThrownBy(() -> memory.acquire(0x3000)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> memory.release(-8, 1)).isInstanceOf(IndexOutOfBoundsException.class);
        }
    }
}
