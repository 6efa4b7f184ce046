package dev.ioasid.machine;

import dev.ioasid.iommu.Destination;
import java.util.SortedSet;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** An IOASID and the routes that lead to it. */
sealed class Ioasid permits PagingIoasid, SvaIoasid {
    private final int id;
    private final Context context;
    private final IoasidType type;
    private final @Nullable String name;
    private final TreeSet<Route> routes = new TreeSet<>();

    Ioasid(int id, Context context, IoasidType type, @Nullable String name) {
        this.id = id;
        this.context = context;
        this.type = type;
        this.name = name;
    }

    int id() {
        return id;
    }

    /** Whose it is. */
    Context context() {
        return context;
    }

    IoasidType type() {
        return type;
    }

    @Nullable
    String name() {
        return name;
    }

    /** Ascending. Changed by {@link Routes} only. */
    SortedSet<Route> routes() {
        return routes;
    }

    /** What a route's entry in the unit's tables leads to; null if it has none, because all is refused. */
    @Nullable
    Destination destination() {
        return type == IoasidType.IDENTITY ? new Destination.PassThrough() : null;
    }

    IoasidSummary summary() {
        return new IoasidSummary(
                id,
                type,
                null,
                null,
                0,
                0,
                routes.stream().map(route -> new Attachment(route, id, null)).toList(),
                name,
                0,
                0,
                null,
                context.number());
    }
}
