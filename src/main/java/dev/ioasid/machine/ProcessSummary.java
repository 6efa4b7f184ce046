package dev.ioasid.machine;

import java.util.List;

/**
 * A process.
 *
 * @param format {@code x86-64}, {@code armv8-stage1}
 * @param levels of its page table
 * @param addressWidth bits of a virtual address by the format
 * @param granule bytes of a page
 * @param demandPaging pages appear when they are touched; otherwise when they are mapped
 * @param root physical address of its page table, as CR3 or TTBR0 has it
 * @param ioasids those that share it, ascending
 * @param mappedBytes bytes mapped
 * @param residentBytes bytes of them that are in memory
 * @param tableBytes bytes of memory that its page table takes
 */
public record ProcessSummary(
        int id,
        String format,
        int levels,
        int addressWidth,
        long granule,
        boolean demandPaging,
        long root,
        List<Integer> ioasids,
        long mappedBytes,
        long residentBytes,
        long tableBytes) {}
