package dev.ioasid.iommu.smmuv3;

import dev.ioasid.pagetable.Steps;
import dev.ioasid.pagetable.TableFormat;

/** Goes along with a walk that has failed before, and is done again, dry, to see where. For one thread. */
final class FaultPlace implements Steps {
    private long input;
    private boolean table;
    private boolean write;
    private long missing;

    @Override
    public void through(long address, boolean ofTable, boolean toWrite) {
        input = address;
        table = ofTable;
        write = toWrite;
    }

    @Override
    public void entry(TableFormat format, int level, long address, long entry) {}

    @Override
    public void missing(TableFormat format, int level, long address) {
        missing = address;
    }

    /** The address that the second stage was asked for last. */
    long input() {
        return input;
    }

    /** What that address was for. */
    FaultClass doing() {
        return table ? FaultClass.TT : FaultClass.IN;
    }

    /** Whether it was to be written to set a mark in an entry of the first stage. */
    boolean writesDescriptor() {
        return table && write;
    }

    /** Where an entry should have been, host physical. */
    long missing() {
        return missing;
    }
}
