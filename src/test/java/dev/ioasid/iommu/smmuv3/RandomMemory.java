package dev.ioasid.iommu.smmuv3;

import dev.ioasid.memory.AddressRange;
import dev.ioasid.memory.PhysicalMemory;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** The memory of a random configuration while it is made: words, and which addresses are taken. */
final class RandomMemory {
    static final long SIZE = 1L << 26;

    /** Within {@link #SIZE}, and no memory. */
    static final AddressRange HOLE = AddressRange.of(0x1230000, 0x10000);

    /** What a structure is. */
    enum Structure {
        L1_STREAM_TABLE_DESCRIPTOR,
        STREAM_TABLE_ENTRY,
        L1_CONTEXT_DESCRIPTOR,
        CONTEXT_DESCRIPTOR,
        STAGE_1_DESCRIPTOR,
        STAGE_2_DESCRIPTOR
    }

    /**
     * Where a structure was put.
     *
     * @param detail of a descriptor: its granule's bits
     */
    record Placed(Structure structure, long address, int detail) {}

    /**
     * A piece of memory.
     *
     * @param physical where it is
     * @param address by which its user knows it
     * @param stage2 which makes the one out of the other; null: they are the same
     * @param level of that stage's leaves for it
     */
    record Region(long physical, long address, @Nullable RandomStage stage2, int level) {}

    private final Chance chance;
    private final Map<Long, Long> words = new TreeMap<>();
    private final TreeMap<Long, Long> taken = new TreeMap<>(); // last address by the first
    private final List<Placed> structures = new ArrayList<>();

    RandomMemory(Chance chance) {
        this.chance = chance;
        taken.put(HOLE.first(), HOLE.last());
    }

    /** Memory that nothing else uses, aligned to its size, a power of two. */
    long allocate(long size) {
        long address;
        do {
            address = chance.bits(26) & -size;
        } while (!isFree(address, address + size - 1));
        taken.put(address, address + size - 1);
        return address;
    }

    private boolean isFree(long first, long last) {
        var before = taken.floorEntry(last);
        return before == null || before.getValue() < first;
    }

    Region region(long size) {
        long address = allocate(size);
        return new Region(address, address, null, 0);
    }

    void put(Structure structure, Region region, long offset, int detail, long... structureWords) {
        for (int word = 0; word < structureWords.length; word++) {
            set(region.physical + offset + word * 8L, structureWords[word]);
        }
        structures.add(new Placed(structure, region.physical + offset, detail));
        if (region.stage2 != null) {
            region.stage2.cover(region.address + offset, region.physical + offset, region.level);
        }
    }

    boolean isSet(long address) {
        return words.containsKey(address);
    }

    long get(long address) {
        return words.getOrDefault(address, 0L);
    }

    void set(long address, long word) {
        words.put(address, word);
    }

    /** In the order in which they were made. */
    List<Placed> structures() {
        return structures;
    }

    /** The addresses of all words that were ever set, ascending. */
    long[] addresses() {
        return words.keySet().stream().mapToLong(Long::longValue).toArray();
    }

    /** Memory for {@link #writeTo}, all zero. */
    static PhysicalMemory physical() {
        return new PhysicalMemory(SIZE, List.of(HOLE));
    }

    void writeTo(PhysicalMemory memory) {
        words.forEach((address, word) -> {
            memory.commit(AddressRange.of(address, 8));
            memory.release(address, word);
        });
    }
}
