package dev.ioasid.iommu.vtd;

import dev.ioasid.iommu.DriverMemory;
import dev.ioasid.iommu.DriverRegisters;
import dev.ioasid.iommu.PageRequest;
import java.util.ArrayList;
import java.util.List;

/**
 * The driver's end of the page request queue: a ring of one page, which it reads up to PQT. The ring takes no frame out of the order in
 * which tables get theirs.
 *
 * <p>Not safe for several threads: {@link VtdDriver} calls under its lock.
 */
final class PageRequestReader {
    private static final long RING_BYTES = 4096;

    private final DriverRegisters registers;
    private final DriverMemory memory;
    private final long ring;

    /** Makes a ring and tells the unit. ENOMEM. */
    PageRequestReader(DriverRegisters registers, DriverMemory memory) {
        this.registers = registers;
        this.memory = memory;
        this.ring = memory.allocateLast();
        setUp(ring);
    }

    private void setUp(long address) {
        registers.write("PQH", 0);
        registers.write("PQT", 0);
        registers.write("PQA", Pqa.PQA.address(address));
    }

    /** Takes out what is in the queue, oldest first, but for stop markers, which nobody answers. */
    List<PageRequest> take(int segment) {
        registers.write("PRS", Prs.PPR.mask()); // first: what comes from now on raises it again
        long[] now = registers.readTogether("PQH", "PQT", "PRS"); // PRO is about what stands there
        long tail = now[1];
        var requests = new ArrayList<PageRequest>();
        for (long at = now[0]; at != tail; ) {
            var request = PageRequestDescriptor.decode(segment, memory.word(ring + at), memory.word(ring + at + 8));
            if (request != null && !request.isStopMarker()) {
                requests.add(request);
            }
            at = (at + PageRequestDescriptor.SIZE) % RING_BYTES;
        }
        registers.write("PQH", tail);
        if (Prs.PRO.isSet(now[2])) {
            registers.write("PRS", Prs.PRO.mask()); // last: there is room now
            return PageRequest.ofWholeGroups(requests);
        }
        return List.copyOf(requests);
    }

    /** Gives back the ring. No device may ask for pages any more. */
    void close() {
        setUp(0);
        registers.write("PRS", Prs.PPR.mask() | Prs.PRO.mask());
        memory.free(ring, RING_BYTES);
    }
}
