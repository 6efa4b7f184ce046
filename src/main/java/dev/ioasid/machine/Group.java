package dev.ioasid.machine;

import dev.ioasid.iommu.Rid;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Devices behind one unit that cannot be told apart, or that can reach each other behind its back: their requests without
 * PASID all lead to one IOASID. Changed by {@link Routes} only, but for its members.
 */
final class Group {
    private final int number;
    private final Unit unit;
    private final TreeMap<Rid, Device> members = new TreeMap<>();
    /** The members that were attached themselves. While there is one, all are led to {@link #ioasid}. */
    private final TreeSet<Rid> attached = new TreeSet<>();

    private @Nullable Ioasid ioasid;
    private @Nullable Context holder;
    private int claims;

    Group(int number, Unit unit) {
        this.number = number;
        this.unit = unit;
    }

    int number() {
        return number;
    }

    Unit unit() {
        return unit;
    }

    TreeMap<Rid, Device> members() {
        return members;
    }

    TreeSet<Rid> attached() {
        return attached;
    }

    /** Where the requests without PASID of all members lead; null while they are blocked. */
    @Nullable
    Ioasid ioasid() {
        return ioasid;
    }

    void lead(@Nullable Ioasid to) {
        this.ioasid = to;
    }

    /** Whose IOASIDs routes of members lead to, with PASID or without; null while none leads anywhere. */
    @Nullable
    Context holder() {
        return holder;
    }

    /** A route of a member leads to an IOASID of that context. All that do lead to the same one's. */
    void claim(Context context) {
        holder = context;
        claims++;
    }

    /** It does no more. */
    void release() {
        claims--;
        if (claims == 0) {
            holder = null;
        }
    }
}
