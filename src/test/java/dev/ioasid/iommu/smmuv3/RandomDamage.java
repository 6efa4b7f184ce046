package dev.ioasid.iommu.smmuv3;

import dev.ioasid.iommu.smmuv3.RandomMemory.Placed;

/** Breaks structures, each in one place: reserved or illegal encodings, addresses too large or of no memory, missing tables. */
final class RandomDamage {
    private final Chance chance;
    private final RandomMemory memory;
    private final int outputBits;

    RandomDamage(Chance chance, RandomMemory memory, int outputBits) {
        this.chance = chance;
        this.memory = memory;
        this.outputBits = outputBits;
    }

    /** Breaks about a quarter of what describes streams, and fewer descriptors of pages: there are many on the way. */
    void strew() {
        for (var placed : memory.structures()) {
            int one = switch (placed.structure()) {
                case STREAM_TABLE_ENTRY, CONTEXT_DESCRIPTOR -> 4;
                case L1_STREAM_TABLE_DESCRIPTOR, L1_CONTEXT_DESCRIPTOR -> 12;
                case STAGE_1_DESCRIPTOR -> 24;
                case STAGE_2_DESCRIPTOR -> 60;
            };
            if (chance.oneIn(one)) {
                damage(placed);
            }
        }
    }

    private void damage(Placed placed) {
        switch (placed.structure()) {
            case L1_STREAM_TABLE_DESCRIPTOR -> l1StreamTableDescriptor(placed.address());
            case STREAM_TABLE_ENTRY -> streamTableEntry(placed.address());
            case L1_CONTEXT_DESCRIPTOR -> l1ContextDescriptor(placed.address());
            case CONTEXT_DESCRIPTOR -> contextDescriptor(placed.address());
            case STAGE_1_DESCRIPTOR, STAGE_2_DESCRIPTOR -> descriptor(placed.address(), placed.detail());
        }
    }

    private void l1StreamTableDescriptor(long at) {
        switch (chance.below(4)) {
            case 0 -> memory.set(at, 0);
            case 1 -> field(at, 51, 6, wild() >>> 6);
            case 2 -> field(at, 4, 0, chance.bits(5)); // Span
            default -> flip(at, 1);
        }
    }

    private void streamTableEntry(long at) {
        switch (chance.below(32)) {
            case 0 -> field(at, 0, 0, 0); // V
            case 1 -> field(at, 3, 1, chance.bits(3)); // Config
            case 2 -> field(at, 5, 4, chance.bits(2)); // S1Fmt
            case 3 -> field(at, 63, 59, chance.bits(5)); // S1CDMax
            case 4, 5, 6 -> field(at, 51, 6, wild() >>> 6); // S1ContextPtr
            case 7, 8 -> field(at, 65, 64, chance.bits(2)); // S1DSS
            case 9 -> field(at, 93, 92, chance.bits(2)); // EATS
            case 10 -> field(at, 95, 94, chance.bits(2)); // STRW
            case 11 -> field(at, 91, 91, 1); // S1STALLD
            case 12, 13 -> field(at, 165, 160, chance.bits(6)); // S2T0SZ
            case 14, 15 -> field(at, 167, 166, chance.bits(2)); // S2SL0
            case 16 -> field(at, 175, 174, chance.bits(2)); // S2TG
            case 17, 18, 19 -> field(at, 178, 176, chance.bits(3)); // S2PS
            case 20 -> field(at, 179, 179, 0); // S2AA64
            case 21 -> field(at, 180, 180, 1); // S2ENDI
            case 22 -> field(at, 184, 183, chance.bits(2)); // S2HA, S2HD
            case 23 -> field(at, 185, 185, chance.bits(1)); // S2S
            case 24 -> field(at, 143, 136, chance.bits(8)); // S2VMID
            case 25, 26, 27 -> field(at, 243, 196, wild() >>> 4); // S2TTB
            default -> flip(at, 4);
        }
    }

    private void l1ContextDescriptor(long at) {
        switch (chance.below(4)) {
            case 0 -> field(at, 0, 0, 0); // V
            case 1, 2 -> field(at, 51, 12, wild() >>> 12);
            default -> flip(at, 1);
        }
    }

    private void contextDescriptor(long at) {
        switch (chance.below(32)) {
            case 0 -> field(at, 31, 31, 0); // V
            case 1, 2 -> field(at, 5, 0, chance.bits(6)); // T0SZ
            case 3, 4 -> field(at, 21, 16, chance.bits(6)); // T1SZ
            case 5 -> field(at, 7, 6, chance.bits(2)); // TG0
            case 6 -> field(at, 23, 22, chance.bits(2)); // TG1
            case 7 -> field(at, 14, 14, chance.bits(1)); // EPD0
            case 8 -> field(at, 30, 30, chance.bits(1)); // EPD1
            case 9 -> field(at, 15, 15, 1); // ENDI
            case 10, 11, 12 -> field(at, 34, 32, chance.bits(3)); // IPS
            case 13 -> field(at, 41, 41, 0); // AA64
            case 14 -> field(at, 43, 42, chance.bits(2)); // HD, HA
            case 15 -> field(at, 44, 44, chance.bits(1)); // S
            case 16 -> field(at, 46, 46, chance.bits(1)); // A
            case 17 -> field(at, 63, 56, chance.bits(8)); // ASID
            case 18, 19, 20 -> field(at, 115, 68, wild() >>> 4); // TTB0
            case 21, 22, 23 -> field(at, 179, 132, wild() >>> 4); // TTB1
            default -> flip(at, 3);
        }
    }

    private void descriptor(long at, int granule) {
        long high = granule == 16 ? 1L << 12 + chance.below(4) : 1L << 47 - chance.below(16);
        switch (chance.below(8)) {
            case 0 -> memory.set(at, 0);
            case 1 -> field(at, 1, 0, chance.bits(2));
            case 2 -> memory.set(at, memory.get(at) | high);
            case 3, 4 -> field(at, 47, granule, wild() >>> granule);
            case 5 -> field(at, 10, 10, 0); // AF
            default -> flip(at, 1);
        }
    }

    private void flip(long at, int words) {
        long word = at + chance.below(words) * 8L;
        memory.set(word, memory.get(word) ^ 1L << chance.below(64));
    }

    private void field(long at, int high, int low, long value) {
        long word = at + low / 64 * 8L;
        long mask = -1L >>> 63 - high + low << low % 64;
        memory.set(word, memory.get(word) & ~mask | value << low % 64 & mask);
    }

    /** An address that hardly leads to what was meant. */
    long wild() {
        return switch (chance.below(5)) {
            case 0 -> RandomMemory.HOLE.first() + (chance.bits(16) & -64);
            case 1 -> RandomMemory.SIZE + (chance.bits(20) & -64);
            case 2 -> chance.bits(outputBits);
            case 3 -> 1L << Math.min(51, outputBits) | chance.bits(26);
            default -> chance.bits(52);
        };
    }
}
