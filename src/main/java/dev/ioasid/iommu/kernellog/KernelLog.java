package dev.ioasid.iommu.kernellog;

import java.util.List;

/** Finds faults in a text: what Linux and Xen log, with whatever stands before it in a line, and the words of records. */
public final class KernelLog {
    /** So many faults are found at most. */
    public static final int MOST = 10_000;

    private KernelLog() {}

    /** Reads any text: what is no fault is passed over. */
    public static DecodedLog read(String text) {
        var findings = new Findings();
        var shapes = List.of(new DmarReports(findings), new SmmuReports(findings), new BareWords(findings));
        int number = 0;
        int skipped = 0;
        for (var raw : (Iterable<String>) text.lines()::iterator) {
            var line = LogLine.of(++number, raw);
            if (line.isBlank()) {
                continue;
            }
            if (shapes.stream().noneMatch(shape -> shape.take(line))) {
                skipped++;
            }
            if (findings.overflowed()) {
                break;
            }
        }
        int abandoned = shapes.stream().mapToInt(Reports::abandoned).sum();
        return new DecodedLog(findings.inOrder(), skipped + abandoned, findings.overflowed());
    }
}
