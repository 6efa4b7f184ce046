package dev.ioasid.pagetable;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.memory.AddressRange;
import dev.ioasid.memory.PhysicalMemory;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The short walk of a first stage beside the exact one, alone and nested on a parent, on tables that are often broken. */
class StraightFirstStagePropertyTest {
    private static final int FRAMES = 48;
    private static final int TABLES = 200;
    private static final int WALKS = 2000;
    private static final int ALL_LEAVES = TableFormat.LEAF_4K | TableFormat.LEAF_2M | TableFormat.LEAF_1G;

    @ParameterizedTest
    @CsvSource({"4, 46, 14, 0", "5, 52, 14, 0", "4, 36, 6, 0", "4, 46, 14, 4", "5, 46, 6, 3", "4, 52, 14, 5"})
    void whatTheShortWalkDecidesTheExactOneDecidesAlike(int levels, int hostWidth, int leaves, int parentLevels) {
        var random = new SplittableRandom(levels * 1000L + hostWidth * 10 + parentLevels);
        var format = TableFormat.x8664(levels, hostWidth, leaves);
        boolean nested = parentLevels != 0;
        var parentFormat = nested ? TableFormat.vtdSecondStage(parentLevels, hostWidth, ALL_LEAVES, true, false) : null;
        int parentBits = nested ? 12 + 9 * parentLevels - 1 : 0;
        long decided = 0;
        for (int t = 0; t < TABLES; t++) {
            try (var memory = new PhysicalMemory(FRAMES * 0x1000, List.of(new AddressRange(0x5000, 0x5fff)))) {
                fill(memory, random, nested);
                var straight = new StraightFirstStage(memory, format);
                var parent = parentFormat == null ? null : new StraightWalk(memory, parentFormat, parentBits);
                for (int i = 0; i < WALKS; i++) {
                    long root = (long) random.nextInt(FRAMES + 1) << 12;
                    long parentRoot = (long) random.nextInt(FRAMES) << 12;
                    long input = input(random, levels);
                    // no right to update: the exact walk fails where a mark is missing
                    int how = PageWalk.ACCESSED_DIRTY | how(random);
                    int parentHow = nested && random.nextBoolean() ? PageWalk.ACCESSED_DIRTY : 0;
                    long walked = straight.walk(root, input, how, parent, parentRoot, parentHow);
                    if (walked != StraightWalk.UNDECIDED) {
                        decided++;
                        assertThat(walked)
                                .isEqualTo(PageWalk.walk(
                                                memory,
                                                format,
                                                root,
                                                input,
                                                how,
                                                parentFormat,
                                                parentRoot,
                                                parentBits,
                                                parentHow,
                                                StructureCaches.NONE,
                                                0,
                                                Steps.UNSEEN)
                                        & ~Walked.MARKED);
                    }
                }
            }
        }
        assertThat(decided).isGreaterThan(1000);
    }

    private static int how(SplittableRandom random) {
        int how = 1 + random.nextInt(3);
        how |= random.nextInt(8) == 0 ? PageWalk.PRIVILEGED : 0;
        how |= random.nextInt(8) == 0 ? PageWalk.EXTENDED_ACCESSED : 0;
        return how | (random.nextInt(4) == 0 ? PageWalk.WRITE_PROTECTED : 0);
    }

    /** Few indices at each level, so that entries are met that were written. */
    private static long input(SplittableRandom random, int levels) {
        long input = random.nextInt(0x1000);
        for (int level = 1; level <= levels; level++) {
            input |= (long) random.nextInt(4) << Levels512.shift(level);
        }
        return input;
    }

    /** Guest physical addresses need few bits: each frame can be a table of either stage. */
    private static void fill(PhysicalMemory memory, SplittableRandom random, boolean nested) {
        for (int frame = 0; frame < FRAMES; frame++) {
            for (int i = 0; i < 4; i++) {
                long address = frame * 0x1000L + i * 8L;
                if (memory.backs(address)) {
                    memory.release(address, entry(random, nested));
                }
            }
        }
    }

    private static long entry(SplittableRandom random, boolean nested) {
        long target = (long) random.nextInt(nested ? 4 : FRAMES + 1) << 12;
        if (nested && random.nextBoolean()) {
            target = (long) random.nextInt(FRAMES) << 12;
        }
        long entry = target | 0x767; // P, W, U; A and D of both stages; EA
        entry |= random.nextInt(12) == 0 ? 1 << 7 : 0;
        entry ^= random.nextInt(12) == 0 ? 1L << random.nextInt(12) : 0;
        entry |= random.nextInt(24) == 0 ? 0xfee0_0000L : 0;
        return random.nextInt(24) == 0 ? entry | 1L << random.nextInt(64) : entry;
    }
}
