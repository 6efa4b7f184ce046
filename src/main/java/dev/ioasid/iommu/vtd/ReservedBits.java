package dev.ioasid.iommu.vtd;

/**
 * The bits that must be zero in present entries of the structures on the way to a table, on a unit with certain capabilities.
 * Words that are not here have no bit that may be set.
 *
 * @param legacyContext0 of a pass-through entry, which has no table, fewer are reserved
 */
record ReservedBits(
        long root,
        long legacyContext0,
        long legacyContext1,
        long context0,
        long context1,
        long directory,
        long pasidEntry0,
        long pasidEntry1,
        long pasidEntry2) {

    static ReservedBits of(VtdCapabilities capabilities) {
        return new ReservedBits(
                ScalableRootEntry.HALF.reserved(0) | capabilities.beyondHost(),
                ContextEntry.LAYOUT.reserved(0) | capabilities.beyondHost(),
                ContextEntry.LAYOUT.reserved(1) | capabilities.beyondDomainIds(ContextEntry.DID),
                ScalableContextEntry.reserved0(capabilities),
                ScalableContextEntry.reserved1(capabilities),
                PasidDirectoryEntry.LAYOUT.reserved(0) | capabilities.beyondHost(),
                PasidTableEntry.reserved(0, capabilities),
                PasidTableEntry.reserved(1, capabilities),
                PasidTableEntry.reserved(2, capabilities));
    }
}
