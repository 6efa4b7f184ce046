package dev.ioasid.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.Architecture;
import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.CacheGeometry;
import dev.ioasid.iommu.CacheSummary;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Invalidation;
import dev.ioasid.iommu.Invalidation.Cache;
import dev.ioasid.iommu.Invalidation.Granularity;
import dev.ioasid.iommu.Rid;
import dev.ioasid.iommu.Translation;
import dev.ioasid.machine.Command;
import dev.ioasid.machine.DeviceTraits;
import dev.ioasid.machine.InvalidationRequest;
import dev.ioasid.machine.InvalidationRequest.Target;
import dev.ioasid.machine.IoasidType;
import dev.ioasid.machine.Machine;
import dev.ioasid.machine.MapRequest;
import dev.ioasid.machine.Preset;
import dev.ioasid.machine.Replace;
import dev.ioasid.machine.Route;
import dev.ioasid.pagetable.Permissions;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Traces of real devices through a unit with its caches on: every request leads where its page is mapped, and is a hit or a miss of
 * the cache of translations. In caches that nothing has to leave, exactly those hit whose page was used and not invalidated since.
 */
class TraceReplayTest {
    private static final long PAGE = Trace.PAGE;
    private static final CacheGeometry ROOMY = new CacheGeometry(4096, 16);

    private final Map<Rid, Integer> ioasids = new HashMap<>();
    private final Map<Rid, Map<Long, Long>> mapped = new HashMap<>();

    private Architecture on = Architecture.VTD;

    @ParameterizedTest(name = "{0} on {1} by {2}, roomy: {3}")
    @CsvSource({
        "vtd-storage-net.csv.gz,    VTD,    vtd-second-stage, true",
        "vtd-storage-net.csv.gz,    VTD,    vtd-second-stage, false",
        "vtd-storage-net.csv.gz,    VTD,    x86-64,           true",
        "vtd-storage-net.csv.gz,    SMMUV3, armv8-stage2,     true",
        "smmuv3-storage-net.csv.gz, VTD,    vtd-second-stage, true",
        "smmuv3-storage-net.csv.gz, VTD,    vtd-second-stage, false",
        "smmuv3-storage-net.csv.gz, SMMUV3, armv8-stage1,     true",
        "smmuv3-storage-net.csv.gz, SMMUV3, armv8-stage1,     false",
        "smmuv3-storage-net.csv.gz, SMMUV3, armv8-stage2,     true",
        "smmuv3-storage-net.csv.gz, SMMUV3, armv8-stage2,     false"
    })
    void everyRequestHitsOrMisses(String name, Architecture architecture, String format, boolean roomy)
            throws IOException {
        on = architecture;
        var trace = Trace.read(name);
        try (var machine = Machine.create("m", 256L << 20, List.of(), Preset.EMPTY)) {
            setUp(machine, trace, format, roomy);
            long hits = 0;
            long requests = 0;
            var known = new HashMap<Rid, Set<Long>>();
            trace.pages().keySet().forEach(rid -> known.put(rid, new TreeSet<>()));
            var batch = new ArrayList<DmaRequest>();
            for (var event : trace.events()) {
                if (event instanceof Trace.Event.Dma(var rid, var iova)) {
                    batch.add(new DmaRequest(rid, DmaRequest.NO_PASID, iova, Access.READ, false));
                    requests++;
                    hits += pages(known, rid).add(iova & -PAGE) ? 0 : 1;
                } else {
                    translate(machine, batch);
                    batch.clear();
                    invalidate(machine, event);
                    forget(known, event);
                }
            }
            translate(machine, batch);
            assertThat(requests).isEqualTo(trace.requests());
            var iotlb = cache(machine, on.translationCache());
            assertThat(iotlb.hits() + iotlb.misses()).isEqualTo(requests);
            checkStructures(machine, trace, format.equals(on.firstStage()), iotlb.misses());
            if (roomy) {
                assertThat(iotlb.evictions()).isZero();
                assertThat(iotlb.hits()).isEqualTo(hits);
            } else {
                assertThat(iotlb.hits()).isBetween(requests / 4, hits);
                assertThat(iotlb.entries()).isLessThanOrEqualTo(iotlb.sets() * iotlb.ways());
            }
            long byDevices = machine.read(view -> view.caches("iommu0")).stream()
                    .filter(cache -> cache.name().startsWith("device-tlb"))
                    .mapToLong(cache -> cache.hits() + cache.misses())
                    .sum();
            assertThat(byDevices).as("each device looked for what it knows").isEqualTo(requests);
        }
    }

    /** The caches of what stands before a translation. */
    private void checkStructures(Machine machine, Trace trace, boolean firstStage, long misses) {
        int devices = trace.pages().size();
        switch (on) {
            case VTD -> {
                var tables = (firstStage ? "first" : "second") + "-stage-paging-structure-cache";
                assertThat(lookups(cache(machine, tables)))
                        .as("each miss of the IOTLB is a walk")
                        .isEqualTo(misses);
                assertThat(lookups(cache(machine, "pasid-cache"))).isEqualTo(misses);
            }
            case SMMUV3 -> {
                assertThat(lookups(cache(machine, "ste")))
                        .as("the STE, and the CD, say whose translations a request may find: each looks for them first")
                        .isEqualTo(trace.requests());
                assertThat(cache(machine, "ste").misses()).isEqualTo(devices);
                assertThat(lookups(cache(machine, "cd"))).isEqualTo(firstStage ? trace.requests() : 0);
                assertThat(cache(machine, "cd").misses()).isEqualTo(firstStage ? devices : 0);
            }
        }
    }

    private static long lookups(CacheSummary cache) {
        return cache.hits() + cache.misses();
    }

    private static Set<Long> pages(Map<Rid, Set<Long>> known, Rid rid) {
        return Objects.requireNonNull(known.get(rid));
    }

    private static CacheSummary cache(Machine machine, String name) {
        return machine.read(view -> view.cache("iommu0", name));
    }

    private void setUp(Machine machine, Trace trace, String format, boolean roomy) {
        Map<String, CacheGeometry> caches = roomy ? Map.of(on.translationCache(), ROOMY) : Map.of();
        machine.apply(new Command.CreateIommu("iommu0", true, on.capabilities(), caches));
        trace.pages().forEach((rid, pages) -> {
            machine.apply(
                    new Command.CreateDevice(rid, "iommu0", new DeviceTraits(null, 0, true, false, null, List.of())));
            int id = machine.apply(new Command.CreateIoasid(IoasidType.PAGING, "iommu0", format, null, null))
                    .id();
            machine.apply(new Command.Attach(Route.of(rid), id, Replace.ALLOWED));
            ioasids.put(rid, id);
            var physical = new HashMap<Long, Long>();
            for (long page : pages) {
                var mapping = machine.apply(
                                new Command.Map(id, List.of(new MapRequest(page, PAGE, Permissions.READ_WRITE, null))))
                        .getFirst();
                physical.put(page, mapping.extents().getFirst().physicalAddress());
            }
            mapped.put(rid, physical);
        });
    }

    private void translate(Machine machine, List<DmaRequest> batch) {
        var answers = machine.apply(new Command.Translate(List.copyOf(batch)));
        var wrong = new HashSet<String>();
        for (int i = 0; i < answers.size(); i++) {
            var request = batch.get(i);
            long page = Objects.requireNonNull(
                    Objects.requireNonNull(mapped.get(request.rid())).get(request.iova() & -PAGE));
            if (!(answers.get(i) instanceof Translation.Translated translated)
                    || translated.address() != (page | request.iova() & PAGE - 1)) {
                wrong.add(request + " -> " + answers.get(i));
            }
        }
        assertThat(wrong).isEmpty();
    }

    private void invalidate(Machine machine, Trace.Event event) {
        var iotlb = Set.of(Cache.IOTLB);
        switch (event) {
            case Trace.Event.Pages(var rid, long first, long length) ->
                machine.apply(new Command.Invalidate(List.of(new InvalidationRequest(
                        new Target.OfIoasid(ioasid(rid)),
                        new Invalidation(iotlb, Granularity.RANGE, first, first + length - 1, true)))));
            case Trace.Event.Domain(var rid) ->
                machine.apply(new Command.Invalidate(List.of(new InvalidationRequest(
                        new Target.OfIoasid(ioasid(rid)), new Invalidation(iotlb, Granularity.DEVICE, 0, -1, false)))));
            case Trace.Event.All() -> machine.apply(new Command.Submit("iommu0", List.of(on.forgetTranslations())));
            case Trace.Event.Dma dma -> throw new AssertionError(dma);
        }
    }

    private int ioasid(Rid rid) {
        return Objects.requireNonNull(ioasids.get(rid));
    }

    private static void forget(Map<Rid, Set<Long>> known, Trace.Event event) {
        switch (event) {
            case Trace.Event.Pages(var rid, long first, long length) ->
                pages(known, rid).removeIf(page -> page >= first && page < first + length);
            case Trace.Event.Domain(var rid) -> pages(known, rid).clear();
            case Trace.Event.All() -> known.values().forEach(Set::clear);
            case Trace.Event.Dma dma -> throw new AssertionError(dma);
        }
    }
}
