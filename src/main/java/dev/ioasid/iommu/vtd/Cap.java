package dev.ioasid.iommu.vtd;

import static dev.ioasid.memory.BitField.bit;
import static dev.ioasid.memory.BitField.bits;

import dev.ioasid.memory.BitField;
import dev.ioasid.memory.BitLayout;

/** Capability register. VT-d 5.10, section 11.4.2. */
final class Cap {
    // spotless:off  columns are the point
    static final BitField ND      = bits( 2,  0, "ND",      "domain ids have 4 + 2 * ND bits");
    static final BitField RWBF    = bit (     4, "RWBF",    "write buffers must be flushed");
    static final BitField PLMR    = bit (     5, "PLMR",    "protected low memory region");
    static final BitField PHMR    = bit (     6, "PHMR",    "protected high memory region");
    static final BitField CM      = bit (     7, "CM",      "caching mode: absent entries may be cached");
    static final BitField SAGAW   = bits(12,  8, "SAGAW",   "second-stage widths: bit 1 = 39, bit 2 = 48, bit 3 = 57 bits");
    static final BitField MGAW    = bits(21, 16, "MGAW",    "widest input address in bits, minus 1");
    static final BitField ZLR     = bit (    22, "ZLR",     "zero-length reads of write-only pages succeed");
    static final BitField FRO     = bits(33, 24, "FRO",     "offset of the fault recording registers, in 16 bytes");
    static final BitField SSLPS   = bits(37, 34, "SSLPS",   "second-stage large pages: bit 0 = 2 MiB, bit 1 = 1 GiB");
    static final BitField PSI     = bit (    39, "PSI",     "page-selective invalidation");
    static final BitField NFR     = bits(47, 40, "NFR",     "fault recording registers, minus 1");
    static final BitField MAMV    = bits(53, 48, "MAMV",    "largest address mask of an invalidation");
    static final BitField DWD     = bit (    54, "DWD",     "write draining");
    static final BitField DRD     = bit (    55, "DRD",     "read draining");
    static final BitField FS1GP   = bit (    56, "FS1GP",   "first-stage 1 GiB pages");
    static final BitField PI      = bit (    59, "PI",      "posted interrupts");
    static final BitField FS5LP   = bit (    60, "FS5LP",   "first-stage 5-level paging");
    static final BitField ECMDS   = bit (    61, "ECMDS",   "enhanced commands");
    static final BitField ESIRTPS = bit (    62, "ESIRTPS", "SIRTP invalidates the interrupt entry cache");
    static final BitField ESRTPS  = bit (    63, "ESRTPS",  "SRTP invalidates all remapping caches");
    // spotless:on
    static final BitLayout LAYOUT = BitLayout.layout(
            "CAP", "11.4.2", 1, ND, RWBF, PLMR, PHMR, CM, SAGAW, MGAW, ZLR, FRO, SSLPS, PSI, NFR, MAMV, DWD, DRD, FS1GP,
            PI, FS5LP, ECMDS, ESIRTPS, ESRTPS);

    private Cap() {}
}
