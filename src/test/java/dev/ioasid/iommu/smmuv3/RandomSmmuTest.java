package dev.ioasid.iommu.smmuv3;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.iommu.smmuv3.RandomMemory.Structure;
import dev.ioasid.iommu.smmuv3.oracle.Open;
import dev.ioasid.iommu.smmuv3.oracle.Smmu;
import dev.ioasid.iommu.smmuv3.oracle.SmmuOracle;
import dev.ioasid.iommu.smmuv3.oracle.Words;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Random tables find out a unit that overlooks something: each bit that means something is turned around for a unit, and there must be
 * requests that show it. What means nothing must not show.
 */
class RandomSmmuTest {
    private static final int MANY = 4_000;
    private static final int FEW = 1_000;

    /** Whether a unit is seen to be wrong. */
    private static boolean isFoundOut(Subject.Maker maker, int configurations) {
        try (var comparison = new Comparison(maker, expected -> {})) {
            for (long seed = 0; seed < configurations; seed++) {
                if (!comparison.of(seed).isEmpty()) {
                    return true;
                }
            }
            return false;
        }
    }

    private static Subject.Maker over(UnaryOperator<Smmu> registers) {
        return (configuration, memory) -> request ->
                new SmmuOracle(registers.apply(configuration.smmu), Words.of(memory), Set.of(), request).answer();
    }

    private static Subject.Maker seeing(Structure structure, List<Integer> bits) {
        long[] turned = new long[8];
        bits.forEach(bit -> turned[bit / 64] |= 1L << bit);
        return (configuration, memory) -> {
            var words = new TurnedBits(Words.of(memory), configuration.addresses(structure), turned);
            return request -> new SmmuOracle(configuration.smmu, words, Set.of(), request).answer();
        };
    }

    /** Memory in which some bits of each structure of a kind are the other way round. */
    private record TurnedBits(Words memory, Set<Long> structures, long[] turned) implements Words {
        @Override
        public boolean backs(long address) {
            return memory.backs(address);
        }

        @Override
        public long read(long address) {
            return memory.read(address) ^ turned(address);
        }

        @Override
        public void write(long address, long word) {
            memory.write(address, word ^ turned(address));
        }

        private long turned(long address) {
            for (int word = 0; word < turned.length; word++) {
                if (turned[word] != 0 && structures.contains(address - word * 8L)) {
                    return turned[word];
                }
            }
            return 0;
        }
    }

    private static List<Integer> bits(String ranges) {
        var bits = new ArrayList<Integer>();
        for (var range : ranges.split(" ")) {
            var ends = range.split(":");
            for (int bit = Integer.parseInt(ends[ends.length - 1]); bit <= Integer.parseInt(ends[0]); bit++) {
                bits.add(bit);
            }
        }
        return bits;
    }

    /** Bits as the reference counts them, highest first. Those of addresses that no table of ours needs are left out. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            L1_STREAM_TABLE_DESCRIPTOR | 25:9 4:0
            STREAM_TABLE_ENTRY         | 3:0 5 25:6 63:59 65:64 89 95:91 115:112 143:136 167:160 186:174 221:200
            L1_CONTEXT_DESCRIPTOR      | 0 25:12
            CONTEXT_DESCRIPTOR         | 7:0 23:14 36:30 46:38 63:56 65 66 93:69 129 130 157:133
            STAGE_1_DESCRIPTOR         | 1:0 7:6 10 47:12 51 54:53 62:59
            STAGE_2_DESCRIPTOR         | 7:0 10 47:12 51 54:53
            """)
    void eachBitThatMeansSomethingShows(Structure structure, String meaning) {
        var overlooked = bits(meaning).stream()
                .filter(bit -> !isFoundOut(seeing(structure, List.of(bit)), MANY))
                .toList();
        assertThat(overlooked).isEmpty();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            L1_STREAM_TABLE_DESCRIPTOR | 5 63:52
            STREAM_TABLE_ENTRY         | 58:52 88:66 90 111:96 127:116 135:128 159:144 173:168 189:187 511:244
            L1_CONTEXT_DESCRIPTOR      | 11:1 63:52
            CONTEXT_DESCRIPTOR         | 13:8 29:24 37 55:47 64 67 128:116 131 511:180
            STAGE_1_DESCRIPTOR         | 5:2 9:8 11 50 52 58:55
            STAGE_2_DESCRIPTOR         | 9:8 11 50 52 63:55
            """)
    void noOtherBitShows(Structure structure, String meaningless) {
        assertThat(isFoundOut(seeing(structure, bits(meaningless)), FEW)).isFalse();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            IDR0 | 1:0 3 7:6 12:9 19:18 28:25
            IDR1 | 10:0 26
            IDR3 | 4 9:8 13
            IDR5 | 2:0 6:4 10
            CR0  | 0
            CR2  | 1:0
            GBPA | 20
            """)
    void eachBitOfARegisterShows(String register, String meaning) {
        var overlooked = bits(meaning).stream()
                .filter(bit -> !isFoundOut(over(smmu -> turned(smmu, register, 1 << bit)), MANY))
                .toList();
        assertThat(overlooked).isEmpty();
    }

    private static Smmu turned(Smmu smmu, String register, int bit) {
        return new Smmu(
                smmu.idr0() ^ (register.equals("IDR0") ? bit : 0),
                smmu.idr1() ^ (register.equals("IDR1") ? bit : 0),
                smmu.idr3() ^ (register.equals("IDR3") ? bit : 0),
                smmu.idr5() ^ (register.equals("IDR5") ? bit : 0),
                smmu.cr0() ^ (register.equals("CR0") ? bit : 0),
                smmu.cr2() ^ (register.equals("CR2") ? bit : 0),
                smmu.gbpa() ^ (register.equals("GBPA") ? bit : 0),
                smmu.strtabBase(),
                smmu.strtabBaseCfg());
    }

    @Test
    void aUnitThatUpdatesNothingIsFoundOut() {
        Subject.Maker forgetful = (configuration, memory) -> {
            return request -> new SmmuOracle(configuration.smmu, Words.readOnly(memory), Set.of(), request).answer();
        };
        assertThat(isFoundOut(forgetful, FEW)).isTrue();
    }

    /** What the reference leaves to a unit is not held against it. */
    @ParameterizedTest
    @EnumSource
    void aUnitMayAnswerOpenQuestionsEitherWay(Open open) {
        Subject.Maker other = (configuration, memory) ->
                request -> new SmmuOracle(configuration.smmu, Words.of(memory), EnumSet.of(open), request).answer();
        assertThat(isFoundOut(other, FEW)).isFalse();
    }
}
