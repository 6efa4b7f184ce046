package dev.ioasid.iommu.smmuv3;

import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Mishap;
import dev.ioasid.pagetable.PageWalk;
import dev.ioasid.pagetable.TableFormat;
import dev.ioasid.pagetable.Walked;
import org.jspecify.annotations.Nullable;

/**
 * One request on its way through the unit: what it asks for, and what has been found out about its stream. One for each thread is used
 * again and again, so that a translation leaves nothing on the heap.
 */
final class Transaction implements SmmuSteps {
    int streamId;
    /** {@link DmaRequest#NO_PASID} if it has none. */
    int substreamId;

    long input;
    /** By the constants of {@link PageWalk}, after what the STE overrides. */
    int how;

    /** As it arrived, which the STE does not override. */
    int arrived;
    /** Of a translation request: it asks for the right to execute, which {@link #how} does not say. */
    boolean asksToExecute;

    // the words of its STE and CD that a translation needs
    long ste0;
    long ste1;
    long ste2;
    long ste3;
    /** Where the VMS of its STE is, or {@link StreamTable#NO_VMS}. */
    long vms;

    long cd0;
    long cd1;
    long cd2;

    /** Of the caches, from before the first of them was asked: what is found since may rest on what has been forgotten meanwhile. */
    int since;

    /** Whether the structure that was read last is one that the unit takes. */
    boolean legal;

    /** The index of its CD. */
    int cdIndex;
    /** Of a refusal: the IPA that stage 2 did not translate, or where nothing could be fetched. */
    long at;

    /** Of one that is stalled; {@link Stalls#NONE} as long as software does not know of it. */
    int stag = Stalls.NONE;

    /** Of one that is stalled; 0 for others. */
    long ticket;

    /** Of {@link Stalls}, from before it looked at registers. */
    int era;

    /** What befalls it; null: nothing. */
    @Nullable
    Mishap mishap;

    // the leaf of the first stage that was on, for the TLB
    int leafShift;
    int leafLevel;
    int granuleShift;
    boolean nonGlobal;

    /** @param request without a SubstreamID it is taken as one for data, and unprivileged, which is all that PCIe can say */
    void begin(int stream, int substream, long address, int request) {
        streamId = stream;
        substreamId = substream;
        input = address;
        how = substream == DmaRequest.NO_PASID ? plain(request) : request;
        arrived = how;
        asksToExecute = false;
        at = 0;
        stag = Stalls.NONE;
        ticket = 0;
        mishap = null;
        leafShift = 0;
        nonGlobal = false;
    }

    private static int plain(int request) {
        int data = (request & PageWalk.EXECUTE) == 0 ? request : request & ~PageWalk.EXECUTE | PageWalk.READ;
        return data & ~PageWalk.PRIVILEGED;
    }

    boolean hasSubstream() {
        return substreamId != DmaRequest.NO_PASID;
    }

    boolean isDry() {
        return (how & PageWalk.DRY) != 0;
    }

    /** Stage 1 is on, as the STE says. */
    boolean stage1() {
        return (Ste.CONFIG.get(ste0) & 1) != 0;
    }

    boolean stage2() {
        return (Ste.CONFIG.get(ste0) & 2) != 0;
    }

    @Override
    public void leaf(TableFormat format, int level, long leaf) {
        if (leafShift == 0 || format.stage() == Walked.Stage.FIRST) {
            leafShift = format.shift(level);
            leafLevel = level;
            granuleShift = format.granuleShift();
            nonGlobal = format.isNonGlobal(leaf);
        }
    }

    @Override
    public void entry(TableFormat format, int level, long address, long entry) {}

    @Override
    public void missing(TableFormat format, int level, long address) {}
}
