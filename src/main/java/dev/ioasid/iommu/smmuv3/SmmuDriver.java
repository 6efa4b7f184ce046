package dev.ioasid.iommu.smmuv3;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Destination;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.DriverMemory;
import dev.ioasid.iommu.Invalidation;
import dev.ioasid.iommu.IommuDriver;
import dev.ioasid.iommu.IommuHardware;
import dev.ioasid.iommu.IssuedCommand;
import dev.ioasid.iommu.PageRequest;
import dev.ioasid.iommu.Requester;
import dev.ioasid.iommu.Rid;
import dev.ioasid.iommu.TableIds;
import dev.ioasid.iommu.UserTable;
import dev.ioasid.memory.FrameAllocator;
import dev.ioasid.memory.PhysicalMemory;
import dev.ioasid.memory.Readers;
import dev.ioasid.pagetable.IoPageTable;
import dev.ioasid.pagetable.Walked;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The driver half of an SMMUv3: Stream table, CDs, VMIDs and ASIDs, and what is given to the Command queue whenever one of them, or a table
 * that the service keeps, has changed.
 *
 * <p><b>What a stream can be led to.</b> Requests without PASID to a table of stage 1 or 2, or past both; those with a PASID to tables of
 * stage 1; either to a user's table of stage 1, nested on one of stage 2; or the user's own table of CDs says it for all of them. There is
 * one stage 2 for a stream, so that all its routes go through the same, or through none. PASID 0 cannot be led: its CD is
 * that of requests without PASID. A device is known from its first attach until it is removed: in between, what is not led is aborted
 * without an event. A device that does not answer an invalidation has its ATS taken away: it can go on, but no longer by
 * translations that it should have forgotten.
 *
 * <p><b>Page requests and stalls.</b> The PRI queue is there, and on, while a device with PRI is known; before that the unit answers page
 * requests by itself. Whatever of a stream is stalled when its last route goes is aborted; of other routes, what is to become of it is
 * said by {@link #resume}, whether its STE is still there or not. A stalled transaction without a tag waits for room in the Event queue.
 *
 * <p><b>Where CDs lie.</b> Behind a stage 2, the hardware reads CDs through it. Those of a user's page table, which the driver writes, are
 * mapped at the top of the parent's space while the bind lasts, and read-only: see {@link CdPlace.TopOfParent}.
 *
 * <p><b>Who may call.</b> Any thread; one lock, the object's, guards everything here and the ring. Under it tables of the service's are
 * changed, whose caches call back here, the unit's own locks are taken, and readers of tables are waited for, none of whom
 * ever wants this lock. The hardware may translate at every moment: see {@link StreamTableWriter} for how STEs change under its eyes.
 */
public final class SmmuDriver implements IommuDriver {
    /** VMID 0 is that of streams with stage 1 alone. */
    private static final int FIRST_VMID = 1;
    /** ASID 0 is what stands in memory that nobody wrote. */
    private static final int FIRST_ASID = 1;
    /** log2 of the Event queue's entries. */
    private static final int EVENTS = 8;

    private static final long EVENT_BYTES = 32;

    private static final int LAST_STAG = 0xffff;
    private static final int NO_TAG = -1;

    private final IommuHardware hardware;
    private final SmmuCapabilities capabilities;
    private final SmmuTableShapes shapes;
    private final DriverMemory memory;
    private final TableIds vmids;
    private final TableIds asids;
    private final Map<IoPageTable, NestedAsids> nestedAsids = new IdentityHashMap<>(); // by parent
    private final Map<IoPageTable, CdPlace.TopOfParent> tops = new IdentityHashMap<>(); // by parent
    private final CdPlace physical;
    private final CommandWriter queue;
    private final StreamTableWriter table;
    private final int eventBits;
    private final long events;
    private final TreeMap<Integer, StreamWriter> streams = new TreeMap<>(); // by StreamID
    /** Devices that have lost their ATS, by StreamID. */
    private final Set<Integer> withoutAts = new HashSet<>();
    /** The PRI queue; null as long as no device asks for pages. */
    private @Nullable PriReader pageRequests;

    /** Takes over a unit and turns translation on: every StreamID is unknown. ENOMEM. */
    public SmmuDriver(IommuHardware hardware, PhysicalMemory memory, FrameAllocator frames, Readers readers) {
        this(hardware, new DriverMemory(memory, frames, readers));
    }

    SmmuDriver(IommuHardware hardware, DriverMemory memory) {
        if (!(hardware.capabilities() instanceof SmmuCapabilities smmu)) {
            throw new IllegalArgumentException(
                    "a unit of type " + hardware.capabilities().type());
        }
        this.hardware = hardware;
        this.capabilities = smmu;
        this.shapes = new SmmuTableShapes(capabilities);
        this.memory = memory;
        this.physical = new CdPlace.Physical(memory);
        this.vmids = new TableIds("VMIDs", "vmid16", FIRST_VMID, shapes.vmidBits());
        this.asids = new TableIds("ASIDs", "asid16", FIRST_ASID, shapes.asidBits());
        this.eventBits = Math.min(capabilities.eventQueueBits(), EVENTS);
        this.queue = new CommandWriter(hardware, memory, capabilities.commandQueueBits());
        try {
            this.table = new StreamTableWriter(capabilities, memory, queue);
        } catch (RefusedException refused) {
            queue.close();
            throw refused;
        }
        try {
            this.events = memory.allocate(EVENT_BYTES << eventBits, Math.max(EVENT_BYTES << eventBits, 1 << 12));
        } catch (RefusedException refused) {
            table.close();
            queue.close();
            throw refused;
        }
        start();
    }

    /** In the order of IHI 0070, section 6.3.9: queues before translation, and nothing remembered of whoever had the unit before. */
    private void start() {
        write(
                "CR1",
                Cr1.QUEUE_IC.of(StreamEntries.WRITE_BACK)
                        | Cr1.QUEUE_OC.of(StreamEntries.WRITE_BACK)
                        | Cr1.QUEUE_SH.of(StreamEntries.INNER)
                        | Cr1.TABLE_IC.of(StreamEntries.WRITE_BACK)
                        | Cr1.TABLE_OC.of(StreamEntries.WRITE_BACK)
                        | Cr1.TABLE_SH.of(StreamEntries.INNER));
        write("CR2", Cr2.RECINVSID.mask() | Cr2.PTM.mask());
        write("STRTAB_BASE", table.base());
        write("STRTAB_BASE_CFG", table.configuration());
        long enabled = Cr0.CMDQEN.mask();
        write("CR0", enabled);
        var all = new ArrayList<long[]>();
        all.add(Commands.cfgiAll());
        if (capabilities.s1() && capabilities.hyp()) {
            all.add(Commands.tlbiEl2All());
        }
        all.add(Commands.tlbiNsnhAll());
        queue.submit(all);
        write(
                "EVENTQ_BASE",
                QueueBase.ADDR.address(events) | QueueBase.LOG2SIZE.of(eventBits) | QueueBase.ALLOCATE.of(1));
        write("EVENTQ_PROD", 0);
        write("EVENTQ_CONS", 0);
        enabled |= Cr0.EVENTQEN.mask();
        write("CR0", enabled);
        write("IRQ_CTRL", IrqCtrl.GERROR_IRQEN.mask() | IrqCtrl.EVENTQ_IRQEN.mask());
        enabled |= Cr0.SMMUEN.mask() | (capabilities.ats() ? Cr0.ATSCHK.mask() : 0);
        write("CR0", enabled);
    }

    private void write(String register, long value) {
        var one = new LinkedHashMap<String, Long>();
        one.put(register, value);
        hardware.write(one);
    }

    @Override
    public TableShape tableShape(@Nullable String format, @Nullable Integer addressWidth, @Nullable Long granule) {
        return shapes.tableShape(format, addressWidth, granule);
    }

    @Override
    public UserTable userTable(UserTable.Wanted wanted) {
        return shapes.userTable(wanted);
    }

    @Override
    public synchronized void attach(Requester requester, int pasid, Destination destination) {
        check(requester, pasid, destination);
        int streamId = requester.sourceId();
        var stream = streams.get(streamId);
        var before = stream == null ? null : stream.route(pasid);
        if (before != null && destination.equals(before.destination())) {
            return;
        }
        if (stream != null) {
            checkTogether(stream, pasid, destination);
        }
        var led = tagged(requester, pasid, destination, before);
        try {
            lead(stream, led);
        } catch (RefusedException refused) {
            release(led);
            throw refused;
        }
        if (before != null) {
            gone(before);
        }
    }

    private void lead(@Nullable StreamWriter known, Led led) {
        var stream = known != null ? known : new StreamWriter(capabilities, memory, queue, table, led.requester());
        try {
            if (pageRequests == null && hasPri(led.requester())) {
                pageRequests = new PriReader(hardware, memory, capabilities.pageRequestQueueBits());
            }
            stream.lead(led, place(led), hasAts(led.requester()));
        } catch (RefusedException refused) {
            if (known == null) {
                stream.close();
            }
            closePageRequestsIfUnused();
            throw refused;
        } finally {
            tops.values().removeIf(CdPlace.TopOfParent::isEmpty);
        }
        streams.put(led.streamId(), stream);
    }

    private boolean hasPri(Requester requester) {
        return requester.pri() && capabilities.pri();
    }

    private void closePageRequestsIfUnused() {
        boolean used = streams.values().stream().anyMatch(stream -> hasPri(stream.requester()));
        if (pageRequests != null && !used) {
            pageRequests.close();
            pageRequests = null;
        }
    }

    private CdPlace place(Led led) {
        var parent = led.secondStage();
        return parent == null
                ? physical
                : tops.computeIfAbsent(parent, unused -> new CdPlace.TopOfParent(memory, parent));
    }

    private boolean hasAts(Requester requester) {
        return requester.ats() && capabilities.ats() && !withoutAts.contains(requester.sourceId());
    }

    private void check(Requester requester, int pasid, Destination destination) {
        checkStreamId(requester);
        if (pasid != DmaRequest.NO_PASID) {
            checkPasid(requester, pasid, destination);
        }
        switch (destination) {
            case Destination.PassThrough() -> {}
            case Destination.Paged(var own) -> checkWalkable(requester, own);
            case Destination.Nested(var domain, var parent, var user) -> {
                checkWalkable(requester, parent);
                if (parent.format().stage() != Walked.Stage.SECOND) {
                    throw new RefusedException(Errno.EINVAL, "a table of stage 1 is no parent: only one of stage 2 is");
                }
                if (user.root() >>> parent.inputBits() != 0) {
                    throw new RefusedException(
                            Errno.EINVAL,
                            "root 0x%x lies beyond the %d bits of the parent's space"
                                    .formatted(user.root(), parent.inputBits()),
                            Map.of("root", user.root()));
                }
            }
        }
    }

    private void checkStreamId(Requester requester) {
        long streamId = Integer.toUnsignedLong(requester.sourceId());
        if (streamId >>> capabilities.sidBits() != 0) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "StreamID 0x%x of %s does not fit the unit's %d bits"
                            .formatted(streamId, requester.rid(), capabilities.sidBits()),
                    Map.of("rid", requester.rid().toString()));
        }
        if (streamId >>> table.streamBits() != 0) {
            throw new RefusedException(
                    Errno.EOPNOTSUPP,
                    "StreamID 0x%x of %s is too wide: the service's Stream tables serve %d bits"
                            .formatted(streamId, requester.rid(), table.streamBits()),
                    Map.of("rid", requester.rid().toString()));
        }
    }

    private void checkPasid(Requester requester, int pasid, Destination destination) {
        if (capabilities.pasidBits() == 0) {
            throw new RefusedException(
                    Errno.EOPNOTSUPP,
                    "this unit takes no requests with PASID: it lacks pasidBits",
                    Map.of("capability", "pasidBits"));
        }
        int bits = Math.min(requester.pasidBits(), capabilities.pasidBits());
        if (pasid == 0 || pasid >>> bits != 0) {
            throw new RefusedException(
                    Errno.EINVAL,
                    pasid == 0
                            ? "PASID 0 cannot be led: its context descriptor is that of requests without PASID"
                            : "PASID %d does not fit the %d bits of %s".formatted(pasid, bits, requester.rid()),
                    Map.of("pasid", pasid));
        }
        if (Led.namesPasids(destination)) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "a table of context descriptors says where all PASIDs of a device lead: it is bound without PASID",
                    Map.of("pasid", pasid));
        }
        switch (destination) {
            case Destination.PassThrough() ->
                throw new RefusedException(
                        Errno.EOPNOTSUPP,
                        "requests with PASID always go through stage 1 on an SMMUv3: there is no pass-through for them",
                        Map.of("pasid", pasid));
            case Destination.Paged(var own) -> {
                if (own.format().stage() == Walked.Stage.SECOND) {
                    throw new RefusedException(
                            Errno.EOPNOTSUPP,
                            "an SMMUv3 has one stage 2 for a stream: a PASID has none of its own, and leads to tables of stage 1",
                            Map.of("pasid", pasid));
                }
            }
            case Destination.Nested nested -> {}
        }
    }

    private void checkWalkable(Requester requester, IoPageTable own) {
        if (!shapes.walks(own)) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "the unit of " + requester + " cannot walk this table: levels, widths or page sizes differ");
        }
    }

    /** What is led to has to go together with the other routes of the stream. */
    private static void checkTogether(StreamWriter stream, int pasid, Destination destination) {
        for (var other : stream.routes()) {
            if (other.pasid() == pasid) {
                continue;
            }
            var rid = other.requester().rid();
            var name = other.pasid() == DmaRequest.NO_PASID ? rid.toString() : rid + " with PASID " + other.pasid();
            if (other.namesPasids() || Led.namesPasids(destination)) {
                throw new RefusedException(
                        Errno.EBUSY,
                        "a table of context descriptors says where all PASIDs of a device lead, and %s is attached"
                                .formatted(name),
                        Map.of("rid", rid.toString()));
            }
            if (other.secondStage() != Led.secondStage(destination)) {
                throw new RefusedException(
                        Errno.EOPNOTSUPP,
                        "an SMMUv3 has one stage 2 for a stream, and %s goes through %s"
                                .formatted(name, other.secondStage() == null ? "none" : "another"),
                        Map.of("rid", rid.toString()));
            }
        }
    }

    /** With the VMID and the ASID that a route needs. ENOSPC, EBUSY. */
    private Led tagged(Requester requester, int pasid, Destination destination, @Nullable Led before) {
        return switch (destination) {
            case Destination.PassThrough() -> new Led(requester, pasid, destination, 0, 0);
            case Destination.Paged(var own) ->
                own.format().stage() == Walked.Stage.SECOND
                        ? new Led(requester, pasid, destination, vmids.use(own), 0)
                        : new Led(requester, pasid, destination, 0, asids.use(own));
            case Destination.Nested nested -> {
                int vmid = vmids.use(nested.parent());
                try {
                    yield new Led(requester, pasid, destination, vmid, asid(nested, before));
                } catch (RefusedException refused) {
                    vmids.release(nested.parent());
                    nestedAsids.values().removeIf(NestedAsids::isEmpty);
                    throw refused;
                }
            }
        };
    }

    private int asid(Destination.Nested nested, @Nullable Led before) {
        if (nested.table().namesPasids()) {
            return 0;
        }
        return nestedAsids
                .computeIfAbsent(nested.parent(), unused -> new NestedAsids(shapes.asidBits()))
                .use(nested, before == null ? null : before.destination());
    }

    private record Released(boolean lastOfAsid, boolean lastOfVmid) {}

    private Released release(Led led) {
        return switch (led.destination()) {
            case Destination.PassThrough() -> new Released(false, false);
            case Destination.Paged(var own) ->
                own.format().stage() == Walked.Stage.SECOND
                        ? new Released(false, vmids.release(own))
                        : new Released(asids.release(own), false);
            case Destination.Nested nested -> {
                var nestedHere = nestedAsids.get(nested.parent());
                if (nestedHere != null) {
                    nestedHere.release(nested, led.asid());
                    if (nestedHere.isEmpty()) {
                        nestedAsids.remove(nested.parent());
                    }
                }
                yield new Released(false, vmids.release(nested.parent()));
            }
        };
    }

    /** A route leads there no more: its ids are free, and nothing is known by them. */
    private void gone(Led led) {
        var forgetting = new Forgetting();
        var released = release(led);
        invalidations(led, forgetting).routeGone(released.lastOfAsid(), released.lastOfVmid());
        submit(forgetting);
    }

    private StreamInvalidations invalidations(Led led, Forgetting to) {
        return new StreamInvalidations(capabilities, led, hasAts(led.requester()), to);
    }

    @Override
    public synchronized List<Long> wayBack(Requester requester, int pasid) {
        var stream = streams.get(requester.sourceId());
        return stream == null ? List.of() : stream.wayBack(pasid);
    }

    @Override
    public synchronized void detach(Requester requester, int pasid) {
        var stream = streams.get(requester.sourceId());
        var led = stream == null ? null : stream.route(pasid);
        if (stream == null || led == null) {
            return;
        }
        stream.block(pasid, hasAts(led.requester()));
        tops.values().removeIf(CdPlace.TopOfParent::isEmpty);
        gone(led);
        memory.await();
        if (stream.routes().isEmpty()) {
            abortStalled(stream.requester().sourceId());
        }
    }

    /** Nothing of a stream that leads nowhere waits any longer; nor does anybody come to wait who was on his way. */
    private void abortStalled(int streamId) {
        if (capabilities.stalls()) {
            queue.submit(Commands.stallTerm(streamId));
        }
    }

    @Override
    public synchronized boolean hasTakenAts(int sourceId) {
        return withoutAts.contains(sourceId);
    }

    @Override
    public synchronized void removed(int sourceId) {
        var stream = streams.remove(sourceId);
        if (stream != null) {
            List.copyOf(stream.routes()).forEach(led -> {
                stream.block(led.pasid(), false);
                gone(led);
            });
            stream.close();
            memory.await();
            abortStalled(sourceId);
            closePageRequestsIfUnused();
        }
        withoutAts.remove(sourceId);
    }

    @Override
    public synchronized void settle() {
        if (!queue.clearTimeout()) { // which device it was is not said: all are asked
            var forgetting = new Forgetting();
            forEachRoute(led -> invalidations(led, forgetting).routeGone(false, false));
            submit(forgetting);
        }
    }

    private void forEachRoute(Consumer<Led> visitor) {
        streams.values().forEach(stream -> stream.routes().forEach(visitor));
    }

    @Override
    public synchronized void changed(IoPageTable table, long first, long last, boolean tables) {
        var forgetting = new Forgetting();
        forEachRoute(led -> {
            if (led.leadsThrough(table)) {
                invalidations(led, forgetting).pagesChanged(table, first, last, !tables);
            }
        });
        submit(forgetting);
    }

    @Override
    public void added(IoPageTable table, long first, long last) {} // the unit does not remember what is not there

    @Override
    public synchronized List<IssuedCommand> invalidate(Requester requester, int pasid, Invalidation what) {
        var stream = streams.get(requester.sourceId());
        var led = stream == null ? null : stream.route(pasid);
        if (led == null) {
            throw new RefusedException(Errno.ENOENT, "the route leads nowhere: there is nothing to invalidate");
        }
        var forgetting = new Forgetting();
        invalidations(led, forgetting).asked(what);
        return answered(forgetting);
    }

    @Override
    public synchronized List<IssuedCommand> invalidate(IoPageTable table, Invalidation what) {
        var forgetting = new Forgetting();
        forEachRoute(led -> {
            if (led.leadsThrough(table)) {
                invalidations(led, forgetting).askedOfTable(table, what);
            }
        });
        return answered(forgetting);
    }

    /** What the unit was given, and which devices did not answer. */
    private record Outcome(List<IssuedCommand> issued, List<Integer> silent) {}

    /** Has commands done. A device that does not answer loses its ATS. */
    private Outcome submit(Forgetting forgetting) {
        var issued = new ArrayList<IssuedCommand>();
        var silent = new ArrayList<Integer>();
        for (var batch : forgetting.unitBatches()) {
            issued.addAll(queue.submit(batch).issued());
        }
        forgetting.deviceBatches().forEach((streamId, batch) -> { // one by one: the unit does not say who is silent
            var outcome = queue.submit(batch);
            issued.addAll(outcome.issued());
            if (!outcome.answered()) {
                silent.add(streamId);
            }
        });
        silent.forEach(this::takeAts);
        return new Outcome(List.copyOf(issued), List.copyOf(silent));
    }

    private void takeAts(int streamId) {
        if (withoutAts.add(streamId)) {
            var stream = streams.get(streamId);
            if (stream == null) {
                hardware.disconnect(streamId);
            } else {
                stream.takeAts();
                var had = stream.requester();
                hardware.connect(new Requester(had.rid(), streamId, had.pasidBits(), false, false));
            }
        }
    }

    private List<IssuedCommand> answered(Forgetting forgetting) {
        var outcome = submit(forgetting);
        if (!outcome.silent().isEmpty()) {
            int streamId = outcome.silent().getFirst();
            var rid = rid(streamId).toString();
            throw new RefusedException(
                    Errno.EIO,
                    rid
                            + " did not answer the invalidation of its device-TLB (CERROR_ATC_INV_SYNC), and has lost its ATS",
                    Map.of("rid", rid));
        }
        return outcome.issued();
    }

    /** Of a device that is not known the RID with the same bits. */
    private Rid rid(int streamId) {
        var stream = streams.get(streamId);
        return stream == null
                ? Rid.ofSourceId(streamId >>> 16, streamId & 0xffff)
                : stream.requester().rid();
    }

    @Override
    public synchronized List<PageRequest> takePageRequests() {
        return pageRequests == null ? List.of() : pageRequests.take(this::rid);
    }

    /** {@inheritDoc} EOPNOTSUPP: the unit has no PRI; EINVAL: to a stop marker nothing is said. */
    @Override
    public synchronized List<IssuedCommand> respond(PageRequest last, PageRequest.Response response) {
        if (!capabilities.pri()) {
            throw new RefusedException(
                    Errno.EOPNOTSUPP, "this unit has no page requests: it lacks pri", Map.of("capability", "pri"));
        }
        if (last.isStopMarker()) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "a stop marker is not answered",
                    Map.of("rid", last.rid().toString()));
        }
        int said = Commands.RESPONSES.indexOf(response);
        return queue.submit(Commands.priResp(last.sourceId(), last.pasid(), last.group(), said))
                .issued();
    }

    /** {@inheritDoc} EINVAL: there is no such tag. */
    @Override
    public synchronized List<IssuedCommand> resume(int sourceId, int tag, Resumption how) {
        if (!capabilities.stalls()) {
            throw new RefusedException(
                    Errno.EOPNOTSUPP,
                    "this unit stalls no transactions: its stallModel is terminate-only",
                    Map.of("capability", "stallModel"));
        }
        if (tag < 0 || tag > LAST_STAG) {
            throw new RefusedException(
                    Errno.EINVAL,
                    tag == NO_TAG
                            ? "the transaction has no tag yet: there was no room to record it"
                            : "tag 0x%x has more than 16 bits".formatted(tag),
                    Map.of("tag", tag));
        }
        return queue.submit(
                        switch (how) {
                            case RETRY -> Commands.retry(sourceId, tag);
                            case ABORT -> Commands.terminate(sourceId, tag, true);
                            case TERMINATE -> Commands.terminate(sourceId, tag, false);
                        })
                .issued();
    }

    @Override
    public synchronized void close() {
        List.copyOf(streams.keySet()).forEach(this::removed);
        write("CR0", 0);
        write("IRQ_CTRL", 0);
        memory.await();
        table.close();
        queue.close();
        memory.free(events, EVENT_BYTES << eventBits);
    }
}
