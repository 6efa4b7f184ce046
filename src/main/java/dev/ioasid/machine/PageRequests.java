package dev.ioasid.machine;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Fault;
import dev.ioasid.iommu.PageRequest;
import dev.ioasid.iommu.Translation;
import dev.ioasid.machine.MachineEvent.PageOutcome;
import dev.ioasid.machine.PageRequestSummary.State;
import dev.ioasid.pagetable.Permissions;
import java.math.BigInteger;
import java.time.Duration;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * What devices wait for: page requests in groups, and transactions that an SMMUv3 holds back. Of what is over, the last {@value #KEPT} are
 * remembered. Guarded by the machine's lock.
 */
final class PageRequests {
    private static final int KEPT = 1024;

    /** Something that a device waits for. */
    static final class Waiting {
        private final long id;
        private final Device device;
        private final int pasid;
        private final long address;
        private final Permissions permissions;
        private final @Nullable PageRequest request;
        private final long ticket;
        private final int tag;
        private final Fault why;
        private final @Nullable DmaJob job;
        private State state = State.PENDING;

        private Waiting(
                long id,
                Device device,
                int pasid,
                long address,
                Permissions permissions,
                @Nullable PageRequest request,
                long ticket,
                int tag,
                Fault why,
                @Nullable DmaJob job) {
            this.id = id;
            this.device = device;
            this.pasid = pasid;
            this.address = address;
            this.permissions = permissions;
            this.request = request;
            this.ticket = ticket;
            this.tag = tag;
            this.why = why;
            this.job = job;
        }

        long id() {
            return id;
        }

        Device device() {
            return device;
        }

        int pasid() {
            return pasid;
        }

        /** The message; null for a stalled transaction. */
        @Nullable
        PageRequest request() {
            return request;
        }

        /** By which the unit knows a stalled transaction. */
        long ticket() {
            return ticket;
        }

        /** Of a stalled transaction; -1: it could not be recorded. */
        int tag() {
            return tag;
        }

        /** Why the page could not be reached. */
        Fault why() {
            return why;
        }

        /** Null if nothing but a translation was asked for. */
        @Nullable
        DmaJob job() {
            return job;
        }

        boolean isPending() {
            return state == State.PENDING;
        }

        private boolean isOfGroup(PageRequest other) {
            return request != null
                    && request.sourceId() == other.sourceId()
                    && request.group() == other.group()
                    && isPending();
        }

        private @Nullable Integer group() {
            return request == null ? null : Integer.valueOf(request.group());
        }

        private @Nullable Integer stag() {
            return request == null && tag >= 0 ? Integer.valueOf(tag) : null;
        }

        private boolean isLast() {
            return request == null || request.last();
        }

        private PageRequestSummary summary() {
            return new PageRequestSummary(
                    id,
                    device.rid(),
                    pasid,
                    address,
                    permissions,
                    group(),
                    isLast(),
                    request == null,
                    stag(),
                    job == null ? null : job.id(),
                    state);
        }
    }

    private final Machine machine;
    private final TreeMap<Long, Waiting> pending = new TreeMap<>();
    private final LinkedHashMap<Long, Waiting> over = new LinkedHashMap<>() {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Long, Waiting> eldest) {
            return size() > KEPT;
        }
    };

    private record Abandoned(String unit, long ticket) {}

    /** Stalled transactions that could not be recorded and for which nobody waits any more: who sent them. */
    private final Map<Abandoned, Device> abandoned = new HashMap<>();

    /** Indices of groups that have expired, and that a driver who does not know may answer yet. */
    private final Map<Device, BitSet> owed = new HashMap<>();

    private final TreeMap<Long, Waiting> unwatched = new TreeMap<>();
    private long next = 1;
    private volatile boolean anyUnwatched;

    PageRequests(Machine machine) {
        this.machine = machine;
    }

    /** A device has asked for a page. */
    void asked(Device device, PageRequest request, Fault why, DmaJob job) {
        add(new Waiting(
                next, device, request.pasid(), request.address(), request.permissions(), request, 0, -1, why, job));
    }

    /** A transaction has been stalled. */
    void stalled(
            Device device,
            int pasid,
            long address,
            Permissions permissions,
            long ticket,
            int tag,
            Fault why,
            @Nullable DmaJob job) {
        add(new Waiting(next, device, pasid, address, permissions, null, ticket, tag, why, job));
    }

    /** A transaction that nobody waits for has been stalled once more. */
    void stalledAgain(Waiting before, Translation.Stalled again) {
        stalled(
                before.device,
                before.pasid,
                before.address,
                before.permissions,
                again.ticket(),
                again.tag(),
                again.fault(),
                before.job);
    }

    private void add(Waiting waiting) {
        next++;
        pending.put(waiting.id, waiting);
        unwatched.put(waiting.id, waiting);
        anyUnwatched = true;
        machine.events()
                .emit(new MachineEvent.PageRequested(
                        waiting.id,
                        new Route(waiting.device.rid(), waiting.pasid),
                        waiting.address,
                        waiting.permissions,
                        waiting.group(),
                        waiting.stag(),
                        waiting.isLast(),
                        waiting.job == null ? null : waiting.job.id()));
        machine.pulse().beat();
    }

    /** It has come to an end. */
    void end(Waiting waiting, State state, PageOutcome outcome) {
        waiting.state = state;
        pending.remove(waiting.id);
        unwatched.remove(waiting.id);
        anyUnwatched = !unwatched.isEmpty();
        over.put(waiting.id, waiting);
        machine.events()
                .emit(new MachineEvent.PageAnswered(
                        waiting.id, new Route(waiting.device.rid(), waiting.pasid), outcome));
        machine.pulse().beat();
    }

    /** The pending requests of a group. */
    List<Waiting> group(Unit unit, PageRequest of) {
        return select(waiting -> waiting.device.unit() == unit && waiting.isOfGroup(of));
    }

    /** The pending requests of a group, by what an answer says. */
    List<Waiting> group(Unit unit, int sourceId, int group) {
        return select(waiting -> waiting.device.unit() == unit
                && waiting.request != null
                && waiting.request.sourceId() == sourceId
                && waiting.request.group() == group);
    }

    /** The stalled transaction with a ticket; null if nobody waits for it. */
    @Nullable
    Waiting ticket(Unit unit, long ticket) {
        for (var waiting : pending.values()) {
            if (waiting.device.unit() == unit && waiting.request == null && waiting.ticket == ticket) {
                return waiting;
            }
        }
        return null;
    }

    /** A unit holds on to a transaction for which nobody waits any more. */
    void abandon(Unit unit, long ticket, Device device) {
        abandoned.put(new Abandoned(unit.name(), ticket), device);
    }

    /** The device of an abandoned transaction that the unit has let go; null if it is none. */
    @Nullable
    Device takeAbandoned(Unit unit, long ticket) {
        return abandoned.remove(new Abandoned(unit.name(), ticket));
    }

    /** What is pending and passes. */
    List<Waiting> select(Predicate<Waiting> passes) {
        var selected = new ArrayList<Waiting>();
        for (var waiting : pending.values()) {
            if (passes.test(waiting)) {
                selected.add(waiting);
            }
        }
        return selected;
    }

    /** The device has given up a group, and its index is better not used again before the answer has come. */
    void owe(Device device, PageRequest ofGroup) {
        owed.computeIfAbsent(device, none -> new BitSet()).set(ofGroup.group());
    }

    /** An answer has come for which the device does not wait. */
    void tooLate(Unit unit, int sourceId, int group) {
        owed.forEach((device, groups) -> {
            if (device.unit() == unit && device.sourceId() == sourceId) {
                groups.clear(group);
            }
        });
    }

    /** The device goes. */
    void forget(Device device) {
        owed.remove(device);
    }

    /** The lowest group index that a device has not in use, nor owes if there is another; -1 if there is none. */
    int freeGroup(Device device) {
        var used = new BitSet(PageRequest.GROUPS);
        for (var waiting : pending.values()) {
            if (waiting.device == device && waiting.request != null) {
                used.set(waiting.request.group());
            }
        }
        var avoided = (BitSet) used.clone();
        avoided.or(owed.getOrDefault(device, new BitSet()));
        int best = avoided.nextClearBit(0);
        int free = best < PageRequest.GROUPS ? best : used.nextClearBit(0);
        return free < PageRequest.GROUPS ? free : -1;
    }

    /** ENOENT: no such request, or one that has been forgotten. */
    Waiting waiting(long id) {
        var found = pending.get(id);
        if (found == null) {
            found = over.get(id);
        }
        if (found == null) {
            throw new RefusedException(
                    Errno.ENOENT, "there is no page request " + id, Map.of("pageRequest", number(id)));
        }
        return found;
    }

    /** As a refusal names a request: a number, where a long would be taken for an address. */
    static BigInteger number(long id) {
        return BigInteger.valueOf(id);
    }

    /** Whether the device has given up. */
    boolean hasExpired(long id) {
        return waiting(id).state == PageRequestSummary.State.EXPIRED;
    }

    PageRequestSummary summary(long id) {
        return waiting(id).summary();
    }

    /** By id, what is over among them. */
    List<PageRequestSummary> all() {
        var all = new TreeMap<Long, Waiting>(over);
        all.putAll(pending);
        return all.values().stream().map(Waiting::summary).toList();
    }

    int pending() {
        return pending.size();
    }

    /** Whether {@link #takeDeadlines} has something; any thread may ask. */
    boolean hasDeadlines() {
        return anyUnwatched;
    }

    /** By id how long each request waits at most that has come up since it was last asked. */
    Map<Long, Duration> takeDeadlines() {
        var deadlines = new TreeMap<Long, Duration>();
        unwatched.forEach((id, waiting) -> deadlines.put(id, waiting.device.pageRequestTimeout()));
        unwatched.clear();
        anyUnwatched = false;
        return deadlines;
    }
}
