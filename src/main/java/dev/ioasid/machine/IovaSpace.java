package dev.ioasid.machine;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.memory.AddressRange;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The device addresses of a paging IOASID: what the table's width leaves, less the holes that attached devices cut, less
 * what is mapped. Guarded by the machine's lock.
 */
final class IovaSpace {
    private record Hole(AddressRange range, String owner) {}

    private final int bits;
    private final long granule;
    private final PagingIoasid ioasid;
    private final TreeMap<Long, Mapping> mappings;
    private final List<Hole> holes = new ArrayList<>(); // one for each device and region, ascending
    private List<AddressRange> allowed = List.of();
    /** No granule from the first to this is free. */
    private long fullBelow;

    /** @param granule bytes of the smallest page; the first is never given out, so that no address is 0 */
    IovaSpace(int bits, long granule, PagingIoasid ioasid, TreeMap<Long, Mapping> mappings) {
        this.bits = bits;
        this.granule = granule;
        this.fullBelow = granule;
        this.ioasid = ioasid;
        this.mappings = mappings;
    }

    private long last() {
        return (1L << bits) - 1;
    }

    void checkLength(long length) {
        if (length == 0 || length % granule != 0) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "length 0x%x is not a multiple of the granule 0x%x, from 0x%x on"
                            .formatted(length, granule, granule),
                    Map.of("ioasid", ioasid.id(), "length", length));
        }
        if (length < 0 || length - 1 > last()) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "length 0x%x is more than the %d bits of IOASID %d".formatted(length, bits, ioasid.id()),
                    Map.of("ioasid", ioasid.id(), "length", length));
        }
    }

    /** EINVAL: unaligned, too wide, or in a hole; EEXIST: meets a mapping. */
    void check(long iova, long length) {
        var subjects = Map.of("ioasid", ioasid.id(), "iova", iova, "length", length);
        if (iova % granule != 0) {
            throw new RefusedException(
                    Errno.EINVAL, "iova 0x%x is not a multiple of the granule 0x%x".formatted(iova, granule), subjects);
        }
        if (iova < 0 || iova > last() - (length - 1)) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "0x%x bytes at iova 0x%x do not lie below 2^%d, the width of IOASID %d"
                            .formatted(length, iova, bits, ioasid.id()),
                    subjects);
        }
        var range = AddressRange.of(iova, length);
        for (var hole : holes) {
            if (hole.range().intersects(range)) {
                throw new RefusedException(
                                Errno.EINVAL,
                                "%s meets %s, which is reserved for %s".formatted(range, hole.range(), hole.owner()),
                                subjects)
                        .with("conflict", conflict(hole.range(), hole.owner()));
            }
        }
        var before = mappings.floorEntry(range.last());
        if (before != null && before.getValue().last() >= iova) {
            var taken = new AddressRange(before.getKey(), before.getValue().last());
            throw new RefusedException(Errno.EEXIST, "%s meets the mapping %s".formatted(range, taken), subjects)
                    .with("conflict", conflict(taken, "mapping"));
        }
    }

    private static Map<String, Object> conflict(AddressRange range, String owner) {
        return Map.of("first", range.first(), "last", range.last(), "owner", owner);
    }

    /**
     * The lowest free address for {@code length} bytes, aligned as large pages want it, inside the allowed ranges. ENOSPC.
     *
     * @param largestPage the alignment is never more than this
     * @param physical where it will lead, which may be aligned to less; null: wherever is best
     */
    long lowestFree(long length, long largestPage, @Nullable Long physical) {
        long alignment = Math.min(length > largestPage ? largestPage : roundedUp(length), largestPage);
        if (physical != null && physical != 0) {
            alignment = Math.min(alignment, Long.lowestOneBit(physical));
        }
        for (var window : allowed.isEmpty() ? List.of(new AddressRange(granule, last())) : allowed) {
            long found = lowestFree(window, length, alignment);
            if (found >= 0) {
                return found;
            }
        }
        throw new RefusedException(
                Errno.ENOSPC,
                "IOASID %d has no 0x%x free addresses in one piece%s"
                        .formatted(ioasid.id(), length, allowed.isEmpty() ? "" : " in its allowed ranges"),
                Map.of("ioasid", ioasid.id(), "length", length));
    }

    private long lowestFree(AddressRange window, long length, long alignment) {
        long from = Math.max(fullBelow, window.first());
        long at = aligned(from, alignment);
        boolean packed = at == fullBelow;
        while (at >= 0 && at <= window.last() - (length - 1)) {
            long blocker = lastOfBlocker(at, at + length - 1);
            if (blocker < 0) {
                if (packed) {
                    fullBelow = at; // everything below was looked at, and is taken
                }
                return at;
            }
            long next = aligned(blocker + 1, alignment);
            packed &= next == blocker + 1 && lastOfBlocker(at, at) >= 0;
            at = next;
        }
        return -1;
    }

    private static long roundedUp(long length) {
        return Long.highestOneBit(length) == length ? length : Long.highestOneBit(length) << 1;
    }

    private static long aligned(long address, long alignment) {
        return address + alignment - 1 & -alignment;
    }

    /** The last address of a hole or mapping that meets {@code first..last}; -1 if none does. */
    private long lastOfBlocker(long first, long last) {
        var range = new AddressRange(first, last);
        for (var hole : holes) {
            if (hole.range().intersects(range)) {
                return hole.range().last();
            }
        }
        var before = mappings.floorEntry(last);
        return before != null && before.getValue().last() >= first
                ? before.getValue().last()
                : -1;
    }

    /** The mappings that meet a range, ascending. */
    List<Mapping> within(long first, long last) {
        if (first < 0) {
            return List.of();
        }
        var from = mappings.floorEntry(first);
        long start = from != null && from.getValue().last() >= first ? from.getKey() : first;
        return List.copyOf(mappings.subMap(start, true, last < 0 ? Long.MAX_VALUE : last, true)
                .values());
    }

    void freed(List<Mapping> gone) {
        for (var mapping : gone) {
            fullBelow = Math.min(fullBelow, Math.max(granule, mapping.iova()));
        }
    }

    /** Where addresses are allocated, ascending; empty: everywhere. */
    List<AddressRange> allowed() {
        return allowed;
    }

    /**
     * Allocates addresses only inside these ranges from now on, and refuses devices that would reserve any of them. An
     * empty list is no promise. EINVAL: a range of one byte, beyond the width, or two that meet; EADDRINUSE: one meets a hole.
     * Then the list before stays.
     */
    void allow(List<AddressRange> ranges) {
        var sorted = ranges.stream()
                .sorted(Comparator.comparing(AddressRange::first, Long::compareUnsigned))
                .toList();
        AddressRange before = null;
        for (var range : sorted) {
            if (range.first() == range.last() || range.last() < 0 || range.last() > last()) {
                throw new RefusedException(
                        Errno.EINVAL,
                        "allowed range %s: expected more than one address, below 2^%d".formatted(range, bits),
                        Map.of("ioasid", ioasid.id()));
            }
            if (before != null && before.intersects(range)) {
                throw new RefusedException(
                        Errno.EINVAL,
                        "allowed ranges %s and %s meet".formatted(before, range),
                        Map.of("ioasid", ioasid.id()));
            }
            for (var hole : holes) {
                if (hole.range().intersects(range)) {
                    throw new RefusedException(
                            Errno.EADDRINUSE,
                            "allowed range %s meets %s, which is reserved for %s"
                                    .formatted(range, hole.range(), hole.owner()),
                            Map.of("ioasid", ioasid.id(), "conflict", conflict(hole.range(), hole.owner())));
                }
            }
            before = range;
        }
        allowed = sorted;
    }

    /** Refuses a device whose reserved regions meet a mapping, or an allowed range. EADDRINUSE. */
    void checkRegions(Device device) {
        for (var region : device.reservedRegions()) {
            for (var range : allowed) {
                if (region.hole() && region.range().intersects(range)) {
                    throw new RefusedException(
                            Errno.EADDRINUSE,
                            "%s is reserved for %s, and %s of IOASID %d is promised to be free of that"
                                    .formatted(region.range(), device.rid(), range, ioasid.id()),
                            Map.of(
                                    "ioasid",
                                    ioasid.id(),
                                    "rid",
                                    device.rid().toString(),
                                    "conflict",
                                    conflict(range, "allowed range")));
                }
            }
            var met = region.hole()
                    ? within(region.range().first(), region.range().last())
                    : List.<Mapping>of();
            if (!met.isEmpty()) {
                var range =
                        new AddressRange(met.getFirst().iova(), met.getFirst().last());
                throw new RefusedException(
                        Errno.EADDRINUSE,
                        "%s is reserved for %s, and IOASID %d has a mapping %s there"
                                .formatted(region.range(), device.rid(), ioasid.id(), range),
                        Map.of(
                                "ioasid",
                                ioasid.id(),
                                "rid",
                                device.rid().toString(),
                                "conflict",
                                conflict(range, "mapping")));
            }
        }
    }

    /** A device that is attached by its RID cuts its reserved regions out. */
    void cut(Device device) {
        for (var region : device.reservedRegions()) {
            if (region.hole()) {
                holes.add(new Hole(region.range(), device.rid().toString()));
            }
        }
        holes.sort(Comparator.comparing(hole -> hole.range().first(), Long::compareUnsigned));
    }

    /** A device that was detached gives its reserved regions back. */
    void mend(Device device) {
        holes.removeIf(hole -> hole.owner().equals(device.rid().toString()));
        fullBelow = granule;
    }

    /** What lies between the holes: ascending, maximal. */
    IovaRanges ranges() {
        var ranges = new ArrayList<AddressRange>();
        long at = 0;
        for (var hole : holes) {
            long first = hole.range().first();
            long last = hole.range().last();
            if (first < 0 || first > last()) {
                break;
            }
            if (first > at) {
                ranges.add(new AddressRange(at, first - 1));
            }
            at = last < 0 ? last() + 1 : Math.max(at, last + 1);
        }
        if (at <= last()) {
            ranges.add(new AddressRange(at, last()));
        }
        return new IovaRanges(List.copyOf(ranges), granule);
    }
}
