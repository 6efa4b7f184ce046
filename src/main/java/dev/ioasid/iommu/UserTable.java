package dev.ioasid.iommu;

import java.util.Set;

/**
 * A page table that the user keeps in memory.
 *
 * @param format by its name in requests
 * @param addressWidth bits of its input
 * @param levels how many tables a walk goes through
 * @param root where it begins: an address in the space that it is nested on
 * @param options what it is walked with
 */
public record UserTable(String format, int addressWidth, int levels, long root, Set<Option> options) {
    /** What a table may be walked with. */
    public enum Option {
        /** Privileged requests are let in. */
        SUPERVISOR,
        /** Privileged writes need the write right, too. */
        WRITE_PROTECT,
        /** The extended accessed bit is set along with accessed. */
        EXTENDED_ACCESSED
    }

    public UserTable {
        options = Set.copyOf(options);
    }
}
