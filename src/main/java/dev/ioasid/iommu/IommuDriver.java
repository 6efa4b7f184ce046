package dev.ioasid.iommu;

import dev.ioasid.pagetable.TableFormat;
import org.jspecify.annotations.Nullable;

/**
 * The driver half of a managed unit: writes the tables that the hardware half reads, as a kernel driver would. One thread
 * at a time; the hardware may translate at every moment.
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
     * The shape that a paging IOASID gets. EINVAL: no such format or width; EOPNOTSUPP: the unit cannot walk it.
     *
     * @param format null: the unit's usual one
     * @param addressWidth null: the format's usual one
     */
    TableShape tableShape(@Nullable String format, @Nullable Integer addressWidth);

    /**
     * What a user says of a table of his own. EINVAL: no such format or width, or a root that is not aligned; EOPNOTSUPP: the unit
     * cannot walk it.
     *
     * @param addressWidth null: the format's usual one
     */
    UserTable userTable(String format, @Nullable Integer addressWidth, long root);

    /**
     * Leads requests to a destination, in place of the one before if there is one, and without a moment between them.
     * EOPNOTSUPP: the unit lacks what that needs; EINVAL: it cannot walk the table; ENOSPC: no domain id is left; ENOMEM.
     * Then all is as it was.
     *
     * @param pasid {@link DmaRequest#NO_PASID}: requests without PASID
     */
    void attach(Requester requester, int pasid, Destination destination);

    /** Blocks requests. When it returns, none is on its way through the tables any more. */
    void detach(Requester requester, int pasid);

    /** Turns translation off and gives back every frame. */
    @Override
    void close();
}
