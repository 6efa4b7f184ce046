package dev.ioasid.iommu.smmuv3;

import static dev.ioasid.memory.BitField.bits;

import dev.ioasid.memory.BitField;
import dev.ioasid.memory.PhysicalMemory;
import org.jspecify.annotations.Nullable;

/**
 * The Command queue: a ring in memory, which software fills up to CMDQ_PROD and the unit empties from CMDQ_CONS on. IHI 0070, sections
 * 3.5, 4.1 and 7.1.
 *
 * <p>Commands are done at once, one after the other, which is stricter than the architecture asks: so whatever a CMD_SYNC waits for has
 * been done when it is met. The exception is a device that does not answer an ATC invalidation: at the next CMD_SYNC that is known.
 * Where the two positions cannot be those of a queue, nothing is done.
 *
 * <p>Not safe for several threads: {@link SmmuRegisters} calls under its lock.
 */
final class CommandQueue {
    static final int SIZE = CommandFields.WORDS * Long.BYTES;

    private static final long POSITION = 0xf_ffff;
    private static final BitField ERR = bits(30, 24, "ERR", "why the queue stands");

    private final PhysicalMemory memory;
    private final int largest;
    private final CommandExecution execution;
    private final GlobalErrors errors;
    private boolean enabled;
    private long base;
    private long producer;
    private long consumer;

    CommandQueue(
            PhysicalMemory memory, SmmuCapabilities capabilities, CommandExecution execution, GlobalErrors errors) {
        this.memory = memory;
        this.largest = capabilities.commandQueueBits();
        this.execution = execution;
        this.errors = errors;
    }

    private QueueRing ring() {
        return QueueBase.ring(base, largest);
    }

    /** Goes on, where there is something to do and nothing that forbids it. */
    void process() {
        var ring = ring();
        int end = ring.position(producer);
        int position = ring.position(consumer);
        while (enabled
                && !ring.isEmpty(end, position)
                && ring.isConsistent(end, position)
                && !errors.isActive(Gerror.CMDQ_ERR)) {
            var wrong = next(QueueBase.entry(base, ring, position, SIZE));
            if (wrong == null) {
                position = ring.next(position);
                consumer = position | ERR.address(consumer);
                execution.signal();
            } else {
                consumer = position | ERR.of(wrong.number());
                errors.raise(Gerror.CMDQ_ERR);
            }
        }
    }

    /** Does the command at an address. Null: done. */
    private @Nullable CommandError next(long at) {
        return memory.backs(at)
                ? execution.execute(memory.acquire(at), memory.acquire(at + Long.BYTES))
                : CommandError.CERROR_ABT;
    }

    /** Does a command that is not in the ring. Null: done. */
    @Nullable
    CommandError submit(long word0, long word1) {
        var wrong = execution.execute(word0, word1);
        if (wrong == null) {
            execution.signal();
        }
        return wrong;
    }

    /** Whether it stands after an error that has not been acknowledged. */
    boolean stands() {
        return errors.isActive(Gerror.CMDQ_ERR);
    }

    // ---- its registers

    /** Follows CR0.CMDQEN. */
    void setEnabled(boolean on) {
        enabled = on;
        process();
    }

    /** CMDQ_BASE. */
    long base() {
        return base;
    }

    /** Writes CMDQ_BASE; nothing while the queue is on. */
    void writeBase(long value) {
        if (!enabled) {
            base = value & ~QueueBase.LAYOUT.reserved(0);
        }
    }

    /** CMDQ_PROD: WR. */
    long producer() {
        return ring().position(producer);
    }

    /** Writes CMDQ_PROD: the unit does what has been added. */
    void writeProducer(long value) {
        producer = value & POSITION;
        process();
    }

    /** CMDQ_CONS: ERR and RD. */
    long consumer() {
        return ERR.address(consumer) | ring().position(consumer);
    }

    /** Writes CMDQ_CONS; nothing while the queue is on. */
    void writeConsumer(long value) {
        if (!enabled) {
            consumer = value & (ERR.mask() | POSITION);
        }
    }
}
