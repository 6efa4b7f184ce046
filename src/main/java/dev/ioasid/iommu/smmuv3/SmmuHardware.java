package dev.ioasid.iommu.smmuv3;

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
import dev.ioasid.iommu.IssuedCommand;
import dev.ioasid.iommu.Mishap;
import dev.ioasid.iommu.PageRequest;
import dev.ioasid.iommu.Requester;
import dev.ioasid.iommu.Translation;
import dev.ioasid.memory.PhysicalMemory;
import dev.ioasid.pagetable.PageWalk;
import dev.ioasid.pagetable.Permissions;
import dev.ioasid.pagetable.Walked;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SequencedMap;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * The hardware half of an SMMUv3: registers and queues, the way from a StreamID to tables, the tables, the caches of all that, stalled
 * transactions, and events. It reads nothing but registers and memory.
 *
 * <p><b>Who may call.</b> Any thread. A translation takes no lock but, to fill a cache, that of a set; it allocates nothing unless it
 * faults. Whoever drives it beside writers of the tables does so inside a stay of {@link dev.ioasid.memory.Readers}. Registers and the
 * Command queue have one lock, inside which caches are invalidated and stalled transactions resumed; the Event queue has its own, the
 * inner of the two. Inside both lie those of {@link Stalls} and {@link DeviceMessages}, which call nothing.
 *
 * <p>A message about a stalled transaction can be there before the call that translated it has returned.
 */
public final class SmmuHardware implements IommuHardware {
    private static final int REQUEST = PageWalk.READ | PageWalk.WRITE;

    private final SmmuCapabilities capabilities;
    private final PhysicalMemory memory;
    private final SmmuCaches caches;
    private final Requesters requesters;
    private final EventQueue events;
    private final Stalls stalls;
    private final StalledTransactions stalled;
    private final EventReports reports;
    private final StraightSmmuTranslation straight;
    private final SmmuTranslation translation;
    private final AtsTranslation ats;
    private final PageRequests requests;
    private final DeviceMessages messages = new DeviceMessages();
    private final Mishaps mishaps = new Mishaps();
    private final SmmuRegisters registers;
    private volatile Disturbances disturbances = Disturbances.NONE;
    private final ThreadLocal<Transaction> transactions = ThreadLocal.withInitial(Transaction::new);

    /** A unit in a memory of which nobody has to know what it writes. */
    public SmmuHardware(PhysicalMemory memory, SmmuCapabilities capabilities, SmmuCacheGeometries geometries) {
        this(memory, capabilities, geometries, address -> {});
    }

    /**
     * A unit as it is after a reset.
     *
     * @param written told of each word of memory that the unit's queues and interrupts have written
     */
    public SmmuHardware(
            PhysicalMemory memory,
            SmmuCapabilities capabilities,
            SmmuCacheGeometries geometries,
            LongConsumer written) {
        this.capabilities = capabilities;
        this.memory = memory;
        this.caches = new SmmuCaches(geometries);
        this.requesters = new Requesters(geometries.atc());
        this.stalls = new Stalls(capabilities.stallMax());
        this.straight = new StraightSmmuTranslation(memory, capabilities);
        this.translation = new SmmuTranslation(memory, capabilities, caches);
        this.registers = new SmmuRegisters(memory, capabilities, new OfCommands(), new OfRegisters(), written);
        this.events = registers.events();
        this.stalled = new StalledTransactions(stalls, events, messages, this::again);
        this.reports = new EventReports(events, stalls);
        this.ats = new AtsTranslation(capabilities, translation, reports);
        this.requests = new PageRequests(capabilities, registers.requests(), translation, reports);
    }

    @Override
    public SmmuCapabilities capabilities() {
        return capabilities;
    }

    // ---- untranslated transactions

    /**
     * Translates a transaction as its device sends it, without leaving anything on the heap.
     *
     * @param streamId 32 bits, unsigned
     * @param substreamId {@link DmaRequest#NO_PASID} for none
     * @param how {@link PageWalk#READ}, {@link PageWalk#WRITE} or {@link PageWalk#EXECUTE}, with {@link PageWalk#PRIVILEGED}
     * @return see {@link Walked}; negative if it faulted
     */
    public long translate(int streamId, int substreamId, long address, int how) {
        long known = knownByDevice(streamId, substreamId, address, how);
        if (known != 0) {
            long refusal = byDevice(known, streamId, how, transactions.get(), SmmuSteps.NOBODY);
            return refusal == 0 ? known : refusal;
        }
        return throughUnit(streamId, substreamId, address, how);
    }

    /** The device knows nothing. */
    private long throughUnit(int streamId, int substreamId, long address, int how) {
        if (caches.none() && !mishaps.any()) {
            long outcome = straight.of(registers.state(), streamId, substreamId, address, how);
            if (outcome != StraightSmmuTranslation.UNDECIDED) {
                return outcome;
            }
        }
        return exactly(streamId, substreamId, address, how);
    }

    private long exactly(int streamId, int substreamId, long address, int how) {
        var transaction = transactions.get();
        transaction.begin(streamId, substreamId, address, how);
        transaction.era = stalls.era();
        var state = registers.state();
        if (mishaps.any() && state.enabled()) {
            transaction.mishap = mishaps.take(streamId);
            if (transaction.mishap instanceof Mishap.PageHint hint) {
                reports.hint(hint, transaction);
            }
        }
        long outcome = translation.of(state, transaction, transaction);
        return SmmuRefusal.is(outcome) ? reports.report(outcome, transaction) : outcome;
    }

    /** What the device knows of an address, 0 for nothing; counted unless it is only explained. */
    private long knownByDevice(int streamId, int substreamId, long address, int how) {
        var atc = requesters.atc(streamId);
        if (atc == null || (how & PageWalk.EXECUTE) != 0) {
            return 0;
        }
        long known = atc.find(substreamId, (how & PageWalk.PRIVILEGED) != 0, address, how & REQUEST);
        if ((how & PageWalk.DRY) == 0) {
            atc.count(known != 0);
        }
        return known;
    }

    /** The device knows the translation, and sends a translated transaction, which has no SubstreamID. 0: it is let through. */
    private long byDevice(long known, int streamId, int how, Transaction transaction, SmmuSteps steps) {
        int request = how & (REQUEST | PageWalk.DRY);
        transaction.begin(streamId, DmaRequest.NO_PASID, Walked.address(known), request);
        long outcome = ats.translated(registers.state(), transaction, steps);
        if (!SmmuRefusal.is(outcome)) {
            return 0;
        }
        return transaction.isDry() ? outcome : reports.report(outcome, transaction);
    }

    // ---- every kind of transaction

    @Override
    public Translation translate(DmaRequest request) {
        int streamId = requesters.streamId(request.rid());
        int how = how(request);
        var transaction = transactions.get();
        return switch (request.kind()) {
            case UNTRANSLATED ->
                answer(translate(streamId, request.pasid(), request.iova(), how), request.iova(), transaction);
            case TRANSLATED -> {
                transaction.begin(streamId, DmaRequest.NO_PASID, request.iova(), how);
                long outcome = ats.translated(registers.state(), transaction, transaction);
                long reported = SmmuRefusal.is(outcome) ? reports.report(outcome, transaction) : outcome;
                yield answer(reported, request.iova(), transaction);
            }
            case TRANSLATION_REQUEST -> {
                var atc = requesters.atc(streamId);
                int since = atc == null ? 0 : atc.epoch(); // before anything is read
                transaction.begin(streamId, request.pasid(), request.iova(), how);
                yield ats.complete(registers.state(), request, transaction, atc, since);
            }
        };
    }

    @Override
    public boolean remembers(DmaRequest request) {
        int how = how(request) | PageWalk.DRY;
        return knownByDevice(requesters.streamId(request.rid()), request.pasid(), request.iova(), how) != 0;
    }

    @Override
    public PageRequest.Outcome request(PageRequest request) {
        return requests.arrive(registers.state(), request, transactions.get());
    }

    @Override
    public boolean losesPageRequests() {
        return registers.requests().overflowed();
    }

    @Override
    public List<DeviceMessage> takeMessages() {
        return messages.take();
    }

    /** {@inheritDoc} It meets the transaction where the architecture records it: conflicting translations where the TLB is asked. */
    @Override
    public void befall(int streamId, Mishap mishap, int count) {
        if (count < 0) {
            throw new IllegalArgumentException("it cannot befall %d transactions".formatted(count));
        }
        if (mishap instanceof Mishap.PageHint(var wanted, int pages)
                && (!wanted.any() || pages < 1 || pages > EventRecord.MOST_PAGES)) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "a hint is of 1 to %d pages, and for something: not of %d for '%s'"
                            .formatted(EventRecord.MOST_PAGES, pages, wanted));
        }
        mishaps.add(streamId, mishap, count);
    }

    @Override
    public Explanation explain(DmaRequest request) {
        var state = registers.state();
        var all = registers.all();
        var steps = new SmmuExplanation(
                memory, state, all.getOrDefault("STRTAB_BASE", 0L), all.getOrDefault("STRTAB_BASE_CFG", 0L));
        var result = explained(request, state, steps);
        return new Explanation(result, steps.endingWith(result));
    }

    private Translation explained(DmaRequest request, SmmuState state, SmmuExplanation steps) {
        int streamId = requesters.streamId(request.rid());
        int how = how(request) | PageWalk.DRY;
        var transaction = new Transaction();
        if (request.kind() == DmaRequest.Kind.UNTRANSLATED) {
            long known = knownByDevice(streamId, request.pasid(), request.iova(), how);
            if (known != 0) {
                steps.knownByDevice(known);
                long refusal = byDevice(known, streamId, how, transaction, steps);
                return answer(refusal == 0 ? known : refusal, request.iova(), transaction);
            }
        }
        boolean translated = request.kind() == DmaRequest.Kind.TRANSLATED;
        transaction.begin(streamId, translated ? DmaRequest.NO_PASID : request.pasid(), request.iova(), how);
        return switch (request.kind()) {
            case UNTRANSLATED -> {
                transaction.mishap = mishaps.next(streamId);
                yield answer(translation.of(state, transaction, steps), request.iova(), transaction);
            }
            case TRANSLATED -> answer(ats.translated(state, transaction, steps), request.iova(), transaction);
            case TRANSLATION_REQUEST -> ats.explained(state, request, transaction, steps);
        };
    }

    private static int how(DmaRequest request) {
        int access = switch (request.access()) {
            case READ -> PageWalk.READ;
            case WRITE -> PageWalk.WRITE;
            case EXECUTE -> PageWalk.EXECUTE;
        };
        int how = switch (request.kind()) {
            case UNTRANSLATED, TRANSLATED -> access;
            case TRANSLATION_REQUEST -> PageWalk.READ | PageWalk.ANY_RIGHT | (request.noWrite() ? 0 : PageWalk.WRITE);
        };
        return request.privileged() ? how | PageWalk.PRIVILEGED : how;
    }

    private static Translation answer(long outcome, long iova, Transaction transaction) {
        if (SmmuRefusal.is(outcome)) {
            var fault = EventReports.fault(outcome, transaction);
            return SmmuRefusal.isStalled(outcome)
                    ? new Translation.Stalled(fault, transaction.ticket, transaction.stag)
                    : new Translation.Faulted(fault);
        }
        boolean untranslated = (outcome & SmmuTranslation.UNTRANSLATED) != 0;
        return new Translation.Translated(
                untranslated ? iova : Walked.address(outcome),
                1L << Walked.shift(outcome),
                permissions(Walked.rights(outcome)));
    }

    /** What data accesses may do. Execution is told only where it is all: a fetch that is let through may execute. */
    private static Permissions permissions(long rights) {
        boolean read = (rights & Walked.READ) != 0;
        boolean write = (rights & Walked.WRITE) != 0;
        return new Permissions(read, write, !read && !write, false);
    }

    // ---- what commands and registers do to all that

    private final class OfCommands implements CommandEffects {
        @Override
        public void forgetSte(int streamId, boolean leafOnly) {
            caches.forgetSte(streamId);
        }

        @Override
        public void forgetSteRange(int first, int last, boolean all) {
            caches.forgetStes(all ? 0 : first, all ? -1 : last);
        }

        @Override
        public void forgetCd(int streamId, int substreamId, boolean leafOnly) {
            caches.forgetCd(streamId, substreamId);
        }

        @Override
        public void forgetCds(int streamId) {
            caches.forgetCds(streamId);
        }

        @Override
        public void forgetTlb(TlbInvalidation what) {
            caches.forget(what, registers.state().e2h());
        }

        @Override
        public boolean forgetAtc(int streamId, int substreamId, boolean global, long first, long last) {
            var atc = requesters.atc(streamId);
            if (atc == null) {
                return true; // a request that nobody claims is answered as unsupported, which completes it
            }
            if (disturbances.leavesUnanswered(streamId)) {
                return false;
            }
            boolean answered = atc.invalidate(substreamId, first, last);
            return answered && global && substreamId != DmaRequest.NO_PASID
                    ? atc.invalidateEveryPasid(first, last)
                    : answered;
        }

        @Override
        public void resume(int streamId, int stag, boolean retry, boolean abort) {
            stalled.resume(streamId, stag, retry, abort);
        }

        @Override
        public void terminateStalls(int streamId) {
            stalled.abort(streamId);
        }

        @Override
        public void respond(int streamId, int substreamId, int group, int response) {
            messages.add(
                    new DeviceMessage.GroupAnswered(streamId, substreamId, group, Commands.RESPONSES.get(response)));
        }
    }

    private final class OfRegisters implements RegisterEffects {
        @Override
        public void enabledChanged(boolean on) {
            if (!on) {
                stalled.abortAll();
            }
        }

        @Override
        public void eventsWritable() {
            stalled.retryUnheard();
        }
    }

    /** Once more, as if it had just arrived, which is past what its device knows. */
    private DeviceMessage.Resumed again(Stalls.Stalled stalled) {
        long outcome = throughUnit(stalled.streamId(), stalled.substreamId(), stalled.input(), stalled.how());
        var translation = answer(outcome, stalled.input(), transactions.get());
        return new DeviceMessage.Resumed(stalled.ticket(), request(stalled), translation);
    }

    private DmaRequest request(Stalls.Stalled stalled) {
        int how = stalled.how();
        var access = (how & PageWalk.WRITE) != 0
                ? Access.WRITE
                : (how & PageWalk.EXECUTE) != 0 ? Access.EXECUTE : Access.READ;
        return new DmaRequest(
                requesters.rid(stalled.streamId()),
                stalled.substreamId(),
                stalled.input(),
                access,
                (how & PageWalk.PRIVILEGED) != 0);
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
        if (registers.commandsStand()) {
            throw new RefusedException(
                    Errno.EBUSY,
                    "the Command queue stands until GERRORN acknowledges GERROR.CMDQ_ERR",
                    Map.of("register", "GERRORN"));
        }
        messages.begin();
        return IssuedCommand.inOrder(commands, this::submitOne);
    }

    private IssuedCommand submitOne(List<Long> command) {
        if (command.size() != 2) {
            throw new RefusedException(Errno.EINVAL, "a command has 2 words of 64 bits, and not " + command.size());
        }
        long w0 = command.get(0);
        long w1 = command.get(1);
        var wrong = registers.submit(w0, w1);
        if (wrong != null) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "the unit does not take this command (%s, %d): %s".formatted(wrong, wrong.number(), wrong.detail()),
                    Map.of("queueError", wrong.number()));
        }
        return Objects.requireNonNull(CommandType.of(w0)).issued(w0, w1);
    }

    @Override
    public int commandSize() {
        return CommandQueue.SIZE;
    }

    // ---- devices and caches

    @Override
    public void connect(Requester requester) {
        requesters.add(requester);
    }

    @Override
    public void disconnect(int streamId) {
        requesters.remove(streamId);
    }

    @Override
    public void setAnswersInvalidations(int streamId, boolean answers) {
        var atc = requesters.atc(streamId);
        if (atc != null) {
            atc.setAnswering(answers);
        }
    }

    @Override
    public void disturb(Disturbances by) {
        disturbances = by;
        registers.events().disturb(by);
        registers.requests().disturb(by);
    }

    @Override
    public List<CacheSummary> caches() {
        var summaries = new ArrayList<>(caches.summaries());
        summaries.addAll(requesters.summaries());
        return List.copyOf(summaries);
    }

    @Override
    public @Nullable List<CachedEntry> cached(String cache) {
        var entries = caches.contents(cache, requesters::rid);
        return entries == null ? requesters.contents(cache) : entries;
    }

    // ---- faults

    @Override
    public List<FaultRecord> faults() {
        return events.faults(requesters::rid);
    }

    @Override
    public boolean faultsOverflowed() {
        return events.overflowed();
    }

    @Override
    public long faultsDropped() {
        return events.dropped();
    }

    @Override
    public void clearFaults() {
        messages.begin();
        registers.clearEvents();
    }

    @Override
    public Map<String, Long> faultCounts() {
        return reports.counts();
    }
}
