package dev.ioasid.machine;

import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.DmaRequest;
import org.jspecify.annotations.Nullable;

/**
 * Bytes that a device is to move.
 *
 * @param pasid 20 bits, or {@link DmaRequest#NO_PASID}
 * @param access a read brings bytes from memory to the device, a write the other way
 * @param privileged the device asks for supervisor rights; only with a PASID
 * @param length bytes, 1 to {@link #LARGEST}
 * @param data what is written; null for a read. It must not change any more
 */
public record DmaOrder(
        int pasid, long iova, Access access, boolean privileged, int length, byte @Nullable [] data) {
    /** Bytes of one order. */
    public static final int LARGEST = 16 << 20;

    public static DmaOrder read(int pasid, long iova, int length) {
        return new DmaOrder(pasid, iova, Access.READ, false, length, null);
    }

    public static DmaOrder write(int pasid, long iova, byte[] data) {
        return new DmaOrder(pasid, iova, Access.WRITE, false, data.length, data);
    }
}
