package dev.ioasid.iommu.vtd;

import static dev.ioasid.memory.BitField.bit;
import static dev.ioasid.memory.BitField.bits;

import dev.ioasid.memory.BitField;
import dev.ioasid.memory.BitLayout;

/** Scalable-mode PASID directory entry, 8 bytes, one for each 64 PASIDs. VT-d 5.10, section 9.5. */
final class PasidDirectoryEntry {
    static final int SIZE = 8;

    // spotless:off  columns are the point
    static final BitField P         = bit (     0, "P",         "present");
    static final BitField FPD       = bit (     1, "FPD",       "faults are not recorded; also where P is 0");
    static final BitField SMPTBLPTR = bits(63, 12, "SMPTBLPTR", "PASID table of 64 entries");
    // spotless:on
    static final BitLayout LAYOUT = BitLayout.layout("PASID directory entry", "9.5", 1, P, FPD, SMPTBLPTR);

    private PasidDirectoryEntry() {}

    static long address(long directory, int pasid) {
        return directory + (long) (pasid >>> 6) * SIZE;
    }
}
