package dev.ioasid.iommu.vtd;

import static dev.ioasid.memory.BitField.bit;
import static dev.ioasid.memory.BitField.bits;

import dev.ioasid.memory.BitField;
import dev.ioasid.memory.BitLayout;

/** Second-stage paging entries, 8 bytes. VT-d 5.10, sections 3.7 and 9.8. For people: the walk reads by its table format. */
final class SecondStageEntry {
    // spotless:off  columns are the point
    private static final BitField R    = bit (     0, "R",    "read");
    private static final BitField W    = bit (     1, "W",    "write");
    private static final BitField X    = bit (     2, "X",    "ignored (was execute)");
    private static final BitField EMT  = bits( 5,  3, "EMT",  "memory type");
    private static final BitField IPAT = bit (     6, "IPAT", "ignore PAT");
    private static final BitField PS   = bit (     7, "PS",   "page size: this entry maps a page");
    private static final BitField A    = bit (     8, "A",    "accessed");
    private static final BitField D    = bit (     9, "D",    "dirty");
    private static final BitField SNP  = bit (    11, "SNP",  "snoop");
    private static final BitField ADDR = bits(51, 12, "ADDR", "page, or table of the next level");
    private static final BitField IR   = bit (    61, "IR",   "read, where RTADDR.SSIRWE is set");
    private static final BitField IW   = bit (    62, "IW",   "write, where RTADDR.SSIRWE is set");
    // spotless:on
    private static final BitLayout TABLE =
            BitLayout.layout("second-stage entry, table", "9.8", 1, R, W, X, PS, A, ADDR, IR, IW);
    private static final BitLayout LEAF =
            BitLayout.layout("second-stage entry, page", "9.8", 1, R, W, X, EMT, IPAT, PS, A, D, SNP, ADDR, IR, IW);

    private SecondStageEntry() {}

    static BitLayout layout(boolean leaf) {
        return leaf ? LEAF : TABLE;
    }
}
