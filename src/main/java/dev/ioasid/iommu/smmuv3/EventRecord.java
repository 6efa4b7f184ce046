package dev.ioasid.iommu.smmuv3;

import static dev.ioasid.iommu.smmuv3.EventFields.*;

import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.memory.BitField;

/**
 * An event record in the making. Whoever reports says all that he knows; of it the record holds what records of its event hold.
 *
 * <p>For one thread.
 */
final class EventRecord {
    /** Pages that a hint can name. */
    static final int MOST_PAGES = 255;

    private final SmmuEvent event;
    private final long[] words = new long[WORDS];

    private EventRecord(SmmuEvent event) {
        this.event = event;
    }

    /**
     * @param streamId 32 bits, unsigned
     * @param substreamId {@link DmaRequest#NO_PASID} if the transaction had none
     */
    static EventRecord of(SmmuEvent event, int streamId, int substreamId) {
        boolean has = substreamId != DmaRequest.NO_PASID;
        return new EventRecord(event)
                .put(CODE, event.code())
                .put(STREAMID, Integer.toUnsignedLong(streamId))
                .put(SSV, has)
                .put(SUBSTREAMID, has ? substreamId : 0);
    }

    /** How the transaction accesses memory, after what the STE overrides. A write is no instruction read. */
    EventRecord access(boolean read, boolean instruction, boolean privileged) {
        return put(RNW, read).put(IND, read && instruction).put(PNU, privileged);
    }

    /** The transaction's address, all 64 bits as they came. */
    EventRecord input(long address) {
        return put(INPUTADDR, address).put(INPUTPAGE, address >>> INPUTPAGE.low() % Long.SIZE);
    }

    /** Stage 1 is at fault. */
    EventRecord stage1(FaultClass doing) {
        return put(S2, false).put(CLASS, doing.ordinal());
    }

    /** Stage 2 is at fault, for the address that it was to translate. */
    EventRecord stage2(FaultClass doing, long ipa) {
        return put(S2, true).put(CLASS, doing.ordinal()).putAddress(IPA, ipa);
    }

    /** Whether the stage-1 descriptor, which stage 2 does not allow to be accessed, was to be read or written. */
    EventRecord descriptor(boolean read) {
        return put(TTRNW, read && CLASS.get(words) == FaultClass.TT.ordinal());
    }

    /** Where the structure or descriptor is that could not be fetched, physical. */
    EventRecord fetch(long address) {
        return putAddress(FETCHADDR, address);
    }

    /**
     * The transaction waits.
     *
     * @param stag 16 bits
     */
    EventRecord stalled(int stag) {
        return put(STALL, true).put(STAG, stag);
    }

    /**
     * What a translation request asks for, before what the STE overrides; it always asks for the right to read.
     *
     * @param span smallest translation units
     */
    EventRecord request(boolean write, boolean execute, boolean privileged, int span) {
        return put(TREQ_R, true)
                .put(TREQ_W, write)
                .put(TREQ_X, execute)
                .put(TREQ_PRIV, privileged)
                .put(TREQ_SPAN, span & 0xf);
    }

    /**
     * What a device hints that it is going to do.
     *
     * @param privileged 1 read, 2 write, 4 execute
     * @param unprivileged the same
     * @param span pages of 4 KiB, up to 255
     */
    EventRecord hint(int privileged, int unprivileged, int span) {
        return put(HINT_PR, (privileged & 1) != 0)
                .put(HINT_PW, (privileged & 2) != 0)
                .put(HINT_PX, (privileged & 4) != 0)
                .put(HINT_UR, (unprivileged & 1) != 0)
                .put(HINT_UW, (unprivileged & 2) != 0)
                .put(HINT_UX, (unprivileged & 4) != 0)
                .put(HINT_SPAN, span);
    }

    SmmuEvent event() {
        return event;
    }

    /** Whether the transaction waits: then the record is never lost. */
    boolean isStalled() {
        return event.has(STALL) && STALL.isSet(words[STALL.word()]);
    }

    /** The record's four words. */
    long[] words() {
        return words.clone();
    }

    private EventRecord put(BitField field, boolean on) {
        return put(field, on ? 1 : 0);
    }

    private EventRecord put(BitField field, long value) {
        if (event.has(field)) {
            words[field.word()] = words[field.word()] & ~field.mask() | field.of(value);
        }
        return this;
    }

    private EventRecord putAddress(BitField field, long address) {
        if (event.has(field)) {
            words[field.word()] = field.address(address);
        }
        return this;
    }
}
