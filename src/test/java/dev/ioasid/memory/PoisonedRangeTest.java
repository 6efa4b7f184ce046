package dev.ioasid.memory;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Memory that is there and cannot be fetched, and ranges that meet memory. */
class PoisonedRangeTest {
    private final PhysicalMemory memory =
            new PhysicalMemory(0x10000, List.of(new AddressRange(0x4000, 0x5fff), new AddressRange(0x8000, 0x8fff)));

    @AfterEach
    void close() {
        memory.close();
    }

    /** A fetch of 64 bytes at each edge of the poison. */
    @ParameterizedTest
    @CsvSource(useHeadersInDisplayName = true, textBlock = """
            address, bytes, fetched
            0x1000,  64,    true
            0x10c0,  64,    true
            0x10c1,  64,    false
            0x1100,  64,    false
            0x11c0,  64,    false
            0x11ff,  8,     false
            0x1200,  64,    true
            0x4000,  8,     false
            0xfff8,  8,     true
            0x10000, 8,     false
            """)
    void whatIsPoisonedIsNotFetched(String address, int bytes, boolean fetched) {
        var poison = new PoisonedRange(new AddressRange(0x1100, 0x11ff));
        memory.poison(poison);
        long at = Long.decode(address);
        assertThat(memory.fetches(at, bytes)).isEqualTo(fetched);
        assertThat(poison.takeMet()).isEqualTo(!fetched && memory.backs(at));
        assertThat(poison.takeMet()).isFalse();
    }

    @Test
    void processorsDoNotNotice() {
        memory.poison(new PoisonedRange(new AddressRange(0, 0xfff)));
        memory.write(0x100, new byte[] {1, 2, 3});
        assertThat(memory.read(0x100, 3)).containsExactly(1, 2, 3);
        assertThat(memory.backs(0x100)).isTrue();
    }

    @Test
    void onePoisonMayCoverAnother() {
        var wide = new PoisonedRange(new AddressRange(0x1000, 0x2fff));
        var narrow = new PoisonedRange(new AddressRange(0x2000, 0x2007));
        memory.poison(wide);
        memory.poison(narrow);
        memory.cure(wide);
        assertThat(memory.isPoisoned()).isTrue();
        assertThat(memory.fetches(0x1000, 8)).isTrue();
        assertThat(memory.fetches(0x2000, 8)).isFalse();
        memory.cure(narrow);
        assertThat(memory.isPoisoned()).isFalse();
        assertThat(memory.fetches(0x2000, 8)).isTrue();
    }

    @ParameterizedTest
    @CsvSource(useHeadersInDisplayName = true, textBlock = """
            first,   last,               meets
            0x0,     0xfff,              true
            0x4000,  0x5fff,             false
            0x4000,  0x6000,             true
            0x3fff,  0x5fff,             true
            0x5000,  0x5fff,             false
            0x5000,  0x8fff,             true
            0x8000,  0x8fff,             false
            0xffff,  0x10000,            true
            0x10000, 0x7fffffffffffffff, false
            """)
    void aRangeMeetsMemoryUnlessAllOfItIsInAHoleOrBeyond(String first, String last, boolean meets) {
        assertThat(memory.meets(new AddressRange(Long.decode(first), Long.decode(last))))
                .isEqualTo(meets);
    }
}
