package dev.ioasid.iommu.smmuv3;

import dev.ioasid.iommu.CacheGeometry;
import dev.ioasid.iommu.CacheSummary;
import dev.ioasid.iommu.CachedEntry;
import dev.ioasid.iommu.DeviceTlb;
import dev.ioasid.iommu.Requester;
import dev.ioasid.iommu.Rid;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The devices behind a unit: which RID has which StreamID, and what those with ATS remember (their ATC). A StreamID that no device has
 * been given is that of the RID with the same bits.
 *
 * <p>Any thread may look up; changes are made one at a time, by whoever holds the object's lock, to a new copy.
 */
final class Requesters {
    private static final String NAME = "device-tlb-";
    /** Not said, as on a VT-d unit, which has no other. */
    private static final String FIRST_SEGMENT = "0000:";

    private static final int[] PAGE_SHIFTS = {12, 14, 16, 21, 25, 29, 30, 42};

    private record Entry(Requester requester, @Nullable DeviceTlb atc) {}

    private final CacheGeometry geometry;
    /** By StreamID. */
    private volatile Entry[] entries = {};

    private volatile boolean anyAts;

    Requesters(CacheGeometry geometry) {
        this.geometry = geometry;
    }

    synchronized void add(Requester requester) {
        var atc = requester.ats() ? new DeviceTlb(requester.rid(), geometry, PAGE_SHIFTS) : null;
        var kept = without(requester.sourceId());
        kept.add(new Entry(requester, atc));
        publish(kept);
    }

    synchronized void remove(int streamId) {
        publish(without(streamId));
    }

    private ArrayList<Entry> without(int streamId) {
        var kept = new ArrayList<Entry>();
        for (var entry : entries) {
            if (entry.requester.sourceId() != streamId) {
                kept.add(entry);
            }
        }
        return kept;
    }

    private void publish(List<Entry> all) {
        var sorted = all.stream()
                .sorted(Comparator.comparingLong(entry -> Integer.toUnsignedLong(entry.requester.sourceId())))
                .toArray(Entry[]::new);
        entries = sorted;
        anyAts = all.stream().anyMatch(entry -> entry.atc != null);
    }

    private @Nullable Entry find(int streamId) {
        var sorted = entries;
        int low = 0;
        int high = sorted.length - 1;
        while (low <= high) {
            int middle = low + high >>> 1;
            int order = Integer.compareUnsigned(sorted[middle].requester.sourceId(), streamId);
            if (order == 0) {
                return sorted[middle];
            }
            if (order < 0) {
                low = middle + 1;
            } else {
                high = middle - 1;
            }
        }
        return null;
    }

    /** The ATC of a device; null if it has none. */
    @Nullable
    DeviceTlb atc(int streamId) {
        if (!anyAts) {
            return null;
        }
        var entry = find(streamId);
        return entry == null ? null : entry.atc;
    }

    int streamId(Rid rid) {
        for (var entry : entries) {
            if (entry.requester.rid().equals(rid)) {
                return entry.requester.sourceId();
            }
        }
        return rid.sourceId();
    }

    Rid rid(int streamId) {
        var entry = find(streamId);
        return entry == null ? Rid.ofSourceId(streamId >>> 16, streamId & 0xffff) : entry.requester.rid();
    }

    List<CacheSummary> summaries() {
        var summaries = new ArrayList<CacheSummary>();
        for (var entry : entries) {
            if (entry.atc != null) {
                summaries.add(entry.atc.summary(name(entry)));
            }
        }
        return summaries;
    }

    private static String name(Entry entry) {
        var rid = entry.requester.rid().toString();
        return NAME + (rid.startsWith(FIRST_SEGMENT) ? rid.substring(FIRST_SEGMENT.length()) : rid);
    }

    /** Null if there is none of this name. */
    @Nullable
    List<CachedEntry> contents(String name) {
        for (var entry : entries) {
            if (entry.atc != null && name.equals(name(entry))) {
                return entry.atc.contents();
            }
        }
        return null;
    }
}
