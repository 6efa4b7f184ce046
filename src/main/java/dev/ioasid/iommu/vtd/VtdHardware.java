package dev.ioasid.iommu.vtd;

import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Explanation;
import dev.ioasid.iommu.FaultRecord;
import dev.ioasid.iommu.IommuHardware;
import dev.ioasid.iommu.Translation;
import dev.ioasid.memory.PhysicalMemory;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;

/** Being built. */
public final class VtdHardware implements IommuHardware {
    private final VtdCapabilities capabilities;

    public VtdHardware(PhysicalMemory memory, VtdCapabilities capabilities) {
        this.capabilities = capabilities;
    }

    @Override
    public VtdCapabilities capabilities() {
        return capabilities;
    }

    @Override
    public Translation translate(DmaRequest request) {
        throw new UnsupportedOperationException();
    }

    @Override
    public Explanation explain(DmaRequest request) {
        throw new UnsupportedOperationException();
    }

    @Override
    public SequencedMap<String, Long> registers() {
        throw new UnsupportedOperationException();
    }

    @Override
    public void write(SequencedMap<String, Long> values) {
        throw new UnsupportedOperationException();
    }

    @Override
    public List<FaultRecord> faults() {
        throw new UnsupportedOperationException();
    }

    @Override
    public boolean faultsOverflowed() {
        throw new UnsupportedOperationException();
    }

    @Override
    public void clearFaults() {
        throw new UnsupportedOperationException();
    }

    @Override
    public Map<String, Long> faultCounts() {
        throw new UnsupportedOperationException();
    }
}
