package dev.ioasid.iommu.kernellog;

import java.util.List;

/**
 * What was found in a text.
 *
 * @param faults by line, at most {@link KernelLog#MOST}
 * @param skipped lines that are not blank and belong to no fault
 * @param truncated the text goes on after the last of so many faults, and was not read any further
 */
public record DecodedLog(List<DecodedFault> faults, int skipped, boolean truncated) {}
