package dev.ioasid.iommu.smmuv3;

import dev.ioasid.memory.BitLayout;
import dev.ioasid.pagetable.Steps;
import dev.ioasid.pagetable.TableFormat;

/** Is told what the hardware reads on the way from a StreamID to a table, and in the table. */
interface SmmuSteps extends Steps {
    /** Nobody asks. */
    SmmuSteps NOBODY = new SmmuSteps() {
        @Override
        public void entry(TableFormat format, int level, long address, long entry) {}

        @Override
        public void missing(TableFormat format, int level, long address) {}
    };

    /** What there is besides translation tables. */
    enum Structure {
        STRTAB_BASE("strtab-base"),
        STREAM_TABLE_DESCRIPTOR("l1-stream-table-descriptor"),
        STE("ste"),
        VMS("vms"),
        L1_CD("l1-cd-descriptor"),
        CD("cd");

        private final String wire;

        Structure(String wire) {
            this.wire = wire;
        }

        String wire() {
            return wire;
        }
    }

    /** A structure is being read at host physical {@code address}. */
    default void structure(Structure structure, BitLayout layout, long address) {}

    /** A structure's first words come from the configuration cache. */
    default void cached(Structure structure, long... words) {}

    /** The TLB has the answer, see {@link dev.ioasid.pagetable.Walked}. */
    default void knownByTlb(long found) {}

    /** A structure should be at host physical {@code address}, where there is no memory. */
    default void missing(Structure structure, long address) {}
}
