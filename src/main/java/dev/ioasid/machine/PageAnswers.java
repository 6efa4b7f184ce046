package dev.ioasid.machine;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.DeviceMessage;
import dev.ioasid.iommu.IommuDriver;
import dev.ioasid.iommu.PageRequest;
import dev.ioasid.iommu.Translation;
import dev.ioasid.machine.MachineEvent.PageOutcome;
import dev.ioasid.machine.PageRequestSummary.Answer;
import dev.ioasid.machine.PageRequestSummary.State;
import dev.ioasid.machine.PageRequests.Waiting;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * How what devices wait for comes to an end: a process has the page, a client answers, nobody does in time, or the route goes. What is answered
 * reaches a device by its unit, and then its DMA goes on. Guarded by the machine's lock.
 */
final class PageAnswers {
    private final Machine machine;
    /** What devices are told and have not heard yet. */
    private final ArrayDeque<Delivery> inbox = new ArrayDeque<>();

    /** Groups that have found a queue full. */
    private final List<Lost> lost = new ArrayList<>();

    private record Lost(Unit unit, List<Waiting> group) {
        boolean isPending() {
            return group.stream().anyMatch(Waiting::isPending);
        }
    }

    /** @param fromUsers somebody beyond the service has had the unit say it */
    private record Delivery(Unit unit, DeviceMessage message, boolean fromUsers) {}

    PageAnswers(Machine machine) {
        this.machine = machine;
    }

    private PageRequests requests() {
        return machine.pageRequests();
    }

    private Transfers transfers() {
        return machine.transfers();
    }

    /**
     * A group is answered without a command to the unit. If it has only found the queue full, its device tries again when it need not find it full
     * once more.
     */
    void tell(Unit unit, PageRequest request, PageRequest.Response response) {
        if (response == PageRequest.Response.SUCCESS && unit.hardware().losesPageRequests()) {
            lost.add(new Lost(unit, requests().group(unit, request)));
            return;
        }
        inbox.add(new Delivery(
                unit,
                new DeviceMessage.GroupAnswered(request.sourceId(), request.pasid(), request.group(), response),
                false));
    }

    /** What the unit's driver finds in the unit's queue waits for a client from now on, unless it is a process's to answer. */
    void collect(Unit unit) {
        if (unit.driver() != null) {
            for (var request : unit.driver().takePageRequests()) {
                var process = request.last() ? process(unit, request) : null;
                if (process != null) {
                    unit.driver().respond(request, touch(process, requests().group(unit, request)));
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

    /** Has everything go on that a unit has let go on. */
    void settle() {
        boolean more = true;
        while (more) {
            for (var unit : machine.units().all()) {
                unit.hardware()
                        .takeMessages()
                        .forEach(message -> inbox.add(new Delivery(unit, message, !unit.managed())));
            }
            var first = inbox.poll();
            if (first != null) {
                deliver(first.unit(), first.message(), first.fromUsers());
            } else {
                more = tryAgain();
            }
        }
    }

    /** Has one of the groups go on that have found a queue full, if it is not; false: none does. */
    private boolean tryAgain() {
        lost.removeIf(one -> !one.isPending());
        var next = lost.stream()
                .filter(one -> !one.unit().hardware().losesPageRequests())
                .findFirst()
                .orElse(null);
        if (next == null) {
            return false;
        }
        lost.remove(next);
        heard(next.group().getFirst());
        said(next.group(), PageRequest.Response.SUCCESS);
        return true;
    }

    private void deliver(Unit unit, DeviceMessage message, boolean fromUsers) {
        switch (message) {
            case DeviceMessage.GroupAnswered answered -> {
                var group = requests().group(unit, answered.sourceId(), answered.group());
                if (group.isEmpty()) {
                    requests().tooLate(unit, answered.sourceId(), answered.group());
                } else {
                    if (fromUsers) {
                        heard(group.getFirst());
                    }
                    said(group, answered.response());
                }
            }
            case DeviceMessage.Resumed(long ticket, var request, var outcome) -> {
                if (machine.devices().has(unit, request.rid())) {
                    machine.traffic().tell(request, outcome);
                }
                var stalled = requests().ticket(unit, ticket);
                if (stalled != null) {
                    resumed(stalled, outcome);
                } else {
                    letGo(unit, ticket, outcome);
                }
            }
            case DeviceMessage.Terminated(long ticket, boolean abort) -> {
                var stalled = requests().ticket(unit, ticket);
                if (stalled != null) {
                    terminated(stalled, abort);
                } else {
                    requests().takeAbandoned(unit, ticket);
                }
            }
        }
    }

    /** A group has been answered, and its device hears that, or does not yet. */
    private void said(List<Waiting> group, PageRequest.Response response) {
        if (!machine.injections().holdsBack(group, response)) {
            answered(group, response);
        }
    }

    /** The device hears what is said to its requests(). */
    void answered(List<Waiting> group, PageRequest.Response response) {
        end(group, State.ANSWERED, outcome(response), waiting -> {
            if (response == PageRequest.Response.SUCCESS) {
                goOn(waiting.job());
            } else {
                giveUp(
                        waiting,
                        "the page request was answered: " + response.name().toLowerCase(Locale.ROOT));
            }
        });
    }

    /** The requests of a group are over, and then its DMA, which all of them are of, goes on. */
    private void end(List<Waiting> group, State how, PageOutcome outcome, Consumer<Waiting> then) {
        group.forEach(waiting -> requests().end(waiting, how, outcome));
        if (!group.isEmpty()) {
            then.accept(group.getFirst());
        }
    }

    /** Somebody beyond the service has answered: the device has patience for as many tries as at first. */
    private static void heard(Waiting waiting) {
        var job = waiting.job();
        if (job != null) {
            job.begin();
        }
    }

    private void goOn(@Nullable DmaJob job) {
        if (job != null) {
            transfers().run(job);
        }
    }

    private void giveUp(Waiting waiting, String why) {
        var job = waiting.job();
        if (job != null) {
            transfers().stop(job, Stops.because(waiting.why(), why));
            transfers().run(job);
        }
    }

    private static PageOutcome outcome(PageRequest.Response response) {
        return switch (response) {
            case SUCCESS -> PageOutcome.SUCCESS;
            case INVALID -> PageOutcome.INVALID;
            case FAILURE -> PageOutcome.FAILURE;
        };
    }

    private void resumed(Waiting stalled, Translation outcome) {
        requests().end(stalled, State.ANSWERED, PageOutcome.RETRY);
        var job = stalled.job();
        if (job != null) {
            if (transfers().take(job, outcome)) {
                transfers().run(job);
            }
        } else if (outcome instanceof Translation.Stalled again) {
            requests().stalledAgain(stalled, again);
        }
    }

    private void terminated(Waiting stalled, boolean abort) {
        requests().end(stalled, State.ANSWERED, abort ? PageOutcome.ABORT : PageOutcome.TERMINATE);
        var job = stalled.job();
        if (job == null) {
            return;
        }
        if (abort) {
            giveUp(stalled, "the stalled transaction was aborted");
        } else {
            Transfers.ignore(job);
            transfers().run(job);
        }
    }

    // ---- what clients and clocks say

    /** Answers a request, and with it its group. ENOENT; EINVAL: not the service's to answer, over, or not so; EBUSY. */
    PageRequestSummary answer(long id, Answer answer) {
        var asked = requests().waiting(id);
        var unit = asked.device().unit();
        var subjects = Map.<String, Object>of("pageRequest", PageRequests.number(id));
        if (!unit.managed()) {
            throw new RefusedException(
                    Errno.EINVAL,
                    unit.name() + " is unmanaged: its driver answers by a command",
                    Map.of("pageRequest", PageRequests.number(id), "iommu", unit.name()));
        }
        if (!asked.isPending()) {
            throw new RefusedException(
                    Errno.EINVAL,
                    requests().hasExpired(id)
                            ? "page request %d has expired: nobody answered in time".formatted(id)
                            : "page request %d has been answered".formatted(id),
                    subjects);
        }
        if (machine.injections().holdsBack(asked)) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "page request %d has been answered, and an injection holds that back".formatted(id),
                    subjects);
        }
        var request = asked.request();
        if (request != null) {
            var response = response(answer, subjects);
            heard(asked);
            respond(asked, request, response);
        } else if (asked.tag() < 0) {
            throw new RefusedException(
                    Errno.EBUSY,
                    "the stalled transaction could not be recorded yet: clear the faults of " + unit.name(),
                    subjects);
        } else {
            unit.managedDriver().resume(asked.device().sourceId(), asked.tag(), resumption(answer));
        }
        settle();
        return requests().summary(id);
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
            tell(unit, request, response);
        }
    }

    /** Nobody has answered in time: the device gives up. False: somebody had. */
    boolean expire(long id) {
        var late = requests().waiting(id);
        if (!late.isPending()) {
            return false;
        }
        var request = late.request();
        var group =
                request == null ? List.of(late) : requests().group(late.device().unit(), request);
        boolean wasLost = lost.stream().anyMatch(one -> one.group().contains(late));
        if (request != null
                && !wasLost
                && !late.device().unit().managed()) { // its driver does not know, and may answer yet
            requests().owe(late.device(), request);
        }
        end(group, State.EXPIRED, PageOutcome.EXPIRED, waiting -> giveUp(waiting, "nobody answered in time"));
        abandon(late);
        settle();
        machine.pulse().beat();
        return true;
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
            requests().abandon(unit, ticket, device);
        } else {
            unit.managedDriver().resume(device.sourceId(), tag, IommuDriver.Resumption.ABORT);
        }
    }

    /** The unit has tried an abandoned transaction again. */
    private void letGo(Unit unit, long ticket, Translation outcome) {
        var device = requests().takeAbandoned(unit, ticket);
        if (device != null && outcome instanceof Translation.Stalled again) {
            abandon(unit, device, again.ticket(), again.tag());
        }
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
        requests().forget(device);
    }

    /** False: there was nothing. */
    private boolean drain(Predicate<Waiting> passes) {
        var all = requests().select(passes);
        for (var stuck : all) {
            collect(stuck.device().unit());
            settle();
            if (stuck.isPending()) {
                refuse(stuck);
                settle();
            }
            if (stuck.isPending()) { // no unit says so, or the device does not hear it: it is told all the same
                tellAllTheSame(stuck);
                settle();
            }
        }
        return !all.isEmpty();
    }

    private void tellAllTheSame(Waiting stuck) {
        var request = stuck.request();
        if (request != null) {
            answered(requests().group(stuck.device().unit(), request), PageRequest.Response.INVALID);
        } else {
            terminated(stuck, true);
            abandon(stuck);
        }
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
}
