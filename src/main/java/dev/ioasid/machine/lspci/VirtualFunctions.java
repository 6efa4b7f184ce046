package dev.ioasid.machine.lspci;

import dev.ioasid.iommu.Rid;
import java.util.regex.Pattern;

/**
 * Which RIDs the virtual functions of a physical one have. PCI Express 6.0, section 9.3.3 (SR-IOV capability).
 *
 * @param count how many are enabled
 * @param offset from the physical function to the first one
 * @param stride from each one to the next
 */
record VirtualFunctions(int count, int offset, int stride) {
    static final VirtualFunctions NONE = new VirtualFunctions(0, 0, 0);

    private static final Pattern ENABLED = Pattern.compile("Enable\\+");
    private static final Pattern COUNT = Pattern.compile("Number of VFs: ([0-9]{1,5}+)");
    private static final Pattern POSITION = Pattern.compile("VF offset: ([0-9]{1,5}+), stride: ([0-9]{1,5}+)");

    static VirtualFunctions of(Entry entry) {
        var count = entry.find("Initial VFs:", COUNT);
        var position = entry.find("VF offset:", POSITION);
        if (count == null || position == null || entry.find("IOVCtl:", ENABLED) == null) {
            return NONE;
        }
        int offset = Integer.parseInt(position.group(1));
        return offset == 0
                ? NONE
                : new VirtualFunctions(Integer.parseInt(count.group(1)), offset, Integer.parseInt(position.group(2)));
    }

    /** The RID of virtual function {@code index}, from 0. It wraps around where no real one would be. */
    Rid rid(Rid physical, int index) {
        return Rid.ofSourceId(physical.segment(), physical.sourceId() + offset + index * stride & 0xffff);
    }
}
