package dev.ioasid.iommu.vtd.oracle;

import dev.ioasid.memory.PhysicalMemory;
import java.util.Map;
import java.util.TreeMap;

/** Memory under a sheet of glass: reads see the memory and what was written on the glass, the memory stays as it is. */
public final class Overlay {
    private final PhysicalMemory memory;
    private final Map<Long, Long> changes = new TreeMap<>();

    public Overlay(PhysicalMemory memory) {
        this.memory = memory;
    }

    boolean backs(long address) {
        return memory.backs(address);
    }

    long read(long address) {
        var changed = changes.get(address);
        return changed != null ? changed : memory.acquire(address);
    }

    void set(long address, long bits) {
        long before = read(address);
        if ((before | bits) != before) {
            changes.put(address, before | bits);
        }
    }

    /** What was written, by address. */
    public Map<Long, Long> changes() {
        return changes;
    }
}
