package dev.ioasid.memory;

import java.util.Map;
import java.util.TreeMap;

/**
 * Ranges of addresses that others count on, each as often as it was claimed. Neighbours with equal counts are one piece.
 * Guarded by its owner's lock.
 */
final class ClaimedRanges {
    private record Piece(long last, int count) {}

    private final TreeMap<Long, Piece> pieces = new TreeMap<>(); // by first address

    boolean isEmpty() {
        return pieces.isEmpty();
    }

    void claim(AddressRange range) {
        change(range, 1);
    }

    /** Takes one claim back, of all of the range or of none of it. */
    void release(AddressRange range) {
        for (long at = range.first(); at <= range.last(); at = lastOfPieceAt(at) + 1) {
            if (lastOfPieceAt(at) < 0) {
                throw new IllegalStateException(range + " is released more often than claimed");
            }
        }
        change(range, -1);
    }

    /** The last address of the claimed piece that holds {@code address}; -1 if none does. */
    long lastOfPieceAt(long address) {
        var piece = pieces.floorEntry(address);
        return piece == null || piece.getValue().last < address ? -1 : piece.getValue().last;
    }

    /** The first claimed address within {@code first..last}; -1 if there is none. */
    long firstWithin(long first, long last) {
        if (lastOfPieceAt(first) >= 0) {
            return first;
        }
        var above = pieces.ceilingKey(first);
        return above == null || above > last ? -1 : above;
    }

    private void change(AddressRange range, int by) {
        split(range.first());
        split(range.last() + 1);
        long at = range.first();
        while (at <= range.last()) {
            var piece = pieces.get(at);
            if (piece == null) {
                var above = pieces.higherKey(at);
                long last = above == null || above > range.last() ? range.last() : above - 1;
                piece = new Piece(last, 0);
            }
            int count = piece.count + by;
            if (count == 0) {
                pieces.remove(at);
            } else {
                pieces.put(at, new Piece(piece.last, count));
            }
            at = piece.last + 1;
        }
        join(range.last() + 1);
        join(range.first());
        for (var next = pieces.higherEntry(range.first()); next != null && next.getKey() <= range.last(); ) {
            long key = next.getKey();
            join(key);
            next = pieces.higherEntry(key);
        }
    }

    /** Makes {@code address} the first of a piece, if it lies within one. */
    private void split(long address) {
        var piece = pieces.lowerEntry(address);
        if (piece != null && piece.getValue().last >= address) {
            pieces.put(piece.getKey(), new Piece(address - 1, piece.getValue().count));
            pieces.put(address, new Piece(piece.getValue().last, piece.getValue().count));
        }
    }

    /** Joins the piece that begins at {@code address} with the one before, if they touch and count alike. */
    private void join(long address) {
        var piece = pieces.get(address);
        Map.Entry<Long, Piece> before = pieces.lowerEntry(address);
        if (piece != null
                && before != null
                && before.getValue().last == address - 1
                && before.getValue().count == piece.count) {
            pieces.remove(address);
            pieces.put(before.getKey(), new Piece(piece.last, piece.count));
        }
    }
}
