package dev.ioasid.iommu.kernellog;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.UnaryOperator;

/** The faults that were found so far. Later lines may say more of one. */
final class Findings {
    private final List<DecodedFault> faults = new ArrayList<>();
    private boolean overflowed;

    /** The index by which it is known. One too many is not kept. */
    int add(DecodedFault fault) {
        if (faults.size() == KernelLog.MOST) {
            overflowed = true;
        } else {
            faults.add(fault);
        }
        return faults.size() - 1;
    }

    /** Whether there was one too many. */
    boolean overflowed() {
        return overflowed;
    }

    DecodedFault get(int index) {
        return faults.get(index);
    }

    void change(int index, UnaryOperator<DecodedFault> more) {
        faults.set(index, more.apply(faults.get(index)));
    }

    /** By the lines where their reports begin, which need not be the order in which reports end. */
    List<DecodedFault> inOrder() {
        return faults.stream()
                .sorted(Comparator.comparingInt(DecodedFault::line))
                .toList();
    }
}
