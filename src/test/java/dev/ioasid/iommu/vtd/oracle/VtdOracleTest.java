package dev.ioasid.iommu.vtd.oracle;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.memory.PhysicalMemory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The oracle answers what another oracle answered. */
class VtdOracleTest {
    private static final long ACCESSED = 1 << 5 | 1 << 8 | 1 << 10;

    @ParameterizedTest
    @ValueSource(strings = {"random-vtd-scalable", "random-vtd-nested"})
    void everyLineOfACaptureComesOutAsExpected(String name) {
        var capture = Capture.of(name);
        var unit = new Unit(
                (int) capture.register("VER"),
                capture.register("CAP"),
                capture.register("ECAP"),
                capture.hostAddressWidth(),
                capture.register("RTADDR"),
                true);
        try (var memory = capture.memory();
                var untouched = capture.memory()) {
            var wrong = new ArrayList<String>();
            for (var line : capture.lines()) {
                var answer = answer(unit, memory, line.request());
                if (!agrees(answer, line)) {
                    wrong.add(line + " but " + answer);
                }
            }
            assertThat(wrong).isEmpty();
            assertThat(wronglyChanged(capture.updates(), memory, untouched)).isEmpty();
        }
    }

    private static Answer answer(Unit unit, PhysicalMemory memory, DmaRequest request) {
        var overlay = new Overlay(memory);
        var answer = new VtdOracle(unit, overlay, Set.of(), request).answer();
        overlay.changes().forEach(memory::release);
        return answer;
    }

    private static boolean agrees(Answer answer, Capture.Line line) {
        return switch (answer) {
            case Answer.Blocked blocked -> blocked.code() == line.code();
            case Answer.Page page ->
                line.code() == 0
                        && page.address() == line.address()
                        && (line.size() == 0 || page.size() == line.size())
                        && (line.permissions().isEmpty()
                                || line.permissions().equals((page.read() ? "r" : "") + (page.write() ? "w" : "")));
        };
    }

    private static ArrayList<String> wronglyChanged(
            Capture.Updates updates, PhysicalMemory memory, PhysicalMemory untouched) {
        var wrong = new ArrayList<String>();
        for (long page = 0; page < memory.size(); page += 0x1000) {
            var now = ByteBuffer.wrap(memory.read(page, 0x1000)).order(ByteOrder.LITTLE_ENDIAN);
            var before = ByteBuffer.wrap(untouched.read(page, 0x1000)).order(ByteOrder.LITTLE_ENDIAN);
            for (int offset = 0; offset < 0x1000; offset += 8) {
                long least = before.getLong(offset);
                var bounds = updates.words().get(page + offset);
                long most = bounds != null ? bounds.most() : updates.tables().contains(page) ? least | ACCESSED : least;
                least = bounds != null ? bounds.least() : least;
                long word = now.getLong(offset);
                if ((least & ~word) != 0 || (word & ~most) != 0) {
                    wrong.add("%x: %x, expected %x to %x".formatted(page + offset, word, least, most));
                }
            }
        }
        return wrong;
    }
}
