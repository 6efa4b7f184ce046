package dev.ioasid.machine;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.CacheGeometry;
import dev.ioasid.iommu.IommuCapabilities;
import dev.ioasid.iommu.IommuDriver;
import dev.ioasid.iommu.IssuedCommand;
import dev.ioasid.iommu.smmuv3.SmmuCacheGeometries;
import dev.ioasid.iommu.smmuv3.SmmuCapabilities;
import dev.ioasid.iommu.smmuv3.SmmuDriver;
import dev.ioasid.iommu.smmuv3.SmmuHardware;
import dev.ioasid.iommu.vtd.CacheGeometries;
import dev.ioasid.iommu.vtd.VtdCapabilities;
import dev.ioasid.iommu.vtd.VtdDriver;
import dev.ioasid.iommu.vtd.VtdHardware;
import dev.ioasid.memory.AddressRange;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SequencedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The units of a machine, in the order they were made. */
final class Units {
    private final Machine machine;
    private final Map<String, Unit> byName = new LinkedHashMap<>();
    /** Faults of units that are gone, so that counts never fall. */
    private final Map<String, Long> pastFaults = new TreeMap<>();

    private long pastDropped;

    Units(Machine machine) {
        this.machine = machine;
    }

    IommuSummary create(
            String name, boolean managed, IommuCapabilities capabilities, Map<String, CacheGeometry> caches) {
        if (byName.containsKey(name)) {
            throw new RefusedException(Errno.EEXIST, "there is an iommu '" + name + "' already", Map.of("iommu", name));
        }
        var unit = switch (capabilities) {
            case VtdCapabilities vtd -> vtd(name, managed, vtd, CacheGeometries.named(caches));
            case SmmuCapabilities smmu -> smmu(name, managed, smmu, SmmuCacheGeometries.named(caches));
            default -> throw new IllegalArgumentException("capabilities of no known architecture: " + capabilities);
        };
        byName.put(name, unit);
        var summary = unit.summary();
        machine.events().emit(new MachineEvent.IommuCreated(summary));
        return summary;
    }

    private Unit vtd(String name, boolean managed, VtdCapabilities capabilities, CacheGeometries caches) {
        if (managed) {
            checkReach("hostAddressWidth", capabilities.hostAddressWidth());
        }
        var hardware = new VtdHardware(machine.memory(), capabilities, caches, this::written);
        return new Unit(
                name,
                hardware,
                managed ? new VtdDriver(hardware, machine.memory(), machine.frames(), machine.readers()) : null);
    }

    private Unit smmu(String name, boolean managed, SmmuCapabilities capabilities, SmmuCacheGeometries caches) {
        if (managed) {
            checkReach("outputBits", capabilities.outputBits());
        }
        var hardware = new SmmuHardware(machine.memory(), capabilities, caches, this::written);
        return new Unit(
                name,
                hardware,
                managed ? new SmmuDriver(hardware, machine.memory(), machine.frames(), machine.readers()) : null);
    }

    /** A unit has written a word of memory. */
    private void written(long address) {
        machine.frames().written(AddressRange.of(address, Long.BYTES));
    }

    /** EINVAL: the service would put tables where the unit cannot read them. */
    private void checkReach(String capability, int addressBits) {
        if (machine.memory().size() - 1 >>> addressBits != 0) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "the machine's memory of 0x%x bytes is more than %s, %d bits, reaches"
                            .formatted(machine.memory().size(), capability, addressBits),
                    Map.of("capability", capability));
        }
    }

    void delete(String name) {
        var unit = unit(name);
        var device = machine.devices().all().stream()
                .filter(candidate -> candidate.unit() == unit)
                .findFirst();
        if (device.isPresent()) {
            throw new RefusedException(
                    Errno.EBUSY,
                    name + " has devices, " + device.get().rid() + " among them",
                    Map.of("iommu", name, "rid", device.get().rid().toString()));
        }
        var ioasid = machine.ioasids().of(unit);
        if (ioasid != null) {
            throw new RefusedException(
                    Errno.EBUSY,
                    name + " has IOASIDs, " + ioasid.id() + " among them",
                    Map.of("iommu", name, "ioasid", ioasid.id()));
        }
        if (unit.driver() != null) {
            unit.driver().close();
        }
        machine.injections().forget(unit);
        unit.hardware().faultCounts().forEach((reason, count) -> pastFaults.merge(reason, count, Long::sum));
        pastDropped += unit.hardware().faultsDropped();
        byName.remove(name);
        machine.events().emit(new MachineEvent.IommuDeleted(name));
    }

    SequencedMap<String, Long> patch(String name, SequencedMap<String, Long> values) {
        var unit = unit(name);
        if (unit.managed()) {
            throw new RefusedException(
                    Errno.EINVAL,
                    name + " is managed: the service is its driver and writes its registers",
                    Map.of("iommu", name));
        }
        unit.hardware().write(values);
        return unit.hardware().registers();
    }

    List<IssuedCommand> submit(String name, List<List<Long>> commands) {
        var unit = unit(name);
        try {
            var issued = unit.hardware().submit(commands);
            done(name, commands.size());
            return issued;
        } catch (RefusedException refused) {
            if (refused.subjects().get("completed") instanceof Integer completed) {
                done(name, completed);
            }
            throw refused;
        } finally {
            if (unit.driver() != null) {
                unit.driver().settle();
            }
        }
    }

    private void done(String name, int commands) {
        if (commands > 0) {
            machine.events().emit(new MachineEvent.CommandsDone(name, commands));
            machine.events().stand();
        }
    }

    /** Those of the units that the service drives. */
    Stream<IommuDriver> managedDrivers() {
        return byName.values().stream().map(Unit::driver).filter(Objects::nonNull);
    }

    Collection<Unit> all() {
        return byName.values();
    }

    /** ENOENT. */
    Unit unit(String name) {
        var unit = byName.get(name);
        if (unit == null) {
            throw new RefusedException(Errno.ENOENT, "there is no iommu '" + name + "'", Map.of("iommu", name));
        }
        return unit;
    }

    /** The unit by that name, or the only one if there is none. EINVAL if that is not one. */
    Unit named(@Nullable String name) {
        if (name != null) {
            return unit(name);
        }
        if (byName.size() != 1) {
            throw new RefusedException(
                    Errno.EINVAL,
                    byName.isEmpty()
                            ? "the machine has no iommu"
                            : "the machine has several iommus, name one: " + byName.keySet());
        }
        return byName.values().iterator().next();
    }

    /** Faults by reason, those of past units among them. */
    Map<String, Long> faultsByReason() {
        var faults = new TreeMap<>(pastFaults);
        for (var unit : byName.values()) {
            unit.hardware().faultCounts().forEach((reason, count) -> faults.merge(reason, count, Long::sum));
        }
        return faults;
    }

    /** Faults that are lost, those of past units among them. */
    long faultsDropped() {
        return pastDropped
                + byName.values().stream()
                        .mapToLong(unit -> unit.hardware().faultsDropped())
                        .sum();
    }
}
