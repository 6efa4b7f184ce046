package dev.ioasid.iommu.smmuv3;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Destination;
import dev.ioasid.iommu.DriverMemory;
import dev.ioasid.iommu.DriverRegisters;
import dev.ioasid.iommu.Invalidation;
import dev.ioasid.iommu.IommuDriver;
import dev.ioasid.iommu.IommuHardware;
import dev.ioasid.iommu.IssuedCommand;
import dev.ioasid.iommu.PageRequest;
import dev.ioasid.iommu.Requester;
import dev.ioasid.iommu.UserTable;
import dev.ioasid.memory.FrameAllocator;
import dev.ioasid.memory.PhysicalMemory;
import dev.ioasid.memory.Readers;
import dev.ioasid.pagetable.IoPageTable;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The driver half of an SMMUv3: Stream table, CDs, VMIDs and ASIDs, and what is given to the Command queue whenever one of them, or a table
 * that the service keeps, has changed.
 *
 * <p>A device is known from its first attach until it is removed: in between, what is not led is aborted without an event. A device that
 * does not answer an invalidation has its ATS taken away: it can go on, but no longer by translations that it should have forgotten.
 * What can be led where, say {@link RouteChecks}; where CDs lie, and when the PRI queue is on, {@link Streams}.
 *
 * <p><b>Stalls.</b> Whatever of a stream is stalled when its last route goes is aborted; of other routes, what is to become of it is said by
 * {@link #resume}, whether its STE is still there or not. A stalled transaction without a tag waits for room in the Event queue.
 *
 * <p><b>Who may call.</b> Any thread; one lock, the object's, guards everything here and the ring, and only {@link #hasTakenAts} takes none.
 * Under it tables of the service's are changed, whose caches call back here, the unit's own locks are taken, and readers of tables are waited for, none of whom
 * ever wants this lock. The hardware may translate at every moment: see {@link StreamTableWriter} for how STEs change under its eyes.
 */
public final class SmmuDriver implements IommuDriver {
    private static final int LAST_STAG = 0xffff;
    private static final int NO_TAG = -1;

    private final IommuHardware hardware;
    private final DriverRegisters registers;
    private final SmmuCapabilities capabilities;
    private final SmmuTableShapes shapes;
    private final DriverMemory memory;
    private final RouteChecks checks;
    private final RouteTags tags;
    private final CommandWriter queue;
    private final StreamTableWriter table;
    private final DriverQueue events;
    private final Streams streams;
    /** Devices that have lost their ATS, by StreamID. */
    private final Set<Integer> withoutAts = ConcurrentHashMap.newKeySet();

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
        this.registers = new DriverRegisters(hardware);
        this.capabilities = smmu;
        this.shapes = new SmmuTableShapes(capabilities);
        this.memory = memory;
        this.tags = new RouteTags(shapes.vmidBits(), shapes.asidBits());
        this.queue = new CommandWriter(registers, memory, capabilities.commandQueueBits());
        try {
            this.table = new StreamTableWriter(capabilities, memory, queue);
        } catch (RefusedException refused) {
            queue.close();
            throw refused;
        }
        try {
            this.events = new DriverQueue(
                    "EVENTQ", EventFields.WORDS * Long.BYTES, capabilities.eventQueueBits(), registers, memory);
        } catch (RefusedException refused) {
            table.close();
            queue.close();
            throw refused;
        }
        this.checks = new RouteChecks(capabilities, shapes, table.streamBits());
        this.streams = new Streams(capabilities, registers, memory, queue, table);
        start();
    }

    /** In the order of IHI 0070, section 6.3.9: queues before translation, and nothing remembered of whoever had the unit before. */
    private void start() {
        registers.write(
                "CR1",
                Cr1.QUEUE_IC.of(StreamEntries.WRITE_BACK)
                        | Cr1.QUEUE_OC.of(StreamEntries.WRITE_BACK)
                        | Cr1.QUEUE_SH.of(StreamEntries.INNER)
                        | Cr1.TABLE_IC.of(StreamEntries.WRITE_BACK)
                        | Cr1.TABLE_OC.of(StreamEntries.WRITE_BACK)
                        | Cr1.TABLE_SH.of(StreamEntries.INNER));
        registers.write("CR2", Cr2.RECINVSID.mask() | Cr2.PTM.mask());
        registers.write("STRTAB_BASE", table.base());
        registers.write("STRTAB_BASE_CFG", table.configuration());
        long enabled = Cr0.CMDQEN.mask();
        registers.write("CR0", enabled);
        var all = new ArrayList<long[]>();
        all.add(Commands.cfgiAll());
        if (capabilities.s1() && capabilities.hyp()) {
            all.add(Commands.tlbiEl2All());
        }
        all.add(Commands.tlbiNsnhAll());
        queue.submit(all);
        events.install();
        enabled |= Cr0.EVENTQEN.mask();
        registers.write("CR0", enabled);
        registers.write("IRQ_CTRL", IrqCtrl.GERROR_IRQEN.mask() | IrqCtrl.EVENTQ_IRQEN.mask());
        enabled |= Cr0.SMMUEN.mask() | (capabilities.ats() ? Cr0.ATSCHK.mask() : 0);
        registers.write("CR0", enabled);
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
        checks.check(requester, pasid, destination);
        var stream = streams.get(requester.sourceId());
        var before = stream == null ? null : stream.route(pasid);
        if (before != null && destination.equals(before.destination())) {
            return;
        }
        if (stream != null) {
            RouteChecks.checkTogether(stream.routes(), pasid, destination);
        }
        var led = tags.tagged(requester, pasid, destination, before);
        try {
            streams.lead(led, hasAts(requester));
        } catch (RefusedException refused) {
            tags.release(led);
            throw refused;
        }
        if (before != null) {
            gone(before);
        }
    }

    private boolean hasAts(Requester requester) {
        return requester.ats() && capabilities.ats() && !withoutAts.contains(requester.sourceId());
    }

    /** A route leads there no more: its ids are free, and nothing is known by them. */
    private void gone(Led led) {
        var forgetting = new Forgetting();
        var released = tags.release(led);
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
        streams.block(stream, pasid, hasAts(led.requester()));
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
    public boolean hasTakenAts(int sourceId) {
        return withoutAts.contains(sourceId);
    }

    @Override
    public synchronized void removed(int sourceId) {
        var stream = streams.remove(sourceId);
        if (stream != null) {
            List.copyOf(stream.routes()).forEach(led -> {
                streams.block(stream, led.pasid(), false);
                gone(led);
            });
            stream.close();
            memory.await();
            abortStalled(sourceId);
            streams.closePageRequestsIfUnused();
        }
        withoutAts.remove(sourceId);
    }

    @Override
    public synchronized void settle() {
        if (!queue.clearTimeout()) { // which device it was is not said: all are asked
            var forgetting = new Forgetting();
            streams.forEachRoute(led -> invalidations(led, forgetting).routeGone(false, false));
            submit(forgetting);
        }
    }

    @Override
    public synchronized void changed(IoPageTable table, long first, long last, boolean tables) {
        var forgetting = new Forgetting();
        streams.forEachRoute(led -> {
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
        streams.forEachRoute(led -> {
            if (led.leadsThrough(table)) {
                invalidations(led, forgetting).askedOfTable(table, what);
            }
        });
        return answered(forgetting);
    }

    /** Has commands done. A device that does not answer loses its ATS. */
    private Forgetting.Outcome submit(Forgetting forgetting) {
        var outcome = forgetting.submitTo(queue);
        outcome.silent().forEach(this::takeAts);
        return outcome;
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
            var rid = streams.rid(streamId).toString();
            throw new RefusedException(
                    Errno.EIO,
                    rid
                            + " did not answer the invalidation of its device-TLB (CERROR_ATC_INV_SYNC), and has lost its ATS",
                    Map.of("rid", rid));
        }
        return outcome.issued();
    }

    @Override
    public synchronized List<PageRequest> takePageRequests() {
        return streams.takePageRequests();
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
        streams.ids().forEach(this::removed);
        registers.write("CR0", 0);
        registers.write("IRQ_CTRL", 0);
        memory.await();
        table.close();
        queue.close();
        events.close();
    }
}
