package dev.ioasid.machine;

import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Rid;
import org.jspecify.annotations.Nullable;

/**
 * Bytes that a device is to move.
 *
 * @param pasid 20 bits, or {@link DmaRequest#NO_PASID}
 * @param iova the address that the device sends; does not matter if there is a target
 * @param target what is at the other end, in place of its address; null: the address says so
 * @param access a read brings bytes from memory to the device, a write the other way
 * @param privileged the device asks for supervisor rights; only with a PASID
 * @param length bytes, 1 to {@link #LARGEST}
 * @param data what is written; null for a read. It must not change any more
 */
public record DmaOrder(
        int pasid,
        long iova,
        @Nullable Target target,
        Access access,
        boolean privileged,
        int length,
        byte @Nullable [] data) {
    /** Bytes of one order. */
    public static final int LARGEST = 16 << 20;

    /** A place in a region of a device, which stands for its bus address. */
    public record Target(Rid rid, int region, long offset) {}

    public DmaOrder(int pasid, long iova, Access access, boolean privileged, int length, byte @Nullable [] data) {
        this(pasid, iova, null, access, privileged, length, data);
    }

    public static DmaOrder read(int pasid, long iova, int length) {
        return new DmaOrder(pasid, iova, Access.READ, false, length, null);
    }

    public static DmaOrder write(int pasid, long iova, byte[] data) {
        return new DmaOrder(pasid, iova, Access.WRITE, false, data.length, data);
    }

    /** The same, to an address. */
    DmaOrder at(long address) {
        return new DmaOrder(pasid, address, null, access, privileged, length, data);
    }
}
