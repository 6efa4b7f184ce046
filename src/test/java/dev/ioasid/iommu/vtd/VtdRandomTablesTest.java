package dev.ioasid.iommu.vtd;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Translation;
import dev.ioasid.iommu.vtd.oracle.Answer;
import dev.ioasid.iommu.vtd.oracle.Open;
import dev.ioasid.iommu.vtd.oracle.Overlay;
import dev.ioasid.iommu.vtd.oracle.VtdOracle;
import dev.ioasid.memory.PhysicalMemory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** The hardware answers what the oracle answers, and leaves the same memory behind. */
class VtdRandomTablesTest {
    private static final int TABLES = 20_000;
    private static final int SHOWN = 10;
    private static final String FAULTS =
            "01 02 03 04 05 06 07 08 09 0A 0B 0C 0E 30 31 33 34 38 39 3A 40 41 42 43 45 46 48 50 51 52 58 59 5A"
                    + " 5B 5C 5D 70 71 72 73 74 75 76 77 78 79 7A 7B 7C 80 81 83 84 85 86 87 89 90";

    @Test
    void randomTablesComeOutAsTheSpecificationSays() {
        var wrong = new ArrayList<String>();
        var seen = new TreeMap<String, Integer>();
        try (var whole = RandomTables.memory(false);
                var holed = RandomTables.memory(true)) {
            for (long seed = 0; seed < TABLES && wrong.size() < SHOWN; seed++) {
                compare(seed, whole, holed, seen, wrong);
            }
        }
        assertThat(wrong).isEmpty();
        // the tables are worth something: many requests get through, and each of these faults is met often
        int asked = seen.values().stream().mapToInt(Integer::intValue).sum();
        assertThat(seen.get("translated")).isGreaterThan(asked / 4);
        assertThat(seen).containsKeys(FAULTS.split(" "));
        assertThat(seen.values()).allMatch(count -> count > TABLES / 1000);
    }

    private static void compare(
            long seed, PhysicalMemory whole, PhysicalMemory holed, Map<String, Integer> seen, List<String> wrong) {
        var tables = new RandomTables(seed);
        var memory = tables.hole ? holed : whole;
        tables.writeTo(memory);
        var before = RandomTables.image(memory, tables.hole);
        for (var request : tables.requests) {
            var expected = answer(tables, memory, request, Set.of());
            var hardware = tables.hardware(memory);
            var explained = hardware.explain(request).result();
            var actual = hardware.translate(request);
            if (!alike(actual, explained)) {
                wrong.add("seed %d, %s, %s: explained as %s, was %s"
                        .formatted(seed, tables.unit, request, explained, actual));
            }
            var after = RandomTables.image(memory, tables.hole);

            var difference = difference(tables, request, expected, hardware, actual, before, after);
            if (difference != null) {
                RandomTables.restore(memory, tables.hole, before);
                var otherwise = openQuestion(tables, memory, request, hardware, actual, before, after);
                RandomTables.restore(memory, tables.hole, after);
                if (otherwise.isEmpty()) {
                    wrong.add("seed %d, %s, %s: expected %s, was %s%s"
                            .formatted(seed, tables.unit, request, expected.answer, actual, difference));
                }
                seen.merge("open " + otherwise, 1, Integer::sum);
            }
            seen.merge(kind(expected.answer), 1, Integer::sum);
            before = after;
        }
    }

    /** The open questions that make the oracle answer as the hardware did; empty if none do. */
    private static Set<Open> openQuestion(
            RandomTables tables,
            PhysicalMemory memory,
            DmaRequest request,
            VtdHardware hardware,
            Translation actual,
            long[] before,
            long[] after) {
        for (int choice = 1; choice < 1 << Open.values().length; choice++) {
            var open = EnumSet.noneOf(Open.class);
            for (var question : Open.values()) {
                if ((choice >>> question.ordinal() & 1) != 0) {
                    open.add(question);
                }
            }
            var expected = answer(tables, memory, request, open);
            if (difference(tables, request, expected, hardware, actual, before, after) == null) {
                return open;
            }
        }
        return Set.of();
    }

    private record Expected(Answer answer, Map<Long, Long> changes) {}

    private static Expected answer(RandomTables tables, PhysicalMemory memory, DmaRequest request, Set<Open> open) {
        var overlay = new Overlay(memory);
        var answer = new VtdOracle(tables.unit, overlay, open, request).answer();
        return new Expected(answer, overlay.changes());
    }

    private static @Nullable String difference(
            RandomTables tables,
            DmaRequest request,
            Expected expected,
            VtdHardware hardware,
            Translation actual,
            long[] before,
            long[] after) {
        var should = before.clone();
        expected.changes.forEach((address, word) -> should[(int) (address / 8)] = word);
        int word = Arrays.mismatch(should, after);
        if (word >= 0) {
            return ", at %x expected %x, was %x, before %x"
                    .formatted(word * 8L, should[word], after[word], before[word]);
        }
        return switch (expected.answer) {
            case Answer.Page page ->
                actual instanceof Translation.Translated(long address, long size, var permissions)
                                && address == page.address()
                                && (page.size() == 0
                                        || size == page.size()
                                                && permissions.read() == page.read()
                                                && permissions.write() == page.write())
                        ? null
                        : ", another page";
            case Answer.Blocked blocked ->
                actual instanceof Translation.Faulted(var fault)
                                && fault.code() == blocked.code()
                                && fault.recorded() == blocked.recorded()
                                && fault.address() == request.iova()
                                && (blocked.level() == 0
                                        || fault.stage() == blocked.stage()
                                                && Objects.equals(fault.level(), blocked.level()))
                                && recordedAs(tables, request, blocked, hardware)
                        ? null
                        : ", another fault or record";
        };
    }

    private static boolean recordedAs(
            RandomTables tables, DmaRequest request, Answer.Blocked blocked, VtdHardware hardware) {
        if (!blocked.recorded()) {
            return hardware.faults().isEmpty();
        }
        long cap = tables.unit.cap();
        int widest = (cap >>> 11 & 1) != 0 ? 57 : (cap >>> 10 & 1) != 0 ? 48 : 39;
        var words = hardware.faults().getFirst().words();
        return words.equals(
                Arrays.asList(Bench.recordLow(request.iova(), widest), Bench.recordHigh(request, blocked.code())));
    }

    /** An explanation foresees all but whether the fault will be recorded. */
    private static boolean alike(Translation actual, Translation explained) {
        if (!(actual instanceof Translation.Faulted(var fault))
                || !(explained instanceof Translation.Faulted(var told))) {
            return actual.equals(explained);
        }
        return fault.code() == told.code()
                && fault.stage() == told.stage()
                && Objects.equals(fault.level(), told.level())
                && fault.address() == told.address();
    }

    private static String kind(Answer answer) {
        return switch (answer) {
            case Answer.Page page -> page.size() == 0 ? "passed" : "translated";
            case Answer.Blocked blocked -> "%02X".formatted(blocked.code());
        };
    }
}
