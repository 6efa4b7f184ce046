package dev.ioasid.pagetable;

/** Is told what a walk reads. A walk that nobody asks about tells {@link #UNSEEN} and pays a comparison for it. */
public interface Steps {
    Steps UNSEEN = new Steps() {
        @Override
        public void entry(TableFormat format, int level, long address, long entry) {}

        @Override
        public void missing(TableFormat format, int level, long address) {}
    };

    /** The entry of {@code level} was read at host physical {@code address}. */
    void entry(TableFormat format, int level, long address, long entry);

    /**
     * The parent is asked for an address.
     *
     * @param table for an entry of a table, and not for the page
     * @param write because that entry is to be changed
     */
    default void through(long input, boolean table, boolean write) {}

    /** The entry of {@code level} maps the page of the request, which may use it. Told of VMSAv8-64 only, of both stages. */
    default void leaf(TableFormat format, int level, long leaf) {}

    /** A walk begins at the table that a copy leads to, see {@link StructureCaches}. */
    default void copy(TableFormat format, long input, long copy) {}

    /**
     * A walk that changes nothing would set {@code marks} in the entry at {@code address}. Whoever wants it to see them set from then
     * on, as it would if it had, remembers them.
     */
    default void mark(long address, long marks) {}

    /** The marks that {@link #mark} was told of. */
    default long marks(long address) {
        return 0;
    }

    /** The entry of {@code level} should be at host physical {@code address}, where there is no memory. */
    void missing(TableFormat format, int level, long address);
}
