package dev.ioasid.iommu.vtd;

import static dev.ioasid.memory.BitField.bit;
import static dev.ioasid.memory.BitField.bits;

import dev.ioasid.memory.BitField;
import dev.ioasid.memory.BitLayout;

/** First-stage paging entries, 8 bytes. VT-d 5.10, sections 3.6 and 9.7. For people: the walk reads by its table format. */
final class FirstStageEntry {
    // spotless:off  columns are the point
    private static final BitField P    = bit (     0, "P",    "present");
    private static final BitField RW   = bit (     1, "R/W",  "write");
    private static final BitField US   = bit (     2, "U/S",  "user");
    private static final BitField PWT  = bit (     3, "PWT",  "write-through");
    private static final BitField PCD  = bit (     4, "PCD",  "cache disable");
    private static final BitField A    = bit (     5, "A",    "accessed");
    private static final BitField D    = bit (     6, "D",    "dirty");
    private static final BitField PS   = bit (     7, "PS",   "page size: this entry maps a page (PAT in a 4 KiB page)");
    private static final BitField G    = bit (     8, "G",    "global, ignored");
    private static final BitField EA   = bit (    10, "EA",   "extended accessed");
    private static final BitField ADDR = bits(51, 12, "ADDR", "page, or table of the next level");
    private static final BitField XD   = bit (    63, "XD",   "execute disable, ignored");
    // spotless:on
    private static final BitLayout TABLE =
            BitLayout.layout("first-stage entry, table", "9.7", 1, P, RW, US, PWT, PCD, A, PS, EA, ADDR, XD);
    private static final BitLayout LEAF =
            BitLayout.layout("first-stage entry, page", "9.7", 1, P, RW, US, PWT, PCD, A, D, PS, G, EA, ADDR, XD);

    private FirstStageEntry() {}

    static BitLayout layout(boolean leaf) {
        return leaf ? LEAF : TABLE;
    }
}
