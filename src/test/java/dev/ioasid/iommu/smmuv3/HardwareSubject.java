package dev.ioasid.iommu.smmuv3;

import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Rid;
import dev.ioasid.iommu.Translation;
import dev.ioasid.iommu.smmuv3.oracle.Answer;
import dev.ioasid.iommu.smmuv3.oracle.Request;
import dev.ioasid.iommu.smmuv3.oracle.Smmu;
import dev.ioasid.memory.PhysicalMemory;
import dev.ioasid.pagetable.PageWalk;
import dev.ioasid.pagetable.Walked;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;

/** The service's own unit. */
public final class HardwareSubject implements Subject {
    private static final long STAG = 0xffff;
    private static final long NEWEST = 3;

    private final SmmuHardware hardware;

    private HardwareSubject(SmmuHardware hardware) {
        this.hardware = hardware;
    }

    /** @param eventQueueBase EVENTQ_BASE */
    public static HardwareSubject of(
            PhysicalMemory memory, Smmu smmu, long eventQueueBase, SmmuCacheGeometries caches) {
        var hardware = new SmmuHardware(memory, capabilities(smmu), caches);
        var registers = new LinkedHashMap<String, Long>();
        registers.put("GBPA", Integer.toUnsignedLong(smmu.gbpa()) | Gbpa.UPDATE.mask());
        registers.put("CR2", Integer.toUnsignedLong(smmu.cr2()));
        registers.put("EVENTQ_BASE", eventQueueBase);
        registers.put("STRTAB_BASE", smmu.strtabBase());
        registers.put("STRTAB_BASE_CFG", Integer.toUnsignedLong(smmu.strtabBaseCfg()));
        registers.put("CR0", Integer.toUnsignedLong(smmu.cr0()));
        hardware.write(registers);
        return new HardwareSubject(hardware);
    }

    static SmmuCapabilities capabilities(Smmu smmu) {
        var identification = new LinkedHashMap<String, Long>();
        identification.put("IDR0", Integer.toUnsignedLong(smmu.idr0()));
        identification.put("IDR1", Integer.toUnsignedLong(smmu.idr1()));
        identification.put("IDR3", Integer.toUnsignedLong(smmu.idr3()));
        identification.put("IDR5", Integer.toUnsignedLong(smmu.idr5()));
        identification.put("AIDR", NEWEST);
        return SmmuCapabilities.raw(identification);
    }

    @Override
    public Answer answer(Request request) {
        int how = switch (request.access()) {
            case READ -> PageWalk.READ;
            case WRITE -> PageWalk.WRITE;
            case EXECUTE -> PageWalk.EXECUTE;
        };
        if (request.privileged()) {
            how |= PageWalk.PRIVILEGED;
        }
        var explained = explained(request);
        long outcome = hardware.translate(request.streamId(), request.substreamId(), request.address(), how);
        if (SmmuRefusal.is(outcome)) {
            var answer = refused(outcome);
            hardware.clearFaults();
            check(explained, SmmuRefusal.event(outcome) == null ? 0 : (int) outcome & 0xff, 0);
            return answer;
        }
        boolean untranslated = (outcome & SmmuTranslation.UNTRANSLATED) != 0;
        long rights = Walked.rights(outcome);
        check(explained, 0, untranslated ? request.address() : Walked.address(outcome));
        return new Answer.Page(
                untranslated ? request.address() : Walked.address(outcome),
                untranslated ? 0 : 1L << Walked.shift(outcome),
                (rights & Walked.READ) != 0,
                (rights & Walked.WRITE) != 0,
                false);
    }

    private Answer refused(long refusal) {
        var event = SmmuRefusal.event(refusal);
        if (event == null) {
            return new Answer.Silent();
        }
        var recorded = hardware.faults();
        var words = new ArrayList<Long>();
        if (!recorded.isEmpty()) {
            words.addAll(recorded.getLast().words());
            if (SmmuRefusal.isStalled(refusal)) {
                words.set(1, words.get(1) & ~STAG);
            }
        }
        return new Answer.Event(event.code(), List.copyOf(words), !recorded.isEmpty(), SmmuRefusal.isStalled(refusal));
    }

    /** What an explanation foresees, which changes nothing. */
    private Translation explained(Request request) {
        boolean tagged = request.substreamId() != Request.NO_SUBSTREAM;
        var rid = Rid.ofSourceId(0, request.streamId());
        return hardware.explain(new DmaRequest(
                        rid,
                        tagged ? request.substreamId() : DmaRequest.NO_PASID,
                        request.address(),
                        request.access(),
                        request.privileged()))
                .result();
    }

    private static void check(Translation explained, int code, long address) {
        boolean same = switch (explained) {
            case Translation.Translated page -> code == 0 && page.address() == address;
            case Translation.Faulted(var fault) -> fault.code() == code;
            case Translation.Stalled stalled -> stalled.fault().code() == code;
            case Translation.Completed completed -> false;
        };
        if (!same) {
            throw new AssertionError("explained as %s, but it was %x, %x".formatted(explained, code, address));
        }
    }
}
