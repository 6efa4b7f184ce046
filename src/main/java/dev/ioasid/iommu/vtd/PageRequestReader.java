package dev.ioasid.iommu.vtd;

import dev.ioasid.iommu.DriverMemory;
import dev.ioasid.iommu.PageRequest;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Objects;

/**
 * The driver's end of the page request queue: a ring of one page, which it reads up to PQT. The ring takes no frame out of the order in
 * which tables get theirs.
 *
 * <p>Not safe for several threads: {@link VtdDriver} calls under its lock.
 */
final class PageRequestReader {
    private static final long RING_BYTES = 4096;

    private record Group(int sourceId, int index) {}

    private final VtdHardware hardware;
    private final DriverMemory memory;
    private final long ring;

    /** Makes a ring and tells the unit. ENOMEM. */
    PageRequestReader(VtdHardware hardware, DriverMemory memory) {
        this.hardware = hardware;
        this.memory = memory;
        this.ring = memory.allocateLast();
        setUp(ring);
    }

    private void setUp(long address) {
        write("PQH", 0);
        write("PQT", 0);
        write("PQA", Pqa.PQA.address(address));
    }

    private void write(String register, long value) {
        var one = new LinkedHashMap<String, Long>();
        one.put(register, value);
        hardware.write(one);
    }

    /** Takes out what is in the queue, oldest first, but for stop markers, which nobody answers. */
    List<PageRequest> take(int segment) {
        write("PRS", Prs.PPR.mask()); // first: what comes from now on raises it again
        var registers = hardware.registers();
        long tail = Objects.requireNonNull(registers.get("PQT"));
        var requests = new ArrayList<PageRequest>();
        for (long at = Objects.requireNonNull(registers.get("PQH")); at != tail; ) {
            var request = PageRequestDescriptor.decode(segment, memory.word(ring + at), memory.word(ring + at + 8));
            if (request != null && !request.isStopMarker()) {
                requests.add(request);
            }
            at = (at + PageRequestDescriptor.SIZE) % RING_BYTES;
        }
        write("PQH", tail);
        if (Prs.PRO.isSet(Objects.requireNonNull(registers.get("PRS")))) {
            write("PRS", Prs.PRO.mask()); // last: there is room now
            return complete(requests);
        }
        return List.copyOf(requests);
    }

    /** Without what lacks the last of its group: that was lost, and the unit has answered the group by itself. */
    private static List<PageRequest> complete(List<PageRequest> requests) {
        var complete = new ArrayList<PageRequest>();
        var ended = new HashSet<Group>();
        for (var request : requests.reversed()) {
            var group = new Group(request.sourceId(), request.group());
            if (request.last()) {
                ended.add(group);
            }
            if (ended.contains(group)) {
                complete.add(request);
            }
        }
        return List.copyOf(complete.reversed());
    }

    /** Gives back the ring. No device may ask for pages any more. */
    void close() {
        setUp(0);
        write("PRS", Prs.PPR.mask() | Prs.PRO.mask());
        memory.free(ring, RING_BYTES);
    }
}
