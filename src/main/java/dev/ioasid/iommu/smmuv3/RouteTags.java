package dev.ioasid.iommu.smmuv3;

import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Destination;
import dev.ioasid.iommu.Requester;
import dev.ioasid.iommu.TableIds;
import dev.ioasid.pagetable.IoPageTable;
import dev.ioasid.pagetable.Walked;
import java.util.IdentityHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The VMIDs and ASIDs with which the unit's TLB tags what routes lead to: a VMID for each stage 2, an ASID for each stage 1 of the
 * service's, and on each stage 2 ASIDs of their own for what is nested on it.
 *
 * <p>Not safe for several threads: {@link SmmuDriver} calls under its lock.
 */
final class RouteTags {
    /** VMID 0 is that of streams with stage 1 alone. */
    private static final int FIRST_VMID = 1;
    /** ASID 0 is what stands in memory that nobody wrote. */
    private static final int FIRST_ASID = 1;

    private final int asidBits;
    private final TableIds vmids;
    private final TableIds asids;
    private final Map<IoPageTable, NestedAsids> nestedAsids = new IdentityHashMap<>(); // by parent

    RouteTags(int vmidBits, int asidBits) {
        this.asidBits = asidBits;
        this.vmids = new TableIds("VMIDs", "vmid16", FIRST_VMID, vmidBits);
        this.asids = new TableIds("ASIDs", "asid16", FIRST_ASID, asidBits);
    }

    /**
     * A route with the VMID and the ASID that it needs. ENOSPC, EBUSY: see {@link NestedAsids#use}.
     *
     * @param before where the route has led until now; null: nowhere
     */
    Led tagged(Requester requester, int pasid, Destination destination, @Nullable Led before) {
        return switch (destination) {
            case Destination.PassThrough() -> new Led(requester, pasid, destination, 0, 0);
            case Destination.Paged(var own) ->
                own.format().stage() == Walked.Stage.SECOND
                        ? new Led(requester, pasid, destination, vmids.use(own), 0)
                        : new Led(requester, pasid, destination, 0, asids.use(own));
            case Destination.Nested nested -> {
                int vmid = vmids.use(nested.parent());
                try {
                    yield new Led(requester, pasid, destination, vmid, asid(nested, before));
                } catch (RefusedException refused) {
                    vmids.release(nested.parent());
                    nestedAsids.values().removeIf(NestedAsids::isEmpty);
                    throw refused;
                }
            }
        };
    }

    private int asid(Destination.Nested nested, @Nullable Led before) {
        if (nested.table().namesPasids()) {
            return 0;
        }
        return nestedAsids
                .computeIfAbsent(nested.parent(), unused -> new NestedAsids(asidBits))
                .use(nested, before == null ? null : before.destination());
    }

    /**
     * Which ids mean nothing any more.
     *
     * @param lastOfAsid the ASID of a table of the service's
     * @param lastOfVmid the VMID of a stage 2
     */
    record Released(boolean lastOfAsid, boolean lastOfVmid) {}

    /** A route leads there no more. */
    Released release(Led led) {
        return switch (led.destination()) {
            case Destination.PassThrough() -> new Released(false, false);
            case Destination.Paged(var own) ->
                own.format().stage() == Walked.Stage.SECOND
                        ? new Released(false, vmids.release(own))
                        : new Released(asids.release(own), false);
            case Destination.Nested nested -> {
                var nestedHere = nestedAsids.get(nested.parent());
                if (nestedHere != null) {
                    nestedHere.release(nested, led.asid());
                    if (nestedHere.isEmpty()) {
                        nestedAsids.remove(nested.parent());
                    }
                }
                yield new Released(false, vmids.release(nested.parent()));
            }
        };
    }
}
