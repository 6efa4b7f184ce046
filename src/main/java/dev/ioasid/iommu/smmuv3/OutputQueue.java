package dev.ioasid.iommu.smmuv3;

/**
 * The registers of a queue in memory that the unit fills and software empties: {@code _BASE}, {@code _PROD} with OVFLG, {@code _CONS} with
 * OVACKFLG. The queue has overflowed while these two flags differ. IHI 0070, sections 3.5.1 and 7.4.
 *
 * <p>Any thread may call; each method is one step under the object's own lock, and whoever takes several steps that belong together
 * holds it meanwhile. Where the two positions cannot be those of a queue, it counts as full.
 */
final class OutputQueue {
    private static final long POSITION = 0xf_ffff;
    private static final long OVERFLOW = 1L << 31;

    private final int largest;
    private final int size;
    private boolean enabled;
    private long base;
    private long producer;
    private long consumer;

    /**
     * @param largest log2 of the entries that the unit can have
     * @param size bytes of an entry
     */
    OutputQueue(int largest, int size) {
        this.largest = largest;
        this.size = size;
    }

    private QueueRing ring() {
        return QueueBase.ring(base, largest);
    }

    // ---- the unit's side

    /** Follows the queue's enable in CR0. */
    synchronized void setEnabled(boolean on) {
        enabled = on;
    }

    synchronized boolean isEnabled() {
        return enabled;
    }

    synchronized boolean isEmpty() {
        var ring = ring();
        return ring.isEmpty(ring.position(producer), ring.position(consumer));
    }

    synchronized boolean isFull() {
        var ring = ring();
        return ring.isFull(ring.position(producer), ring.position(consumer));
    }

    /** Where the next entry goes. */
    synchronized long next() {
        var ring = ring();
        return QueueBase.entry(base, ring, ring.position(producer), size);
    }

    /** The entry at {@link #next} is there for software to consume. */
    synchronized void advance() {
        var ring = ring();
        producer = producer & OVERFLOW | ring.next(ring.position(producer));
    }

    /** Something was lost for want of room: turns OVFLG, unless an overflow has not been acknowledged. */
    synchronized void overflow() {
        if (!overflowed()) {
            producer ^= OVERFLOW;
        }
    }

    // ---- software's side

    synchronized boolean overflowed() {
        return ((producer ^ consumer) & OVERFLOW) != 0;
    }

    /** Where the entries are that have not been consumed, oldest first. */
    synchronized long[] waiting() {
        var ring = ring();
        int end = ring.position(producer);
        int position = ring.position(consumer);
        var waiting = new long[ring.isConsistent(end, position) ? ring.count(end, position) : 0];
        for (int i = 0; i < waiting.length; i++) {
            waiting[i] = QueueBase.entry(base, ring, position, size);
            position = ring.next(position);
        }
        return waiting;
    }

    /** Consumes every entry and acknowledges an overflow. */
    synchronized void clear() {
        consumer = producer;
    }

    synchronized long base() {
        return base;
    }

    /** Nothing while the queue is on. */
    synchronized void writeBase(long value) {
        if (!enabled) {
            base = value & ~QueueBase.LAYOUT.reserved(0);
        }
    }

    /** OVFLG and WR. */
    synchronized long producer() {
        return producer & OVERFLOW | ring().position(producer);
    }

    /** Nothing while the queue is on. */
    synchronized void writeProducer(long value) {
        if (!enabled) {
            producer = value & (OVERFLOW | POSITION);
        }
    }

    /** OVACKFLG and RD. */
    synchronized long consumer() {
        return consumer & OVERFLOW | ring().position(consumer);
    }

    synchronized void writeConsumer(long value) {
        consumer = value & (OVERFLOW | POSITION);
    }
}
