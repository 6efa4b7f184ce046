package dev.ioasid.iommu.smmuv3;

import dev.ioasid.iommu.smmuv3.oracle.Answer;
import dev.ioasid.iommu.smmuv3.oracle.Request;
import dev.ioasid.memory.PhysicalMemory;

/** A unit that is compared with the oracle. */
@FunctionalInterface
interface Subject {
    /** What the unit makes of a request. What that does to memory is done when it returns. */
    Answer answer(Request request);

    /** Makes units. */
    @FunctionalInterface
    interface Maker {
        /** One with the registers of the configuration that was just switched on. */
        Subject over(RandomSmmu configuration, PhysicalMemory memory);
    }
}
