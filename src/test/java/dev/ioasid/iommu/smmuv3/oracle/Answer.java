package dev.ioasid.iommu.smmuv3.oracle;

import java.util.List;

/** What the specification says becomes of an untranslated request. */
public sealed interface Answer {
    /**
     * Translated.
     *
     * @param size bytes of the smaller of both stages' pages, the contiguous hint ignored; 0: no stage translated it, and its rights are not asked
     * @param read whether a data read of the request's own privilege would be let through
     * @param write the same for a write
     * @param rightsOpen the rights depend on how one counts: DBM, PAN or INSTCFG is at work
     */
    record Page(long address, long size, boolean read, boolean write, boolean rightsOpen) implements Answer {}

    /**
     * Ended with an event of its own.
     *
     * @param words of the event, STAG 0
     * @param recorded whether it goes into an event queue that has room
     * @param stalled whether the request waits for a command
     */
    record Event(int code, List<Long> words, boolean recorded, boolean stalled) implements Answer {}

    /** Aborted, and there is no event for that. */
    record Silent() implements Answer {}

    /** The specification leaves it open. */
    record Unsaid(String question) implements Answer {}
}
