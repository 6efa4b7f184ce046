package dev.ioasid.iommu.vtd;

import static dev.ioasid.memory.BitField.bit;
import static dev.ioasid.memory.BitField.bits;

import dev.ioasid.memory.BitField;
import dev.ioasid.memory.BitLayout;

/** Fault recording register, 16 bytes. VT-d 5.10, section 11.4.9 (FRCD_REG). */
final class FaultRecording {
    // spotless:off  columns are the point
    static final BitField FI   = bits( 63,  12, "FI",   "page of the request's address");
    static final BitField SID  = bits( 79,  64, "SID",  "source id");
    static final BitField T2   = bit (      92, "T2",   "with T1: 00 write, 10 read, 01 page request, 11 atomic");
    static final BitField PRIV = bit (      93, "PRIV", "privileged");
    static final BitField EXE  = bit (      94, "EXE",  "execute");
    static final BitField PP   = bit (      95, "PP",   "the request had a PASID");
    static final BitField FR   = bits(103,  96, "FR",   "fault reason");
    static final BitField PV   = bits(123, 104, "PV",   "PASID");
    static final BitField AT   = bits(125, 124, "AT",   "0 untranslated, 1 translation request, 2 translated");
    static final BitField T1   = bit (     126, "T1",   "with T2");
    static final BitField F    = bit (     127, "F",    "this register holds a fault; write 1 to clear");
    // spotless:on
    static final BitLayout LAYOUT =
            BitLayout.layout("fault recording register", "11.4.9", 2, FI, SID, T2, PRIV, EXE, PP, FR, PV, AT, T1, F);

    private FaultRecording() {}
}
