package dev.ioasid.iommu.smmuv3;

import dev.ioasid.iommu.smmuv3.RandomMemory.Region;
import dev.ioasid.iommu.smmuv3.RandomMemory.Structure;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The tables of one stage, made as they are needed. Its descriptors have all bits that mean something, and some that do not. */
final class RandomStage {
    private static final int TRIES = 6;

    /**
     * What the descriptors of a stage look like.
     *
     * @param stage2 of a stage 1 that is nested: where its tables are translated
     * @param inputBits of the addresses that it translates
     * @param start its first level
     * @param outputBits of the addresses that it may put out
     * @param clear one leaf in so many has no access flag
     * @param nonGlobal all leaves are (nG)
     */
    record Shape(
            @Nullable RandomStage stage2,
            int granule,
            int inputBits,
            int start,
            int outputBits,
            int clear,
            boolean nonGlobal,
            boolean hugeBlocks) {}

    private final Chance chance;
    private final RandomMemory memory;
    private final Shape shape;
    private final boolean first;
    private final Region root;
    private final Map<Long, Region> tables = new HashMap<>(); // by where the link to them is

    RandomStage(Chance chance, RandomMemory memory, Shape shape, boolean first) {
        this.chance = chance;
        this.memory = memory;
        this.shape = shape;
        this.first = first;
        this.root = region(Math.max(64, 8L << shape.inputBits - low(shape.start)));
    }

    /** The address for TTB. */
    long root() {
        return root.address();
    }

    Shape shape() {
        return shape;
    }

    private Region region(long size) {
        return shape.stage2 == null ? memory.region(size) : shape.stage2.place(size, reach());
    }

    private int low(int level) {
        return shape.granule + (3 - level) * (shape.granule - 3);
    }

    long sizeOfLeaf(int level) {
        return 1L << low(level);
    }

    /** Bits of the addresses that tables of this stage can lead to. */
    int reach() {
        return shape.granule == 16 ? shape.outputBits : Math.min(48, shape.outputBits);
    }

    /** A level that leaves may be at, the last one most often. */
    int leafLevel() {
        int level = chance.pick(3, 3, 3, 2, 2, 1);
        boolean possible = level > 1 || shape.granule == 12 || shape.granule == 16 && shape.hugeBlocks;
        return Math.max(possible ? level : 2, shape.start);
    }

    /** Maps the page or block of this level that the input is in. False: something else is there. */
    boolean map(long input, int leafLevel, long output) {
        var table = root;
        int bits = shape.inputBits - low(shape.start);
        for (int level = shape.start; ; level++) {
            long offset = (input >>> low(level) & (1L << bits) - 1) * 8;
            long at = table.physical() + offset;
            if (level == leafLevel) {
                if (memory.isSet(at)) {
                    return false;
                }
                put(table, offset, leaf(level, output));
                return true;
            }
            var next = tables.get(at);
            if (next == null) {
                if (memory.isSet(at)) {
                    return false;
                }
                next = region(1L << shape.granule);
                tables.put(at, next);
                put(table, offset, link(next.address()));
            }
            table = next;
            bits = shape.granule - 3;
        }
    }

    /**
     * Finds an address of this stage's input for new memory, which tables or descriptors of a stage 1 are to lie in.
     *
     * @param bits that the address may have
     */
    Region place(long size, int bits) {
        long physical = memory.allocate(size);
        int level = leafLevel();
        long leaf = sizeOfLeaf(level);
        // what is larger than a leaf keeps its alignment, what is smaller its place within the leaf
        long kept = leaf > size ? leaf - 1 : 0;
        long input;
        int tries = 0;
        do {
            input = inputAddress(bits) & -Math.max(leaf, size) | physical & kept;
        } while (!map(input, level, physical) && ++tries < TRIES);
        return new Region(physical, input, this, level);
    }

    /** A word of a region of {@link #place} is used: maps its page or block, too. */
    void cover(long input, long physical, int level) {
        map(input, level, physical);
    }

    /** Some address that this stage translates, of no more than so many bits. */
    long inputAddress(int bits) {
        long address = chance.bits(Math.min(shape.inputBits, bits));
        return chance.oneIn(3) ? address & 0xffffff : address; // where tables are shared
    }

    private void put(Region table, long offset, long descriptor) {
        var structure = first ? Structure.STAGE_1_DESCRIPTOR : Structure.STAGE_2_DESCRIPTOR;
        memory.put(structure, table, offset, shape.granule, descriptor);
    }

    /** With 64 KB, 51:48 of an address are in 15:12. */
    private long packed(long address) {
        return shape.granule == 16 ? address & 0xffffffff0000L | address >>> 36 & 0xf000 : address & 0xfffffffff000L;
    }

    private long link(long table) {
        long descriptor = packed(table) | 3 | chance.noise(0x7f0_0000_0000_0ffcL);
        if (shape.granule != 16) {
            descriptor |= chance.noise(0xf_0000_0000_0000L | (1L << shape.granule) - 0x1000);
        }
        if (first) {
            for (int bit = 59; bit <= 63; bit++) { // PXNTable, UXNTable, APTable, NSTable
                descriptor |= chance.oneIn(24) ? 1L << bit : 0;
            }
            return descriptor;
        }
        return descriptor | chance.noise(0x1fL << 59);
    }

    private long leaf(int level, long output) {
        long size = sizeOfLeaf(level);
        long descriptor = packed(output & -size) | (level == 3 ? 3 : 1);
        // bits below the block, 50:48, the contiguous hint and what is software's
        long ignored = 7L << 48 | 1L << 52 | 0xfL << 55 | 0x1fL << 59;
        ignored |= size - 1 & (shape.granule == 16 ? -0x10000L : -0x1000L);
        descriptor |= chance.noise(ignored);
        descriptor |= chance.oneIn(shape.clear) ? 0 : 1 << 10; // AF
        descriptor |= chance.oneIn(4) ? 1L << 51 : 0; // DBM
        descriptor |= chance.bits(2) << 8; // SH
        if (first) {
            descriptor |= chance.bits(3) << 2 | chance.noise(1 << 5); // AttrIndx, NS
            descriptor |= chance.oneIn(4) ? 0 : 1 << 6; // AP[1]
            descriptor |= chance.oneIn(3) ? 1 << 7 : 0; // AP[2]
            descriptor |= shape.nonGlobal || chance.oneIn(2) ? 1 << 11 : 0; // nG
            descriptor |= chance.pick(0, 0, 1, 2, 3) * (1L << 53); // UXN, PXN
            return descriptor;
        }
        int type = chance.oneIn(16) ? chance.below(4) : chance.pick(5, 6, 7, 9, 10, 11, 13, 14, 15);
        descriptor |= (long) type << 2; // MemAttr
        descriptor |= chance.oneIn(40) ? 0 : 1 << 6; // S2AP[0]
        descriptor |= chance.oneIn(4) ? 0 : 1 << 7; // S2AP[1]
        descriptor |= chance.pick(0, 0, 1, 2, 3) * (1L << 53); // XN
        return descriptor;
    }
}
