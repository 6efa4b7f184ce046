package dev.ioasid.iommu.vtd;

import dev.ioasid.iommu.DeviceMessage;
import dev.ioasid.iommu.DeviceMessages;
import dev.ioasid.iommu.Disturbances;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.UnitWrites;
import dev.ioasid.memory.PhysicalMemory;
import org.jspecify.annotations.Nullable;

/**
 * What each descriptor of the invalidation queue does, and which ones are refused. VT-d 5.10, section 6.5.2.
 *
 * <p>Not safe for several threads: {@link VtdRegisters} calls under its lock. The caches it reaches may be in use at every moment.
 */
final class DescriptorEffects {
    /** No device. */
    static final int NONE = -1;

    private static final int PAGE_SHIFT = PhysicalMemory.PAGE_SHIFT;

    private final VtdCapabilities capabilities;
    private final VtdCaches caches;
    private final DeviceTlbs deviceTlbs;
    private final InvalidationEvent event;
    private final DeviceMessages messages;
    private final UnitWrites writes;
    private volatile Disturbances disturbances = Disturbances.NONE;
    private int silentDevice = NONE;

    DescriptorEffects(
            VtdCapabilities capabilities,
            VtdCaches caches,
            DeviceTlbs deviceTlbs,
            InvalidationEvent event,
            DeviceMessages messages,
            UnitWrites writes) {
        this.capabilities = capabilities;
        this.caches = caches;
        this.deviceTlbs = deviceTlbs;
        this.event = event;
        this.messages = messages;
        this.writes = writes;
    }

    /** The last device that has not answered; {@link #NONE} if all have. */
    int silentDevice() {
        return silentDevice;
    }

    void forgetSilentDevice() {
        silentDevice = NONE;
    }

    /** See {@link Disturbances#leavesUnanswered}. */
    void disturb(Disturbances by) {
        disturbances = by;
    }

    /** Does a descriptor. Null: done; otherwise nothing was. */
    @Nullable
    QueueError apply(int translationMode, long w0, long w1, long w2, long w3) {
        var type = DescriptorType.of(w0);
        boolean legacy = translationMode == Rtaddr.LEGACY;
        if (type == null || legacy && type.scalableOnly() || !has(type)) {
            return QueueError.INVALID_TYPE;
        }
        if ((w0 & reserved(type, 0) | w1 & reserved(type, 1) | w2 & reserved(type, 2) | w3 & reserved(type, 3)) != 0
                || !type.hasGranularity(w0)) {
            return QueueError.RESERVED_FIELD;
        }
        return switch (type) {
            case CONTEXT -> context(w0);
            case IOTLB -> iotlb(w0, w1);
            case DEVICE_TLB -> deviceTlb(w0, w1);
            case INTERRUPT_ENTRY -> null;
            case WAIT -> await(w0, w1);
            case PASID_IOTLB -> pasidIotlb(w0, w1);
            case PASID_CACHE -> pasidCache(w0);
            case PASID_DEVICE_TLB -> pasidDeviceTlb(w0, w1);
            case PAGE_GROUP_RESPONSE -> respond(w0, w1);
        };
    }

    private boolean has(DescriptorType type) {
        return switch (type) {
            case DEVICE_TLB, PASID_DEVICE_TLB -> capabilities.has(Ecap.DT);
            case INTERRUPT_ENTRY -> capabilities.has(Ecap.IR);
            case PAGE_GROUP_RESPONSE -> capabilities.has(Ecap.PRS);
            case CONTEXT, IOTLB, WAIT, PASID_IOTLB, PASID_CACHE -> true;
        };
    }

    /** Bits of a word that must be 0. Words beyond the descriptor's own are padding. */
    private long reserved(DescriptorType type, int word) {
        if (word >= type.layout().words()) {
            return -1;
        }
        long reserved = type.layout().reserved(word);
        if (word != 0) {
            return reserved;
        }
        return switch (type) {
            case DEVICE_TLB ->
                reserved
                        | capabilities.missing(Ecap.DIT, DeviceTlbDescriptor.PFSIDL)
                        | capabilities.missing(Ecap.DIT, DeviceTlbDescriptor.PFSIDH);
            case PASID_DEVICE_TLB ->
                reserved
                        | capabilities.missing(Ecap.DIT, PasidDeviceTlbDescriptor.PFSIDL)
                        | capabilities.missing(Ecap.DIT, PasidDeviceTlbDescriptor.PFSIDH);
            case WAIT -> reserved | capabilities.missing(Ecap.PDS, WaitDescriptor.PD);
            default -> reserved;
        };
    }

    private @Nullable QueueError context(long w0) {
        int sourceId = (int) ContextDescriptor.SID.get(w0);
        switch ((int) ContextDescriptor.G.get(w0)) {
            case ContextDescriptor.GLOBAL -> caches.forgetContexts();
            case ContextDescriptor.DOMAIN -> caches.forgetContextsOf((int) ContextDescriptor.DID.get(w0));
            default -> caches.forgetContext(sourceId, ContextDescriptor.masked(ContextDescriptor.FM.get(w0)));
        }
        return null;
    }

    private @Nullable QueueError iotlb(long w0, long w1) {
        int domain = (int) IotlbDescriptor.DID.get(w0);
        switch ((int) IotlbDescriptor.G.get(w0)) {
            case IotlbDescriptor.GLOBAL -> caches.forgetTranslations();
            case IotlbDescriptor.DOMAIN -> caches.forgetTranslationsOf(domain);
            default -> {
                long addressMask = IotlbDescriptor.AM.get(w1);
                if (!capabilities.hasCap(Cap.PSI) || addressMask > Cap.MAMV.get(capabilities.cap())) {
                    return QueueError.RESERVED_FIELD;
                }
                long first = first(IotlbDescriptor.ADDR.address(w1), addressMask);
                long last = last(first, addressMask);
                caches.forgetPages(domain, first, last, IotlbDescriptor.IH.isSet(w1));
            }
        }
        return null;
    }

    private @Nullable QueueError pasidIotlb(long w0, long w1) {
        int domain = (int) PasidIotlbDescriptor.DID.get(w0);
        int pasid = (int) PasidIotlbDescriptor.PASID.get(w0);
        if (PasidIotlbDescriptor.G.get(w0) == PasidIotlbDescriptor.PASID_SELECTIVE) {
            caches.forgetPasidTranslations(domain, pasid);
        } else {
            long addressMask = PasidIotlbDescriptor.AM.get(w1);
            long first = first(PasidIotlbDescriptor.ADDR.address(w1), addressMask);
            long last = last(first, addressMask);
            caches.forgetPasidPages(domain, pasid, first, last, PasidIotlbDescriptor.IH.isSet(w1));
        }
        return null;
    }

    /** The lowest address of {@code 2^addressMask} pages; the bits below are masked out. */
    private static long first(long address, long addressMask) {
        return addressMask >= Long.SIZE - PAGE_SHIFT ? 0 : address & -1L << PAGE_SHIFT + addressMask;
    }

    private static long last(long first, long addressMask) {
        return addressMask >= Long.SIZE - PAGE_SHIFT ? -1 : first + (1L << PAGE_SHIFT + addressMask) - 1;
    }

    private @Nullable QueueError pasidCache(long w0) {
        int domain = (int) PasidCacheDescriptor.DID.get(w0);
        switch ((int) PasidCacheDescriptor.G.get(w0)) {
            case PasidCacheDescriptor.DOMAIN -> caches.forgetPasidsOf(domain);
            case PasidCacheDescriptor.PASID_SELECTIVE ->
                caches.forgetPasid(domain, (int) PasidCacheDescriptor.PASID.get(w0));
            default -> caches.forgetPasids();
        }
        return null;
    }

    private @Nullable QueueError deviceTlb(long w0, long w1) {
        int sourceId = (int) DeviceTlbDescriptor.SID.get(w0);
        var range = AtsRange.decode(DeviceTlbDescriptor.S.isSet(w1), DeviceTlbDescriptor.ADDR.address(w1));
        var tlb = deviceTlbs.of(sourceId);
        if (tlb == null) {
            return null;
        }
        boolean silent = disturbances.leavesUnanswered(sourceId);
        if (silent || !tlb.invalidate(DmaRequest.NO_PASID, range.first(), range.last())) {
            silentDevice = sourceId;
        }
        return null;
    }

    private @Nullable QueueError pasidDeviceTlb(long w0, long w1) {
        int sourceId = (int) PasidDeviceTlbDescriptor.SID.get(w0);
        var range = AtsRange.decode(PasidDeviceTlbDescriptor.S.isSet(w1), PasidDeviceTlbDescriptor.ADDR.address(w1));
        var tlb = deviceTlbs.of(sourceId);
        if (tlb == null) {
            return null;
        }
        if (disturbances.leavesUnanswered(sourceId)) {
            silentDevice = sourceId;
            return null;
        }
        boolean answered = PasidDeviceTlbDescriptor.GI.isSet(w1)
                ? tlb.invalidateEveryPasid(range.first(), range.last())
                : tlb.invalidate((int) PasidDeviceTlbDescriptor.PASID.get(w0), range.first(), range.last());
        if (!answered) {
            silentDevice = sourceId;
        }
        return null;
    }

    private @Nullable QueueError respond(long w0, long w1) {
        boolean tagged = PageGroupResponse.PP.isSet(w0);
        messages.add(new DeviceMessage.GroupAnswered(
                (int) PageGroupResponse.RID.get(w0),
                tagged ? (int) PageGroupResponse.PASID.get(w0) : DmaRequest.NO_PASID,
                (int) PageGroupResponse.PRGI.get(w1),
                PageGroupResponse.response(w0)));
        return null;
    }

    private @Nullable QueueError await(long w0, long w1) {
        if (WaitDescriptor.SW.isSet(w0)) {
            long at = WaitDescriptor.ADDR.address(w1) & ~capabilities.beyondHost();
            if (!writes.message(at, WaitDescriptor.DATA.get(w0))) {
                return QueueError.FETCH;
            }
        }
        if (WaitDescriptor.IF.isSet(w0)) {
            event.raise();
        }
        return null;
    }
}
