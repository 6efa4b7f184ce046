package dev.ioasid.web;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Invalidation;
import dev.ioasid.iommu.Rid;
import dev.ioasid.machine.Command;
import dev.ioasid.machine.InvalidationRequest;
import dev.ioasid.machine.InvalidationRequest.Target;
import dev.ioasid.machine.Route;
import dev.ioasid.service.Machines;
import io.swagger.v3.oas.annotations.Operation;
import io.swagger.v3.oas.annotations.tags.Tag;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RestController;

/** Makes IOMMUs and devices forget. */
@RestController
@RequestMapping("/v1/machines/{machine}/invalidations")
@Tag(
        name = "invalidations",
        description = "Has IOMMUs and devices forget what they have read of tables that the user keeps.")
class InvalidationController {
    static final int LARGEST_BATCH = 10_000;

    /** What forgets. */
    enum CacheName {
        PASID,
        IOTLB,
        DEV_IOTLB;

        static CacheName of(Invalidation.Cache cache) {
            return switch (cache) {
                case PASID -> PASID;
                case IOTLB -> IOTLB;
                case DEV_IOTLB -> DEV_IOTLB;
            };
        }

        Invalidation.Cache cache() {
            return switch (this) {
                case PASID -> Invalidation.Cache.PASID;
                case IOTLB -> Invalidation.Cache.IOTLB;
                case DEV_IOTLB -> Invalidation.Cache.DEV_IOTLB;
            };
        }
    }

    /** How much is forgotten. */
    enum GranularityName {
        DEVICE,
        PASID,
        RANGE;

        static GranularityName of(Invalidation.Granularity granularity) {
            return switch (granularity) {
                case DEVICE -> DEVICE;
                case PASID -> PASID;
                case RANGE -> RANGE;
            };
        }
    }

    /**
     * Of whom: a {@code bind}, a paging {@code ioasid}, or a route ({@code rid}, or {@code rid} and {@code pasid}). {@code iova} and {@code length} go
     * with {@code range}; {@code leaf}: only entries that map pages have changed.
     */
    record InvalidationBody(
            @Nullable Integer bind,
            @Nullable Integer ioasid,
            @Nullable Rid rid,
            @Nullable Pasid pasid,
            List<CacheName> caches,
            GranularityName granularity,
            @Nullable Hex iova,
            @Nullable Hex length,
            @Nullable Boolean leaf) {
        InvalidationRequest request() {
            return new InvalidationRequest(target(), what());
        }

        private Target target() {
            int named = (bind == null ? 0 : 1) + (ioasid == null ? 0 : 1) + (rid == null ? 0 : 1);
            if (named != 1 || pasid != null && rid == null) {
                throw refused("an invalidation names a bind, an ioasid, or a rid, which may have a pasid", "bind");
            }
            if (bind != null) {
                return new Target.OfBind(bind);
            }
            return ioasid != null
                    ? new Target.OfIoasid(ioasid)
                    : new Target.OfRoute(new Route(java.util.Objects.requireNonNull(rid), Pasid.orNone(pasid)));
        }

        private Invalidation what() {
            var chosen = EnumSet.noneOf(Invalidation.Cache.class);
            caches.forEach(name -> chosen.add(name.cache()));
            if (chosen.isEmpty()) {
                throw refused("caches is empty: name some of pasid, iotlb and dev-iotlb", "caches");
            }
            boolean onlyLeaves = Boolean.TRUE.equals(leaf);
            if (granularity != GranularityName.RANGE) {
                if (iova != null || length != null || onlyLeaves) {
                    throw refused("iova, length and leaf go with granularity 'range'", "granularity");
                }
                var all = granularity == GranularityName.DEVICE
                        ? Invalidation.Granularity.DEVICE
                        : Invalidation.Granularity.PASID;
                return new Invalidation(chosen, all, 0, -1, onlyLeaves);
            }
            if (iova == null || length == null || length.value() == 0) {
                throw refused("granularity 'range' needs an iova and a length that is not 0", "length");
            }
            long last = iova.value() + length.value() - 1;
            return new Invalidation(chosen, Invalidation.Granularity.RANGE, iova.value(), last, onlyLeaves);
        }

        private static RefusedException refused(String detail, String property) {
            return new RefusedException(Errno.EINVAL, detail, Map.of("property", property));
        }
    }

    /** Either the properties of one invalidation, or {@code invalidations}, which are done in order. */
    record NewInvalidations(
            @Nullable Integer bind,
            @Nullable Integer ioasid,
            @Nullable Rid rid,
            @Nullable Pasid pasid,
            @Nullable List<CacheName> caches,
            @Nullable GranularityName granularity,
            @Nullable Hex iova,
            @Nullable Hex length,
            @Nullable Boolean leaf,
            @Nullable List<InvalidationBody> invalidations) {
        List<InvalidationBody> all() {
            if (invalidations == null) {
                if (caches == null || granularity == null) {
                    throw InvalidationBody.refused("an invalidation needs caches and granularity", "caches");
                }
                return List.of(new InvalidationBody(bind, ioasid, rid, pasid, caches, granularity, iova, length, leaf));
            }
            boolean alone = bind == null
                    && ioasid == null
                    && rid == null
                    && pasid == null
                    && caches == null
                    && granularity == null
                    && iova == null
                    && length == null
                    && leaf == null;
            if (!alone) {
                throw InvalidationBody.refused("with invalidations nothing else is said", "invalidations");
            }
            if (invalidations.size() > LARGEST_BATCH) {
                throw new RefusedException(
                        Errno.E2BIG,
                        "%d invalidations are more than %d, the most of one call"
                                .formatted(invalidations.size(), LARGEST_BATCH),
                        Map.of("limit", Map.of("name", "invalidations", "value", LARGEST_BATCH)));
            }
            return invalidations;
        }
    }

    private final Machines machines;

    InvalidationController(Machines machines) {
        this.machines = machines;
    }

    @Operation(
            operationId = "invalidate",
            summary = "Have translations forgotten, one or several in order; the first bad one ends it")
    @Refuses({Errno.ENODEV, Errno.EOPNOTSUPP, Errno.EIO, Errno.E2BIG})
    @PostMapping(consumes = Web.JSON, produces = Web.JSON)
    InvalidatedBody invalidate(@PathVariable String machine, @RequestBody NewInvalidations body) {
        var good = new ArrayList<InvalidationRequest>();
        RefusedException bad = null;
        for (var one : body.all()) {
            try {
                good.add(one.request());
            } catch (RefusedException refused) {
                bad = refused.with("index", good.size()).with("completed", good.size());
                break;
            }
        }
        var issued = machines.apply(machine, new Command.Invalidate(List.copyOf(good)));
        if (bad != null) { // those before it have been done
            throw bad;
        }
        return InvalidatedBody.of(good.size(), issued);
    }
}
