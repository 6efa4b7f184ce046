package dev.ioasid.machine;

import dev.ioasid.iommu.IommuType;
import dev.ioasid.iommu.Requester;
import dev.ioasid.iommu.Rid;
import java.time.Duration;
import java.util.List;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** A device of a machine and its PASIDs. Changed by {@link Devices} and {@link Routes} only. */
final class Device {
    /** An allocated PASID. */
    static final class Pasid {
        private final @Nullable String name;
        private @Nullable Ioasid ioasid;

        Pasid(@Nullable String name) {
            this.name = name;
        }

        @Nullable
        String name() {
            return name;
        }

        /** Where its requests lead; null while they are blocked. */
        @Nullable
        Ioasid ioasid() {
            return ioasid;
        }
    }

    private final Rid rid;
    private final int sourceId;
    private final Group group;
    private final @Nullable String name;
    private final int pasidBits;
    private final boolean ats;
    private final boolean pri;
    private final List<ReservedRegion> reservedRegions;
    private final List<DeviceRegion> regions;
    private final TreeMap<Integer, Pasid> pasids = new TreeMap<>();
    private boolean answersInvalidations = true;
    private int pageRequestsPerGroup = 1;
    private Duration pageRequestTimeout = DeviceTraits.PAGE_REQUEST_TIMEOUT;

    Device(
            Rid rid,
            int sourceId,
            Group group,
            @Nullable String name,
            int pasidBits,
            boolean ats,
            boolean pri,
            List<ReservedRegion> reservedRegions,
            List<DeviceRegion> regions) {
        this.rid = rid;
        this.sourceId = sourceId;
        this.group = group;
        this.name = name;
        this.pasidBits = pasidBits;
        this.ats = ats;
        this.pri = pri;
        this.reservedRegions = reservedRegions;
        this.regions = regions;
    }

    Rid rid() {
        return rid;
    }

    /** By what its unit sees its requests arrive. */
    int sourceId() {
        return sourceId;
    }

    Group group() {
        return group;
    }

    Unit unit() {
        return group.unit();
    }

    @Nullable
    String name() {
        return name;
    }

    int pasidBits() {
        return pasidBits;
    }

    List<ReservedRegion> reservedRegions() {
        return reservedRegions;
    }

    /** Where it answers. */
    List<DeviceRegion> regions() {
        return regions;
    }

    TreeMap<Integer, Pasid> pasids() {
        return pasids;
    }

    /** Leads the requests of a PASID, which is allocated if it was not. */
    void leadPasid(int pasid, @Nullable Ioasid to) {
        pasids.computeIfAbsent(pasid, unnamed -> new Pasid(null)).ioasid = to;
    }

    /** Those of its routes that lead somewhere. */
    Stream<Route> routes() {
        var byPasid = pasids.entrySet().stream()
                .filter(entry -> entry.getValue().ioasid() != null)
                .map(entry -> new Route(rid, entry.getKey()));
        return attached() ? Stream.concat(Stream.of(Route.of(rid)), byPasid) : byPasid;
    }

    boolean hasAts() {
        return ats;
    }

    void setAnswersInvalidations(boolean answers) {
        this.answersInvalidations = answers;
    }

    /** Whether it asks for translations, and for pages, before it moves anything. */
    boolean asksForPages() {
        return ats && pri && unit().hardware().capabilities().pageRequests() && !hasLostAts();
    }

    /** Whether the service has taken its ATS away: it did not answer an invalidation. */
    private boolean hasLostAts() {
        var driver = unit().driver();
        return driver != null && driver.hasTakenAts(sourceId);
    }

    /** Whether its DMA may have to wait for somebody. */
    boolean waits() {
        return asksForPages() || unit().type() == IommuType.SMMUV3;
    }

    /** How many pages it asks for at once. */
    int pageRequestsPerGroup() {
        return pageRequestsPerGroup;
    }

    void setPageRequestsPerGroup(int most) {
        this.pageRequestsPerGroup = most;
    }

    /** How long it waits for a page, or stalled. */
    Duration pageRequestTimeout() {
        return pageRequestTimeout;
    }

    void setPageRequestTimeout(Duration timeout) {
        this.pageRequestTimeout = timeout;
    }

    boolean attached() {
        return group.attached().contains(rid);
    }

    Requester requester() {
        return new Requester(rid, sourceId, pasidBits, ats, pri);
    }

    DeviceSummary summary() {
        var leads = group.ioasid();
        boolean lost = hasLostAts();
        return new DeviceSummary(
                rid,
                unit().name(),
                name,
                group.number(),
                leads == null ? null : leads.id(),
                unit().type() == IommuType.SMMUV3 ? sourceId : null,
                pasidBits,
                ats && !lost,
                pri && !lost,
                answersInvalidations,
                pageRequestTimeout,
                pageRequestsPerGroup,
                reservedRegions,
                regions.stream().map(DeviceRegion::range).toList(),
                List.copyOf(pasids.keySet()));
    }
}
