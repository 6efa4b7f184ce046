package dev.ioasid.iommu.vtd;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Ranges as blocks: nothing missed, nothing twice, nothing beside, and no endless list for an endless range. */
class PageBlocksTest {
    @ParameterizedTest
    @CsvSource({
        "5000, 5fff, 52, 1",
        "5000, 7fff, 52, 2",
        "1000, 7fff, 52, 3",
        "0, ffffffffffffffff, 52, 1",
        "1000, ffffffffffffefff, 52, 102",
        "0, 3fffffff, 18, 1",
        "0, 7fffffff, 18, 2",
        "fffffffffffff000, ffffffffffffffff, 52, 1"
    })
    void makeTheRangeUp(String from, String to, int largestOrder, int count) {
        long first = Bench.hex(from);
        long last = Bench.hex(to);
        var blocks = PageBlocks.of(first, last, largestOrder, 1000);
        assertThat(blocks).hasSize(count);
        long next = first;
        for (var block : blocks) {
            assertThat(block.address()).isEqualTo(next);
            assertThat(block.order()).isLessThanOrEqualTo(largestOrder);
            next = block.last() + 1;
        }
        assertThat(next - 1).isEqualTo(last);
    }

    @Test
    void anEndlessListIsCutOff() {
        assertThat(PageBlocks.of(0, -1, 0, 64)).hasSize(65);
    }
}
