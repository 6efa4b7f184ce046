package dev.ioasid.pagetable;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.memory.AddressRange;
import dev.ioasid.memory.PhysicalMemory;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The short walk beside the exact one, on tables that are as often broken as not. */
class StraightWalkPropertyTest {
    private static final int FRAMES = 48;
    private static final int TABLES = 300;
    private static final int WALKS = 2000;

    @ParameterizedTest
    @CsvSource({
        "3, 46, 14, true, false, 39",
        "4, 46, 14, true, false, 48",
        "4, 46, 14, false, false, 47",
        "4, 36, 6, true, false, 48",
        "4, 46, 2, true, false, 48",
        "4, 46, 14, true, true, 48",
        "5, 52, 14, true, false, 57"
    })
    void whatTheShortWalkDecidesTheExactOneDecidesAlike(
            int levels, int hostWidth, int leaves, boolean snoop, boolean irIw, int inputBits) {
        var random = new SplittableRandom(levels * 100L + leaves);
        var format = TableFormat.vtdSecondStage(levels, hostWidth, leaves, snoop, irIw);
        long decided = 0;
        long marked = 0;
        for (int t = 0; t < TABLES; t++) {
            try (var memory = new PhysicalMemory(FRAMES * 0x1000, List.of(new AddressRange(0x5000, 0x5fff)))) {
                fill(memory, random);
                var straight = new StraightWalk(memory, format, inputBits);
                for (int i = 0; i < WALKS; i++) {
                    long root = frame(random) << 12;
                    long input = input(random, levels);
                    // without the right to update, the exact walk fails where a mark is missing
                    int how = 1 + random.nextInt(3) | (random.nextBoolean() ? PageWalk.ACCESSED_DIRTY : 0);
                    long walked = straight.walk(root, input, how);
                    if (walked != StraightWalk.UNDECIDED) {
                        decided++;
                        assertThat(input >>> inputBits).isZero();
                        long exact = PageWalk.walk(memory, format, root, input, how, Steps.UNSEEN);
                        assertThat(walked).isEqualTo(exact & ~Walked.MARKED);
                        marked += (how & PageWalk.ACCESSED_DIRTY) != 0 ? 1 : 0;
                    }
                }
            }
        }
        if (irIw) {
            assertThat(decided).isZero();
        } else {
            assertThat(decided).isGreaterThan(100);
            assertThat(marked).isGreaterThan(10);
        }
    }

    private static long frame(SplittableRandom random) {
        return random.nextInt(FRAMES + 1);
    }

    /** Four indices in use at each level, so that entries are met that were written; at times a bit too wide. */
    private static long input(SplittableRandom random, int levels) {
        long input = random.nextInt(0x1000);
        for (int level = 1; level <= levels; level++) {
            input |= (long) random.nextInt(4) << Levels512.shift(level);
        }
        return random.nextInt(20) == 0 ? input | 1L << 39 + random.nextInt(24) : input;
    }

    private static void fill(PhysicalMemory memory, SplittableRandom random) {
        for (int frame = 0; frame < FRAMES; frame++) {
            for (int i = 0; i < 4; i++) {
                long address = frame * 0x1000L + i * 8L;
                if (memory.backs(address)) {
                    memory.release(address, entry(random));
                }
            }
        }
    }

    private static long entry(SplittableRandom random) {
        long target = random.nextInt(4) == 0 ? random.nextLong() & 0x3fff_e000_0000L : frame(random) << 12;
        long entry = target | (random.nextInt(6) == 0 ? random.nextInt(4) : 3);
        entry |= random.nextInt(4) == 0 ? 1 << 7 : 0;
        entry |= random.nextInt(4) == 0 ? random.nextInt(4) << 8 : 3 << 8;
        entry |= random.nextInt(16) == 0 ? 0xfee0_0000L : 0;
        return random.nextInt(8) == 0 ? entry | 1L << random.nextInt(64) : entry;
    }
}
