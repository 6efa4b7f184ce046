package dev.ioasid.machine;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * An IOASID.
 *
 * @param iommu whose table format it has; null unless paging
 * @param format {@code vtd-second-stage}, {@code x86-64}, {@code armv8-stage1}, {@code armv8-stage2}; null unless paging
 * @param addressWidth bits; 0 unless paging
 * @param granule bytes of the smallest page; 0 unless paging
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
        long granule,
        List<Attachment> routes,
        @Nullable String name,
        long mappedBytes,
        long tableBytes) {}
