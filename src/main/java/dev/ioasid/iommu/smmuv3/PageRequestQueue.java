package dev.ioasid.iommu.smmuv3;

/**
 * The registers of the PRI queue. IHI 0070, chapter 8.
 *
 * <p>Not safe for several threads: {@link SmmuRegisters} calls under its lock.
 */
final class PageRequestQueue {
    private static final long POSITION = 0xf_ffff;
    private static final long OVERFLOW = 1L << 31;

    private final int largest;
    private boolean enabled;
    private long base;
    private long producer;
    private long consumer;

    PageRequestQueue(SmmuCapabilities capabilities) {
        this.largest = capabilities.pageRequestQueueBits();
    }

    private QueueRing ring() {
        return QueueBase.ring(base, largest);
    }

    /** Follows CR0.PRIQEN. */
    void setEnabled(boolean on) {
        enabled = on;
    }

    /** PRIQ_BASE. */
    long base() {
        return base;
    }

    /** Writes PRIQ_BASE; nothing while the queue is on. */
    void writeBase(long value) {
        if (!enabled) {
            base = value & ~QueueBase.LAYOUT.reserved(0);
        }
    }

    /** PRIQ_PROD: OVFLG and WR. */
    long producer() {
        return producer & OVERFLOW | ring().position(producer);
    }

    /** Writes PRIQ_PROD; nothing while the queue is on. */
    void writeProducer(long value) {
        if (!enabled) {
            producer = value & (OVERFLOW | POSITION);
        }
    }

    /** PRIQ_CONS: OVACKFLG and RD. */
    long consumer() {
        return consumer & OVERFLOW | ring().position(consumer);
    }

    /** Writes PRIQ_CONS. */
    void writeConsumer(long value) {
        consumer = value & (OVERFLOW | POSITION);
    }
}
