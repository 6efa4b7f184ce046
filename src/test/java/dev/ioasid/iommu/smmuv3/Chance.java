package dev.ioasid.iommu.smmuv3;

import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;

/** Random choices that a seed repeats. */
final class Chance {
    private static final RandomGeneratorFactory<RandomGenerator> GENERATORS =
            RandomGeneratorFactory.of("L64X128MixRandom");

    private final RandomGenerator random;

    Chance(long seed) {
        this.random = GENERATORS.create(seed);
    }

    boolean oneIn(int n) {
        return random.nextInt(n) == 0;
    }

    /** 0 to {@code bound - 1}. */
    int below(int bound) {
        return random.nextInt(bound);
    }

    /** So many random bits, 0 to 64. */
    long bits(int bits) {
        return bits == 0 ? 0 : random.nextLong() >>> 64 - bits;
    }

    /** Random bits within a mask, most often none. */
    long noise(long mask) {
        long some = random.nextLong();
        return oneIn(3) ? some & random.nextLong() & mask : 0;
    }

    int pick(int... choices) {
        return choices[random.nextInt(choices.length)];
    }
}
