package dev.ioasid.iommu;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;

/** The hardware half of a unit. It reads registers and memory, and knows of nothing else but its caches and the devices behind it. */
public interface IommuHardware {
    IommuCapabilities capabilities();

    /** Translates as hardware does: fills caches, sets accessed and dirty bits, records a fault. */
    Translation translate(DmaRequest request);

    /** The same of an untranslated request for so many bytes, none of them beyond its page, where the unit makes a difference. */
    default Translation translate(DmaRequest request, int length) {
        return translate(request);
    }

    /** Whether the device of an untranslated request knows its translation, and would send a translated one (ATS). */
    boolean remembers(DmaRequest request);

    /**
     * A device asks for a page, of which the unit's tables may know nothing: into the unit's queue, with what that does to caches and
     * registers. A fault is recorded as the tables ask.
     */
    PageRequest.Outcome request(PageRequest request);

    /** Whether a page request has found the queue full, and software has not acknowledged that yet: until then every one is lost. */
    boolean losesPageRequests();

    /** Takes what the unit has told devices since it was last asked, in order. */
    List<DeviceMessage> takeMessages();

    /**
     * Has something befall the next untranslated transactions of a device that meet translation turned on, in place of what was going to
     * befall them before. EOPNOTSUPP: no such thing happens to this unit; EINVAL: there can be no such hint, or count.
     *
     * @param count transactions; 0: nothing is going to befall them any more
     */
    default void befall(int sourceId, Mishap mishap, int count) {
        throw new RefusedException(
                Errno.EOPNOTSUPP,
                "a unit of type %s records nothing of that sort, only one of type smmuv3 does"
                        .formatted(capabilities().type().name().toLowerCase(Locale.ROOT)));
    }

    /** Answers what {@link #translate} would, with every step, and changes nothing. */
    Explanation explain(DmaRequest request);

    /** Every register by its architectural name, in the order of their offsets. */
    SequencedMap<String, Long> registers();

    /**
     * Writes registers by name, in the order given, with the side effects that each has. EINVAL for a name that is none,
     * that is read-only, or for a value that is wider than the register; then none is written.
     */
    void write(SequencedMap<String, Long> values);

    /**
     * Does raw commands in order, as if they had come through the unit's queue; answers them decoded. EINVAL: one that the unit does not
     * take, {@code index} and {@code completed} say which; those before it have been done. EOPNOTSUPP: the unit has no queue;
     * EBUSY: it stands after an error.
     *
     * @param commands of 64-bit words, lowest first
     */
    List<IssuedCommand> submit(List<List<Long>> commands);

    /** Bytes of a command as the unit's queue has them now. */
    int commandSize();

    /** A device is there from now on. With ATS it keeps translations that it asks for. */
    void connect(Requester requester);

    /** A device is gone. */
    void disconnect(int sourceId);

    /** Whether a device with ATS answers when it is asked to forget translations. */
    void setAnswersInvalidations(int sourceId, boolean answers);

    /** Asks, from now on, what goes wrong. */
    void disturb(Disturbances by);

    /** Every cache, those of the devices last. */
    List<CacheSummary> caches();

    /** What a cache holds, by set and way; null if there is none of this name. */
    @Nullable
    List<CachedEntry> cached(String cache);

    /** The recorded faults, oldest first. */
    List<FaultRecord> faults();

    /** Whether a fault was lost because there was no room to record it. */
    boolean faultsOverflowed();

    /**
     * Faults since the unit was made that were to be recorded and are lost, because there was no room or the record could not be written.
     * Clearing the records does not change it. What tables ask not to be recorded, or comes while records are off, is not lost.
     */
    long faultsDropped();

    /** Clears the recorded faults and the overflow mark as software does, by writing ones. */
    void clearFaults();

    /** Faults since the unit was made, recorded or not, by the architecture's name of their reason. */
    Map<String, Long> faultCounts();
}
