package dev.ioasid.iommu.smmuv3;

/**
 * Positions in a queue of {@code 2^bits} entries: an index, and above it the wrap bit, which turns with each round. So a queue can be full,
 * and not only all but full. IHI 0070, section 3.5.1.
 *
 * @param bits 0 to 19
 */
record QueueRing(int bits) {
    private int positions() {
        return (2 << bits) - 1;
    }

    /** The bits of a register that count. */
    int position(long register) {
        return (int) register & positions();
    }

    /** Which entry a position is at. */
    int index(int position) {
        return position & (1 << bits) - 1;
    }

    int next(int position) {
        return position + 1 & positions();
    }

    /** Entries between the consumer and the producer; more than there are in the queue if no queue can be so. */
    int count(int producer, int consumer) {
        return producer - consumer & positions();
    }

    boolean isEmpty(int producer, int consumer) {
        return count(producer, consumer) == 0;
    }

    /** Whether the producer has to wait, as it has where the two positions cannot be. */
    boolean isFull(int producer, int consumer) {
        return count(producer, consumer) >= 1 << bits;
    }

    /** Whether the two positions can be those of a queue. */
    boolean isConsistent(int producer, int consumer) {
        return count(producer, consumer) <= 1 << bits;
    }
}
