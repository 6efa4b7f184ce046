package dev.ioasid.iommu.smmuv3;

import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.DriverMemory;
import dev.ioasid.iommu.Requester;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * One stream: its STE, its CDs, and the routes that they lead.
 *
 * <p>A route's CD is written before the STE leads to it, and taken away when the STE does no longer.
 *
 * <p>Not safe for several threads: {@link SmmuDriver} calls under its lock.
 */
final class StreamWriter {
    private final SmmuCapabilities capabilities;
    private final DriverMemory memory;
    private final CommandWriter queue;
    private final StreamTableWriter table;
    private final StreamEntries entries;
    private final Requester requester;
    private final int streamId;
    private TreeMap<Integer, Led> routes = new TreeMap<>(); // by PASID
    private @Nullable CdTableWriter cds;

    /** A stream whose STE aborts everything. ENOMEM. */
    StreamWriter(
            SmmuCapabilities capabilities,
            DriverMemory memory,
            CommandWriter queue,
            StreamTableWriter table,
            Requester requester) {
        this.capabilities = capabilities;
        this.memory = memory;
        this.queue = queue;
        this.table = table;
        this.entries = new StreamEntries(capabilities);
        this.requester = requester;
        this.streamId = requester.sourceId();
        table.add(streamId);
        table.write(streamId, StreamEntries.abort());
    }

    Requester requester() {
        return requester;
    }

    Collection<Led> routes() {
        return routes.values();
    }

    @Nullable
    Led route(int pasid) {
        return routes.get(pasid);
    }

    /**
     * Leads a route, in place of the one before if there is one. ENOMEM, EBUSY; then nothing has changed.
     *
     * @param place where its CD goes, if it has one: the same for all routes of a stream
     */
    void lead(Led led, CdPlace place, boolean ats) {
        var after = new TreeMap<>(routes);
        after.put(led.pasid(), led);
        var before = cds;
        var next = led.hasCd() ? withCd(led, place) : anyHasCd(after) ? before : null;
        try {
            table.write(streamId, ste(after, next, ats));
        } catch (RefusedException refused) {
            if (next != null && next != before) {
                next.close();
            } else if (next != null && led.hasCd()) {
                next.remove(led.substreamId()); // it was not there before: replacing one needs no memory but for the CD
            }
            throw refused;
        }
        become(after, next, led.pasid());
    }

    /** The table of CDs with that of a route in it: the one there is, or another if its place is another. */
    private CdTableWriter withCd(Led led, CdPlace place) {
        if (cds != null && cds.place().equals(place)) {
            cds.put(led.substreamId(), entries.cd(led));
            return cds;
        }
        int bits = Math.min(requester.pasidBits(), capabilities.ssidBits());
        var table = new CdTableWriter(memory, queue, streamId, place, bits, capabilities.twoLevelCd());
        try {
            table.put(led.substreamId(), entries.cd(led));
        } catch (RefusedException refused) {
            table.close();
            throw refused;
        }
        return table;
    }

    private static boolean anyHasCd(TreeMap<Integer, Led> routes) {
        return routes.values().stream().anyMatch(Led::hasCd);
    }

    private long[] ste(TreeMap<Integer, Led> after, @Nullable CdTableWriter next, boolean ats) {
        return entries.ste(after.values(), after.get(DmaRequest.NO_PASID), next, ats);
    }

    /** What it can take to have a route again as it is, see {@link dev.ioasid.iommu.IommuDriver#wayBack}. */
    List<Long> wayBack(int pasid) {
        var led = routes.get(pasid);
        var pieces = new ArrayList<>(table.needed());
        if (cds != null && led != null && led.hasCd()) {
            pieces.addAll(cds.needed(led.substreamId()));
        }
        return List.copyOf(pieces);
    }

    /** Blocks a route. */
    void block(int pasid, boolean ats) {
        var after = new TreeMap<>(routes);
        after.remove(pasid);
        var next = anyHasCd(after) ? cds : null;
        table.write(
                streamId, ste(after, next, ats)); // one word of what the hardware looks at changes: no memory is needed
        become(after, next, pasid);
    }

    /** The STE has been written: what it leads to no longer goes. */
    private void become(TreeMap<Integer, Led> after, @Nullable CdTableWriter next, int pasid) {
        var before = cds;
        var led = after.get(pasid);
        int substreamId = pasid == DmaRequest.NO_PASID ? 0 : pasid;
        if (next != null) {
            next.settled();
            if ((led == null || !led.hasCd()) && next.has(substreamId)) {
                next.remove(substreamId);
            }
        }
        if (before != null && before != next) {
            before.close();
        }
        routes = after;
        cds = next;
    }

    /** Has the unit refuse the device's translation requests from now on. */
    void takeAts() {
        var words = table.read(streamId);
        words[1] = words[1] & ~Ste.EATS.mask() | Ste.EATS.of(Ste.EATS_ABORT);
        table.write(streamId, words);
    }

    /** Takes the STE away. No route is led. */
    void close() {
        table.remove(streamId);
    }
}
