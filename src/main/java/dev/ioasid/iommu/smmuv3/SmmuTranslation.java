package dev.ioasid.iommu.smmuv3;

import dev.ioasid.iommu.Mishap;
import dev.ioasid.iommu.Stage;
import dev.ioasid.memory.PhysicalMemory;
import dev.ioasid.pagetable.PageWalk;
import dev.ioasid.pagetable.Steps;
import dev.ioasid.pagetable.StructureCaches;
import dev.ioasid.pagetable.TableFormat;
import dev.ioasid.pagetable.Walked;
import org.jspecify.annotations.Nullable;

/**
 * From a StreamID, a SubstreamID and an address to an address. IHI 0070, sections 3.3, 3.4 and 3.10, in the order of section 7.3: the
 * first thing that is wrong is what the event says.
 *
 * <p>Any thread may call, each with a {@link Transaction} of its own.
 */
final class SmmuTranslation {
    /** In what was found: no stage translates it. */
    static final long UNTRANSLATED = 1L << 61;

    private static final int REQUEST = PageWalk.READ | PageWalk.WRITE | PageWalk.EXECUTE;
    private static final int TOP_BYTE = 56;
    private static final int HALF = 55;

    private final PhysicalMemory memory;
    private final SmmuCapabilities capabilities;
    private final SmmuCaches caches;
    private final SmmuFormats formats;
    private final StreamTable streams;
    private final SecondStage secondStage;
    private final CdTable cds;

    SmmuTranslation(PhysicalMemory memory, SmmuCapabilities capabilities, SmmuCaches caches) {
        this.memory = memory;
        this.capabilities = capabilities;
        this.caches = caches;
        this.formats = new SmmuFormats(capabilities);
        this.streams = new StreamTable(memory, capabilities, caches);
        this.secondStage = new SecondStage(memory, capabilities, formats);
        this.cds = new CdTable(memory, capabilities, caches, secondStage);
    }

    /**
     * Translates an untranslated transaction.
     *
     * @return see {@link Walked}; or a refusal
     */
    long of(SmmuState state, Transaction transaction, SmmuSteps steps) {
        if (!state.enabled()) {
            return bypass(state, transaction);
        }
        long refusal = befallen(transaction);
        if (refusal == 0) {
            refusal = stream(state, transaction, steps);
        }
        return refusal != 0 ? refusal : configured(state, transaction, steps);
    }

    /** What befalls a transaction before anything is looked up for it: 0, or a refusal. */
    private static long befallen(Transaction transaction) {
        return switch (transaction.mishap) {
            case Mishap.UnsupportedTransaction unsupported -> SmmuRefusal.of(SmmuEvent.F_UUT);
            case Mishap.ConflictingConfiguration conflicting -> SmmuRefusal.of(SmmuEvent.F_CFG_CONFLICT);
            case Mishap.ConflictingTranslations conflicting -> 0;
            case Mishap.PageHint hint -> 0;
            case null -> 0;
        };
    }

    /** Whether more than one entry of the TLB would answer a transaction. */
    private static boolean meetsConflict(Transaction transaction) {
        return transaction.mishap instanceof Mishap.ConflictingTranslations;
    }

    /** Fetches a transaction's STE, and the VMS if that has one; 0, or a refusal. */
    long configuration(SmmuState state, Transaction transaction, SmmuSteps steps) {
        long refusal = streams.find(state, transaction, steps);
        return refusal != 0 ? refusal : streams.fetchVms(transaction, steps);
    }

    /** Finds out about a transaction's stream; 0, or a refusal. */
    long stream(SmmuState state, Transaction transaction, SmmuSteps steps) {
        long refusal = configuration(state, transaction, steps);
        if (refusal != 0) {
            return refusal;
        }
        if (Ste.CONFIG.get(transaction.ste0) < Ste.BYPASS) {
            return SmmuRefusal.ABORT;
        }
        override(transaction);
        return 0;
    }

    /** Translation is off: everything goes where it says, or nothing anywhere. */
    private long bypass(SmmuState state, Transaction transaction) {
        boolean aborts = Gbpa.ABORT.isSet(state.gbpa()) || (transaction.input & capabilities.beyondOutput()) != 0;
        return aborts ? SmmuRefusal.ABORT : untranslated(transaction.input);
    }

    static long untranslated(long address) {
        return Walked.untranslated(address, 12) | UNTRANSLATED;
    }

    /** PRIVCFG and INSTCFG: how the stream's transactions are taken. */
    private void override(Transaction transaction) {
        if (!capabilities.attributePermissionsOverride()) {
            return;
        }
        switch ((int) Ste.PRIVCFG.get(transaction.ste1)) {
            case Ste.UNPRIVILEGED -> transaction.how &= ~PageWalk.PRIVILEGED;
            case Ste.PRIVILEGED -> transaction.how |= PageWalk.PRIVILEGED;
            default -> {}
        }
        if ((transaction.how & PageWalk.WRITE) != 0) {
            return; // writes are data
        }
        switch ((int) Ste.INSTCFG.get(transaction.ste1)) {
            case Ste.DATA -> transaction.how = transaction.how & ~REQUEST | PageWalk.READ;
            case Ste.INSTRUCTION -> transaction.how = transaction.how & ~REQUEST | PageWalk.EXECUTE;
            default -> {}
        }
    }

    /** Translates a transaction whose stream is known. */
    long configured(SmmuState state, Transaction transaction, SmmuSteps steps) {
        boolean stage1 = transaction.stage1();
        int most = (int) Ste.S1CDMAX.get(transaction.ste0);
        boolean substreams = stage1 && most > 0 && capabilities.ssidBits() > 0;
        if (transaction.hasSubstream() && !(substreams && transaction.substreamId >>> most == 0)) {
            return SmmuRefusal.of(SmmuEvent.C_BAD_SUBSTREAMID);
        }
        transaction.cdIndex = 0;
        if (substreams) {
            int without = (int) Ste.S1DSS.get(transaction.ste1);
            if (transaction.hasSubstream()) {
                if (transaction.substreamId == 0 && without == Ste.DSS_SUBSTREAM_0) {
                    return SmmuRefusal.of(SmmuEvent.F_STREAM_DISABLED);
                }
                transaction.cdIndex = transaction.substreamId;
            } else if (without == Ste.DSS_BYPASS) {
                stage1 = false;
            } else if (without != Ste.DSS_SUBSTREAM_0) {
                return SmmuRefusal.of(SmmuEvent.F_STREAM_DISABLED);
            }
        }
        if (!stage1) {
            return fromStage2(transaction, steps);
        }
        var world = world(state, transaction);
        long refusal = cds.find(world, transaction, steps);
        return refusal != 0 ? byStageTwoPolicy(transaction, refusal) : fromStage1(world, transaction, steps);
    }

    private StreamWorld world(SmmuState state, Transaction transaction) {
        boolean matters = capabilities.hyp() && Ste.CONFIG.get(transaction.ste0) == Ste.STAGE_1;
        if (!matters || Ste.STRW.get(transaction.ste1) != Ste.STRW_EL2) {
            return StreamWorld.EL1;
        }
        return state.e2h() ? StreamWorld.EL2_E2H : StreamWorld.EL2;
    }

    // ---- without stage 1

    long fromStage2(Transaction transaction, SmmuSteps steps) {
        if ((transaction.input & -1L << capabilities.inputBits()) != 0) {
            return SmmuRefusal.of(SmmuEvent.F_ADDR_SIZE, Stage.FIRST, FaultClass.IN);
        }
        if (!transaction.stage2()) {
            return untranslated(transaction.input);
        }
        if (meetsConflict(transaction)) {
            transaction.at = transaction.input;
            return SmmuRefusal.of(SmmuEvent.F_TLB_CONFLICT, Stage.SECOND, FaultClass.IN);
        }
        boolean privileged = (transaction.how & PageWalk.PRIVILEGED) != 0;
        long who = SmmuCaches.whoOfStage2((int) Ste.S2VMID.get(transaction.ste2), privileged);
        long known = caches.find(who, transaction.input, need(transaction.how), !transaction.isDry());
        if (known != 0) {
            steps.knownByTlb(known);
            return known;
        }
        transaction.leafShift = 0;
        long walked = secondStage.walk(transaction, transaction.input, transaction.how, FaultClass.IN, steps);
        return settle(who, transaction, transaction.input, walked);
    }

    /** Whether what is clean may become dirty: not for a translation request that does not want to write. */
    static boolean mayDirty(int how) {
        return (how & (PageWalk.ANY_RIGHT | PageWalk.WRITE)) != PageWalk.ANY_RIGHT;
    }

    /** What an entry of the TLB must be good for. */
    static long need(int how) {
        return (how & PageWalk.EXECUTE) != 0 ? Walked.EXECUTE : how & (PageWalk.READ | PageWalk.WRITE);
    }

    private long settle(long who, Transaction transaction, long address, long walked) {
        if (SmmuRefusal.is(walked)) {
            return byStageTwoPolicy(transaction, walked);
        }
        if (!transaction.isDry()) {
            caches.keep(transaction.since, who, transaction, address, walked);
        }
        return walked;
    }

    // ---- with stage 1

    private long fromStage1(StreamWorld world, Transaction transaction, SmmuSteps steps) {
        long cd0 = transaction.cd0;
        boolean one = world == StreamWorld.EL2;
        boolean upper = !one && (transaction.input >>> HALF & 1) != 0;
        long address = input(transaction, one, upper);
        int bits = inputBits(transaction, upper);
        long beyond = address >>> bits;
        boolean inRange = upper ? beyond == -1L >>> bits : beyond == 0;
        boolean off = !one && (upper ? Cd.EPD1 : Cd.EPD0).isSet(cd0);
        if (!inRange || off || isKeptFromUsers(transaction, one, upper)) {
            return byStageOnePolicy(transaction, SmmuRefusal.of(SmmuEvent.F_TRANSLATION, Stage.FIRST, FaultClass.IN));
        }
        if (meetsConflict(transaction)) {
            return SmmuRefusal.of(SmmuEvent.F_TLB_CONFLICT, Stage.FIRST, FaultClass.IN);
        }
        boolean privileged = (transaction.how & PageWalk.PRIVILEGED) != 0 && !one;
        long who = SmmuCaches.who(
                world,
                world == StreamWorld.EL1 && capabilities.s2() ? (int) Ste.S2VMID.get(transaction.ste2) : 0,
                one ? 0 : (int) Cd.ASID.get(cd0),
                !one && Cd.ASET.isSet(cd0),
                privileged);
        long known = caches.find(who, address, need(transaction.how), !transaction.isDry());
        if (known != 0) {
            steps.knownByTlb(known);
            return known;
        }
        return walk(who, address, one, upper, transaction, steps);
    }

    /** The address, without a top byte that is ignored. */
    private static long input(Transaction transaction, boolean one, boolean upper) {
        boolean topIgnored = (upper ? Cd.TBI1 : Cd.TBI0).isSet(transaction.cd0);
        return topIgnored ? withoutTopByte(transaction.input, one) : transaction.input;
    }

    private static int inputBits(Transaction transaction, boolean upper) {
        return 64 - (int) (upper ? Cd.T1SZ : Cd.T0SZ).get(transaction.cd0);
    }

    private TableFormat format(Transaction transaction, boolean upper) {
        return (upper ? formats.upper(transaction.cd0) : formats.lower(transaction.cd0)).format();
    }

    private static long root(Transaction transaction, boolean upper, TableFormat format) {
        long ttb = upper ? Cd.TTB1.get(transaction.cd2) : Cd.TTB0.get(transaction.cd1);
        return ttb << 4 & -format.rootAlignment();
    }

    /** E0PD: the half is no unprivileged requester's business. */
    private boolean isKeptFromUsers(Transaction transaction, boolean one, boolean upper) {
        boolean kept = upper ? Cd.E0PD1.isSet(transaction.cd2) : Cd.E0PD0.isSet(transaction.cd1);
        return kept && !one && capabilities.e0pd() && (transaction.how & PageWalk.PRIVILEGED) == 0;
    }

    static long withoutTopByte(long address, boolean one) {
        return one ? address & (1L << TOP_BYTE) - 1 : address << Long.SIZE - TOP_BYTE >> Long.SIZE - TOP_BYTE;
    }

    private static int walkedHow(Transaction transaction, boolean one, boolean upper) {
        boolean plain = upper ? Cd.HAD1.isSet(transaction.cd2) : Cd.HAD0.isSet(transaction.cd1);
        return walkedHow(transaction.cd0, plain, transaction.how, one);
    }

    /** How the table of a half is walked, by word 0 of its CD and what else is said of the half. */
    static int walkedHow(long cd0, boolean plain, int request, boolean one) {
        int how = request;
        if (Cd.HA.isSet(cd0)) {
            how |= Cd.HD.isSet(cd0) && mayDirty(how)
                    ? PageWalk.ACCESS_FLAG | PageWalk.DIRTY_STATE
                    : PageWalk.ACCESS_FLAG;
        } else if (Cd.AFFD.isSet(cd0)) {
            how |= PageWalk.ACCESS_FLAG_IGNORED;
        }
        if (Cd.WXN.isSet(cd0)) {
            how |= PageWalk.WRITE_EXECUTE_NEVER;
        }
        if (Cd.PAN.isSet(cd0)) {
            how |= PageWalk.PRIVILEGED_ACCESS_NEVER;
        }
        if (plain) {
            how |= PageWalk.HIERARCHY_OFF;
        }
        return one ? how | PageWalk.SINGLE_PRIVILEGE : how;
    }

    private long walk(long who, long address, boolean one, boolean upper, Transaction transaction, SmmuSteps steps) {
        transaction.leafShift = 0;
        var format = format(transaction, upper);
        long root = root(transaction, upper, format);
        int how = walkedHow(transaction, one, upper);
        long input = address & (1L << format.inputBits()) - 1;
        if (!transaction.stage2()) {
            long walked = PageWalk.walk(memory, format, root, input, how, steps);
            return Walked.failed(walked)
                    ? failed(walked, format, root, input, how, null, 0, 0, transaction)
                    : settle(who, transaction, address, walked);
        }
        var parent = secondStage.format(transaction.ste2).format();
        long parentRoot = secondStage.root(transaction, parent);
        int parentHow = secondStage.how(transaction);
        long walked = nested(format, root, input, how, parent, parentRoot, parentHow, steps);
        return Walked.failed(walked)
                ? failed(walked, format, root, input, how, parent, parentRoot, parentHow, transaction)
                : settle(who, transaction, address, walked);
    }

    private long nested(
            TableFormat format,
            long root,
            long input,
            int how,
            @Nullable TableFormat parent,
            long parentRoot,
            int parentHow,
            Steps steps) {
        return PageWalk.walk(
                memory, format, root, input, how, parent, parentRoot, 0, parentHow, StructureCaches.NONE, 0, steps);
    }

    /** The intermediate address of a transaction that both stages have translated. */
    long intermediate(Transaction transaction) {
        boolean upper = (transaction.input >>> HALF & 1) != 0;
        var format = format(transaction, upper);
        var parent = secondStage.format(transaction.ste2).format();
        var place = new FaultPlace();
        long unused = nested(
                format,
                root(transaction, upper, format),
                input(transaction, false, upper) & (1L << format.inputBits()) - 1,
                walkedHow(transaction, false, upper) | PageWalk.DRY,
                parent,
                secondStage.root(transaction, parent),
                secondStage.how(transaction),
                place);
        return place.input();
    }

    /** A failed walk is done again, dry, to see where it fails. */
    private long failed(
            long walked,
            TableFormat format,
            long root,
            long input,
            int how,
            @Nullable TableFormat parent,
            long parentRoot,
            int parentHow,
            Transaction transaction) {
        var place = new FaultPlace();
        long again = nested(format, root, input, how | PageWalk.DRY, parent, parentRoot, parentHow, place);
        long failed = Walked.failed(again) ? again : walked; // it may have been mended meanwhile
        boolean second = Walked.stage(failed) == Walked.Stage.SECOND;
        boolean missing = switch (Walked.failure(failed)) {
            case FETCH, ROOT_FETCH -> true;
            default -> false;
        };
        transaction.at = missing ? place.missing() : second ? place.input() : 0;
        var doing = second ? place.doing() : missing ? FaultClass.TT : FaultClass.IN;
        long refusal = SmmuRefusal.ofWalk(failed, doing, second && place.writesDescriptor());
        return second ? byStageTwoPolicy(transaction, refusal) : byStageOnePolicy(transaction, refusal);
    }

    // ---- what becomes of a fault

    /** CD.A, R and S. */
    private static long byStageOnePolicy(Transaction transaction, long refusal) {
        var event = SmmuRefusal.event(refusal);
        if (event == null || event.kind() != SmmuEvent.Kind.TRANSLATION) {
            return refusal;
        }
        if (Cd.S.isSet(transaction.cd0)) {
            return SmmuRefusal.stalled(refusal);
        }
        long recorded = Cd.R.isSet(transaction.cd0) ? refusal : SmmuRefusal.silent(refusal);
        return Cd.A.isSet(transaction.cd0) ? recorded : SmmuRefusal.ignored(recorded);
    }

    /** STE.S2R and S2S. */
    private static long byStageTwoPolicy(Transaction transaction, long refusal) {
        var event = SmmuRefusal.event(refusal);
        boolean asks = event != null
                && event.kind() == SmmuEvent.Kind.TRANSLATION
                && SmmuRefusal.stage(refusal) == Stage.SECOND;
        if (!asks) {
            return refusal;
        }
        if (Ste.S2S.isSet(transaction.ste2)) {
            return SmmuRefusal.stalled(refusal);
        }
        return Ste.S2R.isSet(transaction.ste2) ? refusal : SmmuRefusal.silent(refusal);
    }
}
