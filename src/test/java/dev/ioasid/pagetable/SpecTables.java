package dev.ioasid.pagetable;

import dev.ioasid.memory.PhysicalMemory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;

/**
 * Reads a table out of memory as the specifications describe it, on purpose without any of the code under test. VT-d 5.10: 9.8
 * (second stage) and 9.9 (first stage, which is x86-64 paging); Arm DDI 0487, D8.3, with the 4 KiB granule.
 */
final class SpecTables {
    /** What the bits of an entry mean. */
    enum Bits {
        SECOND_STAGE,
        /** Rights are in bits 61 and 62 instead of 0 and 1. */
        SECOND_STAGE_IR_IW,
        X86_64,
        ARMV8_STAGE1,
        ARMV8_STAGE2;

        boolean isArmv8() {
            return this == ARMV8_STAGE1 || this == ARMV8_STAGE2;
        }

        /** Bit 0 of Armv8 is that there is an entry, bit 1 that it is a table, or at the last level a page; PS is bit 7 elsewhere. */
        private boolean isLeaf(long entry, int level) {
            return level == 1 || level <= 3 && (isArmv8() ? (entry & 2) == 0 : (entry & 0x80) != 0);
        }

        private boolean reads(long entry, boolean leaf) {
            return switch (this) {
                case SECOND_STAGE, X86_64 -> (entry & 1) != 0;
                case SECOND_STAGE_IR_IW -> (entry & 1L << 61) != 0;
                case ARMV8_STAGE1 -> true;
                case ARMV8_STAGE2 -> !leaf || (entry & 1 << 6) != 0; // S2AP
            };
        }

        private boolean writes(long entry, boolean leaf) {
            return switch (this) {
                case SECOND_STAGE, X86_64 -> (entry & 2) != 0;
                case SECOND_STAGE_IR_IW -> (entry & 1L << 62) != 0;
                case ARMV8_STAGE1 -> !leaf || (entry & 1 << 7) == 0; // AP[2]
                case ARMV8_STAGE2 -> !leaf || (entry & 1 << 7) != 0;
            };
        }

        /** What every entry has: it is there; users may; AF, inner shareable, and nobody executes. */
        private long always(int level, boolean leaf) {
            return switch (this) {
                case SECOND_STAGE, SECOND_STAGE_IR_IW -> level > 1 && leaf ? 0x80 : 0;
                case X86_64 -> 0b101 | (level > 1 && leaf ? 0x80 : 0);
                case ARMV8_STAGE1 -> leaf ? (level > 1 ? 0x60_0000_0000_0f41L : 0x60_0000_0000_0f43L) : 3;
                case ARMV8_STAGE2 -> leaf ? (level > 1 ? 0x40_0000_0000_073dL : 0x40_0000_0000_073fL) : 3;
            };
        }

        /** What says who may read and write. */
        private long rights(boolean leaf) {
            return switch (this) {
                case SECOND_STAGE -> 3;
                case SECOND_STAGE_IR_IW -> 3L << 61;
                case X86_64 -> 2;
                case ARMV8_STAGE1 -> leaf ? 1 << 7 : 0;
                case ARMV8_STAGE2 -> leaf ? 3 << 6 : 0;
            };
        }
    }

    /** A page that a table maps. */
    record Leaf(long iova, long size, long physical, boolean read, boolean write) {}

    /** What is in a table: its pages by iova, and the frames of its tables. */
    record Contents(TreeMap<Long, Leaf> leaves, Set<Long> tables) {}

    private final PhysicalMemory memory;
    private final Bits bits;
    private final Contents contents = new Contents(new TreeMap<>(), new HashSet<>());
    final List<String> broken = new ArrayList<>();

    private SpecTables(PhysicalMemory memory, Bits bits) {
        this.memory = memory;
        this.bits = bits;
    }

    static Contents read(PhysicalMemory memory, long root, int levels, Bits bits) {
        var reader = new SpecTables(memory, bits);
        reader.table(root, levels, 0, true, true);
        if (!reader.broken.isEmpty()) {
            throw new AssertionError(reader.broken);
        }
        return reader.contents;
    }

    private void table(long table, int level, long iova, boolean read, boolean write) {
        if (!contents.tables.add(table)) {
            broken.add("table " + Long.toHexString(table) + " is linked twice");
            return;
        }
        var words = ByteBuffer.wrap(memory.read(table, 4096))
                .order(ByteOrder.LITTLE_ENDIAN)
                .asLongBuffer();
        int used = 0;
        for (int i = 0; i < 512; i++) {
            long entry = words.get(i);
            if (entry != 0) {
                used++;
                entry(entry, level, iova + (i * sizeOf(level)), read, write);
            }
        }
        if (used == 0 && iova + level > 0 && contents.tables.size() > 1) {
            broken.add("table " + Long.toHexString(table) + " of level " + level + " is empty");
        }
    }

    private void entry(long entry, int level, long iova, boolean readAbove, boolean writeAbove) {
        boolean leaf = bits.isLeaf(entry, level);
        boolean read = readAbove && bits.reads(entry, leaf);
        boolean write = writeAbove && bits.writes(entry, leaf);
        long always = bits.always(level, leaf);
        // every bit that is neither address nor right nor of the format is one that nobody asked for
        long named = 0x000f_ffff_ffff_f000L | always | bits.rights(leaf);
        if (!read && !write || (entry & ~named) != 0 || (entry & always) != always) {
            broken.add("entry %x of level %d at %x".formatted(entry, level, iova));
        } else if (leaf) {
            long physical = entry & 0x000f_ffff_ffff_f000L;
            if ((physical & sizeOf(level) - 1) != 0) {
                broken.add("leaf %x of level %d is not aligned".formatted(entry, level));
            }
            contents.leaves.put(iova, new Leaf(iova, sizeOf(level), physical, read, write));
        } else {
            table(entry & 0x000f_ffff_ffff_f000L, level - 1, iova, read, write);
        }
    }

    private static long sizeOf(int level) {
        return switch (level) {
            case 1 -> 0x1000L;
            case 2 -> 0x20_0000L;
            case 3 -> 0x4000_0000L;
            case 4 -> 0x80_0000_0000L;
            case 5 -> 0x1_0000_0000_0000L;
            default -> throw new AssertionError(level);
        };
    }
}
