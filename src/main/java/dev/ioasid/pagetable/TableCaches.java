package dev.ioasid.pagetable;

/**
 * Whoever may hold copies of a table's entries. Told after entries have been cleared and before what they pointed to is used
 * for anything else.
 */
@FunctionalInterface
public interface TableCaches {
    /** There are no copies. */
    TableCaches NONE = (first, last, tables) -> {};

    /**
     * Forgets every copy of the leaves of {@code first..last}, and of the entries above them if {@code tables} were
     * unlinked; returns when none can be used any more.
     */
    void invalidate(long first, long last, boolean tables);
}
