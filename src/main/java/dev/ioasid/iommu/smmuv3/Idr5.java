package dev.ioasid.iommu.smmuv3;

import static dev.ioasid.memory.BitField.bit;
import static dev.ioasid.memory.BitField.bits;

import dev.ioasid.memory.BitField;
import dev.ioasid.memory.BitLayout;

/** SMMU_IDR5. IHI 0070, section 6.3.6. */
final class Idr5 {
    // spotless:off  columns are the point
    static final BitField OAS       = bits( 2,  0, "OAS",       "output addresses: 0 to 6 = 32, 36, 40, 42, 44, 48, 52 bits");
    static final BitField GRAN4K    = bit (     4, "GRAN4K",    "4 KiB granule");
    static final BitField GRAN16K   = bit (     5, "GRAN16K",   "16 KiB granule");
    static final BitField GRAN64K   = bit (     6, "GRAN64K",   "64 KiB granule");
    static final BitField DS        = bit (     7, "DS",        "52-bit descriptors (v3.4)");
    static final BitField D128      = bit (     8, "D128",      "128-bit descriptors (v3.4)");
    static final BitField VAX       = bits(11, 10, "VAX",       "virtual addresses: 0 48 bits, 1 52 bits with the 64 KiB granule");
    static final BitField STALL_MAX = bits(31, 16, "STALL_MAX", "so many transactions can be stalled at a time");
    // spotless:on
    static final BitLayout LAYOUT =
            BitLayout.layout("IDR5", "6.3.6", 1, OAS, GRAN4K, GRAN16K, GRAN64K, DS, D128, VAX, STALL_MAX);

    private Idr5() {}
}
