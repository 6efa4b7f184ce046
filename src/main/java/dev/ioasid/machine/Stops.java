package dev.ioasid.machine;

import dev.ioasid.iommu.Fault;
import java.util.List;

/** What stops DMA although no unit refuses it, as a {@link Fault} of code 0. */
final class Stops {
    private Stops() {}

    /** Nobody answers at the address where the request arrives. */
    static Fault unclaimed(long iova, long address) {
        return of("unclaimed", "0x%x is no memory: nobody answers".formatted(address), iova);
    }

    /** What is there is poisoned. */
    static Fault poisoned(long iova, long address) {
        return of("poisoned", "memory at 0x%x is poisoned: the access is aborted".formatted(address), iova);
    }

    /** The request would have to come back to its sender. */
    static Fault unsupported(long iova, DeviceRegion own) {
        return of(
                "unsupported-request",
                "it leads to %s, the device itself: a request does not come back to its sender".formatted(own),
                iova);
    }

    /** A completion grants nothing, and nobody says why. */
    static Fault unusable(long iova) {
        return of("unusable", "the translation gives no right to the page", iova);
    }

    /** A refusal, and what came of it. */
    static Fault because(Fault why, String more) {
        return new Fault(
                why.code(),
                why.name(),
                why.detail() + "; " + more,
                why.stage(),
                why.level(),
                why.address(),
                why.recoverable(),
                why.recorded(),
                why.words());
    }

    private static Fault of(String name, String detail, long iova) {
        return new Fault(0, name, detail, null, null, iova, false, false, List.of());
    }
}
