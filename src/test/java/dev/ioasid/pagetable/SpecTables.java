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
 * (second stage) and 9.9 (first stage, which is x86-64 paging).
 */
final class SpecTables {
    /** A page that a table maps. */
    record Leaf(long iova, long size, long physical, boolean read, boolean write) {}

    /** What is in a table: its pages by iova, and the frames of its tables. */
    record Contents(TreeMap<Long, Leaf> leaves, Set<Long> tables) {}

    private final PhysicalMemory memory;
    private final boolean firstStage;
    private final boolean irIw;
    private final Contents contents = new Contents(new TreeMap<>(), new HashSet<>());
    final List<String> broken = new ArrayList<>();

    private SpecTables(PhysicalMemory memory, boolean firstStage, boolean irIw) {
        this.memory = memory;
        this.firstStage = firstStage;
        this.irIw = irIw;
    }

    /** @param irIw second stage: rights are in bits 61 and 62 instead of 0 and 1 */
    static Contents read(PhysicalMemory memory, long root, int levels, boolean firstStage, boolean irIw) {
        var reader = new SpecTables(memory, firstStage, irIw);
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
        long readBit = firstStage ? 1L : irIw ? 0x2000000000000000L : 1L;
        long writeBit = firstStage ? 2L : irIw ? 0x4000000000000000L : 2L;
        boolean read = readAbove && (entry & readBit) != 0;
        boolean write = writeAbove && (entry & writeBit) != 0;
        boolean present = firstStage ? (entry & 1) != 0 : (entry & (readBit | writeBit)) != 0;
        boolean leaf = level == 1 || (entry & 0x80) != 0 && level <= 3;
        // every bit that is neither address nor right nor page size is one that nobody asked for
        long named =
                0x000f_ffff_ffff_f000L | readBit | writeBit | (firstStage ? 4 : 0) | (level > 1 && leaf ? 0x80 : 0);
        if (!present || (entry & ~named) != 0 || firstStage && (entry & 4) == 0) {
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
