package dev.ioasid.iommu.vtd;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import java.util.BitSet;
import java.util.IdentityHashMap;
import java.util.Map;

/**
 * The domain ids of a unit: one for each table, kept by the service or by a user, that a route leads to, lowest first. 0 cannot be used in caching mode and is
 * never given out; 1 is shared by all pass-through entries, which must not share one with a second stage. VT-d 5.10, 6.2.3.1.
 */
final class DomainIds {
    static final int PASS_THROUGH = 1;

    private static final int FIRST = 2;

    private static final class Domain {
        private final int id;
        private int entries;

        Domain(int id) {
            this.id = id;
        }
    }

    private final int bits;
    private final BitSet taken = new BitSet();
    private final Map<Object, Domain> byTable = new IdentityHashMap<>();

    DomainIds(int bits) {
        this.bits = bits;
        taken.set(0, FIRST);
    }

    /** The id for one more entry that leads to a table. ENOSPC. */
    int use(Object table) {
        var domain = byTable.get(table);
        if (domain == null) {
            int id = taken.nextClearBit(FIRST);
            if (id >>> bits != 0) {
                throw new RefusedException(
                        Errno.ENOSPC,
                        "all domain ids of %d bits are in use".formatted(bits),
                        Map.of("limit", "domainIdBits"));
            }
            taken.set(id);
            domain = new Domain(id);
            byTable.put(table, domain);
        }
        domain.entries++;
        return domain.id;
    }

    /** One entry less leads to a table. */
    void release(Object table) {
        var domain = byTable.get(table);
        if (domain != null && --domain.entries == 0) {
            byTable.remove(table);
            taken.clear(domain.id);
        }
    }
}
