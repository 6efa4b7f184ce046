package dev.ioasid.iommu.vtd;

import static dev.ioasid.memory.BitField.bit;
import static dev.ioasid.memory.BitField.bits;

import dev.ioasid.memory.BitField;
import dev.ioasid.memory.BitLayout;

/** Legacy context entry, 16 bytes, one for each device and function. VT-d 5.10, section 9.3. */
final class ContextEntry {
    static final int SIZE = 16;

    static final int UNTRANSLATED_ONLY = 0;
    static final int ALL_REQUESTS = 1;
    static final int PASS_THROUGH = 2;

    // spotless:off  columns are the point
    static final BitField P       = bit (      0, "P",       "present");
    static final BitField FPD     = bit (      1, "FPD",     "faults are not recorded; also where P is 0");
    static final BitField TT      = bits( 3,   2, "TT",      "0 untranslated requests, 1 all requests, 2 pass-through");
    static final BitField SSPTPTR = bits(63,  12, "SSPTPTR", "second-stage root (was SLPTPTR)");
    static final BitField AW      = bits(66,  64, "AW",      "width: 1 = 39, 2 = 48, 3 = 57 bits");
    static final BitField IGN     = bits(70,  67, "IGN",     "ignored");
    static final BitField DID     = bits(87,  72, "DID",     "domain id");
    // spotless:on
    static final BitLayout LAYOUT = BitLayout.layout("context entry", "9.3", 2, P, FPD, TT, SSPTPTR, AW, IGN, DID);

    private ContextEntry() {}
}
