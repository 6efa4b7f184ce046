package dev.ioasid.machine;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.AtsCompletion;
import dev.ioasid.iommu.DeviceMessage;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Fault;
import dev.ioasid.iommu.IommuDriver;
import dev.ioasid.iommu.IommuType;
import dev.ioasid.iommu.PageRequest;
import dev.ioasid.iommu.Rid;
import dev.ioasid.iommu.Translation;
import dev.ioasid.machine.PageRequestSummary.Answer;
import dev.ioasid.machine.PageRequestSummary.State;
import dev.ioasid.machine.PageRequests.Waiting;
import dev.ioasid.memory.AddressRange;
import dev.ioasid.memory.PhysicalMemory;
import dev.ioasid.pagetable.PageWalk;
import dev.ioasid.pagetable.Permissions;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.Predicate;
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
    private final PageRequests requests = new PageRequests();
    private final TreeMap<Long, DmaJob> waiting = new TreeMap<>();
    private final LinkedHashMap<Long, DmaSummary> over = new LinkedHashMap<>();
    /** What devices are told by themselves, without a unit. */
    private final ArrayDeque<Delivery> inbox = new ArrayDeque<>();

    private long overBytes;
    private long next = 1;
    private long movedBytes;
    private long faulted;

    private record Delivery(Unit unit, DeviceMessage message) {}

    Transfers(Machine machine) {
        this.machine = machine;
    }

    PageRequests requests() {
        return requests;
    }

    /** Carries out orders, as far as it gets. ENODEV, EINVAL: {@code index} names the bad one; ENOSPC: too much waits. */
    DmaSummary start(Rid rid, List<DmaOrder> orders, boolean batch) {
        var device = machine.devices().device(rid);
        for (int index = 0; index < orders.size(); index++) {
            try {
                check(device, orders.get(index));
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
        var job = new DmaJob(device, orders, batch);
        run(job);
        settle();
        return job.summary();
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

    private void run(DmaJob job) {
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
        return take(job, inTables(() -> reach(job)));
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

    /** What the unit, or the device itself, says to the next page. */
    private Translation reach(DmaJob job) {
        var hardware = job.device().unit().hardware();
        var request = request(job, job.at(), DmaRequest.Kind.UNTRANSLATED);
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
    private boolean take(DmaJob job, Translation reached) {
        return switch (reached) {
            case Translation.Translated page -> {
                move(job, page.address());
                yield true;
            }
            case Translation.Faulted(var fault) -> {
                stop(job, fault);
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
        var range = AddressRange.of(address, count);
        if (!machine.memory().backs(range)) {
            stop(job, Stops.unclaimed(job.at(), address));
            return;
        }
        movedBytes += count;
        if (job.order().access() == Access.WRITE) {
            machine.memory().write(address, job.outgoing(count));
            machine.frames().written(range);
            job.advance(count);
        } else {
            job.incoming(machine.memory().read(address, count));
        }
    }

    /** Reads zeros; what would be written is ignored. */
    private static void ignore(DmaJob job) {
        if (job.order().access() == Access.WRITE) {
            job.advance(chunk(job));
        } else {
            job.incoming(new byte[chunk(job)]);
        }
    }

    private void stop(DmaJob job, Fault fault) {
        faulted++;
        job.stop(fault);
    }

    // ---- waiting

    private void waitFor(DmaJob job, Translation.Stalled stalled) {
        hold(job);
        var order = job.order();
        requests.stalled(
                job.device(),
                order.pasid(),
                job.at(),
                wanted(order),
                stalled.ticket(),
                stalled.tag(),
                stalled.fault(),
                job);
        machine.pulse().beat();
    }

    /** A transaction has been stalled of which only the translation was asked for. */
    void stalled(Device device, DmaRequest request, Translation.Stalled stalled) {
        boolean write = request.access() == Access.WRITE;
        boolean execute = request.access() == Access.EXECUTE;
        requests.stalled(
                device,
                request.pasid(),
                request.iova(),
                new Permissions(!write && !execute, write, execute, request.privileged()),
                stalled.ticket(),
                stalled.tag(),
                stalled.fault(),
                null);
        machine.pulse().beat();
    }

    private static Permissions wanted(DmaOrder order) {
        boolean write = order.access() == Access.WRITE;
        return new Permissions(!write, write, false, order.privileged());
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
        int group = requests.freeGroup(job.device());
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
        requests.asked(device, request, why, job);
        switch (device.unit().hardware().request(request)) {
            case PageRequest.Outcome.Queued queued -> collect(device.unit());
            case PageRequest.Outcome.Answered(var response) ->
                inbox.add(new Delivery(
                        device.unit(),
                        new DeviceMessage.GroupAnswered(device.sourceId(), request.pasid(), group, response)));
            case PageRequest.Outcome.Dropped dropped -> {} // with the last of its group, or too late
        }
    }

    /** What the unit's driver finds in the unit's queue waits for a client from now on, unless it is a process's to answer. */
    private void collect(Unit unit) {
        if (unit.driver() != null) {
            for (var request : unit.driver().takePageRequests()) {
                var process = request.last() ? process(unit, request) : null;
                if (process != null) {
                    unit.driver().respond(request, touch(process, requests.group(unit, request)));
                }
            }
        }
        machine.pulse().beat();
    }

    /** Whose addresses a request is for; null if they are no process's. */
    private @Nullable CpuProcess process(Unit unit, PageRequest request) {
        var device = machine.devices().bySourceId(unit, request.sourceId());
        var leads = device == null ? null : Routes.leadsTo(device, request.pasid());
        return leads instanceof SvaIoasid shared ? shared.process() : null;
    }

    /** Has the pages of a group appear; the answer to it. */
    private PageRequest.Response touch(CpuProcess process, List<Waiting> group) {
        for (var waiting : group) {
            var request = waiting.request();
            if (request != null && !machine.processes().touch(process, request.address(), request.permissions())) {
                return PageRequest.Response.INVALID;
            }
        }
        return PageRequest.Response.SUCCESS;
    }

    // ---- going on

    /** Has everything go on that a unit has let go on. */
    void settle() {
        boolean more = true;
        while (more) {
            for (var unit : machine.units().all()) {
                unit.hardware().takeMessages().forEach(message -> inbox.add(new Delivery(unit, message)));
            }
            var first = inbox.poll();
            more = first != null;
            if (first != null) {
                deliver(first.unit(), first.message());
            }
        }
    }

    private void deliver(Unit unit, DeviceMessage message) {
        switch (message) {
            case DeviceMessage.GroupAnswered answered ->
                answered(requests.group(unit, answered.sourceId(), answered.group()), answered.response());
            case DeviceMessage.Resumed(long ticket, var outcome) -> {
                var stalled = requests.ticket(unit, ticket);
                if (stalled != null) {
                    resumed(stalled, outcome);
                } else {
                    letGo(unit, ticket, outcome);
                }
            }
            case DeviceMessage.Terminated(long ticket, boolean abort) -> {
                var stalled = requests.ticket(unit, ticket);
                if (stalled != null) {
                    terminated(stalled, abort);
                } else {
                    requests.takeAbandoned(unit, ticket);
                }
            }
        }
    }

    private void answered(List<Waiting> group, PageRequest.Response response) {
        end(group, State.ANSWERED, waiting -> {
            if (response == PageRequest.Response.SUCCESS) {
                goOn(waiting.job());
            } else {
                giveUp(waiting, "the page request was answered: " + response.name().toLowerCase(Locale.ROOT));
            }
        });
    }

    /** The requests of a group are over, and then its DMA, which all of them are of, goes on. */
    private void end(List<Waiting> group, State how, Consumer<Waiting> then) {
        group.forEach(waiting -> requests.end(waiting, how));
        if (!group.isEmpty()) {
            then.accept(group.getFirst());
        }
    }

    private void goOn(@Nullable DmaJob job) {
        if (job != null) {
            run(job);
        }
    }

    private void giveUp(Waiting waiting, String why) {
        var job = waiting.job();
        if (job != null) {
            stop(job, Stops.because(waiting.why(), why));
            run(job);
        }
    }

    private void resumed(Waiting stalled, Translation outcome) {
        requests.end(stalled, State.ANSWERED);
        var job = stalled.job();
        if (job != null) {
            if (take(job, outcome)) {
                run(job);
            }
        } else if (outcome instanceof Translation.Stalled again) {
            requests.stalledAgain(stalled, again);
        }
    }

    /** Nobody waits for a stalled transaction any more: as soon as it has been recorded, the driver ends it, so that its STAG is free again. */
    private void abandon(Waiting stalled) {
        var unit = stalled.device().unit();
        if (stalled.request() == null && unit.driver() != null) {
            abandon(unit, stalled.device(), stalled.ticket(), stalled.tag());
        }
    }

    private void abandon(Unit unit, Device device, long ticket, int tag) {
        if (tag < 0) {
            requests.abandon(unit, ticket, device);
        } else {
            unit.managedDriver().resume(device.sourceId(), tag, IommuDriver.Resumption.ABORT);
        }
    }

    /** The unit has tried an abandoned transaction again. */
    private void letGo(Unit unit, long ticket, Translation outcome) {
        var device = requests.takeAbandoned(unit, ticket);
        if (device != null && outcome instanceof Translation.Stalled again) {
            abandon(unit, device, again.ticket(), again.tag());
        }
    }

    private void terminated(Waiting stalled, boolean abort) {
        requests.end(stalled, State.ANSWERED);
        var job = stalled.job();
        if (job == null) {
            return;
        }
        if (abort) {
            giveUp(stalled, "the stalled transaction was aborted");
        } else {
            ignore(job);
            run(job);
        }
    }

    private void finished(DmaJob job) {
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

    // ---- what clients and clocks say

    /** Answers a request, and with it its group. ENOENT; EINVAL: not the service's to answer, over, or not so; EBUSY. */
    PageRequestSummary answer(long id, Answer answer) {
        var asked = requests.waiting(id);
        var unit = asked.device().unit();
        var subjects = Map.<String, Object>of("pageRequest", id);
        if (!unit.managed()) {
            throw new RefusedException(
                    Errno.EINVAL,
                    unit.name() + " is unmanaged: its driver answers by a command",
                    Map.of("pageRequest", id, "iommu", unit.name()));
        }
        if (!asked.isPending()) {
            throw new RefusedException(
                    Errno.EINVAL, "page request %d has been %s".formatted(id, requests.fate(id)), subjects);
        }
        var request = asked.request();
        if (request != null) {
            respond(asked, request, response(answer, subjects));
        } else if (asked.tag() < 0) {
            throw new RefusedException(
                    Errno.EBUSY,
                    "the stalled transaction could not be recorded yet: clear the faults of " + unit.name(),
                    subjects);
        } else {
            unit.managedDriver().resume(asked.device().sourceId(), asked.tag(), resumption(answer));
        }
        settle();
        return requests.summary(id);
    }

    private static PageRequest.Response response(Answer answer, Map<String, ?> subjects) {
        return switch (answer) {
            case SUCCESS -> PageRequest.Response.SUCCESS;
            case INVALID -> PageRequest.Response.INVALID;
            case FAILURE -> PageRequest.Response.FAILURE;
            case RETRY, ABORT, TERMINATE ->
                throw new RefusedException(
                        Errno.EINVAL, "a page request is answered success, invalid or failure", subjects);
        };
    }

    private static IommuDriver.Resumption resumption(Answer answer) {
        return switch (answer) {
            case SUCCESS, RETRY -> IommuDriver.Resumption.RETRY;
            case INVALID, FAILURE, ABORT -> IommuDriver.Resumption.ABORT;
            case TERMINATE -> IommuDriver.Resumption.TERMINATE;
        };
    }

    /** Has the unit answer the group, or, where nobody drives it, the device take it as answered. */
    private void respond(Waiting asked, PageRequest request, PageRequest.Response response) {
        var unit = asked.device().unit();
        if (unit.driver() != null) {
            unit.driver().respond(request, response);
        } else {
            inbox.add(new Delivery(
                    unit,
                    new DeviceMessage.GroupAnswered(request.sourceId(), request.pasid(), request.group(), response)));
        }
    }

    /** Nobody has answered in time: the device gives up. False: somebody had. */
    boolean expire(long id) {
        var late = requests.waiting(id);
        if (!late.isPending()) {
            return false;
        }
        var request = late.request();
        var group = request == null ? List.of(late) : requests.group(late.device().unit(), request);
        end(group, State.EXPIRED, waiting -> giveUp(waiting, "nobody answered in time"));
        abandon(late);
        settle();
        machine.pulse().beat();
        return true;
    }

    /** A route leads elsewhere: what waits there is answered as invalid, and its DMA fails. */
    void drain(Device device, int pasid) {
        drain(waiting -> waiting.device() == device && waiting.pasid() == pasid);
    }

    /** The same for PASIDs that nobody has attached: a user's table of context descriptors said where they led. */
    void drainUnallocated(Device device) {
        drain(waiting -> waiting.device() == device && !device.pasids().containsKey(waiting.pasid()));
    }

    /** The device goes: orders behind one that has failed may have come to wait, and fail, too. */
    void drain(Device device) {
        boolean more = true;
        while (more) {
            more = drain(waiting -> waiting.device() == device);
        }
    }

    /** False: there was nothing. */
    private boolean drain(Predicate<Waiting> passes) {
        var all = requests.select(passes);
        for (var stuck : all) {
            collect(stuck.device().unit());
            settle();
            if (stuck.isPending()) {
                refuse(stuck);
                settle();
            }
            if (stuck.isPending()) { // no unit says so: the device is told all the same
                terminated(stuck, true);
                abandon(stuck);
                settle();
            }
        }
        return !all.isEmpty();
    }

    private void refuse(Waiting stuck) {
        var unit = stuck.device().unit();
        var request = stuck.request();
        if (request != null) {
            respond(stuck, request, PageRequest.Response.INVALID);
        } else if (unit.driver() != null && stuck.tag() >= 0) {
            unit.driver().resume(stuck.device().sourceId(), stuck.tag(), IommuDriver.Resumption.ABORT);
        }
    }

    // ---- questions

    /** ENOENT: no such DMA, or one that never waited, or that has been forgotten. */
    DmaSummary summary(long id) {
        var job = waiting.get(id);
        var summary = job == null ? over.get(id) : job.summary();
        if (summary == null) {
            throw new RefusedException(Errno.ENOENT, "there is no DMA " + id, Map.of("dma", id));
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
