package dev.ioasid.iommu.vtd;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.CacheSummary;
import dev.ioasid.iommu.CachedEntry;
import dev.ioasid.iommu.DeviceMessage;
import dev.ioasid.iommu.DeviceMessages;
import dev.ioasid.iommu.Disturbances;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Explanation;
import dev.ioasid.iommu.FaultRecord;
import dev.ioasid.iommu.IommuHardware;
import dev.ioasid.iommu.Iotlb;
import dev.ioasid.iommu.IssuedCommand;
import dev.ioasid.iommu.PageRequest;
import dev.ioasid.iommu.Requester;
import dev.ioasid.iommu.Translation;
import dev.ioasid.iommu.UnitWrites;
import dev.ioasid.memory.PhysicalMemory;
import dev.ioasid.pagetable.PageWalk;
import dev.ioasid.pagetable.Walked;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SequencedMap;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * The hardware half of a VT-d unit: registers, the way from a source id to a table, the table, the caches of all that, the
 * invalidation queue, the page request queue, and the fault log. It reads nothing but registers and memory.
 *
 * <p><b>Who may call.</b> Any thread. A translation takes no lock but, to fill a cache, that of a set; it allocates nothing unless it
 * faults. Whoever drives it beside writers of the tables does so inside a stay of {@link dev.ioasid.memory.Readers}. Registers and the
 * queue have one lock, under which caches are invalidated, memory is written and faults are reported.
 */
public final class VtdHardware implements IommuHardware {
    /** With {@link PageWalk#READ}: the request is an execute request. */
    public static final int EXECUTE = PageWalk.EXECUTE;

    static final int TRANSLATION_REQUEST = 1 << 17;
    static final int TRANSLATED = 1 << 18;
    static final int ATS = TRANSLATION_REQUEST | TRANSLATED;
    /** Asks for a page: nothing is translated. */
    static final int PAGE_REQUEST = 1 << 19;
    /** With {@link PageWalk#WRITE}: of more than one double word, which no interrupt is. */
    static final int LONG_WRITE = 1 << 20;

    private static final int REQUEST = PageWalk.READ | PageWalk.WRITE;

    private final VtdCapabilities capabilities;
    private final boolean scalable;
    private final FaultLog log;
    private final VtdRegisters registers;
    private final StraightTranslation straight;
    private final VtdTranslation translation;
    private final VtdCaches caches;
    private final DeviceTlbs deviceTlbs;
    private final PhysicalMemory memory;
    private final FaultReports faultReports;
    private final PageRequests pageRequests;
    private final DeviceMessages messages = new DeviceMessages();
    private final DescriptorEffects effects;

    /** A unit in a memory of which nobody has to know what it writes. */
    public VtdHardware(PhysicalMemory memory, VtdCapabilities capabilities, CacheGeometries geometries) {
        this(memory, capabilities, geometries, address -> {});
    }

    /**
     * A unit as it is after a reset.
     *
     * @param written told of each word of memory that a wait descriptor or a page request has had written
     */
    public VtdHardware(
            PhysicalMemory memory, VtdCapabilities capabilities, CacheGeometries geometries, LongConsumer written) {
        int deepest = capabilities.deepestLevels();
        this.capabilities = capabilities;
        this.scalable = capabilities.scalable();
        this.memory = memory;
        this.log = new FaultLog(
                capabilities.faultRecords(), deepest == 0 ? capabilities.inputBits() : 30 + 9 * (deepest - 2));
        this.caches = new VtdCaches(geometries);
        this.deviceTlbs = new DeviceTlbs(geometries.deviceTlb());
        var event = new InvalidationEvent();
        var writes = new UnitWrites(memory, written);
        this.effects = new DescriptorEffects(capabilities, caches, deviceTlbs, event, messages, writes);
        var queue = new InvalidationQueue(memory, capabilities, effects, log);
        var pageRequestQueue = new PageRequestQueue(writes);
        this.registers = new VtdRegisters(capabilities, log, caches, queue, event, pageRequestQueue);
        var formats = new VtdFormats(capabilities);
        var reserved = ReservedBits.of(capabilities);
        this.straight = new StraightTranslation(memory, capabilities, formats, reserved);
        this.translation = new VtdTranslation(memory, capabilities, formats, reserved, caches);
        this.faultReports = new FaultReports(log);
        this.pageRequests = new PageRequests(registers, translation, caches, faultReports);
    }

    @Override
    public VtdCapabilities capabilities() {
        return capabilities;
    }

    // ---- untranslated requests

    /**
     * Translates a request as its device sends it, without leaving anything on the heap.
     *
     * @param pasid {@link DmaRequest#NO_PASID} for none
     * @param how {@link PageWalk#READ} or {@link PageWalk#WRITE}, with {@link PageWalk#PRIVILEGED} and {@link #EXECUTE}
     * @return see {@link Walked}; negative if it faulted, which is recorded as the tables ask
     */
    public long translate(int sourceId, int pasid, long iova, int how) {
        long known = knownByDevice(sourceId, pasid, iova, how);
        if (known != 0) {
            return byDevice(known, sourceId, how);
        }
        long outcome = untranslated(registers.mode(), sourceId, pasid, iova, how);
        return Refusal.is(outcome) ? faultReports.report(outcome, sourceId, pasid, iova, how) : outcome;
    }

    /** What the device knows of an address, 0 for nothing; counted unless it is only explained. */
    private long knownByDevice(int sourceId, int pasid, long iova, int how) {
        var tlb = deviceTlbs.of(sourceId);
        if (tlb == null || !isAskedOfDevice(pasid, iova, how)) {
            return 0;
        }
        long known = tlb.find(pasid, (how & PageWalk.PRIVILEGED) != 0, iova, how & REQUEST);
        if ((how & PageWalk.DRY) == 0) {
            tlb.count(known != 0);
        }
        return known;
    }

    /** Whether a device looks for what it knows: it does not for interrupts, nor to execute, which it is never told it may. */
    private static boolean isAskedOfDevice(int pasid, long iova, int how) {
        return pasid == DmaRequest.NO_PASID ? !PageWalk.isInterrupt(iova) : (how & EXECUTE) == 0;
    }

    /** The device knows the translation, and sends a translated request, which has no PASID. */
    private long byDevice(long known, int sourceId, int how) {
        long address = Walked.address(known);
        int request = how & REQUEST | TRANSLATED;
        long outcome =
                translation.of(registers.mode(), sourceId, DmaRequest.NO_PASID, address, request, VtdSteps.NOBODY);
        return Refusal.is(outcome)
                ? faultReports.report(outcome, sourceId, DmaRequest.NO_PASID, address, request)
                : known;
    }

    private long untranslated(long mode, int sourceId, int pasid, long iova, int how) {
        if (!caches.any()) {
            long outcome = straight.of(mode, sourceId, pasid, iova, how);
            return outcome == StraightTranslation.UNDECIDED
                    ? translation.of(mode, sourceId, pasid, iova, how, VtdSteps.NOBODY)
                    : outcome;
        }
        long known = knownByIotlb(mode, sourceId, pasid, iova, how);
        return known == 0 ? translation.of(mode, sourceId, pasid, iova, how, VtdSteps.NOBODY) : known;
    }

    /** What the IOTLB says to an untranslated request, 0 for nothing; counted unless it is only explained. */
    private long knownByIotlb(long mode, int sourceId, int pasid, long iova, int how) {
        if (!isLookedUp(mode, pasid, iova, how)) {
            return 0;
        }
        long known = caches.find(sourceId, pasid, (how & PageWalk.PRIVILEGED) != 0, iova, how & REQUEST);
        if ((how & PageWalk.DRY) == 0) {
            caches.count(known != 0);
        }
        return Refusal.is(known) ? Refusal.met(known, (how & PageWalk.WRITE) != 0) : known;
    }

    /** Whether the IOTLB may have an answer: not to what is refused, or let through, for what the request itself is. */
    private boolean isLookedUp(long mode, int pasid, long iova, int how) {
        boolean tagged = pasid != DmaRequest.NO_PASID;
        boolean refused = tagged ? (how & EXECUTE) != 0 : PageWalk.isInterrupt(iova);
        if ((mode & VtdRegisters.ENABLED) == 0 || refused) {
            return false;
        }
        return switch ((int) Rtaddr.TTM.get(mode)) {
            case Rtaddr.SCALABLE -> scalable;
            case Rtaddr.LEGACY -> !tagged && !Rtaddr.SSIRWE.isSet(mode);
            default -> false;
        };
    }

    // ---- every kind of request

    @Override
    public Translation translate(DmaRequest request) {
        int sourceId = request.rid().sourceId();
        int how = how(request);
        return switch (request.kind()) {
            case UNTRANSLATED -> answer(translate(sourceId, request.pasid(), request.iova(), how), request);
            case TRANSLATED -> {
                long outcome = translation.of(
                        registers.mode(), sourceId, request.pasid(), request.iova(), how, VtdSteps.NOBODY);
                yield answer(
                        Refusal.is(outcome)
                                ? faultReports.report(outcome, sourceId, request.pasid(), request.iova(), how)
                                : outcome,
                        request);
            }
            case TRANSLATION_REQUEST -> complete(request, sourceId, how);
        };
    }

    @Override
    public Translation translate(DmaRequest request, int length) {
        boolean oneDoubleWord = (request.iova() & 3) + length <= 4;
        if (oneDoubleWord || request.access() != Access.WRITE || !PageWalk.isInterrupt(request.iova())) {
            return translate(request);
        }
        int how = how(request) | LONG_WRITE;
        return answer(translate(request.rid().sourceId(), request.pasid(), request.iova(), how), request);
    }

    private Translation complete(DmaRequest request, int sourceId, int how) {
        var tlb = deviceTlbs.of(sourceId);
        int since = tlb == null ? 0 : tlb.epoch();
        long mode = registers.mode();
        long outcome = known(request, mode, sourceId, how);
        if (isLookedUp(mode, request.pasid(), request.iova(), how) && caches.any()) {
            caches.count(outcome != 0);
        }
        if (outcome == 0) {
            outcome = translation.of(mode, sourceId, request.pasid(), request.iova(), how, VtdSteps.NOBODY);
        }
        if (Refusal.is(outcome) && Refusal.fault(outcome).answer() != VtdFault.Answer.NO_RIGHTS) {
            outcome = faultReports.report(outcome, sourceId, request.pasid(), request.iova(), how);
        }
        var completed = AtsAnswer.of(outcome, request, !writes(request));
        if (tlb != null && completed.permissions().any()) {
            tlb.keep(
                    since,
                    request.pasid(),
                    (how & PageWalk.PRIVILEGED) != 0,
                    request.iova(),
                    AtsAnswer.kept(outcome, completed));
        }
        return completed;
    }

    /** What the IOTLB knows for a translation request: a right to write is told only where the page is marked for it. */
    private long known(DmaRequest request, long mode, int sourceId, int how) {
        if (!isLookedUp(mode, request.pasid(), request.iova(), how)) {
            return 0;
        }
        boolean privileged = (how & PageWalk.PRIVILEGED) != 0;
        long known = caches.find(sourceId, request.pasid(), privileged, request.iova(), Walked.WRITE);
        if (known == 0) {
            known = caches.find(sourceId, request.pasid(), privileged, request.iova(), 0);
            if (known > 0 && (Walked.rights(known) & Walked.WRITE) != 0 && writes(request)) {
                return 0;
            }
        }
        return known > 0 && AtsAnswer.meetsInterrupts(known) ? 0 : known;
    }

    /** Whether a translation request asks for the right to write. */
    private boolean writes(DmaRequest request) {
        return !(request.noWrite() && capabilities.has(Ecap.NWFS));
    }

    @Override
    public boolean remembers(DmaRequest request) {
        int how = how(request) | PageWalk.DRY;
        return knownByDevice(request.rid().sourceId(), request.pasid(), request.iova(), how) != 0;
    }

    @Override
    public PageRequest.Outcome request(PageRequest request) {
        return pageRequests.outcome(request);
    }

    @Override
    public boolean losesPageRequests() {
        return registers.losesPageRequests();
    }

    @Override
    public List<DeviceMessage> takeMessages() {
        return messages.take();
    }

    @Override
    public Explanation explain(DmaRequest request) {
        long mode = registers.mode();
        var steps = new VtdExplanation(memory, mode);
        var result = explained(request, mode, steps);
        return new Explanation(result, steps.endingWith(result));
    }

    private Translation explained(DmaRequest request, long mode, VtdExplanation steps) {
        int sourceId = request.rid().sourceId();
        int how = how(request) | PageWalk.DRY;
        boolean privileged = (how & PageWalk.PRIVILEGED) != 0;
        if (request.kind() == DmaRequest.Kind.UNTRANSLATED) {
            long known = knownByDevice(sourceId, request.pasid(), request.iova(), how);
            if (known != 0) {
                steps.answeredByDevice(known);
                long address = Walked.address(known);
                int translated = how & (REQUEST | PageWalk.DRY) | TRANSLATED;
                long outcome = translation.of(mode, sourceId, DmaRequest.NO_PASID, address, translated, steps);
                return answer(Refusal.is(outcome) ? outcome : known, request);
            }
            known = knownByIotlb(mode, sourceId, request.pasid(), request.iova(), how);
            if (known != 0) {
                steps.answeredByIotlb(known, caches.domain(sourceId, request.pasid(), privileged, request.iova()));
                return answer(known, request);
            }
        }
        if (request.kind() == DmaRequest.Kind.TRANSLATION_REQUEST) {
            long known = known(request, mode, sourceId, how);
            if (known != 0) {
                steps.answeredByIotlb(known, caches.domain(sourceId, request.pasid(), privileged, request.iova()));
                return AtsAnswer.of(known, request, !writes(request));
            }
        }
        long outcome = translation.of(mode, sourceId, request.pasid(), request.iova(), how, steps);
        return request.kind() == DmaRequest.Kind.TRANSLATION_REQUEST
                ? AtsAnswer.of(outcome, request, !writes(request))
                : answer(outcome, request);
    }

    private int how(DmaRequest request) {
        int access = switch (request.access()) {
            case READ -> PageWalk.READ;
            case WRITE -> PageWalk.WRITE;
            case EXECUTE -> PageWalk.READ | EXECUTE;
        };
        int kind = switch (request.kind()) {
            case UNTRANSLATED -> access;
            case TRANSLATED -> access | TRANSLATED;
            case TRANSLATION_REQUEST ->
                PageWalk.READ
                        | (writes(request) ? PageWalk.WRITE : 0)
                        | access & EXECUTE
                        | PageWalk.ANY_RIGHT
                        | TRANSLATION_REQUEST;
        };
        return request.privileged() && request.hasPasid() ? kind | PageWalk.PRIVILEGED : kind;
    }

    private static Translation answer(long outcome, DmaRequest request) {
        if (Refusal.is(outcome)) {
            return new Translation.Faulted(Refusal.asFault(outcome, request.iova()));
        }
        boolean untranslated = (outcome & VtdTranslation.UNTRANSLATED) != 0;
        return new Translation.Translated(
                untranslated ? request.iova() : Walked.address(outcome),
                1L << Walked.shift(outcome),
                Iotlb.permissions(outcome));
    }

    // ---- registers and the queue

    @Override
    public SequencedMap<String, Long> registers() {
        return registers.all();
    }

    @Override
    public void write(SequencedMap<String, Long> values) {
        messages.begin();
        registers.write(values);
    }

    @Override
    public List<IssuedCommand> submit(List<List<Long>> commands) {
        messages.begin();
        if (!capabilities.has(Ecap.QI)) {
            throw new RefusedException(
                    Errno.EOPNOTSUPP, "this unit has no invalidation queue", Map.of("capability", "QI"));
        }
        if (log.stopsQueue()) {
            throw new RefusedException(
                    Errno.EBUSY, "the invalidation queue stands until FSTS.IQE and FSTS.ITE are cleared", Map.of());
        }
        return IssuedCommand.inOrder(commands, this::submitOne);
    }

    private IssuedCommand submitOne(List<Long> command) {
        if (command.size() != 2 && command.size() != 4) {
            throw new RefusedException(
                    Errno.EINVAL, "a descriptor has 2 or 4 words of 64 bits, and not " + command.size());
        }
        long w0 = command.get(0);
        long w1 = command.get(1);
        long w2 = command.size() == 2 ? 0 : command.get(2);
        long w3 = command.size() == 2 ? 0 : command.get(3);
        var wrong = registers.submit(w0, w1, w2, w3);
        if (wrong != null) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "the unit does not take this descriptor (IQEI %d): %s".formatted(wrong.number(), wrong.detail()),
                    Map.of("queueError", wrong.number()));
        }
        return Objects.requireNonNull(DescriptorType.of(w0)).issued(w0, w1, w2, w3);
    }

    @Override
    public int commandSize() {
        return registers.commandSize();
    }

    // ---- devices and caches

    @Override
    public void connect(Requester requester) {
        if (requester.ats()) {
            deviceTlbs.add(requester.sourceId());
        }
    }

    @Override
    public void disconnect(int sourceId) {
        deviceTlbs.remove(sourceId);
    }

    @Override
    public void setAnswersInvalidations(int sourceId, boolean answers) {
        var tlb = deviceTlbs.of(sourceId);
        if (tlb != null) {
            tlb.setAnswering(answers);
        }
    }

    @Override
    public void disturb(Disturbances by) {
        log.disturb(by);
        effects.disturb(by);
        registers.disturb(by);
    }

    @Override
    public List<CacheSummary> caches() {
        var summaries = new ArrayList<>(caches.summaries());
        summaries.addAll(deviceTlbs.summaries());
        return List.copyOf(summaries);
    }

    @Override
    public @Nullable List<CachedEntry> cached(String cache) {
        var entries = caches.contents(cache);
        return entries == null ? deviceTlbs.contents(cache) : entries;
    }

    // ---- faults

    @Override
    public List<FaultRecord> faults() {
        return log.faults();
    }

    @Override
    public boolean faultsOverflowed() {
        return log.overflowed();
    }

    @Override
    public long faultsDropped() {
        return log.dropped();
    }

    @Override
    public void clearFaults() {
        log.clear();
    }

    /** Every reason that {@link #faultCounts} can name. */
    public static List<String> faultReasons() {
        return Arrays.stream(VtdFault.values()).map(VtdFault::spelled).toList();
    }

    @Override
    public Map<String, Long> faultCounts() {
        return faultReports.counts();
    }
}
