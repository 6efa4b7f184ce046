package dev.ioasid.iommu.vtd;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Destination;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.DriverMemory;
import dev.ioasid.iommu.DriverRegisters;
import dev.ioasid.iommu.Invalidation;
import dev.ioasid.iommu.IommuDriver;
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
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The driver half of a VT-d unit: root, context, PASID directory and PASID tables, domain ids, and what is given to the invalidation
 * queue whenever one of them, or a table that the service keeps, has changed. Scalable mode if the unit has it, legacy mode otherwise.
 *
 * <p>Requests without PASID use RID_PASID 0, which is never given to anybody. A device has a context entry while one of its
 * routes leads somewhere; whatever has no entry is blocked. A device that does not answer an invalidation has its ATS taken away: it can
 * go on, but no longer by translations that it should have forgotten.
 *
 * <p><b>Who may call.</b> Any thread; one lock, the object's, guards everything here and the ring, and only {@link #hasTakenAts} takes none. Under it the unit's own locks are
 * taken, and readers of tables are waited for, none of whom ever wants this lock. The hardware may translate at every moment: see
 * {@link DriverMemory} for how structures change under its eyes.
 */
public final class VtdDriver implements IommuDriver {
    /** The domain id that all pass-through entries share: they must not share one with a second stage. VT-d 5.10, 6.2.3.1. */
    private static final int PASS_THROUGH = 1;

    private static final int FIRST_DOMAIN = 2;

    private record Route(int sourceId, int pasid) {}

    /** Where a route leads, and the domain id of its entry. */
    private record Led(Requester requester, Destination destination, int domain) {}

    private final VtdHardware hardware;
    private final DriverRegisters registers;
    private final VtdCapabilities capabilities;
    private final TableShapes shapes;
    private final DriverMemory memory;
    private final TableIds domainIds;
    private final RouteTables routeTables;
    private final DescriptorWriter queue;
    private final Map<Route, Led> routes = new LinkedHashMap<>();
    /** Of the devices: a unit serves one. */
    private int segment;
    /** Devices that have lost their ATS, by source id. */
    private final Set<Integer> withoutAts = ConcurrentHashMap.newKeySet();

    /**
     * Takes over a unit and turns translation on: everything is blocked. EOPNOTSUPP: the unit has no invalidation queue; ENOMEM.
     */
    public VtdDriver(VtdHardware hardware, PhysicalMemory memory, FrameAllocator frames, Readers readers) {
        this(hardware, new DriverMemory(memory, frames, readers));
    }

    VtdDriver(VtdHardware hardware, DriverMemory memory) {
        this.hardware = hardware;
        this.registers = new DriverRegisters(hardware);
        this.capabilities = hardware.capabilities();
        if (!capabilities.has(Ecap.QI)) {
            throw new RefusedException(
                    Errno.EOPNOTSUPP,
                    "the service drives units with an invalidation queue only: this one lacks QI",
                    Map.of("capability", "QI"));
        }
        this.shapes = new TableShapes(capabilities);
        this.memory = memory;
        this.domainIds = domainIds(Math.min(capabilities.domainIdBits(), 16));
        this.routeTables = new RouteTables(capabilities, registers, memory);
        try {
            this.queue = new DescriptorWriter(registers, memory, capabilities.scalable());
        } catch (RefusedException refused) {
            routeTables.close();
            throw refused;
        }
        int mode = capabilities.scalable() ? Rtaddr.SCALABLE : Rtaddr.LEGACY;
        registers.write("RTADDR", Rtaddr.RTA.address(routeTables.root()) | Rtaddr.TTM.of(mode));
        registers.write("GCMD", Gcmd.SRTP.mask());
        registers.write("GCMD", Gcmd.QIE.mask());
        registers.write("GCMD", Gcmd.QIE.mask() | Gcmd.TE.mask());
    }

    /** The ids of the domains of tables. 0 cannot be used in caching mode. */
    static TableIds domainIds(int bits) {
        return new TableIds("domain ids", "domainIdBits", FIRST_DOMAIN, bits);
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
        var route = new Route(requester.sourceId(), pasid);
        var before = routes.get(route);
        if (before != null && destination.equals(before.destination())) {
            return;
        }
        int domain = switch (destination) {
            case Destination.Paged(var table) -> domainIds.use(table);
            case Destination.Nested nested -> domainIds.use(nested.domain());
            case Destination.PassThrough() -> PASS_THROUGH;
        };
        segment = requester.rid().segment();
        boolean firstOfDevice = !routeTables.hasDevice(requester.sourceId());
        try {
            routeTables.lead(asLet(requester), pasid, destination, domain, before != null);
        } catch (RefusedException refused) {
            release(destination);
            throw refused;
        }
        var led = new Led(requester, destination, domain);
        routes.put(route, led);
        if (before != null) {
            submit(invalidations(route, before).entryGone(), asksForPages(requester));
            release(before.destination());
        } else if (capabilities.hasCap(Cap.CM)) {
            submit(invalidations(route, led).entryCame(firstOfDevice));
        }
    }

    private RouteInvalidations invalidations(Route route, Led led) {
        return new RouteInvalidations(
                capabilities,
                led.requester(),
                route.pasid(),
                RouteEntries.RID_PASID,
                led.destination(),
                led.domain(),
                hasAts(led.requester()));
    }

    private boolean asksForPages(Requester requester) {
        return hasAts(requester) && requester.pri() && capabilities.has(Ecap.PRS);
    }

    /** A device with what the unit is to let it do. */
    private Requester asLet(Requester requester) {
        return new Requester(
                requester.rid(),
                requester.sourceId(),
                requester.pasidBits(),
                hasAts(requester),
                asksForPages(requester));
    }

    private boolean hasAts(Requester requester) {
        return requester.ats() && capabilities.has(Ecap.DT) && !withoutAts.contains(requester.sourceId());
    }

    @Override
    public synchronized void removed(int sourceId) {
        withoutAts.remove(sourceId);
        routeTables.stopAsking(sourceId);
    }

    @Override
    public synchronized void settle() {
        queue.clearTimeout().forEach(this::takeAts);
    }

    @Override
    public boolean hasTakenAts(int sourceId) {
        return withoutAts.contains(sourceId);
    }

    /** Has descriptors done. A device that does not answer loses its ATS. */
    private DescriptorWriter.Outcome submit(List<long[]> descriptors) {
        return submit(descriptors, false);
    }

    /** @param drain no page request may be on its way afterwards */
    private DescriptorWriter.Outcome submit(List<long[]> descriptors, boolean drain) {
        if (descriptors.isEmpty()) {
            return new DescriptorWriter.Outcome(List.of(), List.of());
        }
        var outcome = queue.submit(descriptors, drain && capabilities.has(Ecap.PDS));
        outcome.silent().forEach(this::takeAts);
        return outcome;
    }

    private void takeAts(int sourceId) {
        if (withoutAts.add(sourceId)) {
            routeTables.takeAts(sourceId);
            queue.submit(List.of(ContextDescriptor.device(sourceId, 0)));
            hardware.disconnect(sourceId);
        }
    }

    private void check(Requester requester, int pasid, Destination destination) {
        if (pasid != DmaRequest.NO_PASID && capabilities.pasidBits() == 0) {
            var missing = capabilities.scalable() ? "pasidBits" : "scalable";
            throw new RefusedException(
                    Errno.EOPNOTSUPP,
                    "this unit takes no requests with PASID: it lacks " + missing,
                    Map.of("capability", missing));
        }
        switch (destination) {
            case Destination.PassThrough() -> {
                if (!capabilities.has(Ecap.PT)) {
                    throw new RefusedException(
                            Errno.EOPNOTSUPP, "this unit has no pass-through", Map.of("capability", "passThrough"));
                }
            }
            case Destination.Nested nested -> {
                checkWalkable(requester, nested.parent());
                nested.checkRoot();
            }
            case Destination.Paged(var table) -> checkWalkable(requester, table);
        }
    }

    private void checkWalkable(Requester requester, IoPageTable table) {
        if (!shapes.walks(table)) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "the unit of " + requester + " cannot walk this table: levels, widths or page sizes differ");
        }
    }

    /** {@inheritDoc} An entry is replaced in a copy of its table. */
    @Override
    public List<Long> wayBack(Requester requester, int pasid) {
        return List.of(PhysicalMemory.PAGE_SIZE);
    }

    @Override
    public synchronized void detach(Requester requester, int pasid) {
        var route = new Route(requester.sourceId(), pasid);
        var led = routes.remove(route);
        if (led == null) {
            return;
        }
        int sourceId = route.sourceId();
        routeTables.block(sourceId, pasid);
        submit(invalidations(route, led).entryGone(), capabilities.scalable() && asksForPages(led.requester()));
        if (routeTables.isEmptied(sourceId)) {
            routeTables.blockDevice(sourceId);
            submit(invalidations(route, led).contextGone());
            routeTables.removeDevice(sourceId);
        }
        release(led.destination());
    }

    @Override
    public synchronized void changed(IoPageTable table, long first, long last, boolean tables) {
        submit(throughTable(table, first, last, !tables, true));
    }

    @Override
    public synchronized void added(IoPageTable table, long first, long last) {
        if (capabilities.hasCap(Cap.CM)) {
            submit(throughTable(table, first, last, false, false));
        }
    }

    /** Once for each domain and PASID that the unit tells apart, and then for each device. */
    private List<long[]> throughTable(
            IoPageTable table, long first, long last, boolean leavesOnly, boolean devicesToo) {
        var once = new LinkedHashMap<List<Long>, long[]>();
        var inDevices = new ArrayList<long[]>();
        routes.forEach((route, led) -> {
            if (leadsThrough(led.destination(), table)) {
                var invalidations = invalidations(route, led);
                invalidations
                        .pagesChanged(first, last, leavesOnly)
                        .forEach(words -> once.put(Arrays.stream(words).boxed().toList(), words));
                inDevices.addAll(invalidations.pagesChangedInDevice(first, last));
            }
        });
        var all = new ArrayList<>(once.values());
        if (devicesToo) {
            all.addAll(inDevices);
        }
        return all;
    }

    private static boolean leadsThrough(Destination destination, IoPageTable table) {
        return switch (destination) {
            case Destination.Paged(var own) -> own == table;
            case Destination.Nested nested -> nested.parent() == table;
            case Destination.PassThrough() -> false;
        };
    }

    @Override
    public synchronized List<IssuedCommand> invalidate(Requester requester, int pasid, Invalidation what) {
        var route = new Route(requester.sourceId(), pasid);
        var led = routes.get(route);
        if (led == null) {
            throw new RefusedException(Errno.ENOENT, "the route leads nowhere: there is nothing to invalidate");
        }
        return answered(invalidations(route, led).asked(what));
    }

    @Override
    public synchronized List<IssuedCommand> invalidate(IoPageTable table, Invalidation what) {
        var once = new LinkedHashMap<List<Long>, long[]>();
        routes.forEach((route, led) -> {
            if (leadsThrough(led.destination(), table)) {
                invalidations(route, led)
                        .askedOfTable(what)
                        .forEach(words -> once.put(Arrays.stream(words).boxed().toList(), words));
            }
        });
        return answered(new ArrayList<>(once.values()));
    }

    private List<IssuedCommand> answered(List<long[]> descriptors) {
        var outcome = submit(descriptors);
        if (!outcome.silent().isEmpty()) {
            var rid = Rid.ofSourceId(0, outcome.silent().getFirst());
            throw new RefusedException(
                    Errno.EIO,
                    rid + " did not answer the invalidation of its device-TLB (FSTS.ITE), and has lost its ATS",
                    Map.of("rid", rid.toString()));
        }
        return outcome.issued();
    }

    private void release(Destination destination) {
        switch (destination) {
            case Destination.Paged(var table) -> domainIds.release(table);
            case Destination.Nested nested -> domainIds.release(nested.domain());
            case Destination.PassThrough() -> {} // all of them share one
        }
    }

    @Override
    public synchronized List<PageRequest> takePageRequests() {
        return routeTables.takePageRequests(segment);
    }

    @Override
    public synchronized List<IssuedCommand> respond(PageRequest last, PageRequest.Response response) {
        if (!capabilities.has(Ecap.PRS)) {
            throw new RefusedException(
                    Errno.EOPNOTSUPP, "this unit takes no page requests", Map.of("capability", "pri"));
        }
        return submit(List.of(PageGroupResponse.of(last, response))).issued();
    }

    @Override
    public List<IssuedCommand> resume(int sourceId, int tag, Resumption how) {
        throw new RefusedException(
                Errno.EOPNOTSUPP, "a VT-d unit stalls no transaction", Map.of("capability", "stall"));
    }

    @Override
    public synchronized void close() {
        List.copyOf(routes.keySet())
                .forEach(route -> detach(new Requester(route.sourceId(), 0, false, false), route.pasid()));
        registers.write("GCMD", 0);
        memory.await();
        routeTables.close();
        queue.close();
    }
}
