package dev.ioasid.iommu;

import dev.ioasid.pagetable.Permissions;
import org.jspecify.annotations.Nullable;

/** What became of a request. */
public sealed interface Translation {
    /**
     * @param address where the request goes, host physical
     * @param pageSize bytes of the smallest page on the way
     * @param permissions what a requester of the asking kind may do with the page, all stages together
     */
    record Translated(long address, long pageSize, Permissions permissions) implements Translation {}

    record Faulted(Fault fault) implements Translation {}

    /**
     * The request waits until software says what is to become of it (SMMUv3).
     *
     * @param fault why, and how it was recorded
     * @param ticket by which {@link DeviceMessage} names the transaction; never given twice by one unit
     * @param tag by which software names it (STAG); -1 as long as there was no room to record it
     */
    record Stalled(Fault fault, long ticket, int tag) implements Translation {}

    /**
     * What a translation request is answered (ATS).
     *
     * @param word the completion's data, read through {@link AtsCompletion}; 0 unless it is a success
     * @param address where the request's address leads; 0 without rights
     * @param pageSize bytes of what was translated
     * @param permissions what the device may do with its page; nothing, if there is no translation or only for untranslated requests
     * @param fault why there are no rights, or no success; null if there are
     */
    record Completed(
            AtsCompletion.Status status,
            long word,
            long address,
            long pageSize,
            Permissions permissions,
            @Nullable Fault fault)
            implements Translation {}
}
