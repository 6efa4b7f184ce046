package dev.ioasid.iommu.smmuv3;

import dev.ioasid.iommu.smmuv3.oracle.Answer;
import dev.ioasid.iommu.smmuv3.oracle.Request;
import dev.ioasid.memory.PhysicalMemory;
import dev.ioasid.pagetable.PageWalk;
import dev.ioasid.pagetable.Walked;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The service's own unit. */
final class HardwareSubject implements Subject {
    private static final long STAG = 0xffff;
    private static final List<String> ORDER = List.of("CR2", "EVENTQ_BASE", "STRTAB_BASE", "STRTAB_BASE_CFG", "CR0");

    private final SmmuHardware hardware;

    private HardwareSubject(SmmuHardware hardware) {
        this.hardware = hardware;
    }

    static HardwareSubject of(PhysicalMemory memory, Map<String, Long> registers, SmmuCacheGeometries caches) {
        var identification = new LinkedHashMap<String, Long>();
        registers.forEach((name, value) -> {
            if (name.startsWith("IDR") || name.equals("AIDR")) {
                identification.put(name, value);
            }
        });
        var hardware = new SmmuHardware(memory, SmmuCapabilities.raw(identification), caches);
        var writes = new LinkedHashMap<String, Long>();
        var gbpa = registers.get("GBPA");
        if (gbpa != null) {
            writes.put("GBPA", gbpa | 1L << 31);
        }
        for (var name : ORDER) {
            var value = registers.get(name);
            if (value != null) {
                writes.put(name, value);
            }
        }
        hardware.write(writes);
        return new HardwareSubject(hardware);
    }

    /** What software has written, and what the unit is. */
    static Map<String, Long> registers(RandomSmmu configuration) {
        var smmu = configuration.smmu;
        var registers = new LinkedHashMap<String, Long>();
        registers.put("IDR0", Integer.toUnsignedLong(smmu.idr0()));
        registers.put("IDR1", Integer.toUnsignedLong(smmu.idr1()));
        registers.put("IDR3", Integer.toUnsignedLong(smmu.idr3()));
        registers.put("IDR5", Integer.toUnsignedLong(smmu.idr5()));
        registers.put("AIDR", 3L);
        registers.put("GBPA", Integer.toUnsignedLong(smmu.gbpa()));
        registers.put("CR2", Integer.toUnsignedLong(smmu.cr2()));
        registers.put("EVENTQ_BASE", configuration.eventQueueBase());
        registers.put("STRTAB_BASE", smmu.strtabBase());
        registers.put("STRTAB_BASE_CFG", Integer.toUnsignedLong(smmu.strtabBaseCfg()));
        registers.put("CR0", Integer.toUnsignedLong(smmu.cr0()));
        return registers;
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
        long outcome = hardware.translate(request.streamId(), request.substreamId(), request.address(), how);
        if (SmmuRefusal.is(outcome)) {
            var answer = refused(outcome);
            hardware.clearFaults();
            return answer;
        }
        boolean untranslated = (outcome & SmmuTranslation.UNTRANSLATED) != 0;
        long rights = Walked.rights(outcome);
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
        return new Answer.Event(
                event.code(), List.copyOf(words), !recorded.isEmpty(), SmmuRefusal.isStalled(refusal));
    }
}
