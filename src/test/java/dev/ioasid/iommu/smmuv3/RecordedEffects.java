package dev.ioasid.iommu.smmuv3;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Writes down what commands would have had done, a line each, numbers in hexadecimal; {@code -} for no SubstreamID. */
final class RecordedEffects implements CommandEffects {
    private final List<String> done = new ArrayList<>();
    private final Set<Integer> silent = new HashSet<>();

    /** A device that answers no ATC invalidation. */
    void silence(int streamId) {
        silent.add(streamId);
    }

    /** What has been done since this was asked last. */
    List<String> take() {
        var taken = List.copyOf(done);
        done.clear();
        return taken;
    }

    private static String substream(int substreamId) {
        return substreamId == -1 ? "-" : Integer.toHexString(substreamId);
    }

    @Override
    public void forgetSte(int streamId, boolean leafOnly) {
        done.add("ste %x%s".formatted(streamId, leafOnly ? " leaf" : ""));
    }

    @Override
    public void forgetSteRange(int first, int last, boolean all) {
        done.add(all ? "every ste" : "stes %x..%x".formatted(first, last));
    }

    @Override
    public void forgetCd(int streamId, int substreamId, boolean leafOnly) {
        done.add("cd %x %x%s".formatted(streamId, substreamId, leafOnly ? " leaf" : ""));
    }

    @Override
    public void forgetCds(int streamId) {
        done.add("cds %x".formatted(streamId));
    }

    @Override
    public void forgetTlb(TlbInvalidation what) {
        done.add("%s vmid %x/%x asid %x %x..%x granule %d level %d%s"
                .formatted(
                        what.scope(),
                        what.vmid(),
                        what.vmidMask(),
                        what.asid(),
                        what.first(),
                        what.last(),
                        what.granule(),
                        what.level(),
                        what.leafOnly() ? " leaf" : ""));
    }

    @Override
    public boolean forgetAtc(int streamId, int substreamId, boolean global, long first, long last) {
        done.add(
                "atc %x %s%s %x..%x".formatted(streamId, substream(substreamId), global ? " global" : "", first, last));
        return !silent.contains(streamId);
    }

    @Override
    public void resume(int streamId, int stag, boolean retry, boolean abort) {
        done.add("%s %x %x".formatted(retry ? "retry" : abort ? "abort" : "raz/wi", streamId, stag));
    }

    @Override
    public void terminateStalls(int streamId) {
        done.add("terminate %x".formatted(streamId));
    }

    @Override
    public void respond(int streamId, int substreamId, int group, int response) {
        done.add("respond %x %s group %x: %d".formatted(streamId, substream(substreamId), group, response));
    }
}
