package dev.ioasid.web;

import dev.ioasid.iommu.CacheSummary;
import dev.ioasid.iommu.CachedEntry;
import dev.ioasid.iommu.Rid;
import dev.ioasid.machine.MachineView;
import dev.ioasid.pagetable.Permissions;
import dev.ioasid.service.Machines;
import io.swagger.v3.oas.annotations.Operation;
import io.swagger.v3.oas.annotations.tags.Tag;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

/** What an IOMMU and the devices behind it remember. */
@RestController
@RequestMapping("/v1/machines/{machine}/iommus/{iommu}/caches")
@Tag(name = "caches", description = "What an IOMMU and the devices behind it remember of tables that they have read.")
class CacheController {
    /** {@code entries} of {@code sets} times {@code ways} are in use. */
    record CacheBody(int sets, int ways, int entries, long hits, long misses, long evictions) {
        static CacheBody of(CacheSummary cache) {
            return new CacheBody(
                    cache.sets(), cache.ways(), cache.entries(), cache.hits(), cache.misses(), cache.evictions());
        }
    }

    /**
     * What the kind of cache has of it: {@code size} bytes from {@code iova} on; {@code address} is the page, or the table that the entry of
     * {@code level} points to; {@code domain} and {@code pasid} are what it is forgotten by; {@code raw} are copied words.
     */
    record EntryBody(
            int set,
            int way,
            @Nullable Rid rid,
            @Nullable Pasid pasid,
            @Nullable Integer domain,
            @Nullable Hex iova,
            @Nullable Hex size,
            @Nullable Integer level,
            @Nullable Hex address,
            @Nullable Permissions permissions,
            @Nullable List<String> raw) {
        static EntryBody of(CachedEntry entry) {
            return new EntryBody(
                    entry.set(),
                    entry.way(),
                    entry.rid(),
                    entry.pasid() == null ? null : new Pasid(entry.pasid()),
                    entry.domain(),
                    hex(entry.input()),
                    hex(entry.size()),
                    entry.level(),
                    hex(entry.address()),
                    entry.permissions(),
                    entry.words().isEmpty() ? null : Lists.map(entry.words(), "0x%016x"::formatted));
        }

        private static @Nullable Hex hex(@Nullable Long value) {
            return value == null ? null : new Hex(value);
        }
    }

    record ContentsBody(
            String name,
            int sets,
            int ways,
            int entries,
            long hits,
            long misses,
            long evictions,
            List<EntryBody> items,
            @Nullable String next) {}

    private record Contents(CacheSummary cache, List<CachedEntry> entries) {
        static Contents of(MachineView view, String iommu, String cache) {
            return new Contents(view.cache(iommu, cache), view.cached(iommu, cache));
        }
    }

    private final Machines machines;

    CacheController(Machines machines) {
        this.machines = machines;
    }

    @Operation(operationId = "listCaches", summary = "Show the caches of an IOMMU and how they are used, by name")
    @GetMapping(produces = Web.JSON)
    Map<String, CacheBody> list(@PathVariable String machine, @PathVariable String iommu) {
        var caches = new LinkedHashMap<String, CacheBody>();
        for (var cache : machines.read(machine, view -> view.caches(iommu))) {
            caches.put(cache.name(), CacheBody.of(cache));
        }
        return caches;
    }

    @Operation(operationId = "getCache", summary = "Show a cache with what it holds, by set and way")
    @GetMapping(path = "/{cache}", produces = Web.JSON)
    ContentsBody get(
            @PathVariable String machine,
            @PathVariable String iommu,
            @PathVariable String cache,
            @RequestParam(defaultValue = Limit.DEFAULT) Limit limit,
            @RequestParam(required = false) @Nullable Integer after) {
        var contents = machines.read(machine, view -> Contents.of(view, iommu, cache));
        var rest = IntStream.range(0, contents.entries().size())
                .filter(index -> after == null || index > after)
                .boxed()
                .toList();
        var page = Page.of(rest, limit, index -> EntryBody.of(contents.entries().get(index)), index -> index);
        var summary = CacheBody.of(contents.cache());
        return new ContentsBody(
                cache,
                summary.sets(),
                summary.ways(),
                summary.entries(),
                summary.hits(),
                summary.misses(),
                summary.evictions(),
                page.items(),
                page.next());
    }
}
