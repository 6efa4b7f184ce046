package dev.ioasid.iommu.smmuv3;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Destination;
import dev.ioasid.iommu.Invalidation;
import dev.ioasid.pagetable.IoPageTable;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * By which commands it is forgotten what a route's requests were answered. IHI 0070, sections 3.17, 4.3 and 4.4.
 *
 * @param to where they are gathered
 */
record StreamInvalidations(SmmuCapabilities capabilities, Led led, boolean ats, Forgetting to) {
    private static final long ALL = -1;

    /**
     * The route leads there no longer, and the unit has forgotten the STE and the CD.
     *
     * @param lastOfAsid no route is left that the ASID of its table stands for
     * @param lastOfVmid no route is left that the VMID of its stage 2 stands for
     */
    void routeGone(boolean lastOfAsid, boolean lastOfVmid) {
        if (lastOfVmid) {
            to.inUnit(Commands.tlbiS12Vmall(led.vmid()));
        } else if (led.isNested()) {
            to.inUnit(Commands.tlbiNhAll(led.vmid())); // what is global in the user's tables has no ASID
        } else if (lastOfAsid) {
            to.inUnit(Commands.tlbiNhAsid(0, led.asid()));
        }
        inDevice(0, ALL);
    }

    /** Pages of a table that the service keeps have changed: the route's own, or the one that it is nested on. */
    void pagesChanged(IoPageTable table, long first, long last, boolean leavesOnly) {
        int granuleShift = table.format().granuleShift();
        if (led.secondStage() == table) {
            to.inUnit(TlbiRanges.of(
                    capabilities,
                    granuleShift,
                    first,
                    last,
                    (address, range) -> Commands.tlbiS2Ipa(led.vmid(), address, range, leavesOnly),
                    Commands.tlbiS12Vmall(led.vmid())));
        } else {
            to.inUnit(stage1(granuleShift, first, last, leavesOnly, Commands.tlbiNhAsid(0, led.asid())));
        }
        if (led.isNested()) {
            to.combined(Commands.tlbiNhAll(led.vmid())); // known by the addresses of stage 1 alone
            if (led.namesPasids()) {
                to.combined(Commands.cfgiCdAll(led.streamId())); // CDs have been read through the stage 2
            }
            inDevice(0, ALL);
        } else {
            inDevice(first, last);
        }
    }

    private List<long[]> stage1(int granuleShift, long first, long last, boolean leavesOnly, long[] all) {
        return TlbiRanges.of(
                capabilities,
                granuleShift,
                first,
                last,
                (address, range) -> Commands.tlbiNhVa(led.vmid(), led.asid(), address, range, leavesOnly),
                all);
    }

    /** What the device was answered; of a stream whose PASIDs the user says, for all of them if it is everything. */
    private void inDevice(long first, long last) {
        if (!ats) {
            return;
        }
        int streamId = led.streamId();
        if (first == 0 && last == ALL) {
            to.inDevice(streamId, Commands.atcInv(streamId, led.pasid(), false, 0, Commands.EVERY_PAGE));
            if (led.namesPasids()) {
                to.inDevice(streamId, Commands.atcInv(streamId, 0, true, 0, Commands.EVERY_PAGE));
            }
        } else {
            to.inDevice(streamId, Commands.atcInvCovering(streamId, led.pasid(), first, last));
        }
    }

    /** What a user asks for, who keeps the table of the route or has changed something about it. EOPNOTSUPP: there is no device-TLB. */
    void asked(Invalidation what) {
        if (what.caches().contains(Invalidation.Cache.PASID)) {
            configuration(what);
        }
        if (what.caches().contains(Invalidation.Cache.IOTLB)) {
            tlb(what);
        }
        if (what.caches().contains(Invalidation.Cache.DEV_IOTLB)) {
            if (!ats) {
                throw new RefusedException(
                        Errno.EOPNOTSUPP, "the device has no device-TLB: ATS is off", Map.of("capability", "ats"));
            }
            askedInDevice(what);
        }
    }

    /** The same of a table that the service keeps. Devices without ATS have nothing to forget. */
    void askedOfTable(IoPageTable table, Invalidation what) {
        if (what.caches().contains(Invalidation.Cache.PASID)) {
            configuration(what);
        }
        if (what.caches().contains(Invalidation.Cache.IOTLB)) {
            if (!led.isNested()) {
                tlb(what);
            } else if (what.granularity() == Invalidation.Granularity.RANGE) {
                new StreamInvalidations(capabilities, led, false, to)
                        .pagesChanged(table, what.first(), what.last(), what.leavesOnly());
            } else {
                to.inUnit(Commands.tlbiS12Vmall(led.vmid()));
            }
        }
        if (what.caches().contains(Invalidation.Cache.DEV_IOTLB)) {
            askedInDevice(
                    led.isNested()
                            ? new Invalidation(what.caches(), Invalidation.Granularity.DEVICE, 0, ALL, false)
                            : what);
        }
    }

    private void askedInDevice(Invalidation what) {
        switch (what.granularity()) {
            case RANGE -> inDevice(what.first(), what.last());
            case PASID, DEVICE -> inDevice(0, ALL);
        }
    }

    /** CDs, or where the route has none, the STE. */
    private void configuration(Invalidation what) {
        if (!led.hasCd() && !led.namesPasids()) {
            to.inUnit(Commands.cfgiSte(led.streamId(), true));
        } else if (what.granularity() == Invalidation.Granularity.DEVICE) {
            to.inUnit(Commands.cfgiCdAll(led.streamId()));
        } else {
            to.inUnit(Commands.cfgiCd(led.streamId(), led.substreamId(), false));
        }
    }

    private void tlb(Invalidation what) {
        boolean range = what.granularity() == Invalidation.Granularity.RANGE;
        switch (led.destination()) {
            case Destination.Paged(var table) -> {
                boolean second = led.secondStage() != null;
                long[] all = second ? Commands.tlbiS12Vmall(led.vmid()) : Commands.tlbiNhAsid(0, led.asid());
                if (!range) {
                    to.inUnit(all);
                } else if (second) {
                    to.inUnit(TlbiRanges.of(
                            capabilities,
                            table.format().granuleShift(),
                            what.first(),
                            what.last(),
                            (address, pages) -> Commands.tlbiS2Ipa(led.vmid(), address, pages, what.leavesOnly()),
                            all));
                } else {
                    to.inUnit(stage1(table.format().granuleShift(), what.first(), what.last(), what.leavesOnly(), all));
                }
            }
            case Destination.Nested nested -> {
                long[] all = Commands.tlbiNhAll(led.vmid());
                if (nested.table().namesPasids()) {
                    to.inUnit(
                            range
                                    ? TlbiRanges.of(
                                            capabilities,
                                            0,
                                            what.first(),
                                            what.last(),
                                            (address, pages) ->
                                                    Commands.tlbiNhVaa(led.vmid(), address, pages, what.leavesOnly()),
                                            all)
                                    : List.of(all));
                } else if (range) {
                    int granuleShift = Long.numberOfTrailingZeros(
                            Objects.requireNonNull(nested.table().granule()));
                    to.inUnit(stage1(granuleShift, what.first(), what.last(), what.leavesOnly(), all));
                } else {
                    to.inUnit(
                            what.granularity() == Invalidation.Granularity.PASID
                                    ? Commands.tlbiNhAsid(led.vmid(), led.asid())
                                    : all);
                }
            }
            case Destination.PassThrough() -> {} // nothing is translated, and nothing kept
        }
    }
}
