package dev.ioasid.iommu.kernellog;

import dev.ioasid.iommu.FaultReason;
import dev.ioasid.iommu.IommuType;
import dev.ioasid.iommu.smmuv3.FaultClass;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A fault that was found in a text.
 *
 * @param line of the text where its report begins, from 1
 * @param text that line
 * @param faultClass what an SMMUv3 was doing; null if the report does not say
 * @param level of the table entry that is not present, as VT-d counts; null if the report does not say
 * @param words the record's 64-bit words, lowest first; empty if the report does not show them
 */
public record DecodedFault(
        int line,
        String text,
        IommuType architecture,
        FaultSource source,
        FaultedAccess access,
        FaultReason reason,
        @Nullable FaultClass faultClass,
        @Nullable Integer level,
        List<Long> words) {
    public DecodedFault {
        words = List.copyOf(words);
    }

    /** What usually causes it, and where to look next. */
    public Advice advice() {
        return Advice.on(architecture, reason.code());
    }

    DecodedFault withLevel(int level) {
        return new DecodedFault(line, text, architecture, source, access, reason, faultClass, level, words);
    }

    DecodedFault withSource(FaultSource source) {
        return new DecodedFault(line, text, architecture, source, access, reason, faultClass, level, words);
    }

    DecodedFault withAccess(FaultedAccess access, FaultReason reason, @Nullable FaultClass faultClass) {
        return new DecodedFault(line, text, architecture, source, access, reason, faultClass, level, words);
    }
}
