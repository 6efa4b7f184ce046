package dev.ioasid.machine;

import dev.ioasid.iommu.Mishap;
import dev.ioasid.iommu.Rid;
import dev.ioasid.memory.AddressRange;

/** Something that goes wrong on purpose. */
public sealed interface Injection {
    /**
     * Units cannot fetch structures and tables in a range of memory, and DMA to it is aborted. One occasion is a request, or a page of
     * DMA, that meets it, however often.
     */
    record PoisonedMemory(AddressRange range) implements Injection {}

    /** A device does not answer when it is asked to forget translations. One occasion is an invalidation request that reaches it. */
    record SilentDevice(Rid rid) implements Injection {}

    /** A unit finds a queue full, whatever room there is. One occasion is a record, or a page request, that is lost. */
    record FullQueue(String iommu, Queue queue) implements Injection {}

    /** What is said to a device's page requests is held back until it is released. One occasion is an answer to a group. */
    record DelayedResponse(Rid rid) implements Injection {}

    /** A device's requests, which it sends untranslated, are not as they should be. One occasion is a request, or a page of DMA. */
    record MalformedRequest(Rid rid, Flaw flaw) implements Injection {}

    enum Queue {
        FAULTS,
        PAGE_REQUESTS
    }

    /** What is wrong with a request. */
    sealed interface Flaw {
        /**
         * It has a prefix that it should not have.
         *
         * @param pasid 20 bits
         */
        record StrayPasid(int pasid) implements Flaw {}

        /** Something befalls it in the unit. */
        record Befallen(Mishap mishap) implements Flaw {}
    }
}
