package dev.ioasid.iommu.smmuv3;

import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.AtsCompletion;
import dev.ioasid.iommu.AtsCompletion.Status;
import dev.ioasid.iommu.DeviceTlb;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Translation.Completed;
import dev.ioasid.pagetable.PageWalk;
import dev.ioasid.pagetable.Permissions;
import dev.ioasid.pagetable.Walked;
import org.jspecify.annotations.Nullable;

/**
 * Translation requests and translated transactions. IHI 0070, section 3.9.1: what the STE's EATS says of them, and how the outcome of a
 * walk is told to a device. Any thread may call.
 */
final class AtsTranslation {
    private static final Permissions NOTHING = new Permissions(false, false, false, false);

    private final SmmuCapabilities capabilities;
    private final SmmuTranslation translation;
    private final EventReports reports;

    AtsTranslation(SmmuCapabilities capabilities, SmmuTranslation translation, EventReports reports) {
        this.capabilities = capabilities;
        this.translation = translation;
        this.reports = reports;
    }

    /** EATS as it works. */
    private int effective(SmmuState state, Transaction transaction) {
        if (!capabilities.ats() || Ste.CONFIG.get(transaction.ste0) == Ste.BYPASS) {
            return Ste.EATS_ABORT;
        }
        int eats = (int) Ste.EATS.get(transaction.ste1);
        boolean split = eats == Ste.EATS_SPLIT && state.atsCheck();
        return eats == Ste.EATS_FULL || split ? eats : Ste.EATS_ABORT;
    }

    // ---- translation requests

    /**
     * Answers a translation request as hardware does: what is an event is recorded, and what the device is told it keeps.
     *
     * @param transaction which has begun, with {@link PageWalk#ANY_RIGHT}
     * @param atc the device's; null: it has none
     * @param since when it was asked last, of the ATC
     */
    Completed complete(
            SmmuState state, DmaRequest request, Transaction transaction, @Nullable DeviceTlb atc, int since) {
        transaction.asksToExecute = asksToExecute(request);
        long outcome = request(state, transaction, transaction);
        if (SmmuRefusal.is(outcome) && isRecorded(state, outcome)) {
            outcome = reports.report(outcome, transaction);
        } else if (SmmuRefusal.is(outcome) && status(outcome) != Status.SUCCESS) { // that is an answer, and no fault
            reports.count(SmmuRefusal.event(outcome));
        }
        Long told = told(state, outcome, transaction);
        var completed = completion(outcome, request, told, transaction);
        if (atc != null && completed.permissions().any()) {
            long kept = completed.permissions().write() ? outcome : Walked.without(outcome, Walked.WRITE);
            atc.keep(
                    since,
                    request.pasid(),
                    request.privileged(),
                    request.iova(),
                    told == null ? kept : Walked.at(kept, told));
        }
        return completed;
    }

    /** What {@link #complete} would answer: nothing is recorded, and nothing kept. */
    Completed explained(SmmuState state, DmaRequest request, Transaction transaction, SmmuSteps steps) {
        long outcome = request(state, transaction, steps);
        return completion(outcome, request, told(state, outcome, transaction), transaction);
    }

    /** The IPA that a split-stage completion tells; null: it tells what was found, if anything. */
    private @Nullable Long told(SmmuState state, long outcome, Transaction transaction) {
        return !SmmuRefusal.is(outcome) && isSplit(state, transaction) ? translation.intermediate(transaction) : null;
    }

    /** What was found, or a refusal: a translation request never waits. */
    private long request(SmmuState state, Transaction transaction, SmmuSteps steps) {
        long outcome = found(state, transaction, steps);
        return SmmuRefusal.is(outcome) ? SmmuRefusal.unstalled(outcome) : outcome;
    }

    private long found(SmmuState state, Transaction transaction, SmmuSteps steps) {
        if (!state.enabled()) {
            return SmmuRefusal.of(SmmuEvent.F_BAD_ATS_TREQ);
        }
        long refusal = translation.stream(state, transaction, steps);
        if (refusal != 0) {
            return refusal;
        }
        int eats = effective(state, transaction);
        if (eats == Ste.EATS_ABORT) {
            return SmmuRefusal.of(SmmuEvent.F_BAD_ATS_TREQ);
        }
        return translation.configured(state, transaction, steps);
    }

    /** How a refused translation request ends. */
    private static Status status(long refusal) {
        var event = SmmuRefusal.event(refusal);
        if (event == null || event == SmmuEvent.F_BAD_ATS_TREQ) {
            return Status.UNSUPPORTED_REQUEST;
        }
        boolean broken = event.kind() == SmmuEvent.Kind.CONFIGURATION
                || event == SmmuEvent.F_WALK_EABT
                || event == SmmuEvent.F_TLB_CONFLICT;
        return broken ? Status.COMPLETER_ABORT : Status.SUCCESS;
    }

    /** Whether an event of a translation request is recorded. */
    private static boolean isRecorded(SmmuState state, long refusal) {
        return switch (status(refusal)) {
            case UNSUPPORTED_REQUEST -> SmmuRefusal.event(refusal) != null;
            case COMPLETER_ABORT -> state.recordAts();
            case SUCCESS -> false;
        };
    }

    /**
     * The completion of a translation request.
     *
     * @param told the address that the device is told, where it is not the one that was found
     */
    private static Completed completion(
            long outcome, DmaRequest request, @Nullable Long told, Transaction transaction) {
        long privileged = AtsCompletion.PRIV.of(request.hasPasid() && request.privileged() ? 1 : 0);
        if (SmmuRefusal.is(outcome)) {
            var status = status(outcome);
            long word = status == Status.SUCCESS ? privileged : 0;
            return new Completed(status, word, 0, 1 << 12, NOTHING, EventReports.fault(outcome, transaction));
        }
        long rights = Walked.rights(outcome);
        boolean read = (rights & Walked.READ) != 0;
        boolean write = (rights & Walked.WRITE) != 0 && !request.noWrite();
        if (!read && !write) {
            return new Completed(Status.SUCCESS, privileged, 0, 1 << 12, NOTHING, null);
        }
        boolean execute = read && (rights & Walked.EXECUTE) != 0 && asksToExecute(request);
        long address = told == null ? Walked.address(outcome) : told;
        long word = AtsCompletion.range(address, Walked.shift(outcome))
                | AtsCompletion.R.of(read ? 1 : 0)
                | AtsCompletion.W.of(write ? 1 : 0)
                | AtsCompletion.EXE.of(execute ? 1 : 0)
                | privileged;
        return new Completed(
                Status.SUCCESS,
                word,
                address,
                1L << Walked.shift(outcome),
                new Permissions(read, write, execute, false),
                null);
    }

    /** Whether a translation request asks for the right to execute: only one with a SubstreamID can. */
    private static boolean asksToExecute(DmaRequest request) {
        return request.hasPasid() && request.access() == Access.EXECUTE;
    }

    // ---- translated transactions

    /** What becomes of a transaction whose address is one that a completion told; see {@link Walked}, or a refusal. */
    long translated(SmmuState state, Transaction transaction, SmmuSteps steps) {
        if (!state.enabled()) {
            return SmmuRefusal.of(SmmuEvent.F_TRANSL_FORBIDDEN);
        }
        if (!state.atsCheck()) {
            return passed(transaction);
        }
        long refusal = translation.stream(state, transaction, steps);
        if (refusal != 0) {
            var event = SmmuRefusal.event(refusal);
            // what is recorded follows from CR2.REC_CFG_ATS alone, and not from RECINVSID
            return event == null ? refusal : state.recordAts() ? SmmuRefusal.of(event) : SmmuRefusal.silent(refusal);
        }
        return switch (effective(state, transaction)) {
            case Ste.EATS_FULL -> passed(transaction);
            case Ste.EATS_SPLIT -> translation.fromStage2(transaction, steps);
            default -> SmmuRefusal.of(SmmuEvent.F_TRANSL_FORBIDDEN);
        };
    }

    private long passed(Transaction transaction) {
        return (transaction.input & capabilities.beyondOutput()) != 0
                ? SmmuRefusal.ABORT
                : SmmuTranslation.untranslated(transaction.input);
    }

    /** Whether the device is told an IPA. */
    private static boolean isSplit(SmmuState state, Transaction transaction) {
        return state.atsCheck()
                && Ste.CONFIG.get(transaction.ste0) == Ste.NESTED
                && Ste.EATS.get(transaction.ste1) == Ste.EATS_SPLIT;
    }
}
