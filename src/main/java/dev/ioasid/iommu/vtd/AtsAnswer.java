package dev.ioasid.iommu.vtd;

import dev.ioasid.iommu.AtsCompletion;
import dev.ioasid.iommu.AtsCompletion.Status;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Translation.Completed;
import dev.ioasid.pagetable.Permissions;
import dev.ioasid.pagetable.Walked;

/** What a translation request is answered, once its way through the tables is known. VT-d 5.10, section 4.2.3. */
final class AtsAnswer {
    private static final long FIRST_INTERRUPT = 0xfee0_0000L;
    private static final long LAST_INTERRUPT = 0xfeef_ffffL;
    private static final Permissions NOTHING = new Permissions(false, false, false, false);

    private AtsAnswer() {}

    /** Whether a page has an address where writes are interrupts. */
    static boolean meetsInterrupts(long found) {
        long size = 1L << Walked.shift(found);
        long first = Walked.address(found) & -size;
        return first <= LAST_INTERRUPT && first + size - 1 >= FIRST_INTERRUPT;
    }

    /**
     * @param outcome what {@link VtdTranslation} says
     * @param noWrite the right to write was not asked for, and is not told
     */
    static Completed of(long outcome, DmaRequest request, boolean noWrite) {
        long privileged = AtsCompletion.PRIV.of(request.hasPasid() && request.privileged() ? 1 : 0);
        if (Refusal.is(outcome)) {
            var status = switch (Refusal.fault(outcome).answer()) {
                case UR -> Status.UNSUPPORTED_REQUEST;
                case CA -> Status.COMPLETER_ABORT;
                case NO_RIGHTS -> Status.SUCCESS;
            };
            long word = status == Status.SUCCESS ? privileged : 0;
            return new Completed(status, word, 0, 1 << 12, NOTHING, Refusal.asFault(outcome, request.iova()));
        }
        if ((outcome & VtdTranslation.UNTRANSLATED) != 0) { // an interrupt: to be written to untranslated
            long word = request.noWrite() ? 0 : AtsCompletion.W.mask() | AtsCompletion.U.mask();
            return new Completed(Status.SUCCESS, word, 0, 1 << 12, NOTHING, null);
        }
        long rights = noWrite ? Walked.rights(outcome) & ~Walked.WRITE : Walked.rights(outcome);
        boolean read = (rights & Walked.READ) != 0;
        boolean write = (rights & Walked.WRITE) != 0;
        if (rights == 0) {
            return new Completed(Status.SUCCESS, privileged, 0, 1 << 12, NOTHING, null);
        }
        long word = AtsCompletion.range(Walked.address(outcome), Walked.shift(outcome))
                | AtsCompletion.R.of(read ? 1 : 0)
                | AtsCompletion.W.of(write ? 1 : 0)
                | AtsCompletion.N.of((outcome & Walked.SNOOPED) != 0 ? 1 : 0)
                | privileged;
        return new Completed(
                Status.SUCCESS,
                word,
                Walked.address(outcome),
                1L << Walked.shift(outcome),
                new Permissions(read, write, false, false),
                null);
    }

    /** What the device keeps: the translation, with the rights that it was told. */
    static long kept(long outcome, Completed told) {
        return told.permissions().write() ? outcome : Walked.without(outcome, Walked.WRITE);
    }
}
