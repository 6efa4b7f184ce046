package dev.ioasid.machine;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.memory.AddressRange;
import dev.ioasid.pagetable.Permissions;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The virtual addresses of a process: which regions are mapped. A region is what one call mapped, or what unmapping has left of that.
 * Guarded by the machine's lock.
 */
final class ProcessRegions {
    /** What a kernel lets a process have, {@code vm.max_map_count}. */
    static final int MOST = 65_530;
    /** Below nothing can be mapped, {@code vm.mmap_min_addr}: a null pointer leads nowhere. */
    static final long LOWEST = 0x1_0000;

    /** @param address a multiple of the granule, as {@code length} */
    record Region(long address, long length, Permissions permissions) {
        long last() {
            return address + length - 1;
        }

        boolean allows(Permissions wanted) {
            return (permissions.read() || !wanted.read())
                    && (permissions.write() || !wanted.write())
                    && (permissions.execute() || !wanted.execute());
        }
    }

    private final int process;
    private final int bits;
    private final long granule;
    private final TreeMap<Long, Region> regions = new TreeMap<>(); // by address
    private long bytes;
    /** From {@link #base} to this nothing is free. */
    private long fullBelow;

    /** @param bits what can be mapped lies below so many */
    ProcessRegions(int process, int bits, long granule) {
        this.process = process;
        this.bits = bits;
        this.granule = granule;
        this.fullBelow = base();
    }

    private long last() {
        return (1L << bits) - 1;
    }

    /** Where addresses are looked for that nobody names: a quarter of the way up, above what programs name themselves. */
    private long base() {
        return 1L << bits - 2;
    }

    /** Bytes mapped. */
    long bytes() {
        return bytes;
    }

    NavigableMap<Long, Region> all() {
        return regions;
    }

    /** The region that an address lies in; null if none does. */
    @Nullable
    Region at(long address) {
        var below = address < 0 ? null : regions.floorEntry(address);
        return below == null || below.getValue().last() < address ? null : below.getValue();
    }

    /** EINVAL: not whole pages, or more than there are addresses. */
    void checkLength(long length) {
        if (length == 0 || length % granule != 0) {
            throw refused(
                    Errno.EINVAL,
                    "length 0x%x is not a multiple of the granule 0x%x, from 0x%x on"
                            .formatted(length, granule, granule),
                    Map.of("length", length));
        }
        if (length < 0 || length - 1 > last()) {
            throw refused(
                    Errno.EINVAL,
                    "length 0x%x is more than the %d bits that process %d has".formatted(length, bits, process),
                    Map.of("length", length));
        }
    }

    /** EINVAL: not whole pages, or beyond what is the process's. */
    void checkRange(long address, long length) {
        checkLength(length);
        var subjects = Map.of("address", address, "length", length);
        if (address % granule != 0) {
            throw refused(
                    Errno.EINVAL,
                    "address 0x%x is not a multiple of the granule 0x%x".formatted(address, granule),
                    subjects);
        }
        if (address < 0 || address > last() - (length - 1)) {
            throw refused(
                    Errno.EINVAL,
                    "0x%x bytes at 0x%x do not lie below 2^%d, where the addresses of process %d end"
                            .formatted(length, address, bits, process),
                    subjects);
        }
    }

    /** Whether a region can be made there. EINVAL; EPERM: too low; EEXIST: it meets another. */
    void checkFree(long address, long length) {
        checkRange(address, length);
        var subjects = Map.of("address", address, "length", length);
        if (address < LOWEST) {
            throw refused(
                    Errno.EPERM,
                    "nothing is mapped below 0x%x: 0x%x is too near to a null pointer".formatted(LOWEST, address),
                    subjects);
        }
        var met = regions.floorEntry(address + length - 1);
        if (met != null && met.getValue().last() >= address) {
            var region = met.getValue();
            throw refused(
                            Errno.EEXIST,
                            "%s meets the mapping %s"
                                    .formatted(
                                            AddressRange.of(address, length),
                                            AddressRange.of(region.address(), region.length())),
                            subjects)
                    .with("conflict", Map.of("first", region.address(), "last", region.last(), "owner", "mapping"));
        }
    }

    /** ENOMEM, as of a kernel: there are as many regions as there can be. */
    void checkCount(int more) {
        if (regions.size() + more > MOST) {
            throw refused(
                    Errno.ENOMEM,
                    "process %d has %d mappings, and can have %d".formatted(process, regions.size(), MOST),
                    Map.of("limit", Map.of("name", "mappings", "value", MOST)));
        }
    }

    /** The lowest free address for {@code length} bytes, from the base on. ENOSPC. */
    long lowestFree(long length) {
        long at = fullBelow;
        while (at <= last() - (length - 1)) {
            var met = regions.floorEntry(at + length - 1);
            if (met == null || met.getValue().last() < at) {
                return at;
            }
            at = met.getValue().last() + 1;
        }
        throw refused(
                Errno.ENOSPC,
                "process %d has no 0x%x free addresses in one piece from 0x%x on".formatted(process, length, base()),
                Map.of("length", length));
    }

    /** Makes a region where one can be. */
    Region add(long address, long length, Permissions permissions) {
        var region = new Region(address, length, permissions);
        regions.put(address, region);
        bytes += length;
        if (address == fullBelow) {
            fullBelow = address + length;
        }
        return region;
    }

    /** Takes a range out of the regions, which are cut at its ends; answers how many bytes were mapped. ENOMEM: one more than can be. */
    long remove(long address, long length) {
        long last = address + length - 1;
        var met = meeting(address, last);
        boolean inside = met.size() == 1
                && met.getFirst().address() < address
                && met.getFirst().last() > last;
        checkCount(inside ? 1 : 0);
        long removed = 0;
        for (var region : met) {
            regions.remove(region.address());
            removed += region.length();
            if (region.address() < address) {
                removed -= keep(region.address(), address - region.address(), region.permissions());
            }
            if (region.last() > last) {
                removed -= keep(last + 1, region.last() - last, region.permissions());
            }
        }
        bytes -= removed;
        fullBelow = Math.min(fullBelow, Math.max(base(), address));
        return removed;
    }

    private long keep(long address, long length, Permissions permissions) {
        regions.put(address, new Region(address, length, permissions));
        return length;
    }

    /** The regions that meet a range, ascending. */
    List<Region> meeting(long first, long last) {
        var before = regions.floorEntry(first);
        long from = before != null && before.getValue().last() >= first ? before.getKey() : first;
        return List.copyOf(regions.subMap(from, true, last, true).values());
    }

    private RefusedException refused(Errno errno, String detail, Map<String, ?> subjects) {
        return new RefusedException(errno, detail, subjects).with("process", process);
    }
}
