package dev.ioasid.iommu.smmuv3;

import static dev.ioasid.iommu.smmuv3.EventFields.*;

import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.FaultReason;
import dev.ioasid.iommu.FaultRecord;
import dev.ioasid.iommu.Rid;
import dev.ioasid.iommu.Stage;
import dev.ioasid.memory.BitField;
import java.util.Arrays;
import java.util.List;
import java.util.StringJoiner;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/** An event record as it was read from memory: it may be anything. */
public record RecordedEvent(List<Long> words) {
    public RecordedEvent {
        words = List.copyOf(words);
    }

    public static RecordedEvent of(long... words) {
        return new RecordedEvent(Arrays.stream(words).boxed().toList());
    }

    public int code() {
        return (int) CODE.get(word(CODE));
    }

    /** Null if the architecture does not define it. */
    public @Nullable SmmuEvent event() {
        return SmmuEvent.ofCode(code());
    }

    /** 32 bits, unsigned. */
    public int streamId() {
        return (int) STREAMID.get(word(STREAMID));
    }

    /**
     * {@link DmaRequest#NO_PASID} if it names none. An event that has a SubstreamID but does not say whether it is valid names it always.
     */
    public int substreamId() {
        boolean valid = isSet(SSV) || has(SUBSTREAMID) && !has(SSV);
        return valid ? (int) SUBSTREAMID.get(word(SUBSTREAMID)) : DmaRequest.NO_PASID;
    }

    /** The transaction's address, or its page; 0 where the record does not say. */
    public long address() {
        return has(INPUTADDR) ? word(INPUTADDR) : has(INPUTPAGE) ? INPUTPAGE.address(word(INPUTPAGE)) : 0;
    }

    /** A read where the record does not say. */
    public Access access() {
        if (has(RNW)) {
            return !isSet(RNW) ? Access.WRITE : isSet(IND) ? Access.EXECUTE : Access.READ;
        }
        return isSet(TREQ_W) ? Access.WRITE : Access.READ;
    }

    public boolean isStalled() {
        return isSet(STALL);
    }

    /** Whether it says which address the transaction, or the request, was for. */
    public boolean hasAddress() {
        return has(INPUTADDR) || has(INPUTPAGE);
    }

    /** Whether it says how the transaction accesses memory, or what a request wants to do. */
    public boolean hasAccess() {
        return has(RNW) || has(TREQ_W);
    }

    /** Null where the record does not say. */
    public @Nullable Boolean isPrivileged() {
        return has(PNU) ? (Boolean) isSet(PNU) : has(TREQ_PRIV) ? (Boolean) isSet(TREQ_PRIV) : null;
    }

    /** Null where the record does not say. */
    public @Nullable Boolean isExecute() {
        return has(IND) ? (Boolean) isSet(IND) : has(TREQ_X) ? (Boolean) isSet(TREQ_X) : null;
    }

    /** What the unit was doing; null where the record does not say, or says what is reserved. */
    public @Nullable FaultClass faultClass() {
        int number = (int) CLASS.get(word(CLASS));
        return has(CLASS) && number < FaultClass.values().length ? FaultClass.values()[number] : null;
    }

    /** What has happened, in words; null if the architecture does not define such an event. */
    public @Nullable FaultReason reason() {
        var event = event();
        return event == null ? null : new FaultReason(code(), event.name(), event.detail() + circumstances(), stage());
    }

    /**
     * As users are shown it.
     *
     * @param requester who has a StreamID
     */
    FaultRecord faultRecord(IntFunction<Rid> requester) {
        var reason = reason();
        return new FaultRecord(
                requester.apply(streamId()),
                substreamId(),
                address(),
                access(),
                code(),
                reason == null ? "" : reason.name(),
                reason == null ? "" : reason.detail(),
                reason == null ? null : reason.stage(),
                words);
    }

    /** Null where the record does not say. */
    private @Nullable Stage stage() {
        return has(S2) ? isSet(S2) ? Stage.SECOND : Stage.FIRST : null;
    }

    /** Where and how, as far as the record tells it: {@code ; at stage 2, fetching a CD at IPA 0x40001000}. */
    private String circumstances() {
        var said = new StringJoiner(", ", "; ", "").setEmptyValue("");
        if (has(S2)) {
            said.add(isSet(S2) ? "at stage 2" : "at stage 1");
        }
        var doing = doing();
        if (has(IPA) && isSet(S2)) {
            long ipa = IPA.address(word(IPA));
            said.add((doing.isEmpty() ? "" : doing + " ") + "at IPA 0x" + Long.toHexString(ipa));
        } else if (!doing.isEmpty()) {
            said.add(doing);
        }
        if (has(FETCHADDR)) {
            said.add("at physical address 0x" + Long.toHexString(FETCHADDR.address(word(FETCHADDR))));
        }
        if (isStalled()) {
            said.add("stalled as 0x" + Long.toHexString(STAG.get(word(STAG))));
        }
        return said.toString();
    }

    private String doing() {
        if (!has(CLASS)) {
            return "";
        }
        boolean writes = event() == SmmuEvent.F_PERMISSION && !isSet(TTRNW);
        return switch ((int) CLASS.get(word(CLASS))) {
            case 0 -> "fetching a CD";
            case 1 -> writes ? "updating a stage-1 descriptor" : "fetching a stage-1 descriptor";
            default -> "";
        };
    }

    private boolean has(BitField field) {
        var event = event();
        return event != null && event.has(field);
    }

    private boolean isSet(BitField field) {
        return has(field) && field.isSet(word(field));
    }

    private long word(BitField field) {
        return words.get(field.word());
    }
}
