package dev.ioasid.iommu.vtd;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Destination;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.IommuDriver;
import dev.ioasid.iommu.Requester;
import dev.ioasid.iommu.UserTable;
import dev.ioasid.memory.FrameAllocator;
import dev.ioasid.memory.PhysicalMemory;
import dev.ioasid.memory.Readers;
import dev.ioasid.pagetable.IoPageTable;
import dev.ioasid.pagetable.Walked;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;

/**
 * The driver half of a VT-d unit: root, context, PASID directory and PASID tables, and domain ids. Scalable mode if the unit
 * has it, legacy mode otherwise.
 *
 * <p>Requests without PASID use RID_PASID 0, which is never given to anybody. A device has a context entry while one of its
 * routes leads somewhere; whatever has no entry is blocked.
 *
 * <p>One thread at a time. The hardware may translate at every moment: see {@link DriverMemory} for how structures change
 * under its eyes.
 */
public final class VtdDriver implements IommuDriver {
    private static final int RID_PASID = 0;

    private record Route(int sourceId, int pasid) {}

    private final VtdHardware hardware;
    private final VtdCapabilities capabilities;
    private final TableShapes shapes;
    private final DriverMemory memory;
    private final DomainIds domainIds;
    private final ContextTables contexts;
    private final Map<Integer, PasidTables> pasidTables = new HashMap<>(); // scalable mode, by source id
    private final Map<Route, Destination> destinations = new LinkedHashMap<>();

    /** Takes over a unit and turns translation on: everything is blocked. ENOMEM. */
    public VtdDriver(VtdHardware hardware, PhysicalMemory memory, FrameAllocator frames, Readers readers) {
        this(hardware, new DriverMemory(memory, frames, readers));
    }

    VtdDriver(VtdHardware hardware, DriverMemory memory) {
        this.hardware = hardware;
        this.capabilities = hardware.capabilities();
        this.shapes = new TableShapes(capabilities);
        this.memory = memory;
        this.domainIds = new DomainIds(Math.min(capabilities.domainIdBits(), 16));
        this.contexts = new ContextTables(this.memory, capabilities.scalable());
        int mode = capabilities.scalable() ? Rtaddr.SCALABLE : Rtaddr.LEGACY;
        write("RTADDR", Rtaddr.RTA.address(contexts.root()) | Rtaddr.TTM.of(mode));
        write("GCMD", Gcmd.SRTP.mask());
        write("GCMD", Gcmd.TE.mask());
    }

    private void write(String register, long value) {
        SequencedMap<String, Long> one = new LinkedHashMap<>();
        one.put(register, value);
        hardware.write(one);
    }

    @Override
    public TableShape tableShape(@Nullable String format, @Nullable Integer addressWidth) {
        return shapes.tableShape(format, addressWidth);
    }

    @Override
    public UserTable userTable(String format, @Nullable Integer addressWidth, long root) {
        return shapes.userTable(format, addressWidth, root);
    }

    @Override
    public void attach(Requester requester, int pasid, Destination destination) {
        check(requester, pasid, destination);
        var route = new Route(requester.sourceId(), pasid);
        var before = destinations.get(route);
        if (destination.equals(before)) {
            return;
        }
        int domainId = switch (destination) {
            case Destination.Paged(var table) -> domainIds.use(table);
            case Destination.Nested nested -> domainIds.use(nested.domain());
            case Destination.PassThrough() -> DomainIds.PASS_THROUGH;
        };
        try {
            if (capabilities.scalable()) {
                attachScalable(requester, pasid, pasidEntry(destination, domainId), before != null);
            } else {
                attachLegacy(requester.sourceId(), contextEntry(destination, domainId), before != null);
            }
        } catch (RefusedException refused) {
            release(destination);
            throw refused;
        }
        destinations.put(route, destination);
        if (before != null) {
            release(before);
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
        try {
            contexts.add(requester.sourceId(), scalableContextEntry(requester, pasidBits, tables));
        } catch (RefusedException refused) {
            tables.remove(pasid);
            tables.close();
            throw refused;
        }
        pasidTables.put(requester.sourceId(), tables);
    }

    private void attachLegacy(int sourceId, long[] entry, boolean replace) {
        if (replace) {
            contexts.replace(sourceId, entry);
        } else {
            contexts.add(sourceId, entry);
        }
    }

    @Override
    public void detach(Requester requester, int pasid) {
        var destination = destinations.remove(new Route(requester.sourceId(), pasid));
        if (destination == null) {
            return;
        }
        if (capabilities.scalable()) {
            detachScalable(requester.sourceId(), pasid == DmaRequest.NO_PASID ? RID_PASID : pasid);
        } else {
            contexts.remove(requester.sourceId());
        }
        release(destination);
    }

    private void detachScalable(int sourceId, int pasid) {
        var tables = pasidTables.get(sourceId);
        if (tables == null) {
            return;
        }
        tables.remove(pasid);
        if (tables.isEmpty()) {
            contexts.remove(sourceId);
            tables.close();
            pasidTables.remove(sourceId);
        }
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
                        | PasidTableEntry.FSPTPTR.address(nested.table().root());
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

    private static long secondStage(IoPageTable table) {
        return PasidTableEntry.AW.of(table.format().levels() - 2) | PasidTableEntry.SSPTPTR.address(table.root());
    }

    private long[] scalableContextEntry(Requester requester, int pasidBits, PasidTables tables) {
        var words = new long[ScalableContextEntry.SIZE / Long.BYTES];
        boolean ats = requester.ats() && capabilities.has(Ecap.DT);
        words[0] = ScalableContextEntry.P.of(1)
                | (ats ? ScalableContextEntry.DTE.mask() : 0)
                | (pasidBits > 0 ? ScalableContextEntry.PASIDE.mask() : 0)
                | (ats && requester.pri() && capabilities.has(Ecap.PRS) ? ScalableContextEntry.PRE.mask() : 0)
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
    public void close() {
        for (var route : List.copyOf(destinations.keySet())) {
            detach(new Requester(route.sourceId(), 0, false, false), route.pasid());
        }
        write("GCMD", 0);
        memory.await();
        contexts.close();
    }
}
