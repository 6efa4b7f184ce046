package dev.ioasid.iommu;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import java.util.BitSet;
import java.util.IdentityHashMap;
import java.util.Map;

/**
 * The ids by which a unit's caches tell tables apart: one for each table, kept by the service or by a user, that a route leads to,
 * lowest free first.
 *
 * <p>Not safe for several threads: a driver calls under its lock.
 */
public final class TableIds {
    private static final class Holder {
        private final int id;
        private int entries;

        Holder(int id) {
            this.id = id;
        }
    }

    private final String what;
    private final String limit;
    private final int first;
    private final int bits;
    private final BitSet taken = new BitSet();
    private final Map<Object, Holder> byTable = new IdentityHashMap<>();

    /**
     * @param what they are called: {@code domain ids}
     * @param limit the capability that says how many there are
     * @param first the lowest that is given out
     * @param bits of an id
     */
    public TableIds(String what, String limit, int first, int bits) {
        this.what = what;
        this.limit = limit;
        this.first = first;
        this.bits = bits;
    }

    /** The id for one more entry that leads to a table. ENOSPC. */
    public int use(Object table) {
        var holder = byTable.get(table);
        if (holder == null) {
            int id = taken.nextClearBit(first);
            if (id >>> bits != 0) {
                throw new RefusedException(
                        Errno.ENOSPC, "all %s of %d bits are in use".formatted(what, bits), Map.of("limit", limit));
            }
            taken.set(id);
            holder = new Holder(id);
            byTable.put(table, holder);
        }
        holder.entries++;
        return holder.id;
    }

    /** One entry less leads to a table. Answers whether it was the last, so that the id means nothing any more. */
    public boolean release(Object table) {
        var holder = byTable.get(table);
        if (holder == null || --holder.entries > 0) {
            return false;
        }
        byTable.remove(table);
        taken.clear(holder.id);
        return true;
    }
}
