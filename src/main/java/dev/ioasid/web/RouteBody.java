package dev.ioasid.web;

import dev.ioasid.iommu.Rid;
import dev.ioasid.machine.Route;
import org.jspecify.annotations.Nullable;

/** A route. Without {@code pasid}: what the device sends without one. */
record RouteBody(Rid rid, @Nullable Pasid pasid) {
    static RouteBody of(Route route) {
        return new RouteBody(route.rid(), Pasid.of(route.pasid()));
    }
}
