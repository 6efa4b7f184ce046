package dev.ioasid.iommu.smmuv3;

import dev.ioasid.iommu.DriverMemory;
import dev.ioasid.iommu.DriverRegisters;
import dev.ioasid.iommu.IssuedCommand;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * The driver's end of the Command queue: writes commands into the ring, a CMD_SYNC behind them, and waits until the unit has done that.
 *
 * <p>Not safe for several threads: {@link SmmuDriver} calls under its lock.
 */
final class CommandWriter {
    private static final int ATC_INV_SYNC = 3; // CERROR_ATC_INV_SYNC, in CMDQ_CONS.ERR
    private static final int ERR_SHIFT = 24;
    private static final long ERR = 0x7f;

    private final DriverRegisters registers;
    private final DriverMemory memory;
    private final DriverQueue queue;
    private int producer;

    /** Makes a ring and tells the unit, which has it off still. ENOMEM. */
    CommandWriter(DriverRegisters registers, DriverMemory memory, int largest) {
        this.registers = registers;
        this.memory = memory;
        this.queue = new DriverQueue("CMDQ", CommandFields.WORDS * Long.BYTES, largest, registers, memory);
        queue.install();
    }

    /**
     * What the unit was given, the CMD_SYNCs included.
     *
     * @param answered false: a device has not answered an ATC invalidation among the commands; which one the unit does not say
     */
    record Outcome(List<IssuedCommand> issued, boolean answered) {}

    /** Has commands done, in order; when it returns, they are. */
    Outcome submit(List<long[]> commands) {
        var issued = new ArrayList<IssuedCommand>();
        boolean answered = true;
        for (var command : commands) {
            answered &= add(command, issued);
        }
        answered &= add(Commands.sync(), issued);
        answered &= await();
        return new Outcome(List.copyOf(issued), answered);
    }

    Outcome submit(long[] command) {
        return submit(List.of(command));
    }

    /** Puts a command into the ring, which has room: it is emptied when it is full. Answers as {@link #await}. */
    private boolean add(long[] words, List<IssuedCommand> issued) {
        long at = queue.entry(producer);
        memory.store(at, words[0]);
        memory.store(at + Long.BYTES, words[1]);
        producer = queue.shape().next(producer);
        issued.add(Objects.requireNonNull(CommandType.of(words[0])).issued(words[0], words[1]));
        return queue.shape().index(producer) != 0 || await();
    }

    /** Lets the unit go through the ring to the end; false: a device has not answered. */
    private boolean await() {
        boolean answered = true;
        queue.writeProducer(producer);
        while (queue.shape().position(queue.consumer()) != producer) {
            answered &= clearTimeout();
            Thread.onSpinWait();
        }
        return answered;
    }

    /** Lets the unit go on after a device has not answered; false: that was so. The CMD_SYNC is then done without it. */
    boolean clearTimeout() {
        long reported = registers.read("GERROR");
        if (!Gerror.CMDQ_ERR.isSet(reported ^ registers.read("GERRORN"))) {
            return true;
        }
        long consumer = queue.consumer();
        if ((consumer >>> ERR_SHIFT & ERR) != ATC_INV_SYNC) {
            throw new IllegalStateException("the unit stands: CMDQ_CONS 0x" + Long.toHexString(consumer));
        }
        registers.write("GERRORN", registers.read("GERRORN") ^ Gerror.CMDQ_ERR.mask());
        return false;
    }

    /** Gives back the ring. The queue is off. */
    void close() {
        queue.close();
    }
}
