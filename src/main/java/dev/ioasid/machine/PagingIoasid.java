package dev.ioasid.machine;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Destination;
import dev.ioasid.iommu.IommuDriver.TableShape;
import dev.ioasid.machine.Mapping.Extent;
import dev.ioasid.memory.AddressRange;
import dev.ioasid.pagetable.IoPageTable;
import dev.ioasid.pagetable.LeafSizes;
import dev.ioasid.pagetable.Permissions;
import dev.ioasid.pagetable.TableCaches;
import dev.ioasid.pagetable.Walked;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** A paging IOASID: its mappings, and the page table that holds them. */
final class PagingIoasid extends Ioasid {
    private final Machine machine;
    private final Unit unit;
    private final TableShape shape;
    private final IoPageTable table;
    private final TreeMap<Long, Mapping> mappings = new TreeMap<>(); // by iova
    private final IovaSpace space;
    private final UnitCaches caches = new UnitCaches();
    private long mappedBytes;

    /** ENOMEM. */
    PagingIoasid(Machine machine, int id, Context context, @Nullable String name, Unit unit, TableShape shape) {
        super(id, context, IoasidType.PAGING, name);
        this.machine = machine;
        this.unit = unit;
        this.shape = shape;
        this.table = new IoPageTable(
                machine.memory(),
                machine.frames(),
                machine.counters(),
                machine.readers(),
                shape.format(),
                shape.inputBits(),
                caches);
        this.space = new IovaSpace(shape.inputBits(), granule(), this, mappings);
    }

    /** What units have read of the table: its own, and others whose devices are attached. Each knows which of its routes lead through it. */
    private final class UnitCaches implements TableCaches {
        /** What goes away was there for no request: it is a command's that is being undone, and commands are alone. */
        private boolean unseen;

        @Override
        public void invalidate(long first, long last, boolean tables) {
            if (!unseen) {
                machine.units().managedDrivers().forEach(driver -> driver.changed(table, first, last, tables));
            }
        }

        @Override
        public void added(long first, long last) {
            machine.units().managedDrivers().forEach(driver -> driver.added(table, first, last));
        }
    }

    Unit unit() {
        return unit;
    }

    IoPageTable table() {
        return table;
    }

    /** Its addresses have fewer bits. */
    int inputBits() {
        return shape.inputBits();
    }

    /** Bytes of its smallest page. */
    long granule() {
        return 1L << shape.format().granuleShift();
    }

    /** Whether a user's table can be nested on this one. */
    boolean isSecondStage() {
        return shape.format().stage() == Walked.Stage.SECOND;
    }

    IovaSpace space() {
        return space;
    }

    NavigableMap<Long, Mapping> mappings() {
        return mappings;
    }

    long mappedBytes() {
        return mappedBytes;
    }

    @Override
    Destination destination() {
        return new Destination.Paged(table);
    }

    /** Makes mappings in order, all or none. */
    List<Mapping> map(List<MapRequest> requests) {
        var made = new ArrayList<Mapping>();
        for (var request : requests) {
            try {
                made.add(map(request));
            } catch (RefusedException refused) {
                undo(() -> made.reversed().forEach(mapping -> remove(List.of(mapping))));
                throw requests.size() == 1 ? refused : refused.with("index", made.size());
            }
        }
        made.forEach(mapping -> machine.events().emit(new MachineEvent.Mapped(id(), mapping)));
        return List.copyOf(made);
    }

    private void undo(Runnable undoing) {
        caches.unseen = true;
        undoing.run();
        caches.unseen = false;
    }

    private Mapping map(MapRequest request) {
        check(request);
        long iova = request.iova() == null
                ? space.lowestFree(request.length(), largestPage(), request.physicalAddress())
                : request.iova();
        space.check(iova, request.length());
        context().checkRoom(ContextLimit.MAPPINGS, 1);
        context().checkRoom(ContextLimit.PINNED_BYTES, request.length());
        var extents = request.physicalAddress() == null
                ? allocate(iova, request.length())
                : claim(request.physicalAddress(), request.length());
        boolean owned = request.physicalAddress() == null;
        long done = 0;
        try {
            for (var extent : extents) {
                table.map(iova + done, extent.length(), extent.physicalAddress(), request.permissions());
                done += extent.length();
            }
        } catch (RefusedException refused) {
            long mapped = done;
            if (mapped > 0) {
                undo(() -> table.unmap(iova, mapped));
            }
            giveBack(extents, owned);
            throw refused.with("ioasid", id());
        }
        var pageSizes = new TreeMap<Long, Long>();
        long at = iova;
        for (var extent : extents) {
            LeafSizes.count(table.format(), at, extent.physicalAddress(), extent.length(), pageSizes);
            at += extent.length();
        }
        var mapping = new Mapping(iova, request.length(), request.permissions(), extents, pageSizes, owned);
        mappings.put(iova, mapping);
        mappedBytes += request.length();
        context().take(ContextLimit.MAPPINGS, 1);
        context().take(ContextLimit.PINNED_BYTES, request.length());
        return mapping;
    }

    private void check(MapRequest request) {
        checkKnown(request.permissions());
        space.checkLength(request.length());
        Long physical = request.physicalAddress();
        if (physical == null) {
            return;
        }
        if (physical % granule() != 0) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "physicalAddress 0x%x is not a multiple of the granule 0x%x".formatted(physical, granule()),
                    Map.of("ioasid", id(), "physicalAddress", physical));
        }
        long last = physical + request.length() - 1;
        boolean wraps = Long.compareUnsigned(last, physical) < 0;
        if (wraps || last >>> shape.format().outputBits() != 0 || !isThere(new AddressRange(physical, last))) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "0x%x bytes at physical address 0x%x are not all memory, nor in one region of a device: the machine has 0x%x bytes"
                            .formatted(
                                    request.length(), physical, machine.memory().size()),
                    Map.of("ioasid", id(), "physicalAddress", physical, "length", request.length()));
        }
    }

    private boolean isThere(AddressRange range) {
        return machine.fabric().backs(range);
    }

    /** EOPNOTSUPP for a right that the format has no bits for. */
    private void checkKnown(Permissions permissions) {
        var known = switch (shape.format().kind()) {
            case VTD_SECOND_STAGE -> permissions.execute() || permissions.privileged() ? "r, w and rw only" : null;
            case X86_64 -> permissions.execute() ? "r, rw, rp and rwp only" : null;
            case ARMV8_STAGE1 -> null;
            case ARMV8_STAGE2 -> permissions.privileged() ? "r, w and rw only, with or without x" : null;
        };
        if (known != null) {
            throw new RefusedException(
                    Errno.EOPNOTSUPP,
                    "permissions '%s': format %s has %s".formatted(permissions, shape.formatName(), known),
                    Map.of("ioasid", id(), "permissions", permissions.toString()));
        }
    }

    private long largestPage() {
        return LeafSizes.largest(table.format());
    }

    private List<Extent> claim(long physical, long length) {
        machine.frames().claim(AddressRange.of(physical, length));
        return List.of(new Extent(physical, length));
    }

    /** Memory for a mapping: in one piece that the largest pages fit into; in several if there is no such piece. ENOMEM. */
    private List<Extent> allocate(long iova, long length) {
        if (length > machine.frames().freeBytes()) {
            throw full(length);
        }
        for (long page : LeafSizes.descending(table.format())) {
            long head = iova & page - 1;
            if (page == granule() || LeafSizes.holds(iova, length, page)) {
                long whole = machine.frames().tryAllocate(head + length, page);
                if (whole >= 0) {
                    if (head > 0) {
                        machine.frames().free(whole, head);
                    }
                    return List.of(new Extent(whole + head, length));
                }
            }
        }
        return allocatePieces(iova, length);
    }

    private List<Extent> allocatePieces(long iova, long length) {
        var extents = new ArrayList<Extent>();
        for (long done = 0; done < length; ) {
            long piece = 0;
            long at = -1;
            for (long page : LeafSizes.descending(table.format())) {
                if ((iova + done & page - 1) == 0 && length - done >= page && at < 0) {
                    at = machine.frames().tryAllocate(page, page);
                    piece = page;
                }
            }
            if (at < 0) {
                giveBack(extents, true);
                throw full(length);
            }
            var before = extents.isEmpty() ? null : extents.getLast();
            if (before != null && before.physicalAddress() + before.length() == at) {
                extents.set(extents.size() - 1, new Extent(before.physicalAddress(), before.length() + piece));
            } else {
                extents.add(new Extent(at, piece));
            }
            done += piece;
        }
        return List.copyOf(extents);
    }

    private RefusedException full(long length) {
        return new RefusedException(
                Errno.ENOMEM,
                "simulated memory has no 0x%x bytes left: 0x%x are free"
                        .formatted(length, machine.frames().freeBytes()),
                Map.of("ioasid", id(), "length", length));
    }

    private void giveBack(List<Extent> extents, boolean owned) {
        for (var extent : extents) {
            if (owned) {
                machine.frames().free(extent.physicalAddress(), extent.length());
            } else {
                machine.frames().release(AddressRange.of(extent.physicalAddress(), extent.length()));
            }
        }
    }

    /** Removes the mappings that lie in a range; answers their bytes. */
    long unmap(long iova, long length) {
        var subjects = Map.of("ioasid", id(), "iova", iova, "length", length);
        if (iova == 0 && length == -1) { // as iommufd has it: everything, and nothing is fine, too
            return unmapAll();
        }
        if (length == 0) {
            throw new RefusedException(Errno.EINVAL, "length is 0", subjects);
        }
        long last = iova + length - 1;
        if (Long.compareUnsigned(last, iova) < 0) {
            throw new RefusedException(
                    Errno.EINVAL, "0x%x bytes at iova 0x%x wrap around 2^64".formatted(length, iova), subjects);
        }
        var within = space.within(iova, last);
        if (within.isEmpty()) {
            throw new RefusedException(Errno.ENOENT, "nothing is mapped in 0x%x..0x%x".formatted(iova, last), subjects);
        }
        for (var mapping : List.of(within.getFirst(), within.getLast())) {
            if (Long.compareUnsigned(mapping.iova(), iova) < 0 || Long.compareUnsigned(mapping.last(), last) > 0) {
                throw new RefusedException(
                        Errno.ENOENT,
                        "the mapping 0x%x..0x%x sticks out of 0x%x..0x%x: mappings are removed whole"
                                .formatted(mapping.iova(), mapping.last(), iova, last),
                        subjects);
            }
        }
        return removeAndTell(within, iova, length);
    }

    /** Removes all mappings; answers their bytes. */
    long unmapAll() {
        return removeAndTell(List.copyOf(mappings.values()), 0, -1);
    }

    private long removeAndTell(List<Mapping> gone, long iova, long length) {
        long unmapped = remove(gone);
        if (!gone.isEmpty()) {
            machine.events().emit(new MachineEvent.Unmapped(id(), iova, length, unmapped));
        }
        return unmapped;
    }

    private long remove(List<Mapping> gone) {
        long bytes = 0;
        for (var mapping : gone) {
            table.unmap(mapping.iova(), mapping.length());
            mappings.remove(mapping.iova());
            bytes += mapping.length();
        }
        mappedBytes -= bytes;
        context().giveBack(ContextLimit.MAPPINGS, gone.size());
        context().giveBack(ContextLimit.PINNED_BYTES, bytes);
        space.freed(gone);
        machine.readers().await(); // a request may have been told an address and not be there yet
        for (var mapping : gone) {
            giveBack(mapping.extents(), mapping.owned());
        }
        return bytes;
    }

    /** Bytes behind {@code iova}. ENOENT: not all mapped; EPERM: not all readable. */
    byte[] read(long iova, int length) {
        var bytes = new byte[length];
        int done = 0;
        for (var piece : pieces(iova, length, false)) {
            var read = machine.fabric().read(piece.physicalAddress(), (int) piece.length());
            System.arraycopy(read, 0, bytes, done, read.length);
            done += read.length;
        }
        return bytes;
    }

    /** Writes bytes behind {@code iova}. ENOENT: not all mapped; EPERM: not all writable; then none is written. */
    void write(long iova, byte[] bytes) {
        int done = 0;
        for (var piece : pieces(iova, bytes.length, true)) {
            int length = (int) piece.length();
            machine.fabric().write(piece.physicalAddress(), Arrays.copyOfRange(bytes, done, done + length));
            done += length;
        }
    }

    /** The memory behind a range, piece by piece. */
    private List<Extent> pieces(long iova, int length, boolean write) {
        var pieces = new ArrayList<Extent>();
        long at = iova;
        for (long left = length; left > 0; ) {
            var below = at < 0 ? null : mappings.floorEntry(at);
            if (below == null || below.getValue().last() < at) {
                throw new RefusedException(
                        Errno.ENOENT, "nothing is mapped at 0x%x".formatted(at), Map.of("ioasid", id(), "iova", at));
            }
            var mapping = below.getValue();
            if (write ? !mapping.permissions().write() : !mapping.permissions().read()) {
                throw new RefusedException(
                        Errno.EPERM,
                        "the mapping 0x%x..0x%x is '%s'"
                                .formatted(mapping.iova(), mapping.last(), mapping.permissions()),
                        Map.of("ioasid", id(), "iova", at));
            }
            long offset = at - mapping.iova();
            for (var extent : mapping.extents()) {
                if (offset < extent.length() && left > 0) {
                    long piece = Math.min(left, extent.length() - offset);
                    pieces.add(new Extent(extent.physicalAddress() + offset, piece));
                    at += piece;
                    left -= piece;
                    offset = 0;
                } else {
                    offset -= extent.length();
                }
            }
        }
        return pieces;
    }

    /** Gives everything back. No route leads here any more. */
    void close() {
        remove(List.copyOf(mappings.values()));
        table.close();
    }

    @Override
    IoasidSummary summary() {
        return new IoasidSummary(
                id(),
                IoasidType.PAGING,
                unit.name(),
                shape.formatName(),
                shape.addressWidth(),
                granule(),
                routes().stream()
                        .map(route ->
                                new Attachment(route, id(), machine.binds().of(route)))
                        .toList(),
                name(),
                mappedBytes,
                table.tableBytes(),
                null,
                context().number());
    }
}
