package dev.ioasid.iommu;

import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A table that the user keeps in memory: a page table, or on an SMMUv3 a table of context descriptors, each of which leads to page tables.
 *
 * @param format by its name in requests
 * @param addressWidth bits of its input; null for a table of context descriptors
 * @param levels how many tables a walk goes through; 0 for a table of context descriptors
 * @param root where it begins: an address in the space that it is nested on
 * @param options what it is walked with
 * @param granule bytes of its smallest page; null for a table of context descriptors
 * @param asid what its translations are tagged with; null where the user has no say in that
 * @param cdTable the shape of a table of context descriptors; null for a page table
 */
public record UserTable(
        String format,
        @Nullable Integer addressWidth,
        int levels,
        long root,
        Set<Option> options,
        @Nullable Long granule,
        @Nullable Integer asid,
        @Nullable CdTable cdTable) {
    /** The format of a table of context descriptors. */
    public static final String CD_TABLE = "smmuv3-cd-table";

    /** What a table may be walked with. */
    public enum Option {
        /** Privileged requests are let in. */
        SUPERVISOR,
        /** Privileged writes need the write right, too. */
        WRITE_PROTECT,
        /** The extended accessed bit is set along with accessed. */
        EXTENDED_ACCESSED
    }

    /**
     * A table of context descriptors.
     *
     * @param s1cdmax it has 2 to this power of them; 0: one, and PASIDs are refused
     * @param s1fmt 0: in one piece; 1: in pieces of 64, by a table of the pieces; 2: in pieces of 1024
     */
    public record CdTable(int s1cdmax, int s1fmt) {}

    /**
     * What a user asks for. Null: as usual for the format, or the format has no such thing.
     *
     * @param granule bytes
     * @param s1cdmax see {@link CdTable}
     * @param s1fmt see {@link CdTable}
     */
    public record Wanted(
            String format,
            @Nullable Integer addressWidth,
            long root,
            Set<Option> options,
            @Nullable Long granule,
            @Nullable Integer asid,
            @Nullable Integer s1cdmax,
            @Nullable Integer s1fmt) {
        /** A page table with nothing out of the ordinary. */
        public static Wanted pageTable(String format, @Nullable Integer addressWidth, long root, Set<Option> options) {
            return new Wanted(format, addressWidth, root, options, null, null, null, null);
        }

        public Wanted {
            options = Set.copyOf(options);
        }
    }

    public UserTable {
        options = Set.copyOf(options);
    }

    /** Whether it says which PASIDs there are, and where each of them leads. */
    public boolean namesPasids() {
        return cdTable != null;
    }
}
