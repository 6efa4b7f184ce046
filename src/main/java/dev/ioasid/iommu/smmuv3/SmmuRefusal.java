package dev.ioasid.iommu.smmuv3;

import dev.ioasid.iommu.Stage;
import dev.ioasid.pagetable.Walked;
import org.jspecify.annotations.Nullable;

/**
 * Why a request was not translated, packed into a negative {@code long}:
 *
 * <pre>
 * 63 1   20 recorded   19 RAZ/WI   18 stalled   17 not to be recorded   16 to write a descriptor
 * 15:12 level of the descriptor, plus 1   11:10 stage   9:8 what was being done   7:0 event number; 0: none
 * </pre>
 */
final class SmmuRefusal {
    private static final long MARK = 1L << 63;
    private static final int DOING_SHIFT = 8;
    private static final int STAGE_SHIFT = 10;
    private static final int LEVEL_SHIFT = 12;
    private static final long WRITES_DESCRIPTOR = 1 << 16;
    private static final long SILENT = 1 << 17;
    private static final long STALLED = 1 << 18;
    private static final long IGNORED = 1 << 19;
    private static final long RECORDED = 1 << 20;
    private static final int LAST_LEVEL = 3;
    private static final FaultClass[] CLASSES = FaultClass.values();

    /** Terminated, and no event says so. */
    static final long ABORT = MARK | SILENT;

    private SmmuRefusal() {}

    static boolean is(long outcome) {
        return outcome < 0;
    }

    /** Of the stream's configuration: no stage is at fault. */
    static long of(SmmuEvent event) {
        return MARK | event.code() | (long) FaultClass.IN.ordinal() << DOING_SHIFT;
    }

    /** At a stage, but at no descriptor of it. */
    static long of(SmmuEvent event, Stage stage, FaultClass doing) {
        return MARK | event.code() | (long) doing.ordinal() << DOING_SHIFT | number(stage) << STAGE_SHIFT;
    }

    /** Of a walk that has failed. */
    static long ofWalk(long failed, FaultClass doing, boolean writesDescriptor) {
        var event = switch (Walked.failure(failed)) {
            case ABSENT -> SmmuEvent.F_TRANSLATION;
            case RESERVED -> SmmuEvent.F_ADDR_SIZE;
            case FETCH, ROOT_FETCH -> SmmuEvent.F_WALK_EABT;
            case NOT_ACCESSED -> SmmuEvent.F_ACCESS;
            case NO_READ, NO_WRITE, NO_EXECUTE -> SmmuEvent.F_PERMISSION;
            case UPDATE_FORBIDDEN,
                    NOT_USER,
                    BEYOND_PARENT,
                    PARENT_HIDES_ROOT,
                    PARENT_HIDES_TABLE,
                    PARENT_FORBIDS_UPDATE,
                    INTERRUPT_WINDOW ->
                throw new IllegalStateException(Walked.failure(failed) + " of a table of VMSAv8-64");
        };
        var stage = Walked.stage(failed) == Walked.Stage.FIRST ? Stage.FIRST : Stage.SECOND;
        long level = LAST_LEVEL + 1 - Walked.level(failed);
        return of(event, stage, doing) | level + 1 << LEVEL_SHIFT | (writesDescriptor ? WRITES_DESCRIPTOR : 0);
    }

    private static long number(Stage stage) {
        return stage == Stage.FIRST ? 1 : 2;
    }

    static long silent(long refusal) {
        return refusal | SILENT;
    }

    static long stalled(long refusal) {
        return refusal | STALLED;
    }

    /** The same, but not waiting. */
    static long unstalled(long refusal) {
        return refusal & ~STALLED;
    }

    /** Terminated as if nothing had happened: reads are zero, writes go nowhere. */
    static long ignored(long refusal) {
        return refusal | IGNORED;
    }

    static long recorded(long refusal) {
        return refusal | RECORDED;
    }

    static boolean isSilent(long refusal) {
        return (refusal & SILENT) != 0;
    }

    static boolean isStalled(long refusal) {
        return (refusal & STALLED) != 0;
    }

    static boolean isIgnored(long refusal) {
        return (refusal & IGNORED) != 0;
    }

    static boolean isRecorded(long refusal) {
        return (refusal & RECORDED) != 0;
    }

    static boolean writesDescriptor(long refusal) {
        return (refusal & WRITES_DESCRIPTOR) != 0;
    }

    /** Null: none. */
    static @Nullable SmmuEvent event(long refusal) {
        return SmmuEvent.ofCode((int) refusal & 0xff);
    }

    static FaultClass doing(long refusal) {
        return CLASSES[(int) (refusal >>> DOING_SHIFT) & 3];
    }

    static @Nullable Stage stage(long refusal) {
        return switch ((int) (refusal >>> STAGE_SHIFT) & 3) {
            case 1 -> Stage.FIRST;
            case 2 -> Stage.SECOND;
            default -> null;
        };
    }

    /** 0 to 3; null if no descriptor is at fault. */
    static @Nullable Integer level(long refusal) {
        int level = (int) (refusal >>> LEVEL_SHIFT) & 0xf;
        return level == 0 ? null : Integer.valueOf(level - 1);
    }
}
