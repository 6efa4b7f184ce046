package dev.ioasid.iommu.vtd;

import dev.ioasid.iommu.Disturbances;
import dev.ioasid.iommu.PageRequest;
import dev.ioasid.memory.AddressRange;
import dev.ioasid.memory.PhysicalMemory;
import java.util.function.LongConsumer;

/**
 * The page request queue: a ring in memory, which the unit fills up to PQT and software empties from PQH on. It is full when there is
 * room for one descriptor more. VT-d 5.10, section 7.5.
 *
 * <p>A descriptor is written before PQT moves on, so a wait descriptor with PD has nothing to wait for.
 *
 * <p>Not safe for several threads: {@link VtdRegisters} calls under its lock.
 */
final class PageRequestQueue {
    private static final long POINTER = 0x7ffe0;
    private static final long PAGE_SIZE = PhysicalMemory.PAGE_SIZE;

    private final PhysicalMemory memory;
    private final LongConsumer written;
    private final PageRequestEvent event = new PageRequestEvent();
    private Disturbances disturbances = Disturbances.NONE;
    private long address;
    private long head;
    private long tail;

    /** @param written told of each word of memory that is written */
    PageRequestQueue(PhysicalMemory memory, LongConsumer written) {
        this.memory = memory;
        this.written = written;
    }

    PageRequestEvent event() {
        return event;
    }

    /** PQA. */
    long address() {
        return address;
    }

    void writeAddress(long value) {
        address = value & (Pqa.PQS.mask() | Pqa.PQA.mask());
    }

    /** PQH. */
    long head() {
        return head;
    }

    void writeHead(long value) {
        head = value & POINTER;
    }

    /** PQT. */
    long tail() {
        return tail;
    }

    void writeTail(long value) {
        tail = value & POINTER;
    }

    /** See {@link Disturbances#fillsPageRequests}. */
    void disturb(Disturbances by) {
        disturbances = by;
    }

    /** Puts a request into the queue; false if it is lost, because there is no room or because one before it was. */
    boolean add(PageRequest request) {
        if (event.overflowed()) {
            return false;
        }
        long bytes = PAGE_SIZE << Pqa.PQS.get(address);
        long next = (tail + PageRequestDescriptor.SIZE) % bytes;
        if (next == head || disturbances.fillsPageRequests()) {
            event.lost();
            return false;
        }
        write(Pqa.PQA.address(address) + tail, PageRequestDescriptor.of(request));
        tail = next;
        event.queued();
        return true;
    }

    /** What is written to where no memory is goes nowhere. */
    private void write(long at, long[] words) {
        if (!memory.backs(at)) {
            return;
        }
        memory.commit(AddressRange.of(at, PageRequestDescriptor.SIZE));
        for (int word = 0; word < PageRequestDescriptor.SIZE / Long.BYTES; word++) {
            long where = at + (long) word * Long.BYTES;
            memory.release(where, word < words.length ? words[word] : 0);
            written.accept(where);
        }
    }
}
