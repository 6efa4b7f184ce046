package dev.ioasid.iommu.smmuv3;

import static dev.ioasid.iommu.smmuv3.DriverBench.DEVICE;
import static dev.ioasid.iommu.smmuv3.DriverBench.NO_PASID;
import static dev.ioasid.iommu.smmuv3.DriverBench.OTHER;
import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.iommu.Destination;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Between any two stores of the driver, a request goes where it went before the change or where it goes after it. */
class HitlessTransitionsTest {
    private static final String PASSED = "0x7f0000000abc";

    private static SmmuCapabilities unit(boolean twoLevels) {
        return twoLevels ? SmmuCapabilities.DEFAULT : DriverBench.with(SmmuCapabilities.DEFAULT, 0, Idr0.ST_LEVEL, 0);
    }

    private static Map<String, Destination> destinations(DriverBench bench) {
        bench.writeUserTable(0, 0x8000);
        bench.writeUserTable(0x4000, 0x9000);
        bench.writeUserCd(0x1_0000, 0x4000, 0x77);
        var parent = bench.stage2(0x10_0000);
        var owner = new Object();
        var all = new LinkedHashMap<String, Destination>();
        all.put("stage 1", new Destination.Paged(bench.stage1(0x30_0000)));
        all.put("another stage 1", new Destination.Paged(bench.stage1(0x40_0000)));
        all.put("stage 2", new Destination.Paged(parent));
        all.put("another stage 2", new Destination.Paged(bench.stage2(0x20_0000)));
        all.put("past both", new Destination.PassThrough());
        all.put("nested", bench.nested(owner, parent, 0));
        all.put("another root", bench.nested(owner, parent, 0x4000));
        all.put("a table of CDs", bench.cdTable(new Object(), parent, 0x1_0000, 0));
        return all;
    }

    private static final Map<String, String> SEEN = Map.of(
            "stage 1", "0x300abc",
            "another stage 1", "0x400abc",
            "stage 2", "0x100abc",
            "another stage 2", "0x200abc",
            "past both", PASSED,
            "nested", "0x808abc",
            "another root", "0x809abc",
            "a table of CDs", "0x809abc");

    private static String sight(String name) {
        return Objects.requireNonNull(SEEN.get(name));
    }

    /** Through which stage 2: what says so does not fit into one word. */
    private static String secondStage(String name) {
        return switch (name) {
            case "stage 1", "another stage 1" -> "none, and VMID 0";
            case "past both" -> "any";
            case "another stage 2" -> "another";
            default -> "the first";
        };
    }

    @ParameterizedTest
    @CsvSource({"true, true", "true, false", "false, true", "false, false"})
    void fromEveryDestinationToEveryOther(boolean twoLevels, boolean caches) {
        try (var bench = new DriverBench(unit(twoLevels), caches ? DriverBench.CACHES : DriverBench.NO_CACHES)) {
            var all = destinations(bench);
            bench.driver.attach(OTHER, NO_PASID, new Destination.Paged(bench.stage1(0x50_0000)));
            for (var from : all.keySet()) {
                for (var to : all.keySet()) {
                    if (from.equals(to)) {
                        continue;
                    }
                    bench.driver.attach(DEVICE, NO_PASID, all.get(from));
                    var seen = bench.during(DEVICE, NO_PASID, () -> bench.driver.attach(DEVICE, NO_PASID, all.get(to)));
                    var as = "from %s to %s".formatted(from, to);
                    boolean fits = secondStage(from).equals(secondStage(to))
                            || secondStage(from).equals("any")
                            || secondStage(to).equals("any");
                    if (sight(from).equals(sight(to))) {
                        assertThat(seen).as(as).containsExactly(sight(from));
                    } else if (twoLevels || fits) {
                        assertThat(seen).as(as).containsExactly(sight(from), sight(to));
                    } else {
                        assertThat(seen).as(as).containsExactly(sight(from), "blocked", sight(to));
                    }
                }
            }
            bench.driver.detach(DEVICE, NO_PASID);
            for (var one : all.keySet()) {
                assertThat(bench.during(DEVICE, NO_PASID, () -> bench.driver.attach(DEVICE, NO_PASID, all.get(one))))
                        .as("attach to " + one)
                        .containsExactly("blocked", sight(one));
                assertThat(bench.during(DEVICE, NO_PASID, () -> bench.driver.detach(DEVICE, NO_PASID)))
                        .as("detach from " + one)
                        .containsExactly(sight(one), "blocked");
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"true, true", "true, false", "false, true", "false, false"})
    void nobodyElseSeesAnything(boolean twoLevels, boolean caches) {
        try (var bench = new DriverBench(unit(twoLevels), caches ? DriverBench.CACHES : DriverBench.NO_CACHES)) {
            var all = destinations(bench);
            bench.driver.attach(OTHER, NO_PASID, new Destination.Paged(bench.stage1(0x50_0000)));
            bench.driver.attach(OTHER, 5, new Destination.Paged(bench.stage1(0x60_0000)));
            for (var to : all.values()) {
                assertThat(bench.during(OTHER, NO_PASID, () -> bench.driver.attach(DEVICE, NO_PASID, to)))
                        .containsExactly("0x500abc");
            }
            assertThat(bench.during(OTHER, 5, () -> bench.driver.detach(DEVICE, NO_PASID)))
                    .containsExactly("0x600abc");
        }
    }

    /** Of units with two levels of CDs and of those with one. */
    @ParameterizedTest
    @CsvSource({"true, true", "true, false", "false, true", "false, false"})
    void pasidsComeAndGoBesideEachOther(boolean twoLevels, boolean caches) {
        var unit = DriverBench.with(SmmuCapabilities.DEFAULT, 0, Idr0.CD2L, twoLevels ? 1 : 0);
        if (!twoLevels) {
            unit = DriverBench.with(unit, 1, Idr1.SSIDSIZE, 7);
        }
        try (var bench = new DriverBench(unit, caches ? DriverBench.CACHES : DriverBench.NO_CACHES)) {
            var driver = bench.driver;
            var first = new Destination.Paged(bench.stage1(0x30_0000));
            var second = new Destination.Paged(bench.stage1(0x40_0000));
            var whole = new Destination.Paged(bench.stage1(0x50_0000));
            int far = twoLevels ? 0xffff : 0x7f;
            assertThat(bench.during(DEVICE, 1, () -> driver.attach(DEVICE, 1, first)))
                    .containsExactly("blocked", "0x300abc");
            assertThat(bench.during(DEVICE, NO_PASID, () -> driver.attach(DEVICE, far, second)))
                    .containsExactly("blocked");
            assertThat(bench.during(DEVICE, far, () -> driver.attach(DEVICE, far, first)))
                    .as("replace")
                    .containsExactly("0x400abc", "0x300abc");
            assertThat(bench.during(DEVICE, 1, () -> driver.attach(DEVICE, far, second)))
                    .containsExactly("0x300abc");
            assertThat(bench.during(DEVICE, NO_PASID, () -> driver.attach(DEVICE, NO_PASID, whole)))
                    .containsExactly("blocked", "0x500abc");
            assertThat(bench.during(
                            DEVICE, NO_PASID, () -> driver.attach(DEVICE, NO_PASID, new Destination.PassThrough())))
                    .containsExactly("0x500abc", PASSED);
            assertThat(bench.during(DEVICE, NO_PASID, () -> driver.attach(DEVICE, NO_PASID, whole)))
                    .containsExactly(PASSED, "0x500abc");
            assertThat(bench.during(DEVICE, NO_PASID, () -> driver.detach(DEVICE, 1)))
                    .containsExactly("0x500abc");
            assertThat(bench.during(DEVICE, far, () -> driver.detach(DEVICE, NO_PASID)))
                    .containsExactly("0x400abc");
            assertThat(bench.during(DEVICE, far, () -> driver.attach(DEVICE, NO_PASID, new Destination.PassThrough())))
                    .containsExactly("0x400abc");
            assertThat(bench.during(DEVICE, NO_PASID, () -> driver.detach(DEVICE, far)))
                    .as("the last PASID: pass-through needs no stage 1 any more")
                    .containsExactly(PASSED);
            assertThat(bench.look(DEVICE, far)).isEqualTo("blocked");
            assertThat(bench.during(DEVICE, NO_PASID, () -> driver.attach(DEVICE, 2, first)))
                    .containsExactly(PASSED);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void bindsOfPasidsComeAndGoAboveTheirParent(boolean caches) {
        try (var bench =
                new DriverBench(SmmuCapabilities.DEFAULT, caches ? DriverBench.CACHES : DriverBench.NO_CACHES)) {
            var driver = bench.driver;
            var parent = bench.stage2(0x10_0000);
            bench.writeUserTable(0, 0x8000);
            bench.writeUserTable(0x4000, 0x9000);
            driver.attach(DEVICE, NO_PASID, new Destination.Paged(parent));
            assertThat(bench.during(DEVICE, NO_PASID, () -> driver.attach(DEVICE, 1, bench.nested("a", parent, 0))))
                    .as("the first bind: stage 1 is on, and requests without PASID go past it")
                    .containsExactly("0x100abc");
            assertThat(bench.look(DEVICE, 1)).isEqualTo("0x808abc");
            assertThat(bench.during(DEVICE, 2, () -> driver.attach(DEVICE, 2, bench.nested("b", parent, 0x4000))))
                    .containsExactly("blocked", "0x809abc");
            assertThat(bench.during(DEVICE, 1, () -> driver.attach(DEVICE, 1, bench.nested("a", parent, 0x4000))))
                    .as("another root")
                    .containsExactly("0x808abc", "0x809abc");
            assertThat(bench.during(
                            DEVICE, NO_PASID, () -> driver.attach(DEVICE, NO_PASID, bench.nested("c", parent, 0))))
                    .containsExactly("0x100abc", "0x808abc");
            assertThat(bench.during(
                            DEVICE, NO_PASID, () -> driver.attach(DEVICE, NO_PASID, new Destination.Paged(parent))))
                    .containsExactly("0x808abc", "0x100abc");
            assertThat(bench.during(DEVICE, 2, () -> driver.detach(DEVICE, 2))).containsExactly("0x809abc", "blocked");
            assertThat(bench.during(DEVICE, NO_PASID, () -> driver.detach(DEVICE, 1)))
                    .as("the last bind: stage 2 alone again")
                    .containsExactly("0x100abc");
        }
    }

    @Test
    void aThreadThatTranslatesAllTheTimeSeesTheOldOrTheNew() throws InterruptedException {
        try (var bench = new DriverBench(SmmuCapabilities.DEFAULT, DriverBench.CACHES)) {
            var all = destinations(bench);
            bench.driver.attach(DEVICE, NO_PASID, new Destination.PassThrough());
            var done = new AtomicBoolean();
            var seen = new ConcurrentSkipListSet<String>();
            var walker = Thread.ofPlatform().start(() -> {
                long walks = 0;
                while (!done.get() || walks < 1000) {
                    int stay = bench.readers.enter();
                    seen.add(bench.look(DEVICE, NO_PASID));
                    bench.readers.exit(stay);
                    walks++;
                }
            });
            for (int i = 0; i < 300; i++) {
                for (var to : all.values()) {
                    bench.driver.attach(DEVICE, NO_PASID, to);
                }
            }
            done.set(true);
            walker.join();
            assertThat(seen).isSubsetOf(SEEN.values());
        }
    }
}
