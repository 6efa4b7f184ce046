package dev.ioasid.iommu.vtd;

import dev.ioasid.iommu.Destination;
import dev.ioasid.iommu.Requester;
import dev.ioasid.iommu.UserTable;
import dev.ioasid.pagetable.IoPageTable;
import dev.ioasid.pagetable.Walked;
import java.util.Set;

/** What context entries and PASID table entries must say for requests to go where the driver leads them. VT-d 5.10, sections 9.3 to 9.6. */
record RouteEntries(VtdCapabilities capabilities) {
    /** The PASID by which requests without one are looked up. It is never given to anybody. */
    static final int RID_PASID = 0;

    /** A PASID table entry. */
    long[] pasid(Destination destination, int domainId) {
        var words = new long[PasidTableEntry.WORDS];
        words[0] = PasidTableEntry.P.of(1)
                | switch (destination) {
                    case Destination.Paged(var table) ->
                        table.format().stage() == Walked.Stage.SECOND
                                ? PasidTableEntry.PGTT.of(PasidTableEntry.SECOND_STAGE) | secondStage(table)
                                : PasidTableEntry.PGTT.of(PasidTableEntry.FIRST_STAGE);
                    case Destination.Nested nested ->
                        PasidTableEntry.PGTT.of(PasidTableEntry.NESTED) | secondStage(nested.parent());
                    case Destination.PassThrough() -> PasidTableEntry.PGTT.of(PasidTableEntry.PASS_THROUGH);
                };
        words[1] =
                PasidTableEntry.DID.of(domainId) | (capabilities.has(Ecap.SMPWCS) ? PasidTableEntry.PWSNP.mask() : 0);
        words[2] = switch (destination) {
            case Destination.Nested nested ->
                PasidTableEntry.FSPM.of(VtdFormats.mode(nested.table().levels()))
                        | PasidTableEntry.FSPTPTR.address(nested.table().root())
                        | options(nested.table().options());
            case Destination.Paged(var table) -> table.format().stage() == Walked.Stage.FIRST ? firstStage(table) : 0;
            case Destination.PassThrough() -> 0;
        };
        return words;
    }

    /** Privileged requests are let in, where the unit knows them, and bound to the rights of the pages. */
    private long firstStage(IoPageTable table) {
        return PasidTableEntry.FSPM.of(VtdFormats.mode(table.format().levels()))
                | PasidTableEntry.FSPTPTR.address(table.root())
                | (capabilities.has(Ecap.SRS) ? PasidTableEntry.SRE.mask() | PasidTableEntry.WPE.mask() : 0);
    }

    private static long options(Set<UserTable.Option> options) {
        return (options.contains(UserTable.Option.SUPERVISOR) ? PasidTableEntry.SRE.mask() : 0)
                | (options.contains(UserTable.Option.WRITE_PROTECT) ? PasidTableEntry.WPE.mask() : 0)
                | (options.contains(UserTable.Option.EXTENDED_ACCESSED) ? PasidTableEntry.EAFE.mask() : 0);
    }

    private static long secondStage(IoPageTable table) {
        return PasidTableEntry.AW.of(table.format().levels() - 2) | PasidTableEntry.SSPTPTR.address(table.root());
    }

    /** A context entry in legacy mode. */
    long[] context(Destination destination, int domainId) {
        return switch (destination) {
            case Destination.Nested nested -> throw new IllegalStateException("legacy mode nests nothing: " + nested);
            case Destination.Paged(var table) ->
                new long[] {
                    ContextEntry.P.of(1)
                            | ContextEntry.TT.of(ContextEntry.UNTRANSLATED_ONLY)
                            | ContextEntry.SSPTPTR.address(table.root()),
                    ContextEntry.AW.of(table.format().levels() - 2) | ContextEntry.DID.of(domainId)
                };
            case Destination.PassThrough() ->
                new long[] {
                    ContextEntry.P.of(1) | ContextEntry.TT.of(ContextEntry.PASS_THROUGH),
                    ContextEntry.AW.of(capabilities.deepestLevels() - 2) | ContextEntry.DID.of(domainId)
                };
        };
    }

    /**
     * A context entry in scalable mode.
     *
     * @param requester with ATS and PRI as the unit is to let them be
     */
    static long[] scalableContext(Requester requester, PasidTables tables) {
        var words = new long[ScalableContextEntry.SIZE / Long.BYTES];
        words[0] = ScalableContextEntry.P.of(1)
                | (requester.ats() ? ScalableContextEntry.DTE.mask() : 0)
                | (tables.pasidBits() > 0 ? ScalableContextEntry.PASIDE.mask() : 0)
                | (requester.pri() ? ScalableContextEntry.PRE.mask() : 0)
                | ScalableContextEntry.PDTS.of(tables.size())
                | ScalableContextEntry.PASIDDIRPTR.address(tables.directory());
        words[1] = ScalableContextEntry.RID_PASID.of(RID_PASID);
        return words;
    }
}
