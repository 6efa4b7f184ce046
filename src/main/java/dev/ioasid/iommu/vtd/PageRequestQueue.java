package dev.ioasid.iommu.vtd;

import dev.ioasid.iommu.Disturbances;
import dev.ioasid.iommu.PageRequest;
import dev.ioasid.iommu.UnitWrites;
import dev.ioasid.memory.PhysicalMemory;
import java.util.Arrays;

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

    private final UnitWrites writes;
    private final PageRequestEvent event = new PageRequestEvent();
    private Disturbances disturbances = Disturbances.NONE;
    private long address;
    private long head;
    private long tail;

    PageRequestQueue(UnitWrites writes) {
        this.writes = writes;
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
        var words = Arrays.copyOf(PageRequestDescriptor.of(request), PageRequestDescriptor.SIZE / Long.BYTES);
        writes.record(Pqa.PQA.address(address) + tail, words); // where no memory is it goes nowhere
        tail = next;
        event.queued();
        return true;
    }
}
