package dev.ioasid.iommu.vtd;

import dev.ioasid.memory.BitLayout;
import dev.ioasid.pagetable.Steps;
import dev.ioasid.pagetable.TableFormat;

/** Is told what the hardware reads on the way from a source id to a table, and in the table. */
interface VtdSteps extends Steps {
    /** Nobody asks. */
    VtdSteps NOBODY = new VtdSteps() {
        @Override
        public void structure(Structure structure, BitLayout layout, long address) {}

        @Override
        public void missing(Structure structure, long address) {}

        @Override
        public void entry(TableFormat format, int level, long address, long entry) {}

        @Override
        public void missing(TableFormat format, int level, long address) {}
    };

    /** What there is besides page tables. */
    enum Structure {
        ROOT_ENTRY("root-entry"),
        CONTEXT_ENTRY("context-entry"),
        PASID_DIRECTORY_ENTRY("pasid-directory-entry"),
        PASID_TABLE_ENTRY("pasid-table-entry");

        /** The cache of context or of PASID table entries. */
        String cache() {
            return this == CONTEXT_ENTRY ? "context-cache" : "pasid-cache";
        }

        private final String wire;

        Structure(String wire) {
            this.wire = wire;
        }

        String wire() {
            return wire;
        }
    }

    /** A structure is being read at host physical {@code address}. */
    void structure(Structure structure, BitLayout layout, long address);

    /** A structure's words come from the cache that keeps it. */
    default void cached(Structure structure, BitLayout layout, long... words) {}

    /** The cache keeps that the structure cannot be used. */
    default void cachedRefusal(Structure structure) {}

    /** A structure should be at host physical {@code address}, where there is no memory. */
    void missing(Structure structure, long address);
}
