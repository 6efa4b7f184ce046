package dev.ioasid.bench;

import java.util.function.Consumer;

/** A read workload of {@code src/jmh/c/walk.c}, with the sum of its first million results there ({@code walk --check}). */
public enum Workload {
    WALK_4K_SMALL(0xb00f4333ed2621e8L, World::small, World::walkSmall),
    WALK_4K_LARGE(0xb0206d14714621e8L, World::large, World::walkLarge),
    WALK_4K_LARGE_DEP(0xb0206d14714621e8L, World::large, World::walkLarge),
    WALK_4K_FAR(0xb16e37e5f14621e8L, world -> world.far(false), World::walkFar),
    WALK_2M(0xf56e37e5f14621e8L, world -> world.far(true), World::walkFar),
    WALK_NESTED_4K(0xb02e40ede14621e8L, World::nested, World::walkNested),
    FULL_TRANSLATE(0xb03d1847a849ab90L, World::routes, World::translate),
    IOTLB_HIT(0xb00f4247a09c3abcL, World::known, World::find),
    FULL_TRANSLATE_HIT(0xb03d175b1d09ab90L, World::knownRoutes, World::translateKnown);

    public static final long SEED = 0x9E3779B97F4A7C15L;
    public static final int CHECKED = 1_000_000;

    private interface Operation {
        long result(World world, long random);
    }

    private final long checksum;
    private final Consumer<World> tables;
    private final Operation operation;

    Workload(long checksum, Consumer<World> tables, Operation operation) {
        this.checksum = checksum;
        this.tables = tables;
        this.operation = operation;
    }

    /** Makes the tables it walks. */
    public World open() {
        var world = new World();
        tables.accept(world);
        return world;
    }

    /** What the sum of {@link #CHECKED} results from {@link #SEED} has to be. */
    public long checksum() {
        return checksum;
    }

    /** Where the random numbers are, and the sum of the results. */
    public static final class Loop {
        private final World world;
        private final Operation operation;
        private final boolean dependent;
        private long state;

        public Loop(Workload workload, World world, long seed) {
            this.world = world;
            this.operation = workload.operation;
            this.dependent = workload == WALK_4K_LARGE_DEP;
            this.state = seed;
        }

        /** Does so many operations in one stay; returns the sum of their results. */
        public long run(int operations) {
            int stay = world.readers.enter();
            try {
                return dependent ? dependent(operations) : independent(operations);
            } finally {
                world.readers.exit(stay);
            }
        }

        private long independent(int operations) {
            long x = state;
            long sum = 0;
            for (int i = 0; i < operations; i++) {
                x = next(x);
                sum += operation.result(world, x);
            }
            state = x;
            return sum;
        }

        /** The next random number waits for the result. */
        private long dependent(int operations) {
            long x = state;
            long sum = 0;
            for (int i = 0; i < operations; i++) {
                x = next(x);
                long result = operation.result(world, x);
                sum += result;
                x ^= result >>> 63;
            }
            state = x;
            return sum;
        }

        static long next(long x) {
            long y = x ^ x << 13;
            y ^= y >>> 7;
            return y ^ y << 17;
        }
    }
}
