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
    DETACH_SHARED(Tenancy.SHARED),
    /** With its context go both PASIDs of the device; each is looked at. */
    CLOSE(Tenancy.QUEUE),
    CLOSE_SHARED(Tenancy.SHARED),
    CLOSE_RID(Tenancy.WHOLE),
    CLOSE_GUEST(Tenancy.GUEST);

    private final Route route;

    Teardown(Route route) {
        this.route = route;
    }

    Route route() {
        return route;
    }

    /** Whether a context is closed. */
    boolean closes() {
        return this == CLOSE || this == CLOSE_SHARED || this == CLOSE_RID || this == CLOSE_GUEST;
    }

    /** Whether the route leads elsewhere afterwards, so that DMA may wait there again. */
    boolean replaces() {
        return this == REPLACE || this == REPLACE_RID || this == REPLACE_BIND;
    }
}
