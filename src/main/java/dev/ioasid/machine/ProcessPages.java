package dev.ioasid.machine;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.machine.ProcessRegions.Region;
import dev.ioasid.machine.ResidentPages.Run;
import dev.ioasid.memory.AddressRange;
import dev.ioasid.pagetable.IoPageTable;
import dev.ioasid.pagetable.PageWalk;
import dev.ioasid.pagetable.Permissions;
import dev.ioasid.pagetable.Steps;
import dev.ioasid.pagetable.TableCaches;
import dev.ioasid.pagetable.TableFormat;
import dev.ioasid.pagetable.Walked;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The page table of a process, as its CPU walks it, and the frames that its pages are in. Guarded by the machine's lock.
 *
 * <p>All pages are of the smallest size: a range can be unmapped wherever it ends.
 */
final class ProcessPages {
    /** A program's access; of x86-64, the CPU sets accessed and dirty bits. */
    private static final int CPU = PageWalk.ACCESSED_DIRTY | PageWalk.UPDATES_ALLOWED;

    private final Machine machine;
    private final int process;
    private final long granule;
    private final SharedTable caches;
    private final IoPageTable table;
    private final ResidentPages resident = new ResidentPages();

    /** ENOMEM. */
    ProcessPages(Machine machine, int process, ProcessShape shape, TableCaches sharers) {
        this.machine = machine;
        this.process = process;
        this.granule = shape.granule();
        this.caches = new SharedTable(sharers);
        this.table = new IoPageTable(
                machine.memory(),
                machine.frames(),
                machine.counters(),
                machine.readers(),
                shape.format(),
                shape.userBits(),
                caches);
    }

    /** What units have read of the table. */
    private static final class SharedTable implements TableCaches {
        private final TableCaches sharers;
        /** What goes away was there for no request: it is a command's that is being undone, and commands are alone. */
        private boolean unseen;

        SharedTable(TableCaches sharers) {
            this.sharers = sharers;
        }

        @Override
        public void invalidate(long first, long last, boolean tables) {
            if (!unseen) {
                sharers.invalidate(first, last, tables);
            }
        }

        @Override
        public void added(long first, long last) {
            sharers.added(first, last);
        }
    }

    IoPageTable table() {
        return table;
    }

    long residentBytes() {
        return resident.bytes();
    }

    long residentBytes(Region region) {
        return resident.bytesWithin(region.address(), region.last());
    }

    /**
     * Makes all of a region's pages that meet {@code first..last} appear, zero, and with the region's rights; answers those that were not
     * there. ENOMEM: none has appeared.
     */
    List<Run> appear(Region region, long first, long last) {
        long from = Math.max(first & -granule, region.address());
        long to = Math.min(last | granule - 1, region.last());
        var made = new ArrayList<Run>();
        try {
            for (var missing : resident.missing(from, to)) {
                fill(missing, region.permissions(), made);
            }
        } catch (RefusedException refused) {
            undo(made);
            throw refused;
        }
        return made;
    }

    private void fill(AddressRange missing, Permissions permissions, List<Run> made) {
        var runs = allocate(missing);
        for (int done = 0; done < runs.size(); done++) {
            var run = runs.get(done);
            try {
                table.map(run.address(), run.length(), run.physicalAddress(), permissions);
            } catch (RefusedException refused) {
                giveBack(runs.subList(done, runs.size()));
                throw refused.with("process", process);
            }
            resident.add(run);
            made.add(run);
        }
    }

    /** Takes pages that have just appeared away again: nobody has seen them. */
    void undo(List<Run> made) {
        caches.unseen = true;
        for (var run : made.reversed()) {
            table.unmap(run.address(), run.length());
            giveBack(resident.remove(run.address(), run.last()));
        }
        caches.unseen = false;
    }

    /** Frames for a range: in one piece, or, if there is no such piece, wherever they are. ENOMEM. */
    private List<Run> allocate(AddressRange range) {
        if (range.length() > machine.frames().freeBytes()) {
            throw full(range.length());
        }
        long whole = machine.frames().tryAllocate(range.length(), granule);
        return whole >= 0 ? List.of(new Run(range.first(), whole, range.length())) : pageByPage(range);
    }

    private List<Run> pageByPage(AddressRange range) {
        var pages = new ResidentPages(); // joins what continues
        for (long at = range.first(); at <= range.last(); at += granule) {
            long frame = machine.frames().tryAllocate(granule, granule);
            if (frame < 0) {
                giveBack(pages.all());
                throw full(range.length());
            }
            pages.add(new Run(at, frame, granule));
        }
        return pages.all();
    }

    private RefusedException full(long length) {
        return new RefusedException(
                Errno.ENOMEM,
                "simulated memory has no 0x%x bytes left: 0x%x are free"
                        .formatted(length, machine.frames().freeBytes()),
                Map.of("process", process, "length", length));
    }

    private void giveBack(List<Run> runs) {
        runs.forEach(run -> machine.frames().free(run.physicalAddress(), run.length()));
    }

    /** Takes the pages of a range away. Their frames are given back when no CPU, unit or device can reach them any more. */
    void vanish(long first, long last) {
        var gone = resident.remove(first, last);
        if (gone.isEmpty()) {
            return;
        }
        long from = gone.getFirst().address();
        table.unmap(from, gone.getLast().last() - from + 1);
        machine.readers().await(); // a request may have been told an address and not be there yet
        giveBack(gone);
    }

    /** Bytes as a program sees them, whose pages are there. ENOENT: somebody has written to the table, and it does not lead to memory. */
    byte[] read(long address, int length) {
        check(address, length, PageWalk.READ);
        var bytes = new byte[length];
        forEachPage(address, length, (at, done, count) -> {
            var read = machine.memory().read(walk(at, PageWalk.READ), count);
            System.arraycopy(read, 0, bytes, done, count);
        });
        return bytes;
    }

    /** Writes bytes as a program does. ENOENT: as for {@link #read}; then none is written. */
    void write(long address, byte[] bytes) {
        check(address, bytes.length, PageWalk.WRITE);
        forEachPage(address, bytes.length, (at, done, count) -> {
            long physical = walk(at, PageWalk.WRITE);
            var piece = new byte[count];
            System.arraycopy(bytes, done, piece, 0, count);
            machine.memory().write(physical, piece);
            machine.frames().written(AddressRange.of(physical, count));
        });
    }

    private void check(long address, int length, int access) {
        forEachPage(address, length, (at, done, count) -> {
            long physical = walk(at, access | PageWalk.DRY);
            if (physical < 0 || !machine.memory().backs(AddressRange.of(physical, count))) {
                throw new RefusedException(
                        Errno.ENOENT,
                        "the page table of process %d does not lead from 0x%x to memory: somebody has written to it"
                                .formatted(process, at),
                        Map.of("process", process, "address", at));
            }
        });
    }

    /** Where an address leads; negative if the walk fails. */
    private long walk(long address, int access) {
        var format = table.format();
        int how = access | (format.kind() == TableFormat.Kind.X86_64 ? CPU : 0);
        long walked = PageWalk.walk(machine.memory(), format, table.root(), address, how, Steps.UNSEEN);
        return Walked.failed(walked) ? -1 : Walked.address(walked);
    }

    /** A part of a range that lies in one page. */
    private interface Part {
        /** @param done bytes of the range before it */
        void is(long at, int done, int count);
    }

    private void forEachPage(long address, int length, Part part) {
        for (int done = 0; done < length; ) {
            long at = address + done;
            int count = (int) Math.min(length - done, granule - (at & granule - 1));
            part.is(at, done, count);
            done += count;
        }
    }

    /** Gives everything back. No route leads to the table any more. */
    void close() {
        table.close();
        giveBack(resident.all());
    }
}
