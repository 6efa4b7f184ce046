package dev.ioasid.iommu.smmuv3;

import static dev.ioasid.memory.BitField.bit;
import static dev.ioasid.memory.BitField.bits;

import dev.ioasid.memory.BitField;
import dev.ioasid.memory.BitLayout;

/** Level 1 Context Descriptor (L1CD), 8 bytes. IHI 0070, section 5.3. */
final class L1Cd {
    static final int SIZE = 8;

    // spotless:off  columns are the point
    static final BitField V     = bit (     0, "V",     "valid");
    static final BitField L2PTR = bits(51, 12, "L2Ptr", "table of CDs, an IPA if stage 2 is on; aligned to 64 KiB if it has 1024");
    // spotless:on
    static final BitLayout LAYOUT = BitLayout.layout("L1CD", "5.3", 1, V, L2PTR);

    private L1Cd() {}
}
