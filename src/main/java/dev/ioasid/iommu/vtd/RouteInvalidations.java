package dev.ioasid.iommu.vtd;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Destination;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Invalidation;
import dev.ioasid.iommu.Requester;
import dev.ioasid.memory.PhysicalMemory;
import dev.ioasid.pagetable.Walked;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The descriptors by which what a route's requests were answered is forgotten, in the order that VT-d 5.10, section 6.5.3.3 wants: context,
 * PASID, IOTLB, device-TLB.
 *
 * @param pasid {@link DmaRequest#NO_PASID}: requests without PASID, whose entry is that of {@code ridPasid}
 * @param domain domain id of the entry
 */
record RouteInvalidations(
        VtdCapabilities capabilities,
        Requester requester,
        int pasid,
        int ridPasid,
        Destination destination,
        int domain,
        boolean ats) {
    /** A range of more blocks is not worth it: the whole domain is forgotten. */
    static final int MOST_BLOCKS = 64;

    /** Where no capability limits blocks, the whole space may be one: a range has 104 at most. */
    private static final int LARGEST_ORDER = Long.SIZE - PhysicalMemory.PAGE_SHIFT;

    private int effectivePasid() {
        return pasid == DmaRequest.NO_PASID ? ridPasid : pasid;
    }

    /** Which kind of entry it is: PGTT. */
    private boolean isSecondStage() {
        return destination instanceof Destination.Paged(var table)
                && table.format().stage() == Walked.Stage.SECOND;
    }

    private boolean isNested() {
        return destination instanceof Destination.Nested;
    }

    /** The PASID table entry, or in legacy mode the context entry, has been taken away or replaced. */
    List<long[]> entryGone() {
        var descriptors = new ArrayList<long[]>();
        if (capabilities.scalable()) {
            descriptors.add(PasidCacheDescriptor.pasid(domain, effectivePasid()));
        } else {
            descriptors.add(ContextDescriptor.device(requester.sourceId(), domain));
        }
        if (!capabilities.scalable() || isSecondStage() || isNested()) {
            descriptors.add(IotlbDescriptor.domain(domain));
        } else {
            descriptors.add(PasidIotlbDescriptor.all(domain, effectivePasid()));
        }
        addDeviceTlb(descriptors, AtsRange.ALL);
        return descriptors;
    }

    /** The device's context entry has been taken away, after its last PASID table entry. */
    List<long[]> contextGone() {
        var descriptors = new ArrayList<long[]>();
        descriptors.add(ContextDescriptor.device(requester.sourceId(), domain));
        descriptors.add(PasidCacheDescriptor.domain(domain));
        descriptors.add(IotlbDescriptor.domain(domain));
        if (ats) {
            descriptors.add(DeviceTlbDescriptor.of(requester.sourceId(), AtsRange.ALL));
        }
        return descriptors;
    }

    /** In caching mode: an entry is there now, of which may be remembered that it was not. */
    List<long[]> entryCame(boolean contextCame) {
        var descriptors = new ArrayList<long[]>();
        if (contextCame || !capabilities.scalable()) {
            descriptors.add(ContextDescriptor.device(requester.sourceId(), 0));
        }
        if (capabilities.scalable()) {
            descriptors.add(PasidCacheDescriptor.pasid(0, effectivePasid()));
        }
        descriptors.add(IotlbDescriptor.domain(0));
        return descriptors;
    }

    /** Pages of the table that the service keeps have changed: the route's own, or the parent that its table is nested on. */
    List<long[]> pagesChanged(long first, long last, boolean leavesOnly) {
        var descriptors = new ArrayList<long[]>();
        boolean byDomain = isSecondStage() || isNested();
        if (byDomain) {
            addDomainPages(descriptors, first, last, leavesOnly);
        } else {
            addPasidPages(descriptors, first, last, leavesOnly);
        }
        return descriptors;
    }

    /** The same, in the device. What a nested page's address was in the parent, the device does not know: it forgets all. */
    List<long[]> pagesChangedInDevice(long first, long last) {
        var descriptors = new ArrayList<long[]>();
        if (isNested()) {
            addDeviceTlb(descriptors, AtsRange.ALL);
        } else {
            addDeviceTlbPages(descriptors, first, last);
        }
        return descriptors;
    }

    private void addDomainPages(List<long[]> descriptors, long first, long last, boolean leavesOnly) {
        boolean byPage = capabilities.hasCap(Cap.PSI);
        var blocks = PageBlocks.of(first, last, (int) Cap.MAMV.get(capabilities.cap()), MOST_BLOCKS);
        if (!byPage || blocks.size() > MOST_BLOCKS) {
            descriptors.add(IotlbDescriptor.domain(domain));
            return;
        }
        for (var block : blocks) {
            descriptors.add(IotlbDescriptor.pages(domain, block.address(), block.order(), leavesOnly));
        }
    }

    private void addPasidPages(List<long[]> descriptors, long first, long last, boolean leavesOnly) {
        for (var block : PageBlocks.of(first, last, LARGEST_ORDER, Integer.MAX_VALUE)) {
            descriptors.add(
                    PasidIotlbDescriptor.pages(domain, effectivePasid(), block.address(), block.order(), leavesOnly));
        }
    }

    private void addDeviceTlbPages(List<long[]> descriptors, long first, long last) {
        for (var block : PageBlocks.of(first, last, LARGEST_ORDER, Integer.MAX_VALUE)) {
            addDeviceTlb(descriptors, new AtsRange(block.address(), block.last()));
        }
    }

    private void addDeviceTlb(List<long[]> descriptors, AtsRange range) {
        if (ats) {
            descriptors.add(
                    pasid == DmaRequest.NO_PASID
                            ? DeviceTlbDescriptor.of(requester.sourceId(), range)
                            : PasidDeviceTlbDescriptor.of(requester.sourceId(), pasid, range));
        }
    }

    /** What a user asks for, who keeps the table of the route or has changed something about it. */
    List<long[]> asked(Invalidation what) {
        var descriptors = new ArrayList<long[]>();
        if (what.caches().contains(Invalidation.Cache.PASID)) {
            addPasidCache(descriptors, what);
        }
        if (what.caches().contains(Invalidation.Cache.IOTLB)) {
            addIotlb(descriptors, what);
        }
        if (what.caches().contains(Invalidation.Cache.DEV_IOTLB)) {
            if (!ats) {
                throw new RefusedException(
                        Errno.EOPNOTSUPP, "the device has no device-TLB: ATS is off", Map.of("capability", "ats"));
            }
            switch (what.granularity()) {
                case RANGE -> addDeviceTlbPages(descriptors, what.first(), what.last());
                case PASID, DEVICE -> addDeviceTlb(descriptors, AtsRange.ALL);
            }
        }
        return descriptors;
    }

    /**
     * What a user asks for of a table that the service keeps: of its own routes, and of those nested on it all that their domains have,
     * since a nested translation is known by the first stage's addresses only. Devices without ATS have nothing to forget.
     */
    List<long[]> askedOfTable(Invalidation what) {
        var descriptors = new ArrayList<long[]>();
        if (what.caches().contains(Invalidation.Cache.PASID)) {
            addPasidCache(descriptors, what);
        }
        if (what.caches().contains(Invalidation.Cache.IOTLB)) {
            if (!isNested()) {
                addIotlb(descriptors, what);
            } else if (what.granularity() == Invalidation.Granularity.RANGE) {
                addDomainPages(descriptors, what.first(), what.last(), what.leavesOnly());
            } else {
                descriptors.add(IotlbDescriptor.domain(domain));
            }
        }
        if (what.caches().contains(Invalidation.Cache.DEV_IOTLB)) {
            boolean range = what.granularity() == Invalidation.Granularity.RANGE;
            descriptors.addAll(range ? pagesChangedInDevice(what.first(), what.last()) : pagesChangedInDevice(0, -1));
        }
        return descriptors;
    }

    private void addPasidCache(List<long[]> descriptors, Invalidation what) {
        if (!capabilities.scalable()) {
            throw new RefusedException(
                    Errno.EOPNOTSUPP, "this unit has no PASID cache", Map.of("capability", "scalable"));
        }
        descriptors.add(
                what.granularity() == Invalidation.Granularity.DEVICE
                        ? PasidCacheDescriptor.domain(domain)
                        : PasidCacheDescriptor.pasid(domain, effectivePasid()));
    }

    private void addIotlb(List<long[]> descriptors, Invalidation what) {
        boolean byDomain = isSecondStage() || !capabilities.scalable();
        boolean byPage = byDomain || destination instanceof Destination.PassThrough;
        switch (what.granularity()) {
            case DEVICE -> descriptors.add(IotlbDescriptor.domain(domain));
            case PASID ->
                descriptors.add(
                        byDomain ? IotlbDescriptor.domain(domain) : PasidIotlbDescriptor.all(domain, effectivePasid()));
            case RANGE -> {
                if (byPage) {
                    addDomainPages(descriptors, what.first(), what.last(), what.leavesOnly());
                } else {
                    addPasidPages(descriptors, what.first(), what.last(), what.leavesOnly());
                }
            }
        }
    }
}
