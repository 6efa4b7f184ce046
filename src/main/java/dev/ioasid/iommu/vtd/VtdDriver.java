package dev.ioasid.iommu.vtd;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Destination;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.DriverMemory;
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
import dev.ioasid.pagetable.Walked;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The driver half of a VT-d unit: root, context, PASID directory and PASID tables, domain ids, and what is given to the invalidation
 * queue whenever one of them, or a table that the service keeps, has changed. Scalable mode if the unit has it, legacy mode otherwise.
 *
 * <p>Requests without PASID use RID_PASID 0, which is never given to anybody. A device has a context entry while one of its
 * routes leads somewhere; whatever has no entry is blocked. A device that does not answer an invalidation has its ATS taken away: it can
 * go on, but no longer by translations that it should have forgotten. The page request queue is there while
 * there is a device that may ask for pages, from the first attachment of one on.
 *
 * <p><b>Who may call.</b> Any thread; one lock, the object's, guards everything here and the ring. Under it the unit's own locks are
 * taken, and readers of tables are waited for, none of whom ever wants this lock. The hardware may translate at every moment: see
 * {@link DriverMemory} for how structures change under its eyes.
 */
public final class VtdDriver implements IommuDriver {
    private static final int RID_PASID = 0;
    /** The domain id that all pass-through entries share: they must not share one with a second stage. VT-d 5.10, 6.2.3.1. */
    private static final int PASS_THROUGH = 1;

    private static final int FIRST_DOMAIN = 2;

    private record Route(int sourceId, int pasid) {}

    /** Where a route leads, and the domain id of its entry. */
    private record Led(Requester requester, Destination destination, int domain) {}

    private final VtdHardware hardware;
    private final VtdCapabilities capabilities;
    private final TableShapes shapes;
    private final DriverMemory memory;
    private final TableIds domainIds;
    private final ContextTables contexts;
    private final QueueWriter queue;
    private final Map<Integer, PasidTables> pasidTables = new HashMap<>(); // scalable mode, by source id
    private final Map<Route, Led> routes = new LinkedHashMap<>();
    /** Devices that may ask for pages, or might while one of their routes led somewhere, by source id. */
    private final Set<Integer> asking = new HashSet<>();
    /** Null while there is none of them. */
    private @Nullable PageRequestReader pageRequests;
    /** Of the devices: a unit serves one. */
    private int segment;
    /** Devices that have lost their ATS, by source id. */
    private final Set<Integer> withoutAts = new HashSet<>();

    /**
     * Takes over a unit and turns translation on: everything is blocked. EOPNOTSUPP: the unit has no invalidation queue; ENOMEM.
     */
    public VtdDriver(VtdHardware hardware, PhysicalMemory memory, FrameAllocator frames, Readers readers) {
        this(hardware, new DriverMemory(memory, frames, readers));
    }

    VtdDriver(VtdHardware hardware, DriverMemory memory) {
        this.hardware = hardware;
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
        this.contexts = new ContextTables(this.memory, capabilities.scalable());
        try {
            this.queue = new QueueWriter(hardware, memory, capabilities.scalable());
        } catch (RefusedException refused) {
            contexts.close();
            throw refused;
        }
        int mode = capabilities.scalable() ? Rtaddr.SCALABLE : Rtaddr.LEGACY;
        write("RTADDR", Rtaddr.RTA.address(contexts.root()) | Rtaddr.TTM.of(mode));
        write("GCMD", Gcmd.SRTP.mask());
        write("GCMD", Gcmd.QIE.mask());
        write("GCMD", Gcmd.QIE.mask() | Gcmd.TE.mask());
    }

    /** The ids of the domains of tables. 0 cannot be used in caching mode. */
    static TableIds domainIds(int bits) {
        return new TableIds("domain ids", "domainIdBits", FIRST_DOMAIN, bits);
    }

    private void write(String register, long value) {
        SequencedMap<String, Long> one = new LinkedHashMap<>();
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
        boolean firstOfDevice = !pasidTables.containsKey(requester.sourceId());
        try {
            if (capabilities.scalable()) {
                attachScalable(requester, pasid, pasidEntry(destination, domain), before != null);
            } else {
                attachLegacy(requester.sourceId(), contextEntry(destination, domain), before != null);
            }
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
                RID_PASID,
                led.destination(),
                led.domain(),
                hasAts(led.requester()));
    }

    private boolean asksForPages(Requester requester) {
        return hasAts(requester) && requester.pri() && capabilities.has(Ecap.PRS);
    }

    private boolean hasAts(Requester requester) {
        return requester.ats() && capabilities.has(Ecap.DT) && !withoutAts.contains(requester.sourceId());
    }

    @Override
    public synchronized void removed(int sourceId) {
        withoutAts.remove(sourceId);
        if (asking.remove(sourceId) && asking.isEmpty()) {
            closePageRequests();
        }
    }

    @Override
    public synchronized void settle() {
        queue.clearTimeout().forEach(this::takeAts);
    }

    @Override
    public synchronized boolean hasTakenAts(int sourceId) {
        return withoutAts.contains(sourceId);
    }

    /** Has descriptors done. A device that does not answer loses its ATS. */
    private QueueWriter.Outcome submit(List<long[]> descriptors) {
        return submit(descriptors, false);
    }

    /** @param drain no page request may be on its way afterwards */
    private QueueWriter.Outcome submit(List<long[]> descriptors, boolean drain) {
        if (descriptors.isEmpty()) {
            return new QueueWriter.Outcome(List.of(), List.of());
        }
        var outcome = queue.submit(descriptors, drain && capabilities.has(Ecap.PDS));
        outcome.silent().forEach(this::takeAts);
        return outcome;
    }

    private void takeAts(int sourceId) {
        if (withoutAts.add(sourceId)) {
            if (pasidTables.containsKey(sourceId)) {
                contexts.clear(sourceId, ScalableContextEntry.DTE.mask() | ScalableContextEntry.PRE.mask());
            }
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
                var parent = nested.parent();
                var table = nested.table();
                checkWalkable(requester, parent);
                if (table.root() >>> parent.inputBits() != 0) {
                    throw new RefusedException(
                            Errno.EINVAL,
                            "root 0x%x lies beyond the %d bits of the parent's space"
                                    .formatted(table.root(), parent.inputBits()),
                            Map.of("root", table.root()));
                }
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

    private void attachScalable(Requester requester, int pasid, long[] entry, boolean replace) {
        int sourceId = requester.sourceId();
        int effective = pasid == DmaRequest.NO_PASID ? RID_PASID : pasid;
        var tables = pasidTables.get(sourceId);
        if (replace && tables != null) {
            tables.replace(effective, entry);
        } else if (tables != null) {
            tables.add(effective, entry);
        } else {
            addDevice(requester, effective, entry);
        }
    }

    /** The first route of a device: directory, PASID table and context entry, all or nothing. */
    private void addDevice(Requester requester, int pasid, long[] entry) {
        int pasidBits = Math.min(requester.pasidBits(), capabilities.pasidBits());
        var tables = new PasidTables(memory, pasidBits);
        try {
            tables.add(pasid, entry);
        } catch (RefusedException refused) {
            tables.close();
            throw refused;
        }
        boolean firstToAsk = asksForPages(requester) && asking.isEmpty();
        try {
            if (firstToAsk) {
                pageRequests = new PageRequestReader(hardware, memory);
            }
            contexts.add(requester.sourceId(), scalableContextEntry(requester, pasidBits, tables));
        } catch (RefusedException refused) {
            if (firstToAsk) {
                closePageRequests();
            }
            tables.remove(pasid);
            tables.close();
            throw refused;
        }
        pasidTables.put(requester.sourceId(), tables);
        if (asksForPages(requester)) {
            asking.add(requester.sourceId());
        }
    }

    private void closePageRequests() {
        if (pageRequests != null) {
            pageRequests.close();
            pageRequests = null;
        }
    }

    private void attachLegacy(int sourceId, long[] entry, boolean replace) {
        if (replace) {
            contexts.replace(sourceId, entry);
        } else {
            contexts.add(sourceId, entry);
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
        if (capabilities.scalable()) {
            detachScalable(route, led);
        } else {
            contexts.remove(requester.sourceId());
            submit(invalidations(route, led).entryGone());
        }
        release(led.destination());
    }

    private void detachScalable(Route route, Led led) {
        int sourceId = route.sourceId();
        var tables = pasidTables.get(sourceId);
        if (tables == null) {
            return;
        }
        tables.remove(route.pasid() == DmaRequest.NO_PASID ? RID_PASID : route.pasid());
        submit(invalidations(route, led).entryGone(), asksForPages(led.requester()));
        if (tables.isEmpty()) {
            contexts.remove(sourceId);
            submit(invalidations(route, led).contextGone());
            tables.close();
            pasidTables.remove(sourceId);
        }
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

    private long[] pasidEntry(Destination destination, int domainId) {
        var words = new long[PasidTableEntry.WORDS];
        words[0] = PasidTableEntry.P.of(1)
                | switch (destination) {
                    case Destination.Paged(var table) ->
                        table.format().stage() == Walked.Stage.SECOND
                                ? PasidTableEntry.PGTT.of(PasidTableEntry.SECOND_STAGE) | secondStage(table)
                                : PasidTableEntry.PGTT.of(PasidTableEntry.FIRST_STAGE);
                    case Destination.Nested nested ->
                        PasidTableEntry.PGTT.of(PasidTableEntry.NESTED) | secondStage(nested.parent());
                    case Destination.PassThrough() -> PasidTableEntry.PGTT.of(PasidTableEntry.PASS_THROUGH);
                };
        words[1] =
                PasidTableEntry.DID.of(domainId) | (capabilities.has(Ecap.SMPWCS) ? PasidTableEntry.PWSNP.mask() : 0);
        words[2] = switch (destination) {
            case Destination.Nested nested ->
                PasidTableEntry.FSPM.of(VtdFormats.mode(nested.table().levels()))
                        | PasidTableEntry.FSPTPTR.address(nested.table().root())
                        | options(nested.table().options());
            case Destination.Paged(var table) -> table.format().stage() == Walked.Stage.FIRST ? firstStage(table) : 0;
            case Destination.PassThrough() -> 0;
        };
        return words;
    }

    /** Privileged requests are let in, where the unit knows them, and bound to the rights of the pages. */
    private long firstStage(IoPageTable table) {
        return PasidTableEntry.FSPM.of(VtdFormats.mode(table.format().levels()))
                | PasidTableEntry.FSPTPTR.address(table.root())
                | (capabilities.has(Ecap.SRS) ? PasidTableEntry.SRE.mask() | PasidTableEntry.WPE.mask() : 0);
    }

    private static long options(Set<UserTable.Option> options) {
        return (options.contains(UserTable.Option.SUPERVISOR) ? PasidTableEntry.SRE.mask() : 0)
                | (options.contains(UserTable.Option.WRITE_PROTECT) ? PasidTableEntry.WPE.mask() : 0)
                | (options.contains(UserTable.Option.EXTENDED_ACCESSED) ? PasidTableEntry.EAFE.mask() : 0);
    }

    private static long secondStage(IoPageTable table) {
        return PasidTableEntry.AW.of(table.format().levels() - 2) | PasidTableEntry.SSPTPTR.address(table.root());
    }

    private long[] scalableContextEntry(Requester requester, int pasidBits, PasidTables tables) {
        var words = new long[ScalableContextEntry.SIZE / Long.BYTES];
        boolean ats = hasAts(requester);
        words[0] = ScalableContextEntry.P.of(1)
                | (ats ? ScalableContextEntry.DTE.mask() : 0)
                | (pasidBits > 0 ? ScalableContextEntry.PASIDE.mask() : 0)
                | (asksForPages(requester) ? ScalableContextEntry.PRE.mask() : 0)
                | ScalableContextEntry.PDTS.of(tables.size())
                | ScalableContextEntry.PASIDDIRPTR.address(tables.directory());
        words[1] = ScalableContextEntry.RID_PASID.of(RID_PASID);
        return words;
    }

    private long[] contextEntry(Destination destination, int domainId) {
        return switch (destination) {
            case Destination.Nested nested -> throw new IllegalStateException("legacy mode nests nothing: " + nested);
            case Destination.Paged(var table) ->
                new long[] {
                    ContextEntry.P.of(1)
                            | ContextEntry.TT.of(ContextEntry.UNTRANSLATED_ONLY)
                            | ContextEntry.SSPTPTR.address(table.root()),
                    ContextEntry.AW.of(table.format().levels() - 2) | ContextEntry.DID.of(domainId)
                };
            case Destination.PassThrough() ->
                new long[] {
                    ContextEntry.P.of(1) | ContextEntry.TT.of(ContextEntry.PASS_THROUGH),
                    ContextEntry.AW.of(capabilities.deepestLevels() - 2) | ContextEntry.DID.of(domainId)
                };
        };
    }

    @Override
    public synchronized List<PageRequest> takePageRequests() {
        return pageRequests == null ? List.of() : pageRequests.take(segment);
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
        write("GCMD", 0);
        memory.await();
        contexts.close();
        closePageRequests();
        queue.close();
    }
}
