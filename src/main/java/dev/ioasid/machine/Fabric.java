package dev.ioasid.machine;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Rid;
import dev.ioasid.iommu.Translation;
import dev.ioasid.memory.AddressRange;
import dev.ioasid.memory.PhysicalMemory;
import dev.ioasid.pagetable.Permissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What lies between devices, units and memory: who answers at which bus address, and which requests do not get as far as the unit. Guarded by
 * the machine's lock.
 *
 * <p>Nothing keeps the devices of a group from each other (there is no ACS between them): a request whose address lies in the region of
 * another one goes there, whatever the address was meant to be. All other requests go up to the unit.
 */
final class Fabric {
    /** As many as a function has base address registers. */
    static final int MOST_REGIONS = 6;

    private static final Permissions EVERYTHING = new Permissions(true, true, true, false);

    private final Machine machine;
    private final TreeMap<Long, DeviceRegion> regions = new TreeMap<>(); // by first address

    Fabric(Machine machine) {
        this.machine = machine;
    }

    // ---- regions

    /** Makes the regions of a device, all or none. EINVAL: misplaced; EEXIST: another region has the addresses; ENOMEM: the host has no room. */
    List<DeviceRegion> add(Rid rid, Unit unit, List<AddressRange> ranges) {
        if (ranges.size() > MOST_REGIONS) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "a device has at most %d regions, and not %d".formatted(MOST_REGIONS, ranges.size()),
                    Map.of("rid", rid.toString(), "property", "regions"));
        }
        var made = new ArrayList<DeviceRegion>();
        try {
            for (var range : ranges) {
                check(rid, unit, range);
                var region = new DeviceRegion(rid, made.size(), range, new PhysicalMemory(range.length()));
                made.add(region);
                regions.put(range.first(), region);
            }
        } catch (RefusedException refused) {
            remove(made);
            throw refused.with("property", "regions[%d]".formatted(made.size())).with("rid", rid.toString());
        }
        return List.copyOf(made);
    }

    private void check(Rid rid, Unit unit, AddressRange range) {
        var wrong = wrong(unit, range);
        if (wrong != null) {
            throw new RefusedException(
                    Errno.EINVAL, "region %s of %s %s".formatted(range, rid, wrong), Map.of("address", range.first()));
        }
        var other = meeting(range);
        if (other != null) {
            throw new RefusedException(
                    Errno.EEXIST,
                    "region %s of %s overlaps %s, %s".formatted(range, rid, other, other.range()),
                    Map.of("address", range.first()));
        }
    }

    private @Nullable String wrong(Unit unit, AddressRange range) {
        int bits = unit.hardware().capabilities().outputBits();
        if (range.first() % PhysicalMemory.PAGE_SIZE != 0 || range.length() % PhysicalMemory.PAGE_SIZE != 0) {
            return "does not consist of whole 4 KiB pages";
        }
        if (range.last() >>> bits != 0) {
            return "lies beyond the %d bits of address that %s puts out".formatted(bits, unit.name());
        }
        if (Long.compareUnsigned(range.length(), PhysicalMemory.LARGEST) > 0) {
            return "has more than 0x%x bytes".formatted(PhysicalMemory.LARGEST);
        }
        if (range.intersects(Machine.INTERRUPT_WINDOW)) {
            return "overlaps %s, where writes are interrupts".formatted(Machine.INTERRUPT_WINDOW);
        }
        return machine.memory().meets(range)
                ? "overlaps memory: the machine has 0x%x bytes, and %d holes"
                        .formatted(
                                machine.memory().size(),
                                machine.memory().holes().size())
                : null;
    }

    /** Whether a region can be there. */
    boolean hasRoom(Unit unit, AddressRange range) {
        return wrong(unit, range) == null && meeting(range) == null;
    }

    private @Nullable DeviceRegion meeting(AddressRange range) {
        var below = regions.floorEntry(range.last());
        return below == null || !below.getValue().range().intersects(range) ? null : below.getValue();
    }

    /** Takes regions away, and gives back what they hold. */
    void remove(List<DeviceRegion> gone) {
        for (var region : gone) {
            regions.remove(region.range().first());
            region.bytes().close();
        }
    }

    void close() {
        remove(List.copyOf(regions.values()));
    }

    /** The region at a bus address; null if there is none. */
    @Nullable
    DeviceRegion region(long address) {
        var below = address < 0 ? null : regions.floorEntry(address);
        return below == null || !below.getValue().range().contains(address) ? null : below.getValue();
    }

    /** Bytes of regions that cost something. */
    long committedBytes() {
        return regions.values().stream()
                .mapToLong(region -> region.bytes().committedBytes())
                .sum();
    }

    // ---- which way

    /** Where a request ends that the fabric does not lead up to the unit; null: it goes up. */
    @Nullable
    DeviceRegion shortcut(Device device, DmaRequest request) {
        var region = request.kind() == DmaRequest.Kind.TRANSLATION_REQUEST ? null : region(request.iova());
        if (region == null || device.group().members().size() < 2) {
            return null;
        }
        boolean known = request.kind() == DmaRequest.Kind.UNTRANSLATED
                && device.unit().hardware().remembers(request);
        return !known && device.group().members().containsKey(region.rid()) ? region : null;
    }

    /** What becomes of a request that does not get as far as the unit; null: it goes up. */
    @Nullable
    Translation direct(Device device, DmaRequest request) {
        var region = shortcut(device, request);
        if (region == null) {
            return null;
        }
        return region.rid().equals(device.rid())
                ? new Translation.Faulted(Stops.unsupported(request.iova(), region))
                : new Translation.Translated(request.iova(), PhysicalMemory.PAGE_SIZE, EVERYTHING);
    }

    // ---- who answers

    /** Whether one region, or memory, has all of a range. */
    boolean backs(AddressRange range) {
        var region = region(range.first());
        return region == null ? machine.memory().backs(range) : region.range().contains(range.last());
    }

    /** Bytes at a bus address. EINVAL: there are none. */
    byte[] read(long address, int length) {
        var region = region(address);
        return region == null
                ? machine.memory().read(address, length)
                : region.bytes().read(region.offset(address), length);
    }

    /** Writes bytes at a bus address. EINVAL: there is nothing that could be written. */
    void write(long address, byte[] bytes) {
        var region = region(address);
        if (region != null) {
            region.bytes().write(region.offset(address), bytes);
        } else if (bytes.length > 0) {
            machine.memory().write(address, bytes);
            machine.frames().written(AddressRange.of(address, bytes.length));
        }
    }
}
