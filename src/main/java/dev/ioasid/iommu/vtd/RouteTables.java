package dev.ioasid.iommu.vtd;

import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Destination;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.DriverMemory;
import dev.ioasid.iommu.DriverRegisters;
import dev.ioasid.iommu.PageRequest;
import dev.ioasid.iommu.Requester;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The tables by which a request is led: root and context tables, in scalable mode PASID directories and PASID tables, with an entry for
 * each route that leads somewhere; and the page request queue, which is there while there is a device that may ask for pages, from the
 * first attachment of one on.
 *
 * <p>Not safe for several threads: {@link VtdDriver} calls under its lock, and has the unit forget what is changed here.
 */
final class RouteTables {
    private final VtdCapabilities capabilities;
    private final DriverRegisters registers;
    private final DriverMemory memory;
    private final RouteEntries entries;
    private final ContextTables contexts;
    private final Map<Integer, PasidTables> pasidTables = new HashMap<>(); // scalable mode, by source id
    /** Devices that may ask for pages, or might while one of their routes led somewhere, by source id. */
    private final Set<Integer> asking = new HashSet<>();
    /** Null while there is none of them. */
    private @Nullable PageRequestReader pageRequests;

    /** An empty root table: everything is blocked. ENOMEM. */
    RouteTables(VtdCapabilities capabilities, DriverRegisters registers, DriverMemory memory) {
        this.capabilities = capabilities;
        this.registers = registers;
        this.memory = memory;
        this.entries = new RouteEntries(capabilities);
        this.contexts = new ContextTables(memory, capabilities.scalable());
    }

    long root() {
        return contexts.root();
    }

    /** Whether a device has PASID tables, and a context entry that leads to them. */
    boolean hasDevice(int sourceId) {
        return pasidTables.containsKey(sourceId);
    }

    /**
     * Leads a route. ENOMEM; then nothing has changed.
     *
     * @param requester with ATS and PRI as the unit is to let them be
     * @param domain of the entry
     * @param replace the route leads somewhere already
     */
    void lead(Requester requester, int pasid, Destination destination, int domain, boolean replace) {
        int sourceId = requester.sourceId();
        if (!capabilities.scalable()) {
            leadContext(sourceId, entries.context(destination, domain), replace);
            return;
        }
        var entry = entries.pasid(destination, domain);
        var tables = pasidTables.get(sourceId);
        if (tables == null) {
            addDevice(requester, effective(pasid), entry);
        } else if (replace) {
            tables.replace(effective(pasid), entry);
        } else {
            tables.add(effective(pasid), entry);
        }
    }

    private static int effective(int pasid) {
        return pasid == DmaRequest.NO_PASID ? RouteEntries.RID_PASID : pasid;
    }

    private void leadContext(int sourceId, long[] entry, boolean replace) {
        if (replace) {
            contexts.replace(sourceId, entry);
        } else {
            contexts.add(sourceId, entry);
        }
    }

    /** The first route of a device: directory, PASID table and context entry, all or nothing. */
    private void addDevice(Requester requester, int pasid, long[] entry) {
        var tables = new PasidTables(memory, Math.min(requester.pasidBits(), capabilities.pasidBits()));
        try {
            tables.add(pasid, entry);
        } catch (RefusedException refused) {
            tables.close();
            throw refused;
        }
        boolean firstToAsk = requester.pri() && asking.isEmpty();
        try {
            if (firstToAsk) {
                pageRequests = new PageRequestReader(registers, memory);
            }
            contexts.add(requester.sourceId(), RouteEntries.scalableContext(requester, tables));
        } catch (RefusedException refused) {
            if (firstToAsk) {
                closePageRequests();
            }
            tables.remove(pasid);
            tables.close();
            throw refused;
        }
        pasidTables.put(requester.sourceId(), tables);
        if (requester.pri()) {
            asking.add(requester.sourceId());
        }
    }

    /** Empties the entry of a route. */
    void block(int sourceId, int pasid) {
        if (capabilities.scalable()) {
            tables(sourceId).remove(effective(pasid));
        } else {
            contexts.remove(sourceId);
        }
    }

    private PasidTables tables(int sourceId) {
        return Objects.requireNonNull(pasidTables.get(sourceId));
    }

    /** Whether a device has PASID tables, and no route that leads through them. */
    boolean isEmptied(int sourceId) {
        var tables = pasidTables.get(sourceId);
        return tables != null && tables.isEmpty();
    }

    /** Empties the context entry of a device that is emptied. */
    void blockDevice(int sourceId) {
        contexts.remove(sourceId);
    }

    /** Gives back the tables of a device, to which nothing leads any more, and which the unit has forgotten. */
    void removeDevice(int sourceId) {
        tables(sourceId).close();
        pasidTables.remove(sourceId);
    }

    /** Has the unit refuse the device's translation requests and page requests from now on. */
    void takeAts(int sourceId) {
        if (hasDevice(sourceId)) {
            contexts.clear(sourceId, ScalableContextEntry.DTE.mask() | ScalableContextEntry.PRE.mask());
        }
    }

    // ---- page requests

    List<PageRequest> takePageRequests(int segment) {
        return pageRequests == null ? List.of() : pageRequests.take(segment);
    }

    /** A device asks for no pages any more. */
    void stopAsking(int sourceId) {
        if (asking.remove(sourceId) && asking.isEmpty()) {
            closePageRequests();
        }
    }

    private void closePageRequests() {
        if (pageRequests != null) {
            pageRequests.close();
            pageRequests = null;
        }
    }

    /** Gives back what is left. The unit is off, and no route leads anywhere. */
    void close() {
        contexts.close();
        closePageRequests();
    }
}
