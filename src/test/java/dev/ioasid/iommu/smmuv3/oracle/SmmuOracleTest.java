package dev.ioasid.iommu.smmuv3.oracle;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.memory.PhysicalMemory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The oracle answers what a real guest's tables meant, and what another oracle answered. */
class SmmuOracleTest {
    @ParameterizedTest
    @ValueSource(strings = {"smmuv3-4k", "random-smmuv3-stage1", "random-smmuv3-nested"})
    void everyLineOfACaptureComesOutAsExpected(String name) {
        var capture = Capture.of(name);
        var smmu = capture.smmu();
        try (var memory = capture.memory();
                var untouched = capture.memory()) {
            var wrong = new ArrayList<String>();
            for (var line : capture.lines()) {
                wrong.add(line.wrong(new SmmuOracle(smmu, Words.of(memory), Set.of(), line.request()).answer()));
            }
            assertThat(wrong).containsOnly("");
            assertThat(changes(capture, memory, untouched)).isEqualTo(capture.updates());
        }
    }

    private static Map<Long, Long> changes(Capture capture, PhysicalMemory memory, PhysicalMemory untouched) {
        var changes = new TreeMap<Long, Long>();
        for (long page : capture.pages()) {
            var now = words(memory, page);
            var before = words(untouched, page);
            for (int offset = 0; offset < 0x1000; offset += 8) {
                if (now.getLong(offset) != before.getLong(offset)) {
                    changes.put(page + offset, now.getLong(offset));
                }
            }
        }
        return changes;
    }

    private static ByteBuffer words(PhysicalMemory memory, long page) {
        return ByteBuffer.wrap(memory.read(page, 0x1000)).order(ByteOrder.LITTLE_ENDIAN);
    }
}
