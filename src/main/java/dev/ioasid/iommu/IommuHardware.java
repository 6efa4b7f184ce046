package dev.ioasid.iommu;

import java.util.List;
import java.util.Map;
import java.util.SequencedMap;

/** The hardware half of a unit. It reads registers and memory, and knows of nothing else. */
public interface IommuHardware {
    IommuCapabilities capabilities();

    /** Translates as hardware does: sets accessed and dirty bits, records a fault. */
    Translation translate(DmaRequest request);

    /** Answers what {@link #translate} would, with every step, and changes nothing. */
    Explanation explain(DmaRequest request);

    /** Every register by its architectural name, in the order of their offsets. */
    SequencedMap<String, Long> registers();

    /**
     * Writes registers by name, in the order given, with the side effects that each has. EINVAL for a name that is none,
     * that is read-only, or for a value that is wider than the register; then none is written.
     */
    void write(SequencedMap<String, Long> values);

    /** The recorded faults, oldest first. */
    List<FaultRecord> faults();

    /** Whether a fault was lost because there was no room to record it. */
    boolean faultsOverflowed();

    /** Clears the recorded faults and the overflow mark as software does, by writing ones. */
    void clearFaults();

    /** Faults since the unit was made, recorded or not, by the architecture's name of their reason. */
    Map<String, Long> faultCounts();
}
