package dev.ioasid.iommu.kernellog;

/** Reports of some shape, one line after the other. */
interface Reports {
    /** Whether the line belongs to a report of this shape. */
    boolean take(LogLine line);

    /** How many lines were taken that came to nothing: their report does not go on. */
    int abandoned();
}
