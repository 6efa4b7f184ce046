package dev.ioasid.pagetable;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.memory.FrameAllocator;
import dev.ioasid.memory.FrameCounters;
import dev.ioasid.memory.PhysicalMemory;
import dev.ioasid.memory.Readers;
import dev.ioasid.pagetable.SpecTables.Bits;
import dev.ioasid.pagetable.SpecTables.Leaf;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.jspecify.annotations.Nullable;

/** The table of every format beside a sorted map of pages. */
class IoPageTablePropertyTest {
    private static final long K4 = 0x1000;
    private static final long M2 = 0x20_0000;
    private static final long G1 = 0x4000_0000;

    /** A format and what a test has to know of it by itself. */
    record Setting(String name, TableFormat format, int levels, Bits bits, List<Long> sizes) {
        @Override
        public String toString() {
            return name;
        }

        boolean expresses(Permissions permissions) {
            return permissions.read() || bits != Bits.X86_64 && bits != Bits.ARMV8_STAGE1;
        }
    }

    private static Setting second(int levels, boolean irIw, int leaves, Long... sizes) {
        return new Setting(
                "second stage, " + levels + " levels, " + Arrays.toString(sizes) + (irIw ? ", IR and IW" : ""),
                TableFormat.vtdSecondStage(levels, 46, leaves, true, irIw),
                levels,
                irIw ? Bits.SECOND_STAGE_IR_IW : Bits.SECOND_STAGE,
                List.of(sizes));
    }

    private static Setting first(int levels, int leaves, Long... sizes) {
        return new Setting(
                "first stage, " + levels + " levels, " + Arrays.toString(sizes),
                TableFormat.x8664(levels, 46, leaves),
                levels,
                Bits.X86_64,
                List.of(sizes));
    }

    private static Setting stage1(int levels) {
        return new Setting(
                "stage 1, " + levels + " levels",
                TableFormat.armv8Stage1(12, 12 + 9 * levels, 46, false),
                levels,
                Bits.ARMV8_STAGE1,
                List.of(G1, M2, K4));
    }

    private static Setting stage2(int levels) {
        return new Setting(
                "stage 2, " + levels + " levels",
                TableFormat.armv8Stage2(12, levels, 12 + 9 * levels, 46, false),
                levels,
                Bits.ARMV8_STAGE2,
                List.of(G1, M2, K4));
    }

    @Provide
    Arbitrary<Setting> settings() {
        return Arbitraries.of(
                second(3, false, 0b1110, G1, M2, K4),
                second(4, false, 0b1110, G1, M2, K4),
                second(5, false, 0b1110, G1, M2, K4),
                second(4, false, 0b0110, M2, K4),
                second(4, false, 0b0010, K4),
                second(4, false, 0b1010, G1, K4),
                second(4, true, 0b1110, G1, M2, K4),
                first(4, 0b1110, G1, M2, K4),
                first(5, 0b0110, M2, K4),
                stage1(3),
                stage1(4),
                stage2(3),
                stage2(4));
    }

    sealed interface Step {}

    /** @param delta what is added to the iova to get the physical address */
    record Map_(long iova, long length, long delta, Permissions permissions) implements Step {
        @Override
        public String toString() {
            return "map %x+%x -> %x %s".formatted(iova, length, iova + delta, permissions);
        }
    }

    record Unmap(long iova, long length) implements Step {
        @Override
        public String toString() {
            return "unmap %x+%x".formatted(iova, length);
        }
    }

    /** Unmaps what the map step of that number has mapped. */
    record UnmapAgain(int which) implements Step {}

    @Provide
    Arbitrary<List<Step>> steps() {
        var addresses = Combinators.combine(
                        Arbitraries.of(0L, 1L, 2L, 509L, 511L),
                        Arbitraries.of(0L, 1L, 2L, 64L, 511L),
                        Arbitraries.of(0L, 0L, 1L, 2L, 510L, 511L))
                .as((g, m, k) -> g * G1 + m * M2 + k * K4);
        var lengths = Arbitraries.frequencyOf(
                net.jqwik.api.Tuple.of(6, Arbitraries.of(K4, 2 * K4, 3 * K4, 511 * K4)),
                net.jqwik.api.Tuple.of(6, Arbitraries.of(M2, M2 + K4, M2 - K4, 2 * M2, 3 * M2, 65 * M2)),
                net.jqwik.api.Tuple.of(3, Arbitraries.of(G1, G1 + K4, 2 * G1, G1 - M2, G1 + M2, G1 + M2 + K4)));
        var deltas = Arbitraries.of(0L, 0L, 3 * G1, G1, 5 * M2, 7 * K4);
        var permissions = Arbitraries.of(Permissions.READ_WRITE, Permissions.READ, Permissions.WRITE);
        Arbitrary<Step> map =
                Combinators.combine(addresses, lengths, deltas, permissions).as(Map_::new);
        Arbitrary<Step> unmap = Combinators.combine(addresses, lengths).as(Unmap::new);
        Arbitrary<Step> again = Arbitraries.integers().between(0, 100).map(UnmapAgain::new);
        return Arbitraries.frequencyOf(
                        net.jqwik.api.Tuple.of(4, map),
                        net.jqwik.api.Tuple.of(1, unmap),
                        net.jqwik.api.Tuple.of(2, again))
                .list()
                .ofMinSize(1)
                .ofMaxSize(25);
    }

    @Property(tries = 800)
    void memoryHoldsWhatASortedMapHolds(@ForAll("settings") Setting setting, @ForAll("steps") List<Step> steps) {
        try (var machine = new Machine(32L << 20)) {
            long atFirst = machine.frames.freeBytes();
            var table = machine.table(setting.format, setting.format.inputBits());
            var model = new Model(setting);
            var maps = new ArrayList<Map_>();
            for (var step : steps) {
                switch (step) {
                    case Map_ map -> {
                        var within = model.withinReason(map);
                        if (within != null) {
                            maps.add(within);
                            check(
                                    machine,
                                    table,
                                    () -> table.map(
                                            within.iova, within.length, within.iova + within.delta, within.permissions),
                                    model.map(within));
                        }
                    }
                    case Unmap(long iova, long length) -> unmap(machine, table, model, iova, length);
                    case UnmapAgain(int which) -> {
                        if (!maps.isEmpty()) {
                            var map = maps.get(which % maps.size());
                            unmap(machine, table, model, map.iova, map.length);
                        }
                    }
                }
                model.check(machine.memory, table);
                assertThat(machine.frames.freeBytes()).isEqualTo(atFirst - model.tables() * K4);
                assertThat(table.tableBytes()).isEqualTo(model.tables() * K4);
            }
            table.close();
            assertThat(machine.frames.freeBytes()).isEqualTo(atFirst);
        }
    }

    private static void unmap(Machine machine, IoPageTable table, Model model, long iova, long length) {
        var before = model.mappedBytes();
        var expected = model.unmap(iova, length);
        check(
                machine,
                table,
                () -> assertThat(table.unmap(iova, length)).isEqualTo(before - model.mappedBytes()),
                expected);
    }

    /** Runs a change that has to be refused, or has to be done; if refused, nothing may have changed. */
    private static void check(Machine machine, IoPageTable table, Runnable change, @Nullable Errno expected) {
        var memory = expected == null ? null : machine.tableMemory(table);
        long free = machine.frames.freeBytes();
        long committed = machine.memory.committedBytes();
        Errno refused = null;
        try {
            change.run();
        } catch (RefusedException e) {
            refused = e.errno();
        }
        assertThat(refused).isEqualTo(expected);
        if (memory != null) {
            assertThat(machine.tableMemory(table)).isEqualTo(memory);
            assertThat(machine.frames.freeBytes()).isEqualTo(free);
            assertThat(machine.memory.committedBytes()).isEqualTo(committed);
        }
    }

    /** Memory so small that maps run out of tables. */
    @Property(tries = 400)
    void aMapThatFindsNoMemoryChangesNothing(
            @ForAll("settings") Setting setting, @ForAll("steps") List<Step> steps, @ForAll("frames") int frames) {
        try (var machine = new Machine(frames * K4)) {
            long atFirst = machine.frames.freeBytes();
            var table = machine.table(setting.format, setting.format.inputBits());
            var model = new Model(setting);
            for (var step : steps) {
                if (step instanceof Map_ map && model.withinReason(map) instanceof Map_ within) {
                    var after = new Model(setting);
                    after.leaves.putAll(model.leaves);
                    var expected = after.map(within);
                    if (expected == null && after.tables() + 1 > frames) { // frame 0 is nobody's
                        expected = Errno.ENOMEM;
                    } else if (expected == null) {
                        model.leaves.putAll(after.leaves);
                    }
                    check(
                            machine,
                            table,
                            () -> table.map(within.iova, within.length, within.iova + within.delta, within.permissions),
                            expected);
                }
                model.check(machine.memory, table);
                assertThat(machine.frames.freeBytes()).isEqualTo(atFirst - model.tables() * K4);
            }
            table.unmap(0, 1L << setting.format.inputBits());
            assertThat(machine.frames.freeBytes()).isEqualTo(atFirst - K4);
            table.close();
            assertThat(machine.frames.freeBytes()).isEqualTo(atFirst);
        }
    }

    @Provide
    Arbitrary<Integer> frames() {
        return Arbitraries.integers().between(3, 14);
    }

    @Property(tries = 260)
    void disjointMapsTranslateAlikeInWhateverOrder(
            @ForAll("settings") Setting setting, @ForAll("steps") List<Step> steps, @ForAll Random random) {
        try (var one = new Machine(32L << 20);
                var other = new Machine(32L << 20)) {
            var model = new Model(setting);
            var maps = new ArrayList<Map_>();
            for (var step : steps) {
                if (step instanceof Map_ map
                        && model.withinReason(map) instanceof Map_ within
                        && model.map(within) == null) {
                    maps.add(within);
                }
            }
            var straight = one.table(setting.format, setting.format.inputBits());
            maps.forEach(map -> straight.map(map.iova, map.length, map.iova + map.delta, map.permissions));
            var shuffled = other.table(setting.format, setting.format.inputBits());
            Collections.shuffle(maps, random);
            maps.forEach(map -> shuffled.map(map.iova, map.length, map.iova + map.delta, map.permissions));
            model.check(one.memory, straight);
            model.check(other.memory, shuffled);
            for (var leaf : model.leaves.values()) {
                assertThat(shuffled.lookup(leaf.iova())).isEqualTo(straight.lookup(leaf.iova()));
            }
            assertThat(shuffled.tableBytes()).isEqualTo(straight.tableBytes());
            straight.close();
            shuffled.close();
        }
    }

    /** A memory and all that a table needs beside it. */
    private static final class Machine implements AutoCloseable {
        final PhysicalMemory memory;
        final FrameAllocator frames;
        final FrameCounters counters;
        final Readers readers = new Readers();

        Machine(long size) {
            memory = new PhysicalMemory(size);
            frames = new FrameAllocator(memory);
            counters = new FrameCounters(memory);
        }

        IoPageTable table(TableFormat format, int inputBits) {
            return new IoPageTable(memory, frames, counters, readers, format, inputBits, TableCaches.NONE);
        }

        /** Every byte that a table can be in. */
        byte[] tableMemory(IoPageTable table) {
            long first = Math.min(frames.firstChoice(), table.root());
            return memory.read(first, (int) Math.min(memory.size() - first, 4 << 20));
        }

        @Override
        public void close() {
            frames.close();
            counters.close();
            memory.close();
        }
    }

    /** Pages in a sorted map, made one by one. */
    private static final class Model {
        private static final long MOST_PAGES = 3000;

        private final Setting setting;
        private final TreeMap<Long, Leaf> leaves = new TreeMap<>();

        Model(Setting setting) {
            this.setting = setting;
        }

        /** The map, shortened to what a test can afford to list page by page; null if nothing is left. */
        @Nullable
        Map_ withinReason(Map_ map) {
            long length = map.length;
            while (length > 0
                    && pieces(new Map_(map.iova, length, map.delta, map.permissions))
                                    .size()
                            > MOST_PAGES) {
                length = length / 2 & -K4;
            }
            return setting.expresses(map.permissions) && map.iova + length <= 1L << 9 * setting.levels + 12
                    ? new Map_(map.iova, length, map.delta, map.permissions)
                    : null;
        }

        private List<Leaf> pieces(Map_ map) {
            var pieces = new ArrayList<Leaf>();
            for (long done = 0; done < map.length && pieces.size() <= MOST_PAGES; ) {
                long iova = map.iova + done;
                for (long size : setting.sizes) { // largest first
                    if (iova % size == 0 && (iova + map.delta) % size == 0 && map.length - done >= size) {
                        boolean read = map.permissions.read();
                        pieces.add(new Leaf(iova, size, iova + map.delta, read, map.permissions.write()));
                        done += size;
                        break;
                    }
                }
            }
            return pieces;
        }

        @Nullable
        Errno map(Map_ map) {
            var pieces = pieces(map);
            for (var leaf : leaves.values()) {
                if (leaf.iova() < map.iova + map.length && map.iova < leaf.iova() + leaf.size()) {
                    return Errno.EEXIST;
                }
            }
            pieces.forEach(leaf -> leaves.put(leaf.iova(), leaf));
            return null;
        }

        @Nullable
        Errno unmap(long iova, long length) {
            if (iova + length > 1L << 9 * setting.levels + 12) {
                return Errno.EINVAL;
            }
            var inside = new ArrayList<Leaf>();
            for (var leaf : leaves.values()) {
                long end = leaf.iova() + leaf.size();
                if (leaf.iova() < iova + length && iova < end) {
                    if (leaf.iova() < iova || end > iova + length) {
                        return Errno.EINVAL;
                    }
                    inside.add(leaf);
                }
            }
            inside.forEach(leaf -> leaves.remove(leaf.iova()));
            return null;
        }

        long mappedBytes() {
            return leaves.values().stream().mapToLong(Leaf::size).sum();
        }

        /** How many tables it takes: one for each part of the address space that holds a smaller page. */
        long tables() {
            var tables = new HashSet<Map.Entry<Integer, Long>>();
            tables.add(Map.entry(setting.levels, 0L));
            for (var leaf : leaves.values()) {
                for (int level = setting.levels - 1; level >= 1; level--) {
                    if (leaf.size() < 1L << 12 + 9 * level) {
                        tables.add(Map.entry(level, leaf.iova() >>> 12 + 9 * level));
                    }
                }
            }
            return tables.size();
        }

        void check(PhysicalMemory memory, IoPageTable table) {
            var contents = SpecTables.read(memory, table.root(), setting.levels, setting.bits);
            assertThat(contents.leaves()).isEqualTo(leaves);
            assertThat(contents.tables()).hasSize((int) tables());
            var shown = new TreeMap<Long, Long>();
            table.forEachLeaf(0, -1L >>> 1, (iova, level, entry) -> shown.put(iova, 1L << 12 + 9 * (level - 1)));
            assertThat(shown.keySet()).isEqualTo(leaves.keySet());
            Leaf before = null;
            for (var leaf : leaves.values()) {
                assertThat(shown.get(leaf.iova())).isEqualTo(leaf.size());
                checkLookup(table, leaf, leaf.iova());
                checkLookup(table, leaf, leaf.iova() + leaf.size() - 1);
                if (before == null || before.iova() + before.size() < leaf.iova()) {
                    assertThat(leaf.iova() == 0 || Walked.failed(table.lookup(leaf.iova() - 1)))
                            .isTrue();
                }
                before = leaf;
            }
        }

        private void checkLookup(IoPageTable table, Leaf leaf, long iova) {
            long found = table.lookup(iova);
            long physical = leaf.physical() + iova - leaf.iova();
            if (physical >>> 20 == 0xfee && !setting.bits.isArmv8()) {
                assertThat(Walked.failure(found)).isEqualTo(Walked.Failure.INTERRUPT_WINDOW);
                return;
            }
            assertThat(Walked.failed(found)).isFalse();
            assertThat(Walked.address(found)).isEqualTo(physical);
            assertThat(1L << Walked.shift(found)).isEqualTo(leaf.size());
            assertThat(Walked.rights(found)).isEqualTo((leaf.read() ? 1 : 0) | (leaf.write() ? 2 : 0));
        }
    }
}
