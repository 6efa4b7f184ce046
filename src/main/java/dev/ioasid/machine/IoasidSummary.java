package dev.ioasid.machine;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * An IOASID.
 *
 * @param iommu whose table format it has; null without a table
 * @param format {@code vtd-second-stage}, {@code x86-64}, {@code armv8-stage1}, {@code armv8-stage2}; null without a table
 * @param addressWidth bits; 0 without a table
 * @param granule bytes of the smallest page; 0 without a table
 * @param name what the user calls it
 * @param mappedBytes bytes mapped; of a process, those in memory
 * @param tableBytes bytes of memory that its table takes
 * @param process whose address space it shares; null unless of type sva, or when that has ended
 * @param context that owns it; null if none does
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
        long tableBytes,
        @Nullable Integer process,
        @Nullable Integer context) {}
