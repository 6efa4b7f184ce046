package dev.ioasid.machine;

import dev.ioasid.memory.FrameAllocator;
import java.util.ArrayList;
import java.util.List;

/** Memory that is kept for several ways back, each with its own; what has not been released is given back in the end. */
final class Reserve implements AutoCloseable {
    private record Piece(long address, long bytes) {}

    private final FrameAllocator frames;
    private final List<List<Piece>> ways = new ArrayList<>();

    Reserve(FrameAllocator frames) {
        this.frames = frames;
    }

    /**
     * Keeps the memory of one more way. ENOMEM.
     *
     * @param bytes of its pieces, powers of two from 4 KiB, which they are aligned to
     */
    void keep(List<Long> bytes) {
        var pieces = new ArrayList<Piece>();
        ways.add(pieces);
        for (long each : bytes) {
            pieces.add(new Piece(frames.allocate(each, each), each));
        }
    }

    /** The memory of a way is free, for somebody to go it now; nothing if none was kept. */
    void release(int way) {
        if (way < ways.size()) {
            var pieces = ways.get(way);
            pieces.forEach(piece -> frames.free(piece.address(), piece.bytes()));
            pieces.clear();
        }
    }

    @Override
    public void close() {
        for (int way = 0; way < ways.size(); way++) {
            release(way);
        }
    }
}
