package dev.ioasid.iommu.vtd;

import dev.ioasid.iommu.DriverMemory;
import dev.ioasid.iommu.DriverRegisters;
import dev.ioasid.iommu.IssuedCommand;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * The driver's end of the invalidation queue: writes descriptors into the ring and waits until the unit has done them.
 *
 * <p>Not safe for several threads: {@link VtdDriver} calls under its lock.
 */
final class DescriptorWriter {
    private static final long RING_BYTES = 4096;
    private static final long STATUS_BYTES = 4096;

    private final DriverRegisters registers;
    private final DriverMemory memory;
    private final int size;
    private final long ring;
    private final long status;
    private long tail;
    private int sequence;

    /** Makes a ring of one page, with the status in the page behind it, and tells the unit. ENOMEM. */
    DescriptorWriter(DriverRegisters registers, DriverMemory memory, boolean scalable) {
        this.registers = registers;
        this.memory = memory;
        this.size = scalable ? 32 : 16;
        this.ring = memory.allocate(RING_BYTES + STATUS_BYTES);
        this.status = ring + RING_BYTES;
        registers.write("IQA", Iqa.IQA.address(ring) | Iqa.DW.of(scalable ? 1 : 0));
    }

    /** What the unit was given, the wait at the end included, and which devices did not answer. */
    record Outcome(List<IssuedCommand> issued, List<Integer> silent) {}

    /** Has descriptors done, in order; when it returns, they are. */
    Outcome submit(List<long[]> descriptors) {
        return submit(descriptors, false);
    }

    /** @param drain when it returns, page requests that were on their way are in their queue, too */
    Outcome submit(List<long[]> descriptors, boolean drain) {
        var issued = new ArrayList<IssuedCommand>();
        var silent = new ArrayList<Integer>();
        int most = (int) (RING_BYTES / size) - 2; // a ring that is full looks empty
        for (int from = 0; from < descriptors.size(); from += most) {
            for (var words : descriptors.subList(from, Math.min(from + most, descriptors.size()))) {
                add(words, issued);
            }
            await(issued, silent, drain);
        }
        return new Outcome(List.copyOf(issued), List.copyOf(silent));
    }

    private void add(long[] words, List<IssuedCommand> issued) {
        for (int word = 0; word < size / Long.BYTES; word++) {
            memory.store(ring + tail + (long) word * Long.BYTES, word < words.length ? words[word] : 0);
        }
        tail = (tail + size) % RING_BYTES;
        issued.add(Objects.requireNonNull(DescriptorType.of(words[0])).issued(words));
    }

    /** A device that does not answer has the wait aborted: the error is cleared and the wait written again. */
    private void await(List<IssuedCommand> issued, List<Integer> silent, boolean drain) {
        do {
            sequence++;
            add(WaitDescriptor.status(sequence, status, drain), issued);
            registers.write("IQT", tail);
            long errors = registers.read("FSTS");
            if (Fsts.IQE.isSet(errors)) {
                throw new IllegalStateException(
                        "the unit stands: IQERCD 0x" + Long.toHexString(registers.read("IQERCD")));
            }
            silent.addAll(clearTimeout());
        } while ((int) memory.word(status) != sequence);
    }

    /** Lets the unit go on after a device has not answered, and says which one; empty if all have. */
    List<Integer> clearTimeout() {
        if (!Fsts.ITE.isSet(registers.read("FSTS"))) {
            return List.of();
        }
        int sourceId = (int) Iqercd.ITESID.get(registers.read("IQERCD"));
        registers.write("FSTS", Fsts.ITE.mask());
        return List.of(sourceId);
    }

    /** Gives back the ring. The queue is off. */
    void close() {
        memory.free(ring, RING_BYTES + STATUS_BYTES);
    }
}
