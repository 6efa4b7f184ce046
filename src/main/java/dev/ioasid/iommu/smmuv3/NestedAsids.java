package dev.ioasid.iommu.smmuv3;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Destination;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The ASIDs of the tables that are nested on one stage 2, apart from those of all others by its VMID. A user who names the ASID of his table
 * has it, as long as no other table has; for the others it is the lowest free. Two routes to the same table share what is known of it.
 *
 * <p>Not safe for several threads: {@link SmmuDriver} calls under its lock.
 */
final class NestedAsids {
    private static final int FIRST = 1;

    private final int bits;
    private final TreeMap<Integer, List<Destination.Nested>> users = new TreeMap<>();

    NestedAsids(int bits) {
        this.bits = bits;
    }

    /**
     * The ASID of one more route. ENOSPC; EBUSY: the user wants one that another table has.
     *
     * @param before what is about to be replaced; it does not count
     */
    int use(Destination.Nested nested, @Nullable Destination before) {
        var wanted = nested.table().asid();
        int asid = wanted != null ? wanted : own(nested);
        var sharing = users.getOrDefault(asid, List.of());
        boolean beforeSeen = false;
        for (var other : sharing) {
            if (same(nested, other)) {
                continue;
            }
            if (beforeSeen || !other.equals(before)) {
                throw new RefusedException(
                        Errno.EBUSY,
                        "ASID %d tags the translations of another table nested on the same parent".formatted(asid),
                        Map.of("asid", asid));
            }
            beforeSeen = true;
        }
        users.computeIfAbsent(asid, unused -> new ArrayList<>()).add(nested);
        return asid;
    }

    private static boolean same(Destination.Nested one, Destination.Nested other) {
        return one.domain() == other.domain()
                        && one.table().asid() == null
                        && other.table().asid() == null
                || one.table().asid() != null && one.table().equals(other.table());
    }

    /** The ASID that a domain has, or the lowest free one. */
    private int own(Destination.Nested nested) {
        int free = FIRST;
        for (var entry : users.entrySet()) {
            if (entry.getValue().stream().anyMatch(other -> same(nested, other))) {
                return entry.getKey();
            }
            if (entry.getKey() == free) {
                free++;
            }
        }
        if (free >>> bits != 0) {
            throw new RefusedException(
                    Errno.ENOSPC,
                    "all ASIDs of %d bits are in use on this parent".formatted(bits),
                    Map.of("limit", "asid16"));
        }
        return free;
    }

    /** One route less. */
    void release(Destination.Nested nested, int asid) {
        var sharing = users.get(asid);
        if (sharing != null) {
            sharing.remove(nested);
            if (sharing.isEmpty()) {
                users.remove(asid);
            }
        }
    }

    boolean isEmpty() {
        return users.isEmpty();
    }
}
