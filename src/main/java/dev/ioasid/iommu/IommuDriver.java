package dev.ioasid.iommu;

import dev.ioasid.pagetable.IoPageTable;
import dev.ioasid.pagetable.TableFormat;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The driver half of a managed unit: writes the tables that the hardware half reads, and has its caches forget, as a kernel driver
 * would. Any thread may call; the hardware may translate at every moment.
 */
public interface IommuDriver extends AutoCloseable {
    /**
     * The shape of a new paging table.
     *
     * @param addressWidth bits of its input by the format
     * @param inputBits what is mapped lies below so many bits: one less where the upper half is the sign's
     */
    record TableShape(String formatName, TableFormat format, int addressWidth, int inputBits) {}

    /**
     * The shape that a paging IOASID gets. EINVAL: no such format, width or granule; EOPNOTSUPP: the unit cannot walk it.
     *
     * @param format null: the unit's usual one
     * @param addressWidth null: the format's usual one
     * @param granule bytes of the smallest page; null: the unit's usual one
     */
    TableShape tableShape(@Nullable String format, @Nullable Integer addressWidth, @Nullable Long granule);

    /**
     * What a user says of a table of his own, with what he leaves open filled in. EINVAL: no such format, width or granule, a root that
     * is not aligned, or something that the format does not have; EOPNOTSUPP: the unit cannot walk it.
     */
    UserTable userTable(UserTable.Wanted wanted);

    /**
     * Leads requests to a destination, in place of the one before if there is one, and without a moment between them.
     * EOPNOTSUPP: the unit lacks what that needs; EINVAL: it cannot walk the table; ENOSPC: no domain id is left; ENOMEM.
     * Then all is as it was.
     *
     * @param pasid {@link DmaRequest#NO_PASID}: requests without PASID
     */
    void attach(Requester requester, int pasid, Destination destination);

    /**
     * The memory by which a route can be led back to where it leads now, wherever it is led meanwhile: bytes of pieces, each of which is
     * aligned to its size. Whoever frees them just before does not meet ENOMEM.
     *
     * @param pasid {@link DmaRequest#NO_PASID}: requests without PASID
     */
    List<Long> wayBack(Requester requester, int pasid);

    /** Blocks requests. When it returns, none is on its way through the tables any more. */
    void detach(Requester requester, int pasid);

    /** Whether a device has not answered an invalidation, and has had its ATS taken away for that. */
    boolean hasTakenAts(int sourceId);

    /** A device is gone: of the next one in its place nothing is known. */
    void removed(int sourceId);

    /** Sees to what commands that were not its own have left behind in the unit. */
    void settle();

    /**
     * A table of the service's has changed: when it returns, no route that leads through it, nested or not, is answered from what
     * was there before. Any thread may call.
     *
     * @param tables entries that lead to tables have changed, too
     */
    void changed(IoPageTable table, long first, long last, boolean tables);

    /**
     * Entries have been added to a table of the service's where there were none, which matters to a unit in caching mode. Any thread may
     * call.
     */
    void added(IoPageTable table, long first, long last);

    /**
     * Has what a route's requests were answered forgotten; answers what the queue was given. ENOENT: it leads nowhere; EOPNOTSUPP:
     * the unit or the device has no such cache; EIO: the device did not answer.
     *
     * @param pasid {@link DmaRequest#NO_PASID}: requests without PASID
     */
    List<IssuedCommand> invalidate(Requester requester, int pasid, Invalidation what);

    /**
     * Has forgotten what requests were answered by a table of the service's, nested ones included. EOPNOTSUPP, EIO as for a route.
     */
    List<IssuedCommand> invalidate(IoPageTable table, Invalidation what);

    /** Takes what devices have asked for out of the unit's queue, oldest first, and clears a mark of overflow. */
    List<PageRequest> takePageRequests();

    /**
     * Answers a group of page requests; answers what the queue was given.
     *
     * @param last the last of the group
     */
    List<IssuedCommand> respond(PageRequest last, PageRequest.Response response);

    /**
     * Says what becomes of a stalled transaction; answers what the queue was given. EOPNOTSUPP: the architecture stalls nothing.
     *
     * @param tag of {@link Translation.Stalled}
     */
    List<IssuedCommand> resume(int sourceId, int tag, Resumption how);

    /** What becomes of a stalled transaction. */
    enum Resumption {
        /** It is translated again. */
        RETRY,
        /** It fails, and the device is told. */
        ABORT,
        /** It ends: reads give zeros, writes are ignored; where the unit cannot do that it is aborted. */
        TERMINATE
    }

    /** Turns translation off and gives back every frame. */
    @Override
    void close();
}
