package dev.ioasid.iommu.smmuv3;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Destination;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Requester;
import dev.ioasid.pagetable.IoPageTable;
import dev.ioasid.pagetable.Walked;
import java.util.Collection;
import java.util.Map;

/**
 * What a stream can be led to. Requests without PASID to a table of stage 1 or 2, or past both; those with a PASID to tables of stage 1;
 * either to a user's table of stage 1, nested on one of stage 2; or the user's own table of CDs says it for all of them. There is one stage
 * 2 for a stream, so that all its routes go through the same, or through none. PASID 0 cannot be led: its CD is that of requests without
 * PASID.
 *
 * @param streamBits of the StreamIDs that the driver's Stream table reaches
 */
record RouteChecks(SmmuCapabilities capabilities, SmmuTableShapes shapes, int streamBits) {
    /** What a route may lead to, whatever else its stream is led to. EINVAL, EOPNOTSUPP. */
    void check(Requester requester, int pasid, Destination destination) {
        checkStreamId(requester);
        if (pasid != DmaRequest.NO_PASID) {
            checkPasid(requester, pasid, destination);
        }
        switch (destination) {
            case Destination.PassThrough() -> {}
            case Destination.Paged(var own) -> checkWalkable(requester, own);
            case Destination.Nested nested -> {
                var parent = nested.parent();
                checkWalkable(requester, parent);
                if (parent.format().stage() != Walked.Stage.SECOND) {
                    throw new RefusedException(Errno.EINVAL, "a table of stage 1 is no parent: only one of stage 2 is");
                }
                nested.checkRoot();
            }
        }
    }

    private void checkStreamId(Requester requester) {
        long streamId = Integer.toUnsignedLong(requester.sourceId());
        if (streamId >>> capabilities.sidBits() != 0) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "StreamID 0x%x of %s does not fit the unit's %d bits"
                            .formatted(streamId, requester.rid(), capabilities.sidBits()),
                    Map.of("rid", requester.rid().toString()));
        }
        if (streamId >>> streamBits != 0) {
            throw new RefusedException(
                    Errno.EOPNOTSUPP,
                    "StreamID 0x%x of %s is too wide: the service's Stream tables serve %d bits"
                            .formatted(streamId, requester.rid(), streamBits),
                    Map.of("rid", requester.rid().toString()));
        }
    }

    private void checkPasid(Requester requester, int pasid, Destination destination) {
        if (capabilities.pasidBits() == 0) {
            throw new RefusedException(
                    Errno.EOPNOTSUPP,
                    "this unit takes no requests with PASID: it lacks pasidBits",
                    Map.of("capability", "pasidBits"));
        }
        int bits = Math.min(requester.pasidBits(), capabilities.pasidBits());
        if (pasid == 0 || pasid >>> bits != 0) {
            throw new RefusedException(
                    Errno.EINVAL,
                    pasid == 0
                            ? "PASID 0 cannot be led: its context descriptor is that of requests without PASID"
                            : "PASID %d does not fit the %d bits of %s".formatted(pasid, bits, requester.rid()),
                    Map.of("pasid", pasid));
        }
        if (Led.namesPasids(destination)) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "a table of context descriptors says where all PASIDs of a device lead: it is bound without PASID",
                    Map.of("pasid", pasid));
        }
        switch (destination) {
            case Destination.PassThrough() ->
                throw new RefusedException(
                        Errno.EOPNOTSUPP,
                        "requests with PASID always go through stage 1 on an SMMUv3: there is no pass-through for them",
                        Map.of("pasid", pasid));
            case Destination.Paged(var own) -> {
                if (own.format().stage() == Walked.Stage.SECOND) {
                    throw new RefusedException(
                            Errno.EOPNOTSUPP,
                            "an SMMUv3 has one stage 2 for a stream: a PASID has none of its own, and leads to tables of stage 1",
                            Map.of("pasid", pasid));
                }
            }
            case Destination.Nested nested -> {}
        }
    }

    private void checkWalkable(Requester requester, IoPageTable own) {
        if (!shapes.walks(own)) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "the unit of " + requester + " cannot walk this table: levels, widths or page sizes differ");
        }
    }

    /** What is led to has to go together with the other routes of the stream. EBUSY, EOPNOTSUPP. */
    static void checkTogether(Collection<Led> routes, int pasid, Destination destination) {
        for (var other : routes) {
            if (other.pasid() == pasid) {
                continue;
            }
            var rid = other.requester().rid();
            var name = other.pasid() == DmaRequest.NO_PASID ? rid.toString() : rid + " with PASID " + other.pasid();
            if (other.namesPasids() || Led.namesPasids(destination)) {
                throw new RefusedException(
                        Errno.EBUSY,
                        "a table of context descriptors says where all PASIDs of a device lead, and %s is attached"
                                .formatted(name),
                        Map.of("rid", rid.toString()));
            }
            if (other.secondStage() != Led.secondStage(destination)) {
                throw new RefusedException(
                        Errno.EOPNOTSUPP,
                        "an SMMUv3 has one stage 2 for a stream, and %s goes through %s"
                                .formatted(name, other.secondStage() == null ? "none" : "another"),
                        Map.of("rid", rid.toString()));
            }
        }
    }
}
