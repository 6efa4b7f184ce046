package dev.ioasid.iommu;

import dev.ioasid.pagetable.Permissions;

/** What can befall a transaction without its tables saying so. Software cannot bring it about; see {@link IommuHardware#befall}. */
public sealed interface Mishap {
    /** It is of a kind that the unit does not support, and is aborted. */
    record UnsupportedTransaction() implements Mishap {}

    /** More than one translation is remembered for its address: it is aborted. */
    record ConflictingTranslations() implements Mishap {}

    /** More than one configuration is remembered for its device: it is aborted. */
    record ConflictingConfiguration() implements Mishap {}

    /**
     * Before it, the device has hinted that it is going to use some pages, of which the first is the transaction's. The transaction itself
     * goes on.
     *
     * @param wanted what it is going to do with them
     * @param pages of 4 KiB, 1 to 255
     */
    record PageHint(Permissions wanted, int pages) implements Mishap {}
}
