package dev.ioasid.machine;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * An IOASID.
 *
 * @param iommu whose table format it has; null unless paging
 * @param format {@code vtd-second-stage}, {@code x86-64}; null unless paging
 * @param addressWidth bits; 0 unless paging
 * @param name what the user calls it
 * @param mappedBytes bytes mapped
 * @param tableBytes bytes of memory that its table takes
 */
public record IoasidSummary(
        int id,
        IoasidType type,
        @Nullable String iommu,
        @Nullable String format,
        int addressWidth,
        List<Attachment> routes,
        @Nullable String name,
        long mappedBytes,
        long tableBytes) {}
