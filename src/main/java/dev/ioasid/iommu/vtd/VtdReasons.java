package dev.ioasid.iommu.vtd;

import dev.ioasid.iommu.FaultReason;
import dev.ioasid.iommu.Stage;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * All reasons that a fault record may have, also those that the model never has: of interrupt remapping, and of features that it lacks. VT-d
 * 5.10, sections 7.1.2 and 7.1.3.
 */
public final class VtdReasons {
    /** What is not in {@link VtdFault}. The specification has no short names for the reasons of interrupt remapping. */
    private enum Other {
        // spotless:off  columns are the point
        IR_20  (0x20, "interrupt remapping: request",    null,         "a reserved field is set in an interrupt request of the remappable format"),
        IR_21  (0x21, "interrupt remapping: index",      null,         "the index of an interrupt request is beyond the interrupt remapping table"),
        IR_22  (0x22, "interrupt remapping: absent",     null,         "the interrupt remapping table entry is not present"),
        IR_23  (0x23, "interrupt remapping: fetch",      null,         "the interrupt remapping table entry could not be fetched"),
        IR_24  (0x24, "interrupt remapping: reserved",   null,         "a reserved field is set in a present interrupt remapping table entry"),
        IR_25  (0x25, "interrupt remapping: format",     null,         "an interrupt request of the compatibility format, which is blocked"),
        IR_26  (0x26, "interrupt remapping: source id",  null,         "the source id of an interrupt request is not one that the interrupt remapping table entry allows"),
        SCT_10 (0x49, "SCT.10", null,         "a translated request with PASID, which the context entry does not allow (EPTR)"),
        SPT_9  (0x60, "SPT.9",  null,         "the address of a translated request is beyond the host permission table"),
        SSS_6  (0x7d, "SSS.6",  Stage.SECOND, "accessed or dirty could not be set in a second-stage entry"),
        SGN_3  (0x82, "SGN.3",  Stage.FIRST,  "an execute request to a page that does not allow it; specifications before 5.10"),
        SFS_10 (0x91, "SFS.10", Stage.FIRST,  "accessed or dirty could not be set in a first-stage entry"),
        HPT_1  (0xa0, "HPT.1",  null,         "a translated request that the host permission table does not let pass"),
        HPT_2  (0xa1, "HPT.2",  null,         "a translated request that the host permission table does not let pass"),
        HPT_3  (0xa2, "HPT.3",  null,         "a translated request that the host permission table does not let pass"),
        HPT_4  (0xa3, "HPT.4",  null,         "a translated request that the host permission table does not let pass"),
        HPT_5  (0xa4, "HPT.5",  null,         "a translated request that the host permission table does not let pass"),
        HPT_6  (0xa5, "HPT.6",  null,         "a translated request that the host permission table does not let pass");
        // spotless:on

        private final FaultReason reason;

        Other(int code, String name, @Nullable Stage stage, String detail) {
            this.reason = new FaultReason(code, name, detail, stage);
        }
    }

    private VtdReasons() {}

    /** What {@code code} means, as far as the number alone tells; without name where the specification does not define it. */
    public static FaultReason of(int code) {
        var fault = VtdFault.ofCode(code);
        if (fault != null) {
            return new FaultReason(code, fault.recordedName(), fault.recordedDetail(), fault.recordedStage());
        }
        return Arrays.stream(Other.values())
                .map(other -> other.reason)
                .filter(reason -> reason.code() == code)
                .findFirst()
                .orElseGet(() -> new FaultReason(code, "", "a reason that the specification does not define", null));
    }

    /** By number. */
    public static List<FaultReason> all() {
        return IntStream.range(0, 0x100)
                .mapToObj(VtdReasons::of)
                .filter(reason -> !reason.name().isEmpty())
                .toList();
    }

    /** Whether it is about an interrupt: then the record has the interrupt's index instead of an address. */
    public static boolean isInterrupt(int code) {
        return code >= 0x20 && code < 0x30;
    }
}
