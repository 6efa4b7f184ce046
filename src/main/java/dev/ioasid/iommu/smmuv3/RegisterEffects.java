package dev.ioasid.iommu.smmuv3;

/** What follows a register write outside of the registers. Called by {@link SmmuRegisters} under its lock. */
interface RegisterEffects {
    /** CR0.SMMUEN has changed, and transactions see it: when it is off, whatever is stalled is to be aborted. */
    void enabledChanged(boolean on);

    /** The Event queue may have become able to take records: stalled transactions whose records were pending can have another try. */
    default void eventsWritable() {}
}
