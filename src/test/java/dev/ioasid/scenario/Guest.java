package dev.ioasid.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.Architecture;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * The operating system of a VM whose processes have more pages than it has frames: it writes their tables, brings a page when a device asks for it, and
 * takes one away when it runs short. Memory is guest physical: tables below, frames for data above, and nothing beyond.
 */
final class Guest {
    private static final long FRAMES = 0x40_0000;
    private static final int FRAME_COUNT = 160;
    /** Bytes of the VM's memory. */
    static final long MEMORY = FRAMES + (long) FRAME_COUNT * CopiedPage.SIZE;
    /** Frames that are kept free. */
    private static final int SPARE = 24;

    /** Of a process: its pages lie in two tables of the lowest level, and the last of them are read-only. */
    private static final long PROCESS = 0x5555_555d_0000L;

    private static final int PAGES = 96;
    private static final int READ_ONLY = 8;

    /** A frame. It may be the page's of a process, which is one more way to get at it. */
    private static final class Frame extends CopiedPage {
        private final long address;
        private @Nullable Page owner;

        Frame(long address) {
            super(true);
            this.address = address;
        }

        private boolean isItselfFree(boolean write) {
            return super.isFree(write);
        }

        @Override
        boolean isFree(boolean write) {
            return super.isFree(write) && (owner == null || owner.isItselfFree(write));
        }
    }

    /** A page of a process: in a frame, or put away. */
    private static final class Page extends CopiedPage {
        private final Process process;
        private final long address;
        private @Nullable Frame frame;

        Page(Process process, long address, boolean writable) {
            super(writable);
            this.process = process;
            this.address = address;
        }

        private boolean isItselfFree(boolean write) {
            return super.isFree(write);
        }

        @Override
        boolean isFree(boolean write) {
            return super.isFree(write) && (frame == null || frame.isItselfFree(write));
        }

        @Override
        byte[] bytes() {
            return frame == null ? super.bytes() : frame.bytes();
        }

        private byte[] putAway() {
            return super.bytes();
        }
    }

    /** A process whose table a route leads to. */
    static final class Process extends Copies {
        private final int bind;
        private final long lowestTables;

        private Process(int bind, long root) {
            this.bind = bind;
            this.lowestTables = root + 3 * CopiedPage.SIZE;
            for (int i = 0; i < PAGES; i++) {
                long address = PROCESS + (long) i * CopiedPage.SIZE;
                put(address, new Page(this, address, i < PAGES - READ_ONLY));
            }
        }

        /** Where the entry of a page is. */
        private long entry(long address) {
            long tables = (address >>> 21) - (PROCESS >>> 21);
            return lowestTables + tables * CopiedPage.SIZE + (address >>> 12 & 511) * Long.BYTES;
        }
    }

    private final Object lock;
    private final Client client;
    private final String machine;
    private final Architecture architecture;
    private final int ioasid;
    private final Random random;
    private final Copies memory = new Copies();
    private final List<Frame> frames = new ArrayList<>();
    private final List<Page> resident = new ArrayList<>();
    private int taken;

    /** @param lock guards all copies, and is not held while the service is asked */
    Guest(Object lock, Client client, String machine, Architecture architecture, int ioasid, Random random) {
        this.lock = lock;
        this.client = client;
        this.machine = machine;
        this.architecture = architecture;
        this.ioasid = ioasid;
        this.random = random;
        for (int i = 0; i < FRAME_COUNT; i++) {
            var frame = new Frame(FRAMES + (long) i * CopiedPage.SIZE);
            frames.add(frame);
            memory.put(frame.address, frame);
        }
    }

    /** Guest physical, as far as devices use it. */
    Copies memory() {
        return memory;
    }

    /** Pages that have been taken away from processes. */
    int taken() {
        return taken;
    }

    /** A process with empty tables at {@code root}. */
    Process process(int bind, long root) {
        var process = new Process(bind, root);
        long[] tables = {root, root + CopiedPage.SIZE, root + 2 * CopiedPage.SIZE};
        for (int level = 0; level < 3; level++) {
            int shift = 39 - 9 * level;
            long next = level < 2 ? tables[level + 1] : process.lowestTables;
            write(tables[level] + (PROCESS >>> shift & 511) * Long.BYTES, table(next));
        }
        write(tables[2] + ((PROCESS >>> 21 & 511) + 1) * Long.BYTES, table(process.lowestTables + CopiedPage.SIZE));
        return process;
    }

    private long table(long next) {
        return next | (architecture == Architecture.VTD ? 0x7 : 0x3); // P R/W U/S; a table
    }

    private long leaf(Page page, Frame frame) {
        // P, R/W, U/S; a page, AP: for all, inner shareable, AF, nG
        long readOnly = architecture == Architecture.VTD ? 0x5 : 0xfc3;
        long writable = architecture == Architecture.VTD ? 0x7 : 0xf43;
        return frame.address | (page.allows(true) ? writable : readOnly);
    }

    private void write(long address, long word) {
        write(
                address,
                ByteBuffer.allocate(8)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putLong(word)
                        .array());
    }

    private void write(long address, byte[] bytes) {
        client.putBytes(machine + "/ioasids/" + ioasid + "/memory/0x" + Long.toHexString(address), bytes)
                .expect(204);
    }

    private byte[] read(long address) {
        return client.send(
                        "GET",
                        "/v1/machines" + machine + "/ioasids/%d/memory/0x%x?length=4096".formatted(ioasid, address),
                        new byte[0])
                .expect(200)
                .body();
    }

    /** Brings pages to where a device can use them, those that it may use. */
    void bring(Process process, List<Long> addresses, boolean write) {
        for (long address : addresses) {
            if (process.at(address) instanceof Page page && page.allows(write)) {
                bring(page);
            }
        }
        while (free() < SPARE && takeAway()) {}
    }

    private void bring(Page page) {
        var frame = frameFor(page);
        if (frame == null) {
            return; // it is there
        }
        write(frame.address, page.putAway().clone());
        write(page.process.entry(page.address), leaf(page, frame));
        synchronized (lock) {
            frame.release(true);
            resident.add(page);
        }
    }

    /** A frame that holds what the page does, and at which nobody is; null: it has one. */
    private @Nullable Frame frameFor(Page page) {
        while (true) {
            synchronized (lock) {
                if (page.frame != null) {
                    return null;
                }
                Collections.shuffle(frames, random);
                for (var frame : frames) {
                    if (frame.owner == null && frame.isFree(true)) {
                        frame.take(true);
                        System.arraycopy(page.putAway(), 0, frame.bytes(), 0, CopiedPage.SIZE);
                        frame.owner = page;
                        page.frame = frame;
                        return frame;
                    }
                }
            }
            assertThat(takeAway()).as("a page can be taken away").isTrue();
        }
    }

    private long free() {
        synchronized (lock) {
            return frames.stream().filter(frame -> frame.owner == null).count();
        }
    }

    /** Takes a page away from its process, and has units and devices forget it. False: all are in use. */
    boolean takeAway() {
        Page page;
        Frame frame;
        synchronized (lock) {
            Collections.shuffle(resident, random);
            page = resident.stream()
                    .filter(candidate -> candidate.isFree(true))
                    .findFirst()
                    .orElse(null);
            if (page == null || page.frame == null) {
                return false;
            }
            resident.remove(page);
            frame = page.frame;
            page.take(true);
        }
        write(page.process.entry(page.address), 0);
        client.post(machine + "/invalidations", """
                        {"bind": %d, "caches": ["iotlb", "dev-iotlb"], "granularity": "range", "iova": "0x%x", "length": "0x1000", "leaf": true}""".formatted(page.process.bind, page.address))
                .expect(200);
        var found = read(frame.address);
        synchronized (lock) {
            assertThat(found).as("page 0x%x", page.address).isEqualTo(frame.bytes());
            System.arraycopy(found, 0, page.putAway(), 0, CopiedPage.SIZE);
            page.frame = null;
            frame.owner = null;
            page.release(true);
            taken++;
        }
        return true;
    }

    /** Compares all of the memory with what it should hold. */
    void check() {
        for (var frame : frames) {
            assertThat(read(frame.address))
                    .as("IOASID %d at 0x%x", ioasid, frame.address)
                    .isEqualTo(frame.bytes());
        }
    }
}
