package dev.ioasid.iommu.vtd;

import dev.ioasid.iommu.Fault;
import dev.ioasid.iommu.Stage;
import dev.ioasid.pagetable.Walked;
import dev.ioasid.pagetable.Walked.Failure;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A fault packed into a negative {@code long}, so that nothing goes to the heap.
 *
 * <pre>
 * 63 1   21 recorded   20 silenced by FPD   17:16 stage (1 first, 2 second)   15:12 level   7:0 reason
 * </pre>
 */
final class Refusal {
    private static final long MARK = 1L << 63;
    private static final long RECORDED = 1 << 21;
    private static final long SILENCED = 1 << 20;
    private static final int STAGE_SHIFT = 16;
    private static final int LEVEL_SHIFT = 12;

    private Refusal() {}

    static long of(VtdFault fault) {
        return of(fault, false);
    }

    /** @param processingDisabled FPD of what was fetched so far; it silences qualified faults only */
    static long of(VtdFault fault, boolean processingDisabled) {
        return MARK | (processingDisabled && fault.qualified() ? SILENCED : 0) | fault.ordinal();
    }

    /** The refusal that a failed walk stands for. */
    static long ofWalk(long failed, boolean legacy, boolean write, boolean processingDisabled) {
        var stage = Walked.stage(failed);
        var fault = legacy ? legacy(Walked.failure(failed), write) : scalable(Walked.failure(failed), stage);
        return of(fault, processingDisabled)
                | (stage == Walked.Stage.FIRST ? 1L : 2L) << STAGE_SHIFT
                | (long) Walked.level(failed) << LEVEL_SHIFT;
    }

    private static VtdFault legacy(Failure failure, boolean write) {
        return switch (failure) {
            case ROOT_FETCH -> VtdFault.LCT_4_3;
            case FETCH -> VtdFault.LSS_1;
            case RESERVED -> VtdFault.LSS_2;
            case ABSENT -> write ? VtdFault.LGN_2 : VtdFault.LGN_3;
            case NO_WRITE -> VtdFault.LGN_2;
            case NO_READ -> VtdFault.LGN_3;
            case INTERRUPT_WINDOW -> VtdFault.LGN_4;
            case NO_EXECUTE,
                    NOT_ACCESSED,
                    UPDATE_FORBIDDEN,
                    NOT_USER,
                    BEYOND_PARENT,
                    PARENT_HIDES_ROOT,
                    PARENT_HIDES_TABLE,
                    PARENT_FORBIDS_UPDATE -> throw new IllegalStateException(failure + " in legacy mode");
        };
    }

    private static VtdFault scalable(Failure failure, Walked.Stage stage) {
        boolean first = stage == Walked.Stage.FIRST;
        return switch (failure) {
            case ROOT_FETCH -> first ? VtdFault.SFS_4 : VtdFault.SSS_4;
            case FETCH -> first ? VtdFault.SFS_1 : VtdFault.SSS_1;
            case ABSENT -> first ? VtdFault.SFS_2 : VtdFault.SSS_2;
            case RESERVED -> first ? VtdFault.SFS_3 : VtdFault.SSS_3;
            case UPDATE_FORBIDDEN -> first ? VtdFault.SFS_9 : VtdFault.SSS_5;
            case NOT_USER -> VtdFault.SGN_2;
            case NO_WRITE -> VtdFault.SGN_6;
            case NO_READ -> VtdFault.SGN_7;
            case BEYOND_PARENT -> VtdFault.SFS_5;
            case PARENT_HIDES_ROOT -> VtdFault.SFS_6;
            case PARENT_HIDES_TABLE -> VtdFault.SFS_7;
            case PARENT_FORBIDS_UPDATE -> VtdFault.SFS_8;
            case NO_EXECUTE, NOT_ACCESSED -> throw new IllegalStateException(failure + " of a VT-d table");
            case INTERRUPT_WINDOW -> VtdFault.SGN_8;
        };
    }

    /** A refusal that was remembered, as another request meets it: legacy mode names an absent page by what was wanted of it. */
    static long met(long refusal, boolean write) {
        var fault = fault(refusal);
        if (fault != VtdFault.LGN_2 && fault != VtdFault.LGN_3) {
            return refusal;
        }
        var named = write ? VtdFault.LGN_2 : VtdFault.LGN_3;
        return refusal - fault.ordinal() + named.ordinal();
    }

    static boolean is(long outcome) {
        return outcome < 0;
    }

    static VtdFault fault(long refusal) {
        return VtdFault.of((int) refusal & 0xff);
    }

    static boolean silenced(long refusal) {
        return (refusal & SILENCED) != 0;
    }

    static long recorded(long refusal) {
        return refusal | RECORDED;
    }

    static boolean isRecorded(long refusal) {
        return (refusal & RECORDED) != 0;
    }

    /** The fault of a request for an address. */
    static Fault asFault(long refusal, long address) {
        var fault = fault(refusal);
        return new Fault(
                fault.code(),
                fault.spelled(),
                fault.detail(),
                stage(refusal),
                level(refusal) == 0 ? null : Integer.valueOf(level(refusal)),
                address,
                false,
                isRecorded(refusal),
                List.of());
    }

    /** Level of the table entry at fault; 0 if none was. */
    static int level(long refusal) {
        return (int) (refusal >>> LEVEL_SHIFT) & 0xf;
    }

    static @Nullable Stage stage(long refusal) {
        return switch ((int) (refusal >>> STAGE_SHIFT) & 3) {
            case 1 -> Stage.FIRST;
            case 2 -> Stage.SECOND;
            default -> fault(refusal).stage();
        };
    }
}
