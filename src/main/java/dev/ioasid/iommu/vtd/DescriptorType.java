package dev.ioasid.iommu.vtd;

import dev.ioasid.iommu.IssuedCommand;
import dev.ioasid.memory.BitLayout;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** What the invalidation queue takes. VT-d 5.10, section 6.5.2. */
enum DescriptorType {
    CONTEXT(ContextDescriptor.TYPE, ContextDescriptor.LAYOUT, false, "context-cache", "", "global", "domain", "device"),
    IOTLB(IotlbDescriptor.TYPE, IotlbDescriptor.LAYOUT, false, "iotlb", "", "global", "domain", "page"),
    DEVICE_TLB(DeviceTlbDescriptor.TYPE, DeviceTlbDescriptor.LAYOUT, false, "device-tlb"),
    INTERRUPT_ENTRY(InterruptEntryDescriptor.TYPE, InterruptEntryDescriptor.LAYOUT, false, "interrupt-entry-cache"),
    WAIT(WaitDescriptor.TYPE, WaitDescriptor.LAYOUT, false, "wait"),
    PASID_IOTLB(PasidIotlbDescriptor.TYPE, PasidIotlbDescriptor.LAYOUT, true, "pasid-iotlb", "", "", "pasid", "page"),
    PASID_CACHE(
            PasidCacheDescriptor.TYPE,
            PasidCacheDescriptor.LAYOUT,
            true,
            "pasid-cache",
            "domain",
            "pasid",
            "",
            "global"),
    PASID_DEVICE_TLB(PasidDeviceTlbDescriptor.TYPE, PasidDeviceTlbDescriptor.LAYOUT, true, "pasid-device-tlb"),
    PAGE_GROUP_RESPONSE(PageGroupResponse.TYPE, PageGroupResponse.LAYOUT, true, "page-group-response");

    private final int number;
    private final BitLayout layout;
    private final boolean scalableOnly;
    private final String wire;
    private final String[] granularities;

    /** @param granularities what is added to the name by G; empty where G must not have the value */
    DescriptorType(int number, BitLayout layout, boolean scalableOnly, String wire, String... granularities) {
        this.number = number;
        this.layout = layout;
        this.scalableOnly = scalableOnly;
        this.wire = wire;
        this.granularities = granularities;
    }

    /** Bits 11:9 and 3:0 of the first word. */
    static int number(long word0) {
        return (int) (word0 >>> 5 & 0x70 | word0 & 0xf);
    }

    /** Null if no descriptor has this number. */
    static @Nullable DescriptorType of(long word0) {
        return Arrays.stream(values())
                .filter(type -> type.number == number(word0))
                .findFirst()
                .orElse(null);
    }

    BitLayout layout() {
        return layout;
    }

    /** Whether legacy mode has it not. */
    boolean scalableOnly() {
        return scalableOnly;
    }

    private int granularity(long word0) {
        return (int) (word0 >>> 4) & 3;
    }

    /** Whether G has a value that means something. */
    boolean hasGranularity(long word0) {
        return granularities.length == 0 || !granularities[granularity(word0)].isEmpty();
    }

    /** The descriptor as users are shown it, {@code iotlb-page} or {@code wait}. */
    IssuedCommand issued(long... words) {
        boolean known = granularities.length != 0 && hasGranularity(words[0]);
        var name = known ? wire + "-" + granularities[granularity(words[0])] : wire;
        return new IssuedCommand(
                name, Arrays.stream(words).limit(layout.words()).boxed().toList(), layout);
    }
}
