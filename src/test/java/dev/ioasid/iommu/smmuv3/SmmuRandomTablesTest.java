package dev.ioasid.iommu.smmuv3;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.iommu.smmuv3.oracle.Answer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** The unit answers what the oracle answers, and leaves the same events and the same memory behind. */
class SmmuRandomTablesTest {
    private static final int CONFIGURATIONS = 10_000;
    private static final int SHOWN = 10;

    private static final Subject.Maker UNIT = (configuration, memory) ->
            HardwareSubject.of(memory, configuration.smmu, configuration.eventQueueBase(), SmmuCacheGeometries.DEFAULT);

    /** Without caches, what can goes the short way through its tables. */
    @Test
    void aUnitWithoutCachesAnswersTheSame() {
        var wrong = new ArrayList<String>();
        Subject.Maker plain = (configuration, memory) -> HardwareSubject.of(
                memory, configuration.smmu, configuration.eventQueueBase(), SmmuCacheGeometries.NONE);
        try (var comparison = new Comparison(plain, expected -> {})) {
            for (long seed = 0; seed < CONFIGURATIONS && wrong.size() < SHOWN; seed++) {
                wrong.addAll(comparison.of(seed));
            }
        }
        assertThat(wrong).isEmpty();
    }

    @Test
    void randomTablesComeOutAsTheSpecificationSays() {
        var seen = new TreeMap<String, Integer>();
        var wrong = new ArrayList<String>();
        try (var comparison = new Comparison(UNIT, expected -> count(expected, seen))) {
            for (long seed = 0; seed < CONFIGURATIONS && wrong.size() < SHOWN; seed++) {
                wrong.addAll(comparison.of(seed));
            }
        }
        assertThat(wrong).isEmpty();
        checkWorth(seen);
    }

    /** The tables are worth something: many requests get through, and everything that can go wrong does so often. */
    private static void checkWorth(Map<String, Integer> seen) {
        int asked = count(seen, "asked");
        assertThat(count(seen, "translated")).isGreaterThan(asked / 4);
        assertThat(count(seen, "unsaid")).isLessThan(asked / 50);
        var often = List.of(
                "warm",
                "bypassed",
                "silent",
                "stalled",
                "unrecorded",
                "updated",
                "updated and faulted",
                "02",
                "03",
                "04",
                "06",
                "08",
                "09",
                "0A",
                "0B",
                "10",
                "11",
                "12",
                "13",
                "1000",
                "200000",
                "40000000",
                "4000",
                "2000000",
                "10000",
                "20000000"); // sizes of pages
        assertThat(often).allMatch(kind -> count(seen, kind) > CONFIGURATIONS / 20, "is seen often in " + seen);
        var seldom = new ArrayList<>(List.of("40000000000", "0B stage 1 TT", "0B stage 2 TT"));
        for (var code : List.of("10", "11", "12", "13")) {
            seldom.add(code + " stage 1 IN");
            for (var purpose : List.of("CD", "TT", "IN")) {
                seldom.add(code + " stage 2 " + purpose);
            }
        }
        assertThat(seldom).allMatch(kind -> count(seen, kind) > CONFIGURATIONS / 1000, "is seen in " + seen);
    }

    private static int count(Map<String, Integer> seen, String kind) {
        return seen.getOrDefault(kind, 0);
    }

    private static void count(Comparison.Expected expected, Map<String, Integer> seen) {
        var kinds = new ArrayList<>(List.of("asked"));
        boolean updated = !expected.changes().isEmpty();
        if (updated) {
            kinds.add("updated");
        }
        switch (expected.answer()) {
            case Answer.Page page when page.size() == 0 -> kinds.add("bypassed");
            case Answer.Page page -> {
                kinds.add("translated");
                kinds.add(Long.toHexString(page.size()));
                if (expected.configuration().warm) {
                    kinds.add("warm");
                }
            }
            case Answer.Event event -> {
                kinds.add("%02X".formatted(event.code()));
                if (event.code() >= 0x0b) {
                    long word = event.words().get(1);
                    var purpose = List.of("CD", "TT", "IN").get((int) (word >>> 40 & 3));
                    kinds.add("%02X stage %d %s".formatted(event.code(), 1 + (word >>> 39 & 1), purpose));
                }
                if (event.stalled()) {
                    kinds.add("stalled");
                }
                if (!event.recorded()) {
                    kinds.add("unrecorded");
                }
                if (updated) {
                    kinds.add("updated and faulted");
                }
            }
            case Answer.Silent() -> kinds.add("silent");
            case Answer.Unsaid(var question) -> kinds.add("unsaid");
        }
        kinds.forEach(kind -> seen.merge(kind, 1, Integer::sum));
    }
}
