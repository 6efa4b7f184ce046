package dev.ioasid.iommu.smmuv3;

import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.DriverMemory;
import dev.ioasid.iommu.DriverRegisters;
import dev.ioasid.iommu.PageRequest;
import dev.ioasid.iommu.Requester;
import dev.ioasid.iommu.Rid;
import dev.ioasid.pagetable.IoPageTable;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The streams of the devices that the driver knows, and what exists for their sake: the places of their CDs, and the PRI queue, which is
 * there, and on, while one of them has PRI. Before that the unit answers page requests by itself.
 *
 * <p><b>Where CDs lie.</b> Behind a stage 2, the hardware reads CDs through it. Those of a user's page table, which the driver writes, are
 * mapped at the top of the parent's space while the bind lasts, and read-only: see {@link CdPlace.TopOfParent}.
 *
 * <p>Not safe for several threads: {@link SmmuDriver} calls under its lock.
 */
final class Streams {
    private final SmmuCapabilities capabilities;
    private final DriverRegisters registers;
    private final DriverMemory memory;
    private final CommandWriter queue;
    private final StreamTableWriter table;
    private final CdPlace physical;
    private final Map<IoPageTable, CdPlace.TopOfParent> tops = new IdentityHashMap<>(); // by parent
    private final TreeMap<Integer, StreamWriter> streams = new TreeMap<>(); // by StreamID
    /** Null as long as no device asks for pages. */
    private @Nullable PriReader pageRequests;

    Streams(
            SmmuCapabilities capabilities,
            DriverRegisters registers,
            DriverMemory memory,
            CommandWriter queue,
            StreamTableWriter table) {
        this.capabilities = capabilities;
        this.registers = registers;
        this.memory = memory;
        this.queue = queue;
        this.table = table;
        this.physical = new CdPlace.Physical(memory);
    }

    @Nullable
    StreamWriter get(int streamId) {
        return streams.get(streamId);
    }

    /** Null: it leads nowhere. */
    @Nullable
    Led route(int streamId, int pasid) {
        var stream = streams.get(streamId);
        return stream == null ? null : stream.route(pasid);
    }

    void forEachRoute(Consumer<Led> visitor) {
        streams.values().forEach(stream -> stream.routes().forEach(visitor));
    }

    List<Integer> ids() {
        return List.copyOf(streams.keySet());
    }

    /** Of a device that is not known the RID with the same bits. */
    Rid rid(int streamId) {
        var stream = streams.get(streamId);
        return stream == null
                ? Rid.ofSourceId(streamId >>> 16, streamId & 0xffff)
                : stream.requester().rid();
    }

    /** Leads a route, the first of its stream or another, in place of the one before if there is one. ENOMEM, EBUSY; then nothing has changed. */
    void lead(Led led, boolean ats) {
        var known = streams.get(led.streamId());
        var stream = known != null ? known : new StreamWriter(capabilities, memory, queue, table, led.requester());
        try {
            if (pageRequests == null && hasPri(led.requester())) {
                pageRequests = new PriReader(registers, memory, capabilities.pageRequestQueueBits());
            }
            stream.lead(led, place(led), ats);
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

    private CdPlace place(Led led) {
        var parent = led.secondStage();
        return parent == null
                ? physical
                : tops.computeIfAbsent(parent, unused -> new CdPlace.TopOfParent(memory, parent));
    }

    /** Blocks a route of a stream. */
    void block(StreamWriter stream, int pasid, boolean ats) {
        stream.block(pasid, ats);
        tops.values().removeIf(CdPlace.TopOfParent::isEmpty);
    }

    /** Takes a stream out, which is its caller's to close then. Null: there is none. */
    @Nullable
    StreamWriter remove(int streamId) {
        return streams.remove(streamId);
    }

    // ---- page requests

    private boolean hasPri(Requester requester) {
        return requester.pri() && capabilities.pri();
    }

    void closePageRequestsIfUnused() {
        boolean used = streams.values().stream().anyMatch(stream -> hasPri(stream.requester()));
        if (pageRequests != null && !used) {
            pageRequests.close();
            pageRequests = null;
        }
    }

    List<PageRequest> takePageRequests() {
        return pageRequests == null ? List.of() : pageRequests.take(this::rid);
    }
}
