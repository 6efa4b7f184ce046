package dev.ioasid.machine;

/** How a route, or more, comes to its end. */
enum Teardown {
    DETACH(Tenancy.QUEUE),
    DETACH_RID(Tenancy.WHOLE),
    REPLACE(Tenancy.QUEUE),
    REPLACE_RID(Tenancy.WHOLE),
    DELETE_IOASID(Tenancy.QUEUE),
    DELETE_DEVICE(Tenancy.WHOLE),
    UNBIND(Tenancy.GUEST),
    REPLACE_BIND(Tenancy.GUEST),
    DELETE_GUEST_DEVICE(Tenancy.GUEST),
    EXIT(Tenancy.SHARED),
    DETACH_SHARED(Tenancy.SHARED);

    private final Route route;

    Teardown(Route route) {
        this.route = route;
    }

    Route route() {
        return route;
    }

    /** Whether the route leads elsewhere afterwards, so that DMA may wait there again. */
    boolean replaces() {
        return this == REPLACE || this == REPLACE_RID || this == REPLACE_BIND;
    }
}
