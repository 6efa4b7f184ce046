package dev.ioasid.machine;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.AtsCompletion;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Fault;
import dev.ioasid.iommu.IommuType;
import dev.ioasid.iommu.PageRequest;
import dev.ioasid.iommu.Rid;
import dev.ioasid.iommu.Translation;
import dev.ioasid.memory.AddressRange;
import dev.ioasid.memory.PhysicalMemory;
import dev.ioasid.pagetable.PageWalk;
import dev.ioasid.pagetable.Permissions;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Moves the bytes of DMA, page by page through the units, and has it wait where a page is asked for or a transaction is stalled. Guarded by
 * the machine's lock.
 *
 * <p>A device with ATS and PRI asks for the translation of a page that it does not know, and for the page if it may not use it; every other
 * one sends untranslated requests.
 */
final class Transfers {
    /** DMA that can wait at a time. */
    static final int MOST_WAITING = 1024;
    /** DMA that is over and had to wait, of which the outcome is kept. */
    static final int KEPT = 256;
    /** Bytes of that. */
    private static final long KEPT_BYTES = 64L << 20;
    /** A device that is told to try again, and finds the page missing, gives up after so many times in a row without a client's word. */
    private static final int MOST_TRIES = 16;

    private final Machine machine;
    private final TreeMap<Long, DmaJob> waiting = new TreeMap<>();
    private final LinkedHashMap<Long, DmaSummary> over = new LinkedHashMap<>();
    private long overBytes;
    private long next = 1;
    private long movedBytes;
    private long faulted;

    Transfers(Machine machine) {
        this.machine = machine;
    }

    /** Carries out orders, as far as it gets. ENODEV, EINVAL: {@code index} names the bad one; ENOSPC: too much waits. */
    DmaSummary start(Rid rid, List<DmaOrder> orders, boolean batch) {
        var device = machine.devices().device(rid);
        var addressed = new ArrayList<DmaOrder>(orders.size());
        for (int index = 0; index < orders.size(); index++) {
            try {
                addressed.add(checked(device, orders.get(index)));
            } catch (RefusedException refused) {
                throw refused.with("index", index);
            }
        }
        if (waiting.size() == MOST_WAITING) {
            throw new RefusedException(
                    Errno.ENOSPC,
                    MOST_WAITING + " DMA wait for answers to page requests, the most there can be",
                    Map.of("limit", Map.of("name", "waiting DMA", "value", MOST_WAITING)));
        }
        var job = new DmaJob(device, addressed, batch);
        run(job);
        machine.pageAnswers().settle();
        return job.summary();
    }

    /** An order that can be carried out, with an address. */
    private DmaOrder checked(Device device, DmaOrder order) {
        var target = order.target();
        var addressed = target == null ? order : order.at(machine.devices().busAddress(target));
        check(device, addressed);
        return addressed;
    }

    private void check(Device device, DmaOrder order) {
        machine.traffic().checkPasid(device, order.pasid());
        if (order.length() < 1 || order.length() > DmaOrder.LARGEST) {
            throw new RefusedException(
                    order.length() < 1 ? Errno.EINVAL : Errno.E2BIG,
                    "length is 0x%x, expected 0x1 to 0x%x".formatted(order.length(), DmaOrder.LARGEST),
                    Map.of("length", (long) order.length()));
        }
        if (Long.compareUnsigned(order.iova(), -(long) order.length()) > 0) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "0x%x bytes at 0x%x go beyond 2^64".formatted(order.length(), order.iova()),
                    Map.of("iova", order.iova(), "length", (long) order.length()));
        }
    }

    // ---- moving

    /** Goes on as far as it gets. */
    void run(DmaJob job) {
        boolean goesOn = true;
        while (goesOn && !job.isOver()) {
            goesOn = step(job);
        }
        if (job.isOver()) {
            finished(job);
        }
    }

    /** Goes on to the end of a page; false: it has to wait. */
    private boolean step(DmaJob job) {
        var request = request(job, job.at(), DmaRequest.Kind.UNTRANSLATED);
        var reached = inTables(() -> reach(job));
        machine.traffic().tell(request, reached);
        boolean goesOn = take(job, reached);
        machine.injections().requestIsOver();
        return goesOn;
    }

    /** Goes through tables, which nobody takes away meanwhile. */
    private <T> T inTables(Supplier<T> way) {
        int stay = machine.readers().enter();
        try {
            return way.get();
        } finally {
            machine.readers().exit(stay);
        }
    }

    /** What the fabric, the unit, or the device itself says to the next page. */
    private Translation reach(DmaJob job) {
        var hardware = job.device().unit().hardware();
        var request = request(job, job.at(), DmaRequest.Kind.UNTRANSLATED);
        var direct = machine.fabric().direct(job.device(), request);
        if (direct != null) {
            return direct;
        }
        var malformed = machine.injections().malformed(job.device(), request);
        if (malformed != null) {
            return hardware.translate(malformed);
        }
        if (!job.device().asksForPages() || hardware.remembers(request)) {
            return hardware.translate(request);
        }
        var completed = completion(job, job.at());
        return isUsable(job, completed) ? hardware.translate(request) : completed;
    }

    /** What a device is told that asks for a translation. */
    private static Translation.Completed completion(DmaJob job, long address) {
        var request = request(job, address, DmaRequest.Kind.TRANSLATION_REQUEST);
        return (Translation.Completed) job.device().unit().hardware().translate(request);
    }

    /** Whether a job can go on with that, if only with an untranslated request. */
    private static boolean isUsable(DmaJob job, Translation.Completed completed) {
        boolean granted = job.order().access() == Access.WRITE
                ? completed.permissions().write()
                : completed.permissions().read();
        return granted || AtsCompletion.U.isSet(completed.word());
    }

    private static DmaRequest request(DmaJob job, long address, DmaRequest.Kind kind) {
        var order = job.order();
        boolean reads = kind == DmaRequest.Kind.TRANSLATION_REQUEST && order.access() == Access.READ;
        return new DmaRequest(job.rid(), order.pasid(), address, order.access(), order.privileged(), kind, reads);
    }

    /** What a job makes of an answer; false: it has to wait. */
    boolean take(DmaJob job, Translation reached) {
        return switch (reached) {
            case Translation.Translated page -> {
                move(job, page.address());
                yield true;
            }
            case Translation.Faulted(var fault) -> {
                if (fault.ignored()) {
                    ignore(job);
                } else {
                    stop(job, fault);
                }
                yield true;
            }
            case Translation.Stalled stalled -> {
                waitFor(job, stalled);
                yield false;
            }
            case Translation.Completed completed -> ask(job, completed);
        };
    }

    private static int chunk(DmaJob job) {
        long untilNextPage = PhysicalMemory.PAGE_SIZE - (job.at() & PhysicalMemory.PAGE_SIZE - 1);
        return (int) Math.min(job.left(), untilNextPage);
    }

    /** VT-d 5.10, section 3.15: a write without PASID to 0xfeexxxxx. */
    private static boolean isInterrupt(DmaJob job, long address) {
        return job.order().access() == Access.WRITE
                && job.order().pasid() == DmaRequest.NO_PASID
                && PageWalk.isInterrupt(address)
                && job.device().unit().type() == IommuType.VTD;
    }

    private void move(DmaJob job, long address) {
        int count = chunk(job);
        if (isInterrupt(job, address)) {
            job.advance(count); // it is delivered, and no memory written
            return;
        }
        var refusal = refusal(job, address, AddressRange.of(address, count));
        if (refusal != null) {
            stop(job, refusal);
            return;
        }
        movedBytes += count;
        if (job.order().access() == Access.WRITE) {
            machine.fabric().write(address, job.outgoing(count));
            job.advance(count);
        } else {
            job.incoming(machine.fabric().read(address, count));
        }
    }

    /** Why nobody takes, or gives, the bytes at an address within a page; null: somebody does. */
    private @Nullable Fault refusal(DmaJob job, long address, AddressRange range) {
        var region = machine.fabric().region(address);
        if (region != null) {
            return region.rid().equals(job.rid()) ? Stops.unsupported(job.at(), region) : null;
        }
        if (!machine.memory().backs(range)) {
            return Stops.unclaimed(job.at(), address);
        }
        return machine.memory().poisons(range) ? Stops.poisoned(job.at(), address) : null;
    }

    /** Reads zeros; what would be written is ignored. */
    static void ignore(DmaJob job) {
        if (job.order().access() == Access.WRITE) {
            job.advance(chunk(job));
        } else {
            job.incoming(new byte[chunk(job)]);
        }
    }

    /** The order it is at has been stopped. */
    void stop(DmaJob job, Fault fault) {
        faulted++;
        job.stop(fault);
    }

    // ---- waiting

    private void waitFor(DmaJob job, Translation.Stalled stalled) {
        hold(job);
        var order = job.order();
        requests()
                .stalled(
                        job.device(),
                        order.pasid(),
                        job.at(),
                        wanted(order),
                        stalled.ticket(),
                        stalled.tag(),
                        stalled.fault(),
                        job);
    }

    /** A transaction has been stalled of which only the translation was asked for. */
    void stalled(Device device, DmaRequest request, Translation.Stalled stalled) {
        boolean write = request.access() == Access.WRITE;
        boolean execute = request.access() == Access.EXECUTE;
        requests()
                .stalled(
                        device,
                        request.pasid(),
                        request.iova(),
                        new Permissions(!write && !execute, write, execute, request.privileged()),
                        stalled.ticket(),
                        stalled.tag(),
                        stalled.fault(),
                        null);
    }

    private static Permissions wanted(DmaOrder order) {
        boolean write = order.access() == Access.WRITE;
        return new Permissions(!write, write, false, order.privileged());
    }

    private PageRequests requests() {
        return machine.pageRequests();
    }

    private void hold(DmaJob job) {
        if (job.id() == null) {
            job.name(next++);
        }
        waiting.put(job.id(), job);
    }

    /** Asks for the page; true: it is known at once what becomes of that. */
    private boolean ask(DmaJob job, Translation.Completed completed) {
        var why = completed.fault() == null ? Stops.unusable(job.at()) : completed.fault();
        if (completed.status() != AtsCompletion.Status.SUCCESS) {
            stop(job, why);
            return true;
        }
        int group = requests().freeGroup(job.device());
        if (group < 0 || job.tryAgain() > MOST_TRIES) {
            stop(job, Stops.because(why, group < 0 ? "the device has 512 page requests open" : "tried 16 times"));
            return true;
        }
        hold(job);
        var pages = inTables(() -> missingPages(job));
        for (int i = 0; i < pages.size(); i++) {
            ask(job, pages.get(i), group, i == pages.size() - 1, why);
        }
        return false;
    }

    /** The page where a job stands, and of those that follow what it will miss, as many as the device puts into a group. */
    private List<Long> missingPages(DmaJob job) {
        long first = job.at() & -PhysicalMemory.PAGE_SIZE;
        long last = job.at() + job.left() - 1 & -PhysicalMemory.PAGE_SIZE;
        var pages = new ArrayList<>(List.of(first));
        for (long page = first; page != last && pages.size() < job.device().pageRequestsPerGroup(); ) {
            page += PhysicalMemory.PAGE_SIZE;
            if (!isReachable(job, page)) {
                pages.add(page);
            }
        }
        return pages;
    }

    private static boolean isReachable(DmaJob job, long page) {
        var hardware = job.device().unit().hardware();
        return hardware.remembers(request(job, page, DmaRequest.Kind.UNTRANSLATED))
                || isUsable(job, completion(job, page));
    }

    private void ask(DmaJob job, long page, int group, boolean last, Fault why) {
        var device = job.device();
        var request = new PageRequest(
                device.rid(), device.sourceId(), job.order().pasid(), page, wanted(job.order()), group, last);
        requests().asked(device, request, why, job);
        switch (device.unit().hardware().request(request)) {
            case PageRequest.Outcome.Queued queued -> machine.pageAnswers().collect(device.unit());
            case PageRequest.Outcome.Answered(var response) -> {
                machine.pageAnswers().tell(device.unit(), request, response);
                machine.pageAnswers()
                        .collect(device.unit()); // where the queue has overflowed, its driver hears of that
            }
            case PageRequest.Outcome.Dropped dropped -> {} // with the last of its group, or too late
        }
    }

    private void finished(DmaJob job) {
        job.events().forEach(machine.events()::emit);
        var id = job.id();
        if (id == null) {
            return;
        }
        waiting.remove(id);
        var summary = job.summary();
        over.put(id, summary);
        overBytes += summary.bytes();
        while (over.size() > 1 && (over.size() > KEPT || overBytes > KEPT_BYTES)) {
            overBytes -= over.pollFirstEntry().getValue().bytes();
        }
        machine.pulse().beat();
    }

    // ---- questions

    /** ENOENT: no such DMA, or one that never waited, or that has been forgotten. */
    DmaSummary summary(long id) {
        var job = waiting.get(id);
        var summary = job == null ? over.get(id) : job.summary();
        if (summary == null) {
            throw new RefusedException(Errno.ENOENT, "there is no DMA " + id, Map.of("dma", PageRequests.number(id)));
        }
        return summary;
    }

    /** Bytes that have been moved. */
    long movedBytes() {
        return movedBytes;
    }

    /** Orders that have been stopped. */
    long faulted() {
        return faulted;
    }

    /** Of DMA that waits. */
    int waiting() {
        return waiting.size();
    }
}
