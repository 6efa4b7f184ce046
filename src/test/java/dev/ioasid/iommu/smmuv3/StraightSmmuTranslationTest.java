package dev.ioasid.iommu.smmuv3;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.smmuv3.RandomMemory.Structure;
import dev.ioasid.iommu.smmuv3.oracle.Answer;
import dev.ioasid.iommu.smmuv3.oracle.Open;
import dev.ioasid.iommu.smmuv3.oracle.Request;
import dev.ioasid.iommu.smmuv3.oracle.Smmu;
import dev.ioasid.iommu.smmuv3.oracle.SmmuOracle;
import dev.ioasid.iommu.smmuv3.oracle.Words;
import dev.ioasid.memory.PhysicalMemory;
import dev.ioasid.pagetable.PageWalk;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The short way looks at all that it must: what goes through, and is then changed in one bit anywhere, still comes out as the oracle says. */
class StraightSmmuTranslationTest {
    private static final int CONFIGURATIONS = 6_000;

    /** Structures that it judges, and bits of each that it reads. */
    private static final Map<Structure, Integer> STRUCTURES = Map.of(
            Structure.L1_STREAM_TABLE_DESCRIPTOR, 64,
            Structure.STREAM_TABLE_ENTRY, 256,
            Structure.L1_CONTEXT_DESCRIPTOR, 64,
            Structure.CONTEXT_DESCRIPTOR, 192);

    private final List<String> wrong = new ArrayList<>();
    private int asked;

    @Test
    void oneBitElsewhereIsSeen() {
        try (var memory = RandomMemory.physical()) {
            for (long seed = 0; seed < CONFIGURATIONS; seed++) {
                var configuration = new RandomSmmu(seed);
                configuration.writeTo(memory);
                turnBits(configuration, memory);
                configuration.eraseFrom(memory);
            }
        }
        assertThat(wrong).isEmpty();
        assertThat(asked).isGreaterThan(CONFIGURATIONS * 50);
    }

    private void turnBits(RandomSmmu configuration, PhysicalMemory memory) {
        var decided = configuration.requests.stream()
                .filter(one -> isDecided(configuration.smmu, memory, one))
                .findFirst();
        if (decided.isEmpty()) {
            return;
        }
        var request = decided.get();
        registers(configuration.smmu).entrySet().stream()
                .filter(other -> isPossible(other.getValue(), memory))
                .forEach(other -> compare(other.getValue(), configuration, memory, request, other.getKey(), 0, 0));
        STRUCTURES.forEach((structure, bits) -> {
            for (long address : configuration.addresses(structure)) {
                for (int bit = 0; bit < bits; bit++) {
                    long at = address + bit / Long.SIZE * Long.BYTES;
                    compare(configuration.smmu, configuration, memory, request, structure + " " + bit, at, 1L << bit);
                }
            }
        });
    }

    private static boolean isDecided(Smmu smmu, PhysicalMemory memory, Request request) {
        boolean plain = !request.privileged() && request.access() != Access.EXECUTE;
        var capabilities = HardwareSubject.capabilities(smmu);
        var state = SmmuState.of(
                smmu.cr0(), smmu.cr2(), smmu.strtabBase(), smmu.strtabBaseCfg(), capabilities.sidBits(), smmu.gbpa());
        int substream = request.substreamId() == Request.NO_SUBSTREAM ? DmaRequest.NO_PASID : request.substreamId();
        return plain
                && new StraightSmmuTranslation(memory, capabilities)
                                .of(state, request.streamId(), substream, request.address(), PageWalk.READ)
                        != StraightSmmuTranslation.UNDECIDED;
    }

    /** Registers that are other in one bit, by what is other. */
    private static Map<String, Smmu> registers(Smmu smmu) {
        var others = new LinkedHashMap<String, Smmu>();
        for (int bit : List.of(0, 1, 6, 7, 10, 11, 12, 18, 19, 24, 25, 26)) {
            others.put("IDR0 " + bit, with(smmu, smmu.idr0() ^ 1 << bit, smmu.idr1(), smmu.idr3(), smmu.idr5()));
        }
        for (int bit : List.of(6, 7, 8, 9, 10)) {
            others.put("IDR1 " + bit, with(smmu, smmu.idr0(), smmu.idr1() ^ 1 << bit, smmu.idr3(), smmu.idr5()));
        }
        for (int bit : List.of(4, 8, 9, 13)) {
            others.put("IDR3 " + bit, with(smmu, smmu.idr0(), smmu.idr1(), smmu.idr3() ^ 1 << bit, smmu.idr5()));
        }
        for (int bit : List.of(0, 4, 5, 6, 10)) {
            others.put("IDR5 " + bit, with(smmu, smmu.idr0(), smmu.idr1(), smmu.idr3(), smmu.idr5() ^ 1 << bit));
        }
        for (int bit = 6; bit < 52; bit++) {
            others.put("STRTAB_BASE " + bit, at(smmu, smmu.strtabBase() ^ 1L << bit));
        }
        return others;
    }

    private static Smmu with(Smmu smmu, int idr0, int idr1, int idr3, int idr5) {
        return new Smmu(
                idr0, idr1, idr3, idr5, smmu.cr0(), smmu.cr2(), smmu.gbpa(), smmu.strtabBase(), smmu.strtabBaseCfg());
    }

    private static Smmu at(Smmu smmu, long base) {
        return new Smmu(
                smmu.idr0(),
                smmu.idr1(),
                smmu.idr3(),
                smmu.idr5(),
                smmu.cr0(),
                smmu.cr2(),
                smmu.gbpa(),
                base,
                smmu.strtabBaseCfg());
    }

    /** Whether there is such a unit. */
    private static boolean isPossible(Smmu smmu, PhysicalMemory memory) {
        try {
            HardwareSubject.of(memory, smmu, 0, SmmuCacheGeometries.NONE);
            return true;
        } catch (RefusedException e) {
            return false;
        }
    }

    private void compare(
            Smmu smmu,
            RandomSmmu configuration,
            PhysicalMemory memory,
            Request request,
            String what,
            long at,
            long turned) {
        memory.release(at, memory.acquire(at) ^ turned);
        var expected = answer(smmu, memory, request, Set.of());
        var unit = HardwareSubject.of(memory, smmu, configuration.eventQueueBase(), SmmuCacheGeometries.NONE);
        var otherwise = Stream.of(Open.values())
                .map(open -> answer(smmu, memory, request, Set.of(open)))
                .toList();
        var found = unit.answer(request);
        asked++;
        if (!Comparison.alike(expected, found)
                && otherwise.stream().noneMatch(answer -> Comparison.alike(answer, found))) {
            wrong.add("%s, %s, %s: expected %s, was %s".formatted(smmu, request, what, expected, found));
        }
        memory.release(at, memory.acquire(at) ^ turned);
    }

    private static Answer answer(Smmu smmu, PhysicalMemory memory, Request request, Set<Open> open) {
        return new SmmuOracle(smmu, Words.readOnly(memory), open, request).answer();
    }
}
