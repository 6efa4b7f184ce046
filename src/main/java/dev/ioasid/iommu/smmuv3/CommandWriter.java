package dev.ioasid.iommu.smmuv3;

import dev.ioasid.iommu.DriverMemory;
import dev.ioasid.iommu.IommuHardware;
import dev.ioasid.iommu.IssuedCommand;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Objects;

/**
 * The driver's end of the Command queue: writes commands into the ring, a CMD_SYNC behind them, and waits until the unit has done that.
 *
 * <p>Not safe for several threads: {@link SmmuDriver} calls under its lock.
 */
final class CommandWriter {
    private static final int COMMAND_BYTES = CommandFields.WORDS * Long.BYTES;
    /** log2 of the entries: a page. */
    private static final int LARGEST = 8;

    private static final int ATC_INV_SYNC = 3; // CERROR_ATC_INV_SYNC, in CMDQ_CONS.ERR
    private static final int ERR_SHIFT = 24;
    private static final long ERR = 0x7f;

    private final IommuHardware hardware;
    private final DriverMemory memory;
    private final QueueRing shape;
    private final long ring;
    private int producer;

    /** Makes a ring and tells the unit, which has it off still. ENOMEM. */
    CommandWriter(IommuHardware hardware, DriverMemory memory, int largest) {
        this.hardware = hardware;
        this.memory = memory;
        this.shape = new QueueRing(Math.min(largest, LARGEST));
        this.ring = memory.allocate(bytes());
        write(
                "CMDQ_BASE",
                QueueBase.ADDR.address(ring) | QueueBase.LOG2SIZE.of(shape.bits()) | QueueBase.ALLOCATE.of(1));
        write("CMDQ_PROD", 0);
        write("CMDQ_CONS", 0);
    }

    private long bytes() {
        return (long) COMMAND_BYTES << shape.bits();
    }

    private void write(String register, long value) {
        var one = new LinkedHashMap<String, Long>();
        one.put(register, value);
        hardware.write(one);
    }

    private long read(String register) {
        return Objects.requireNonNull(hardware.registers().get(register));
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
        long at = ring + (long) shape.index(producer) * COMMAND_BYTES;
        memory.store(at, words[0]);
        memory.store(at + Long.BYTES, words[1]);
        producer = shape.next(producer);
        issued.add(Objects.requireNonNull(CommandType.of(words[0])).issued(words[0], words[1]));
        return shape.index(producer) != 0 || await();
    }

    /** Lets the unit go through the ring to the end; false: a device has not answered. */
    private boolean await() {
        boolean answered = true;
        write("CMDQ_PROD", producer);
        while (shape.position(read("CMDQ_CONS")) != producer) {
            answered &= clearTimeout();
            Thread.onSpinWait();
        }
        return answered;
    }

    /** Lets the unit go on after a device has not answered; false: that was so. The CMD_SYNC is then done without it. */
    boolean clearTimeout() {
        long reported = read("GERROR");
        if (!Gerror.CMDQ_ERR.isSet(reported ^ read("GERRORN"))) {
            return true;
        }
        long consumer = read("CMDQ_CONS");
        if ((consumer >>> ERR_SHIFT & ERR) != ATC_INV_SYNC) {
            throw new IllegalStateException("the unit stands: CMDQ_CONS 0x" + Long.toHexString(consumer));
        }
        write("GERRORN", read("GERRORN") ^ Gerror.CMDQ_ERR.mask());
        return false;
    }

    /** Gives back the ring. The queue is off. */
    void close() {
        memory.free(ring, bytes());
    }
}
