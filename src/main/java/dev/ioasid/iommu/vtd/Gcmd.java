package dev.ioasid.iommu.vtd;

import static dev.ioasid.memory.BitField.bit;

import dev.ioasid.memory.BitField;

/** Global command and global status register: the same bits. VT-d 5.10, sections 11.4.4.1 and 11.4.4.2. */
final class Gcmd {
    // spotless:off  columns are the point
    static final BitField CFI   = bit (23, "CFI",   "compatibility-format interrupts (CFIS)");
    static final BitField SIRTP = bit (24, "SIRTP", "latch the interrupt remapping table (IRTPS)");
    static final BitField IRE   = bit (25, "IRE",   "interrupt remapping (IRES)");
    static final BitField QIE   = bit (26, "QIE",   "queued invalidation (QIES)");
    static final BitField WBF   = bit (27, "WBF",   "flush write buffers");
    static final BitField SRTP  = bit (30, "SRTP",  "latch RTADDR (RTPS)");
    static final BitField TE    = bit (31, "TE",    "translation (TES)");
    // spotless:on

    private Gcmd() {}
}
