package dev.ioasid.iommu.smmuv3;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.DriverMemory;
import dev.ioasid.pagetable.IoPageTable;
import dev.ioasid.pagetable.Permissions;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Map;

/**
 * Where the driver's CDs lie. Of a stream without stage 2, the hardware reads CDs at physical addresses; of one with a stage 2, at
 * intermediate ones, so that there they must be mapped in the space of the table that the stream is nested on.
 *
 * <p>Not safe for several threads: {@link SmmuDriver} calls under its lock.
 */
sealed interface CdPlace {
    /**
     * Memory for CDs.
     *
     * @param physical where the driver writes
     * @param address where the hardware reads
     */
    record Piece(long physical, long address, long bytes) {}

    /**
     * Zero memory, at addresses that are multiples of its size. ENOMEM; EBUSY: there is something else in its place.
     *
     * @param bytes a power of two
     */
    Piece allocate(long bytes);

    /** The memory that it takes to allocate a piece like this one, whatever else is there by then: bytes of pieces. */
    List<Long> needed(Piece piece);

    /** Takes memory back that the hardware reads no more. */
    void free(Piece piece);

    /** Anywhere in physical memory. */
    record Physical(DriverMemory memory) implements CdPlace {
        private static final long PAGE_SIZE = 1 << 12;

        @Override
        public Piece allocate(long bytes) {
            long whole = Math.max(bytes, PAGE_SIZE);
            long at = memory.allocate(whole, whole);
            return new Piece(at, at, whole);
        }

        @Override
        public List<Long> needed(Piece piece) {
            return List.of(piece.bytes());
        }

        @Override
        public void free(Piece piece) {
            memory.free(piece.physical(), piece.bytes());
        }
    }

    /**
     * At the top of the space of a stage-2 table, downwards, and read-only. Whoever uses the space sees it there as if it were mapped by
     * somebody else: nothing can be mapped in the place of CDs, and CDs find no place where something is mapped.
     */
    final class TopOfParent implements CdPlace {
        private final DriverMemory memory;
        private final IoPageTable parent;
        private final int granuleShift;
        /** Granules in use, counted from the top. */
        private final BitSet used = new BitSet();

        TopOfParent(DriverMemory memory, IoPageTable parent) {
            this.memory = memory;
            this.parent = parent;
            this.granuleShift = parent.format().granuleShift();
        }

        boolean isEmpty() {
            return used.isEmpty();
        }

        @Override
        public Piece allocate(long bytes) {
            long whole = Math.max(bytes, 1L << granuleShift);
            int granules = (int) (whole >>> granuleShift);
            int at = 0;
            for (int taken = used.nextSetBit(0); taken >= 0 && taken < at + granules; taken = used.nextSetBit(at)) {
                at = (taken / granules + 1) * granules;
            }
            long address = (1L << parent.inputBits()) - ((long) (at + granules) << granuleShift);
            long physical = memory.allocate(whole, whole);
            try {
                parent.map(address, whole, physical, Permissions.READ);
            } catch (RefusedException refused) {
                memory.free(physical, whole);
                throw refused.errno() == Errno.EEXIST ? occupied(address, whole) : refused;
            }
            used.set(at, at + granules);
            return new Piece(physical, address, whole);
        }

        private static RefusedException occupied(long address, long bytes) {
            return new RefusedException(
                    Errno.EBUSY,
                    "context descriptors need 0x%x bytes at 0x%x of the parent's space, and something is mapped there"
                            .formatted(bytes, address),
                    Map.of("iova", address, "length", bytes));
        }

        @Override
        public List<Long> needed(Piece piece) {
            var pieces = new ArrayList<>(List.of(piece.bytes()));
            for (int level = 1; level < parent.format().levels(); level++) {
                pieces.add(1L << granuleShift); // a table of the parent's
            }
            return pieces;
        }

        @Override
        public void free(Piece piece) {
            parent.unmap(piece.address(), piece.bytes());
            memory.await();
            long end = (1L << parent.inputBits()) - piece.address() >>> granuleShift;
            used.clear((int) (end - (piece.bytes() >>> granuleShift)), (int) end);
            memory.free(piece.physical(), piece.bytes());
        }
    }
}
