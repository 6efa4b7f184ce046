package dev.ioasid.iommu.smmuv3;

import static dev.ioasid.memory.BitField.bit;

import dev.ioasid.memory.BitField;
import dev.ioasid.memory.BitLayout;

/** SMMU_IRQ_CTRL and SMMU_IRQ_CTRLACK: the same bits. IHI 0070, sections 6.3.16 and 6.3.18. */
final class IrqCtrl {
    // spotless:off  columns are the point
    static final BitField GERROR_IRQEN = bit(0, "GERROR_IRQEN", "global errors interrupt");
    static final BitField PRIQ_IRQEN   = bit(1, "PRIQ_IRQEN",   "the PRI queue interrupts");
    static final BitField EVENTQ_IRQEN = bit(2, "EVENTQ_IRQEN", "the Event queue interrupts");
    // spotless:on
    static final BitLayout LAYOUT = BitLayout.layout("IRQ_CTRL", "6.3.16", 1, GERROR_IRQEN, PRIQ_IRQEN, EVENTQ_IRQEN);

    private IrqCtrl() {}
}
