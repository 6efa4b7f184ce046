package dev.ioasid.iommu.vtd;

import dev.ioasid.iommu.CacheGeometry;
import dev.ioasid.iommu.CacheSummary;
import dev.ioasid.iommu.CachedEntry;
import dev.ioasid.iommu.DeviceTlb;
import dev.ioasid.iommu.Rid;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/** The device-TLBs of the devices behind a unit that have ATS on, by source id. Any thread may look one up. */
final class DeviceTlbs {
    private static final String NAME = "device-tlb-";
    private static final int BUSES = 256;
    private static final int FUNCTIONS = 256;
    /** Pages of other sizes come from translations of larger ones, which these hold. */
    private static final int[] PAGE_SHIFTS = {12, 21, 30};

    private final CacheGeometry geometry;
    private final AtomicReferenceArray<@Nullable AtomicReferenceArray<@Nullable DeviceTlb>> buses =
            new AtomicReferenceArray<>(BUSES);

    DeviceTlbs(CacheGeometry geometry) {
        this.geometry = geometry;
    }

    /** Null if the device is not there, or has no ATS. */
    @Nullable
    DeviceTlb of(int sourceId) {
        var bus = buses.get(sourceId >>> 8 & 0xff);
        return bus == null ? null : bus.get(sourceId & 0xff);
    }

    void add(int sourceId) {
        var bus = buses.get(sourceId >>> 8);
        if (bus == null) {
            bus = new AtomicReferenceArray<>(FUNCTIONS);
            buses.set(sourceId >>> 8, bus);
        }
        bus.set(sourceId & 0xff, new DeviceTlb(Rid.ofSourceId(0, sourceId), geometry, PAGE_SHIFTS));
    }

    void remove(int sourceId) {
        var bus = buses.get(sourceId >>> 8);
        if (bus != null) {
            bus.set(sourceId & 0xff, null);
        }
    }

    List<CacheSummary> summaries() {
        var summaries = new ArrayList<CacheSummary>();
        for (int sourceId = 0; sourceId < BUSES * FUNCTIONS; sourceId++) {
            if (buses.get(sourceId >>> 8) == null) {
                sourceId |= FUNCTIONS - 1;
                continue;
            }
            var tlb = of(sourceId);
            if (tlb != null) {
                summaries.add(tlb.summary(name(sourceId)));
            }
        }
        return summaries;
    }

    private static String name(int sourceId) {
        var rid = Rid.ofSourceId(0, sourceId);
        return NAME + "%02x:%02x.%x".formatted(rid.bus(), rid.device(), rid.function());
    }

    /** Null if there is none of this name. */
    @Nullable
    List<CachedEntry> contents(String name) {
        if (!name.matches(NAME + "[0-9a-f]{2}:[01][0-9a-f]\\.[0-7]")) {
            return null;
        }
        var tlb = of(Rid.parse(name.substring(NAME.length())).sourceId());
        return tlb == null ? null : tlb.contents();
    }
}
