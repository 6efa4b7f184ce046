package dev.ioasid.iommu.vtd;

import dev.ioasid.memory.PhysicalMemory;
import org.jspecify.annotations.Nullable;

/**
 * Queued invalidation: a ring in memory, which software fills up to IQT and the unit empties from IQH on. VT-d 5.10, section 6.5.2.
 *
 * <p>Descriptors are done one after the other, which is stricter than the architecture asks: so whatever a wait descriptor waits for has been
 * done when it is met. The exception is a device that does not answer: that it has timed out is known at the next wait descriptor,
 * which is aborted, or where the queue ends.
 *
 * <p>Not safe for several threads: {@link VtdRegisters} calls under its lock.
 */
final class InvalidationQueue {
    private static final int BITS_256 = 32;
    private static final int BITS_128 = 16;
    private static final long POINTER = 0x7fff0;
    private static final long PAGE_SIZE = PhysicalMemory.PAGE_SIZE;

    private final PhysicalMemory memory;
    private final VtdCapabilities capabilities;
    private final DescriptorEffects effects;
    private final FaultLog faults;

    private boolean enabled;
    private int translationMode;
    private long address;
    private long head;
    private long tail;
    private long error;

    InvalidationQueue(PhysicalMemory memory, VtdCapabilities capabilities, DescriptorEffects effects, FaultLog faults) {
        this.memory = memory;
        this.capabilities = capabilities;
        this.effects = effects;
        this.faults = faults;
    }

    /** IQA. */
    long address() {
        return address;
    }

    void writeAddress(long value) {
        address = value & (Iqa.QS.mask() | Iqa.DW.mask() | Iqa.IQA.mask());
    }

    /** IQH. */
    long head() {
        return head;
    }

    /** IQT. */
    long tail() {
        return tail;
    }

    /** Writes IQT: the unit does what has been added. */
    void writeTail(long value) {
        tail = value & POINTER;
        process();
    }

    /** IQERCD. */
    long error() {
        return error;
    }

    /** Follows GCMD.QIE. */
    void setEnabled(boolean on) {
        if (!on) {
            head = 0;
        }
        enabled = on;
        process();
    }

    /** Follows the latched RTADDR.TTM. */
    void setTranslationMode(int mode) {
        translationMode = mode;
    }

    /** Goes on, where there is something to do and nothing that forbids it. */
    void process() {
        while (enabled && head != tail && !faults.stopsQueue()) {
            var wrong = next();
            if (wrong != null) {
                error = error & ~Iqercd.IQEI.mask() | Iqercd.IQEI.of(wrong.number());
                faults.raise(Fsts.IQE);
            }
        }
        if (enabled && head == tail && !faults.stopsQueue()) {
            timeOut();
        }
    }

    /** Does the descriptor at the head. Null: done; otherwise the head stays where it is. */
    private @Nullable QueueError next() {
        boolean wide = Iqa.DW.isSet(address);
        int size = wide ? BITS_256 : BITS_128;
        long bytes = PAGE_SIZE << Iqa.QS.get(address);
        boolean needsWide = translationMode == Rtaddr.SCALABLE || translationMode == Rtaddr.ABORT_DMA;
        boolean hasWide = capabilities.has(Ecap.SMTS) || capabilities.has(Ecap.ADMS);
        if (translationMode == Rtaddr.RESERVED) {
            return QueueError.INVALID_MODE;
        }
        if (wide ? !hasWide : needsWide) {
            return QueueError.WRONG_WIDTH;
        }
        if (tail % size != 0) {
            return QueueError.UNALIGNED_TAIL;
        }
        if (tail >= bytes) {
            return QueueError.INVALID_TAIL;
        }
        long at = Iqa.IQA.address(address) + head;
        if (!memory.backs(at) || !memory.backs(at + size - 1)) {
            return QueueError.FETCH;
        }
        long w0 = memory.acquire(at);
        long w1 = memory.acquire(at + 8);
        long w2 = wide ? memory.acquire(at + 16) : 0;
        long w3 = wide ? memory.acquire(at + 24) : 0;
        boolean waits = DescriptorType.of(w0) == DescriptorType.WAIT;
        if (waits && effects.silentDevice() != DescriptorEffects.NONE) {
            head = (head + size) % bytes; // aborted: neither the status is written nor the event raised
            timeOut();
            return null;
        }
        var wrong = effects.apply(translationMode, w0, w1, w2, w3);
        if (wrong == null) {
            head = (head + size) % bytes;
        }
        return wrong;
    }

    /** Gives up on a device that has not answered. */
    private void timeOut() {
        int device = effects.silentDevice();
        if (device != DescriptorEffects.NONE) {
            effects.forgetSilentDevice();
            error = error & ~Iqercd.ITESID.mask() | Iqercd.ITESID.of(device);
            faults.raise(Fsts.ITE);
        }
    }

    /** Bytes of a descriptor. */
    int descriptorSize() {
        boolean wide = translationMode == Rtaddr.LEGACY ? Iqa.DW.isSet(address) : capabilities.scalable();
        return wide ? BITS_256 : BITS_128;
    }

    /** Does a descriptor that is not in the ring. Null: done. */
    @Nullable
    QueueError submit(long w0, long w1, long w2, long w3) {
        if (translationMode == Rtaddr.RESERVED) {
            return QueueError.INVALID_MODE;
        }
        var wrong = effects.apply(translationMode, w0, w1, w2, w3);
        timeOut();
        return wrong;
    }
}
