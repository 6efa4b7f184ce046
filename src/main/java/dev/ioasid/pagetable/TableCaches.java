package dev.ioasid.pagetable;

/**
 * Whoever may hold copies of a table's entries. Told after entries have been cleared and before what they pointed to is used
 * for anything else.
 */
public interface TableCaches {
    /** There are no copies. */
    TableCaches NONE = new TableCaches() {
        @Override
        public void invalidate(long first, long last, boolean tables) {}

        @Override
        public void added(long first, long last) {}
    };

    /**
     * Forgets every copy of the leaves of {@code first..last}, and of the entries above them if {@code tables} were
     * unlinked; returns when none can be used any more.
     */
    void invalidate(long first, long last, boolean tables);

    /** Pages have been mapped in {@code first..last} where none were: for whoever remembers what is not there. */
    void added(long first, long last);
}
