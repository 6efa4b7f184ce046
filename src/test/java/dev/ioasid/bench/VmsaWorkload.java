package dev.ioasid.bench;

import java.util.function.Consumer;

/** A read workload of an SMMUv3, and the one of VT-d that reads as many entries and comes to the same results. */
public enum VmsaWorkload {
    STAGE_1(Workload.WALK_4K_SMALL, world -> world.small(false), VmsaWorld::walkStage1),
    STAGE_2(Workload.WALK_4K_SMALL, world -> world.small(true), VmsaWorld::walkStage2),
    NESTED(Workload.WALK_NESTED_4K, VmsaWorld::nested, VmsaWorld::walkNested),
    /** STE, L1CD, CD and four levels, nothing cached; VT-d reads a root, a context, a PASID directory and a PASID table entry. */
    TRANSLATE(Workload.FULL_TRANSLATE, VmsaWorld::routes, VmsaWorld::translate);

    private interface Operation {
        long result(VmsaWorld world, long random);
    }

    private final Workload like;
    private final Consumer<VmsaWorld> tables;
    private final Operation operation;

    VmsaWorkload(Workload like, Consumer<VmsaWorld> tables, Operation operation) {
        this.like = like;
        this.tables = tables;
        this.operation = operation;
    }

    /** VT-d's. */
    public Workload like() {
        return like;
    }

    /** Makes the tables it walks. */
    public VmsaWorld open() {
        var world = new VmsaWorld();
        tables.accept(world);
        return world;
    }

    /** Where the random numbers are, and the sum of the results. */
    public static final class Loop {
        private final VmsaWorld world;
        private final Operation operation;
        private long state;

        public Loop(VmsaWorkload workload, VmsaWorld world, long seed) {
            this.world = world;
            this.operation = workload.operation;
            this.state = seed;
        }

        /** Does so many operations in one stay; returns the sum of their results. */
        public long run(int operations) {
            int stay = world.readers.enter();
            try {
                long x = state;
                long sum = 0;
                for (int i = 0; i < operations; i++) {
                    x = Workload.Loop.next(x);
                    sum += operation.result(world, x);
                }
                state = x;
                return sum;
            } finally {
                world.readers.exit(stay);
            }
        }
    }
}
