package dev.ioasid.iommu.vtd;

import static dev.ioasid.memory.BitField.bit;
import static dev.ioasid.memory.BitField.bits;

import dev.ioasid.memory.BitField;
import dev.ioasid.memory.BitLayout;

/** Scalable-mode PASID table entry, 64 bytes. VT-d 5.10, section 9.6. */
final class PasidTableEntry {
    static final int SIZE = 64;
    static final int WORDS = 8;

    static final int FIRST_STAGE = 1;
    static final int SECOND_STAGE = 2;
    static final int NESTED = 3;
    static final int PASS_THROUGH = 4;

    static final int FOUR_LEVELS = 0;
    static final int FIVE_LEVELS = 1;

    // spotless:off  columns are the point
    static final BitField P       = bit (      0, "P",       "present");
    static final BitField FPD     = bit (      1, "FPD",     "faults are not recorded; also where P is 0");
    static final BitField AW      = bits(  4,   2, "AW",      "second-stage width: 1 = 39, 2 = 48, 3 = 57 bits");
    static final BitField PGTT    = bits(  8,   6, "PGTT",    "1 first, 2 second, 3 nested, 4 pass-through");
    static final BitField SSADE   = bit (      9, "SSADE",   "second-stage accessed and dirty bits");
    static final BitField SSPTPTR = bits( 63,  12, "SSPTPTR", "second-stage root, host physical (was SLPTPTR)");
    static final BitField DID     = bits( 79,  64, "DID",     "domain id");
    static final BitField PWSNP   = bit (     87, "PWSNP",   "page walks are snooped");
    static final BitField PGSNP   = bit (     88, "PGSNP",   "accesses to the page are snooped");
    static final BitField CD      = bit (     89, "CD",      "cache disable");
    static final BitField EMTE    = bit (     90, "EMTE",    "memory type of second-stage leaves is used");
    static final BitField PAT     = bits(127,  96, "PAT",     "page attribute table");
    static final BitField SRE     = bit (    128, "SRE",     "supervisor requests are allowed");
    static final BitField FSPM    = bits(131, 130, "FSPM",    "first-stage paging: 0 = 4, 1 = 5 levels");
    static final BitField WPE     = bit (    132, "WPE",     "supervisor writes need the write right");
    static final BitField IGN     = bits(134, 133, "IGN",     "ignored (were NXE and SMEP)");
    static final BitField EAFE    = bit (    135, "EAFE",    "first-stage extended accessed bit");
    static final BitField FSPTPTR = bits(191, 140, "FSPTPTR", "first-stage root; guest physical if nested");
    // spotless:on
    static final BitLayout LAYOUT = BitLayout.layout(
            "PASID table entry",
            "9.6",
            WORDS,
            P,
            FPD,
            AW,
            PGTT,
            SSADE,
            SSPTPTR,
            DID,
            PWSNP,
            PGSNP,
            CD,
            EMTE,
            PAT,
            SRE,
            FSPM,
            WPE,
            IGN,
            EAFE,
            FSPTPTR);

    private PasidTableEntry() {}

    static long address(long table, int pasid) {
        return table + (pasid & 63L) * SIZE;
    }

    /** Bits of each word that must be zero: unnamed ones and those whose capability is missing. */
    static long reserved(int word, VtdCapabilities capabilities) {
        long reserved = LAYOUT.reserved(word);
        return switch (word) {
            case 0 ->
                reserved
                        | capabilities.missing(Ecap.SSTS, AW)
                        | capabilities.missing(Ecap.SSTS, SSADE)
                        | capabilities.missing(Ecap.SSADS, SSADE)
                        | capabilities.missing(Ecap.SSTS, SSPTPTR)
                        | capabilities.beyondHost();
            case 1 ->
                reserved
                        | capabilities.beyondDomainIds(DID)
                        | capabilities.missing(Ecap.SMPWCS, PWSNP)
                        | capabilities.missing(Ecap.SC, PGSNP)
                        | capabilities.missing(Ecap.MTS, CD)
                        | capabilities.missing(Ecap.MTS, EMTE)
                        | capabilities.missing(Ecap.MTS, PAT);
            case 2 ->
                reserved
                        | capabilities.missing(Ecap.SRS, SRE)
                        | capabilities.missing(Ecap.FSTS, FSPM)
                        | capabilities.missing(Ecap.FSTS, WPE)
                        | capabilities.missing(Ecap.EAFS, EAFE)
                        | capabilities.missing(Ecap.FSTS, FSPTPTR)
                        | capabilities.beyondHost();
            default -> reserved;
        };
    }
}
