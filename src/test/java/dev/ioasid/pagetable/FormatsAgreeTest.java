package dev.ioasid.pagetable;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.memory.FrameAllocator;
import dev.ioasid.memory.FrameCounters;
import dev.ioasid.memory.PhysicalMemory;
import dev.ioasid.memory.Readers;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/**
 * The same mappings in tables of every format: each says the same of every address, its descriptors are those of the specification, and
 * nothing is left of them when they are gone.
 */
class FormatsAgreeTest {
    private static final int SEEDS = 40;
    private static final int STEPS = 40;
    private static final long K64 = 0x1_0000;
    /** All formats have these input bits. */
    private static final int INPUT_BITS = 39;

    private static final int OUTPUT_BITS = 44;

    /** @param startTables how many tables the first level has, one behind the other */
    private record Shape(String name, TableFormat format, int granule, int startLevel, int startTables) {
        boolean isArmv8() {
            return granule != 0;
        }
    }

    private static Shape stage1(int granule, int inputBits, int startLevel) {
        return new Shape(
                "armv8-stage1 " + granule + "/" + inputBits,
                TableFormat.armv8Stage1(granule, inputBits, OUTPUT_BITS, false),
                granule,
                startLevel,
                1);
    }

    private static Shape stage2(int granule, int inputBits, int startLevel, int startTables) {
        return new Shape(
                "armv8-stage2 " + granule + "/" + inputBits + " from " + startLevel,
                TableFormat.armv8Stage2(granule, 4 - startLevel, inputBits, OUTPUT_BITS, false),
                granule,
                startLevel,
                startTables);
    }

    private static final List<Shape> SHAPES = List.of(
            new Shape("vtd-second-stage", TableFormat.vtdSecondStage(3, OUTPUT_BITS, 0b1110, true, false), 0, 0, 1),
            new Shape("x86-64", TableFormat.x8664(4, OUTPUT_BITS, 0b1110), 0, 0, 1),
            stage1(12, 48, 0),
            stage1(12, 39, 1),
            stage1(14, 48, 0),
            stage1(14, 47, 1),
            stage1(14, 39, 1),
            stage1(16, 48, 1),
            stage1(16, 42, 2),
            stage1(16, 40, 2),
            stage2(12, 48, 0, 1),
            stage2(12, 40, 1, 2),
            stage2(12, 43, 1, 16),
            stage2(14, 40, 2, 16),
            stage2(14, 47, 1, 1),
            stage2(16, 42, 2, 1),
            stage2(16, 46, 2, 16));

    /** A table of each shape in a memory of its own. */
    private static final class Subject implements AutoCloseable {
        final Shape shape;
        final PhysicalMemory memory = new PhysicalMemory(256L << 20);
        final FrameAllocator frames = new FrameAllocator(memory);
        final FrameCounters counters = new FrameCounters(memory);
        final long free = frames.freeBytes();
        final IoPageTable table;

        Subject(Shape shape) {
            this.shape = shape;
            this.table = new IoPageTable(
                    memory, frames, counters, new Readers(), shape.format, INPUT_BITS, TableCaches.NONE);
        }

        @Override
        public void close() {
            table.close();
            assertThat(frames.freeBytes()).as(shape.name).isEqualTo(free);
            frames.close();
            counters.close();
            memory.close();
        }
    }

    private record Mapping(long iova, long length, long physical, Permissions permissions) {}

    @Test
    void theSameMappingsTranslateAlikeInEveryFormat() {
        for (int seed = 0; seed < SEEDS; seed++) {
            var random = new Random(seed);
            var subjects = new ArrayList<Subject>();
            SHAPES.forEach(shape -> subjects.add(new Subject(shape)));
            var mappings = new TreeMap<Long, Mapping>();
            for (int step = 0; step < STEPS; step++) {
                if (mappings.isEmpty() || random.nextInt(3) != 0) {
                    map(random, mappings, subjects);
                } else {
                    unmap(random, mappings, subjects);
                }
            }
            subjects.forEach(subject -> check(subject, mappings));
            compare(random, mappings, subjects);
            subjects.forEach(Subject::close);
        }
    }

    private static void map(Random random, TreeMap<Long, Mapping> mappings, List<Subject> subjects) {
        boolean large = random.nextInt(8) == 0; // and then aligned, or there would be a million leaves
        long size = large ? 1L << 29 + random.nextInt(3) : K64 << random.nextInt(8);
        long length = size * (1 + random.nextInt(3));
        long iova = (random.nextLong() & (1L << INPUT_BITS - 1) - 1) & -size;
        long physical =
                (random.nextLong() & (1L << OUTPUT_BITS - 1) - 1) & (large || random.nextBoolean() ? -size : -K64);
        var permissions = random.nextBoolean() ? Permissions.READ : Permissions.READ_WRITE;
        var mapping = new Mapping(iova, length, physical, permissions);
        var before = mappings.lowerEntry(iova + length);
        if (before != null && before.getKey() + before.getValue().length > iova || length > 1L << 33) {
            return;
        }
        mappings.put(iova, mapping);
        subjects.forEach(subject -> subject.table.map(iova, length, physical, permissions));
    }

    private static void unmap(Random random, TreeMap<Long, Mapping> mappings, List<Subject> subjects) {
        var keys = List.copyOf(mappings.keySet());
        var gone = Objects.requireNonNull(mappings.remove(keys.get(random.nextInt(keys.size()))));
        for (var subject : subjects) {
            assertThat(subject.table.unmap(gone.iova, gone.length))
                    .as(subject.shape.name)
                    .isEqualTo(gone.length);
        }
    }

    private static void compare(Random random, TreeMap<Long, Mapping> mappings, List<Subject> subjects) {
        for (int i = 0; i < 400; i++) {
            long near = mappings.isEmpty() || random.nextInt(4) == 0
                    ? random.nextLong() & (1L << INPUT_BITS) - 1
                    : List.copyOf(mappings.values()).get(random.nextInt(mappings.size())).iova
                            + random.nextInt(1 << 20)
                            - (1 << 16);
            long address = near & (1L << INPUT_BITS) - 1;
            var entry = mappings.floorEntry(address);
            boolean mapped = entry != null && address - entry.getKey() < entry.getValue().length;
            for (var subject : subjects) {
                long found = subject.table.lookup(address);
                assertThat(Walked.failed(found)).as(subject.shape.name).isEqualTo(!mapped);
                if (mapped) {
                    var mapping = entry.getValue();
                    assertThat(Walked.address(found)).isEqualTo(mapping.physical + address - mapping.iova);
                    assertThat((Walked.rights(found) & Walked.WRITE) != 0).isEqualTo(mapping.permissions.write());
                }
            }
        }
    }

    // ---- the memory, read as Arm ARM, section D8 describes it, with none of the code under test

    private static void check(Subject subject, Map<Long, Mapping> mappings) {
        if (!subject.shape.isArmv8()) {
            return;
        }
        var leaves = new TreeMap<Long, long[]>();
        int level = subject.shape.startLevel;
        int lo = low(subject.shape.granule, level);
        int bits = subject.shape.format.inputBits() - lo;
        assertThat(bits).isGreaterThan(0);
        int within = subject.shape.granule - 3;
        assertThat(1 << Math.max(bits - within, 0)).as(subject.shape.name).isEqualTo(subject.shape.startTables);
        assertThat(subject.table.root() & (8L << bits) - 1).isZero();
        read(subject, subject.table.root(), level, 1 << bits, 0, leaves);
        long at = -1;
        for (var mapping : mappings.values()) {
            long covered = mapping.iova;
            while (covered < mapping.iova + mapping.length) {
                var leaf = leaves.remove(covered);
                if (leaf == null) {
                    throw new AssertionError("%s has nothing at %x".formatted(subject.shape.name, covered));
                }
                assertThat(leaf[1]).isEqualTo(mapping.physical + covered - mapping.iova);
                assertThat(leaf[2]).isEqualTo(mapping.permissions.write() ? 1 : 0);
                covered += leaf[0];
            }
            assertThat(covered).isEqualTo(mapping.iova + mapping.length);
            at = covered;
        }
        assertThat(leaves).as(subject.shape.name + " behind %x", at).isEmpty();
    }

    private static int low(int granule, int level) {
        return granule + (3 - level) * (granule - 3);
    }

    private static void read(
            Subject subject, long table, int level, int entries, long iova, TreeMap<Long, long[]> leaves) {
        int granule = subject.shape.granule;
        boolean first = subject.shape.name.startsWith("armv8-stage1");
        for (int i = 0; i < entries; i++) {
            long entry = subject.memory.acquire(table + i * 8L);
            long at = iova + ((long) i << low(granule, level));
            if (entry == 0) {
                continue;
            }
            assertThat(entry & 1).isEqualTo(1);
            long address = entry & 0x0000_ffff_ffff_f000L & -1L << granule;
            boolean leaf = level == 3 || (entry & 2) == 0;
            if (!leaf) {
                assertThat(entry & ~address).as("table").isEqualTo(3);
                read(subject, address, level + 1, 1 << granule - 3, at, leaves);
                continue;
            }
            assertThat(entry & 2).isEqualTo(level == 3 ? 2 : 0);
            assertThat(granule == 12 ? level >= 1 : level >= 2)
                    .as("a leaf of level " + level)
                    .isTrue();
            assertThat(address & (1L << low(granule, level)) - 1).isZero();
            boolean write = first ? (entry & 0x80) == 0 : (entry & 0x80) != 0;
            // SH inner, AF; stage 1: nG, AP[1], UXN, PXN; stage 2: MemAttr write-back, readable, XN
            long others = entry & ~address & ~0x83L;
            assertThat(others).isEqualTo(first ? 0x0060_0000_0000_0f40L : 0x0040_0000_0000_077cL);
            leaves.put(at, new long[] {1L << low(granule, level), address, write ? 1 : 0});
        }
    }
}
